"""The command line: its commands, and how an error ends it."""

from __future__ import annotations

import io
import sys
from typing import Annotated, NoReturn

import typer

from stapes.cli.data import data_app
from stapes.cli.model_files import model_app
from stapes.cli.run import run_app
from stapes.errors import StapesError
from stapes.system.version import __version__

app = typer.Typer(
    name="stapes",
    help="Make wake-word models small enough for the chip they run on, and measure what it cost.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: rich alone would take half of the time that --help may take.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(run_app)
app.add_typer(model_app)
app.add_typer(data_app, name="data")


def main() -> NoReturn:
    """Run the command line; errors become one sentence and an exit status."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        # What a pipe or an old terminal cannot show is a question mark, not an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except SystemExit as end:
        # What typer makes of Ctrl-C, without a word.
        if end.code == 130:
            resumed = {"run", "search", "synth", "fetch"} & set(sys.argv[1:3])
            kept = " What was finished is kept: the same command goes on from here."
            _fail(f"Stopped.{kept if resumed else ''}", 130)
        raise
    except StapesError as error:
        if debug:
            raise
        _fail(error.typed, error.exit_code)
    except OSError as error:
        if debug:
            raise
        name = f"{error.filename}: " if error.filename else ""
        _fail(f"{name}{error.strerror or error}.", 1)
    except Exception as error:
        if debug:
            raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        _fail(f"A fault of Stapes itself ({reason}); --debug shows where. Please report it.", 1)
    sys.exit(0)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"stapes {__version__}")
        raise typer.Exit


def _fail(message: str, status: int) -> NoReturn:
    print(f"stapes: {message}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
