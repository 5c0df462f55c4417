"""What `stapes report` writes, from results.json alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from stapes.contracts.results import Results, read, used
from stapes.errors import StapesError, UsageError
from stapes.report.column import Value
from stapes.report.columns import csv_columns
from stapes.report.figures import svg
from stapes.report.figures.size import measure_of, size
from stapes.report.page.build import page as page_of
from stapes.report.page.comparison import Comparison, compare, comparison_page
from stapes.report.page.words import words_page
from stapes.system.files import write_text
from stapes.system.text import hours

PAGE = "report.html"


def write_csv(results: Results, path: Path) -> None:
    """Write results.csv: a line for each model, every column, in the units of results.json.

    An interval is two columns, `KEY_low95` and `KEY_high95`. An empty cell was not measured.
    """
    shown = csv_columns(results)
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
    write_text(path, text.getvalue(), follow=False)


def write_files(results: Results, run: Path) -> None:
    """Write results.csv and the page of a run into its folder."""
    write_csv(results, run / "results.csv")
    # Whoever made a link here does not decide where Stapes writes.
    write_text(run / PAGE, page_of(results), follow=False)


def write_report(run: Path, *, page: Path | None = None, plot: Path | None = None) -> Results:
    """Write results.csv and the page of a run.

    Parameters
    ----------
    run : Path
        The run's folder.
    page : Path, optional
        The page; default `report.html` in the folder. With another page, the folder is only read.
    plot : Path, optional
        An SVG of size and quality; default none.

    Raises
    ------
    UsageError
        results.json is missing, or the folder cannot be written.
    StapesError
        results.json is broken, or has no measured model to draw.
    """
    _check(page, ".html")
    _check(plot, ".svg")
    results = read(run / "results.json")
    try:
        with used(run / "results.json"):
            write_text(page, page_of(results)) if page else write_files(results, run)
    except OSError as error:
        place = f"--page {page}" if page else str(run)
        raise UsageError(
            f"{place}: cannot be written ({error.strerror}); name another place with --page."
        ) from None
    if plot is not None:
        with used(run / "results.json"):
            write_text(plot, picture(results))
    return results


def picture(results: Results) -> str:
    """An SVG of every variant's file size and quality, for light and dark, without a font.

    The quality is FRR in continuous sound where it was measured, else the accuracy.

    Raises
    ------
    StapesError
        No variant was measured.
    """
    chart = size(results)
    if chart is None:
        raise StapesError("The run has no measured model to draw: finish it first.")
    kind = "synthetic speech, " if results.data.synthetic else ""
    first = measure_of(results).rows(results.variants)[0]
    tested = f"{first.n_test:,} test clips"
    best = "the best accuracy"
    if first.detection is not None and first.detection.conditions:
        clean = first.detection.conditions[0]
        tested = f"{clean.words:,} words, {hours(clean.hours)} without"
        best = "the fewest false rejects"
    return svg.chart(
        chart,
        title=f'"{results.word}", {kind}{tested}',
        note=f"Bars: 95 % intervals. Colour: the Pareto front and the float model. Dotted: {best} "
        "for the size.",
    )


def write_comparison(run: Path, other: Path, *, page: Path | None = None) -> Comparison:
    """Compare two runs, and write the page of the comparison.

    Parameters
    ----------
    run, other : Path
        The runs' folders.
    page : Path, optional
        The page; default `comparison-OTHER.html` in the first folder.

    Raises
    ------
    UsageError
        Both are the same folder.
    StapesError
        A results.json is missing or broken.
    """
    _check(page, ".html")
    if run.resolve() == other.resolve():
        raise UsageError(f"{other}: is the same run; name another to be compared with.")
    first, second = read(run / "results.json"), read(other / "results.json")
    names = _names(run.resolve(), other.resolve())
    target = page or run / f"comparison-{other.resolve().name}.html"
    with used(run / "results.json"), used(other / "results.json"):
        write_text(target, comparison_page(first, second, names), follow=page is not None)
        return compare(first, second, names)


def _check(path: Path | None, suffix: str) -> None:
    """Refuse another kind of file: it may be one of the run's own."""
    if path is not None and path.suffix.lower() != suffix:
        option = "--page" if suffix == ".html" else "--plot"
        raise UsageError(f"{option} {path}: name a file that ends in {suffix}.")


def _names(run: Path, other: Path) -> tuple[str, str]:
    """Names for two folders, with their parents if they are the same."""
    if run.name != other.name:
        return run.name, other.name
    return f"{run.parent.name}/{run.name}", f"{other.parent.name}/{other.name}"


def write_words(results_by_folder: Mapping[str, Results], folder: Path) -> None:
    """Write the page over the run folders of several words into the folder above them."""
    write_text(folder / PAGE, words_page(results_by_folder), follow=False)
