"""The command line."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line. Ctrl-C while it is imported ends the process without a traceback."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from stapes.cli.app import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()
