"""The signatures of a .tflite: names for a subgraph, its inputs and its outputs."""

from __future__ import annotations

from stapes.tflite.format.tree import Table
from stapes.tflite.graph import Model, Tensor, text


def other_signatures(model: Model) -> list[str]:
    """The signatures of other subgraphs than the first, which nothing else may call."""
    keys = [
        text(signature["signature_key"])
        for signature in model.table.items("signature_defs")
        if signature["subgraph_index"]
    ]
    return list(dict.fromkeys(keys))


def subgraph(model: Model, key: str | None) -> int:
    """The number of the subgraph of a signature; without one, the first."""
    return 0 if key is None else int(_signature(model, key)["subgraph_index"])


def inputs(model: Model, key: str | None) -> dict[str, Tensor]:
    """The inputs of a signature by their sorted names; without one, of the first subgraph."""
    graph = model.graphs[subgraph(model, key)]
    if key is None:
        return {str(place): graph.tensor(number) for place, number in enumerate(graph.inputs)}
    entries = _signature(model, key).items("inputs")
    of_name = {text(entry["name"]): entry["tensor_index"] for entry in entries}
    return {name: graph.tensor(of_name[name]) for name in sorted(of_name)}


def _signature(model: Model, key: str) -> Table:
    signatures: list[Table] = model.table.items("signature_defs")
    return next(row for row in signatures if text(row["signature_key"]) == key)
