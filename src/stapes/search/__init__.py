"""`stapes search`: the smallest model that trials of many kinds find under a budget."""
