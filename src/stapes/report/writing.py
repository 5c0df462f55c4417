"""What `stapes report` writes, from results.json alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from stapes.contracts.results import Results, read
from stapes.errors import UsageError
from stapes.report.column import Value
from stapes.report.columns import columns
from stapes.report.figures.plots import size_accuracy
from stapes.report.page.build import page as page_of
from stapes.report.page.comparison import Comparison, compare, comparison_page
from stapes.report.page.words import words_page
from stapes.system.files import write_text

PAGE = "report.html"


def write_csv(results: Results, path: Path) -> None:
    """Write results.csv in one step: a line a model, every column, in the units of results.json.

    An interval is two columns, `KEY_low95` and `KEY_high95`. What was not measured is an empty
    cell.
    """
    shown = columns(results)
    names = []
    for column in shown:
        names += [column.key]
        names += [f"{column.key}_low95", f"{column.key}_high95"] if column.ends else []
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in results.variants:
        cells: list[Value] = []
        for column in shown:
            cells.append(column.value_of(row, results))
            cells += (column.interval_of(row) or (None, None)) if column.ends else ()
        writer.writerow([("no", "yes")[cell] if isinstance(cell, bool) else cell for cell in cells])
    write_text(path, text.getvalue())


def write_files(results: Results, run: Path, page: Path | None = None) -> None:
    """Write results.csv and the page of a run into its folder, or the page to another place."""
    write_csv(results, run / "results.csv")
    write_text(page or run / PAGE, page_of(results))


def write_report(run: Path, *, page: Path | None = None, plot: Path | None = None) -> Results:
    """Write a run's results.csv, its page and, if asked for, its picture.

    Parameters
    ----------
    run : Path
        The run's folder.
    page : Path, optional
        Where the page goes; `report.html` in the folder if it is not said.
    plot : Path, optional
        Where size and accuracy are drawn, as SVG.

    Raises
    ------
    StapesError
        results.json is missing or broken, or holds no measured model to draw.
    """
    _check(page, ".html")
    _check(plot, ".svg")
    results = read(run / "results.json")
    write_files(results, run, page)
    if plot is not None:
        write_text(plot, size_accuracy(results))
    return results


def write_comparison(run: Path, other: Path, *, page: Path | None = None) -> Comparison:
    """Compare two runs, and write the page of it.

    Parameters
    ----------
    run, other : Path
        The runs' folders.
    page : Path, optional
        Where the page goes; `comparison-OTHER.html` in the first folder if it is not said.

    Raises
    ------
    UsageError
        Both are the same folder.
    StapesError
        A results.json is missing or broken.
    """
    _check(page, ".html")
    if run.resolve() == other.resolve():
        raise UsageError(f"{other}: is the run that it would be compared with; name another.")
    first, second = read(run / "results.json"), read(other / "results.json")
    names = _names(run.resolve(), other.resolve())
    target = page or run / f"comparison-{other.resolve().name}.html"
    write_text(target, comparison_page(first, second, names))
    return compare(first, second, names)


def _check(target: Path | None, suffix: str) -> None:
    """Refuse a name that is another kind of file: it may be the run's own."""
    if target is not None and target.suffix.lower() != suffix:
        option = "--page" if suffix == ".html" else "--plot"
        raise UsageError(f"{option} {target}: name a file that ends in {suffix}.")


def _names(run: Path, other: Path) -> tuple[str, str]:
    """What tells two folders apart."""
    if run.name != other.name:
        return run.name, other.name
    return f"{run.parent.name}/{run.name}", f"{other.parent.name}/{other.name}"


def write_words(found: Mapping[str, Results], folder: Path) -> None:
    """Write the page over the words' run folders that are in a folder."""
    write_text(folder / PAGE, words_page(found))
