"""What the commands share: options, examples in help texts, and output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import to_json

from stapes.system.arguments import HELP
from stapes.system.text import plural, shown

if TYPE_CHECKING:
    from rich.console import Console

    from stapes.contracts.results import Results
    from stapes.report.terminal.progress import StoppableProgress


def option(name: str, metavar: str | None = None, **limits: Any) -> Any:
    """An option with the help that the Python function has."""
    return typer.Option(f"--{name}", metavar=metavar, help=HELP[name], **limits)


Out = Annotated[Path | None, option("out", "DIR")]
Jobs = Annotated[int | None, option("jobs", "N", min=1)]
Config = Annotated[Path | None, option("config", "run.yaml")]
Quick = Annotated[bool, option("quick")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show every layer of every model.")]


def examples(*commands: str) -> str:
    """Lines below a help text that are not wrapped."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


@contextmanager
def terminal(json: bool = False) -> Iterator[tuple[Console, StoppableProgress]]:
    """Where text goes, and progress on it: standard error where standard output is for JSON."""
    from rich.console import Console

    from stapes.report.terminal.progress import progress_on

    console = Console(stderr=json)
    if not console.is_terminal:
        # A pipe has no width, for which rich assumes 80 columns and cuts tables.
        console = Console(stderr=json, width=160)
    progress = progress_on(console)
    try:
        yield console, progress
    finally:
        progress.stop()


def show(
    document: Any, lines: Callable[[Any], Iterable[Any]], console: Console, json: bool
) -> None:
    """Print a document, or several by name, as JSON or as the lines and tables of a report."""
    if json:
        print(to_json(document, by_alias=True, indent=1).decode())
        return
    for line in lines(document):
        # A sentence may name a stranger's file: nothing in it is markup or a control character.
        left_out = 0 if isinstance(line, str) else fit(line, console)
        line = shown(line) if isinstance(line, str) else line
        console.print(line, markup=False, highlight=False, soft_wrap=True)
        if left_out:
            note = f"{plural(left_out, 'more column')} in a wider terminal."
            console.print(note, highlight=False)


def fit(table: Any, console: Console) -> int:
    """Take away the last columns of a table that do not fit, so that no number is cut.

    Returns
    -------
    left_out : int
    """
    from rich.measure import Measurement

    columns = len(getattr(table, "columns", ()))
    wide = console.options.update(max_width=10_000)
    left_out = 0
    while columns - left_out > 1 and Measurement.get(console, wide, table).minimum > console.width:
        table.columns.pop()
        left_out += 1
    return left_out


def results_lines(results: Results, verbose: bool) -> list[Any]:
    """The results of a run or a search as tables and sentences."""
    from stapes.report import before
    from stapes.report.terminal import tables
    from stapes.report.terminal.search import front, search_notes
    from stapes.report.terminal.targets import target_notes, targets

    files = [*results.data.skipped, *(results.detection.skipped if results.detection else [])]
    lines = [
        tables.table(results),
        targets(results),
        tables.detections(results),
        tables.sources(results),
        before.table(results),
        results.search and front(results),
        verbose and tables.layers(results),
        *tables.notes(results),
        *target_notes(results, verbose),
        *tables.detection_notes(results),
        *before.sentences(results),
        *tables.skipped(files),
        *search_notes(results),
        _export_note(results),
        results.recommendation and results.recommendation.sentence,
    ]
    return ["", *filter(None, lines)]


def _export_note(results: Results) -> str:
    """What brings the recommended row onto a device, if one takes it; else nothing."""
    name = results.recommendation and results.recommendation.variant
    esphome = results[name].targets.get("esphome") if name and name in results else None
    if esphome is None or not esphome.runs:
        return ""
    return "`stapes export RUN --to esphome -o DIR` writes the files for a device."
