"""Where clips come from."""

NEWEST_SPEECH_COMMANDS = "0.02"
"""Here, so that the command line does not import what downloads it."""
