"""The command line: its commands, and how an error ends it."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from stapes.cli.data import data_app
from stapes.cli.export import export_app
from stapes.cli.listen import listen_app
from stapes.cli.model_files import model_app
from stapes.cli.run import run_app
from stapes.cli.serve import serve_app
from stapes.errors import StapesError
from stapes.system.scratch import scratch_folder
from stapes.system.text import shown
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
app.add_typer(export_app)
app.add_typer(serve_app)
app.add_typer(listen_app)
app.add_typer(data_app, name="data")

# Typer keeps the class of its errors about a call in a private module.
_CallError: Any = typer.BadParameter.__base__


def main() -> NoReturn:
    """Run the command line; an error becomes one sentence and an exit status."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # It was closed before the start.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        # A character that a pipe or an old terminal cannot show becomes a question mark.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        with scratch_folder():
            status = app(standalone_mode=False)
            sys.stdout.flush()
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        # Whoever reads the output has enough, as `head` has. Python would try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except _CallError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            sys.exit(2)
        _fail(_call_message(error), 2)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        _fail(*_message_and_status(error))
    if status == 130:  # Ctrl-C
        resumed = {"run", "search", "synth", "fetch"} & set(sys.argv[1:3])
        kept = " What was finished is kept: the same command continues from here."
        _fail(f"Stopped.{kept if resumed else ''}", status)
    sys.exit(status)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"stapes {__version__}")
        raise typer.Exit


def _call_message(error: Any) -> str:
    if hasattr(error, "option_name") and hasattr(error, "possibilities"):
        nearest = [f" (did you mean {name}?)" for name in error.possibilities or ()][:1]
        return f"{error.option_name}: there is no such option{''.join(nearest)}."
    message = re.sub("^Invalid value for '(.+?)':", r"\1:", error.format_message())
    return message if message[-1] in ".?" else f"{message}."


def _message_and_status(error: Exception) -> tuple[str, int]:
    if isinstance(error, StapesError):
        return error.typed, error.exit_code
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}.", 1
    if isinstance(error, MemoryError):
        return "There is too little memory for this: end other programs, or give less data.", 1
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"A fault of Stapes itself ({reason}); --debug shows where. Please report it.", 1


def _fail(message: str, status: int) -> NoReturn:
    print(f"stapes: {shown(message)}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
