"""Pictures of a run, from results.json alone."""

from __future__ import annotations

from stapes.contracts.results import Results
from stapes.errors import StapesError
from stapes.report.figures import results as page_figures
from stapes.report.figures import svg


def size_accuracy(results: Results) -> str:
    """An SVG of every variant's file size and accuracy with its 95 % interval.

    It reads in the light and the dark, and needs neither font nor network. What to ship, float32
    and the Pareto front are in colour; the dotted line is the best accuracy for the size.

    Parameters
    ----------
    results : Results

    Raises
    ------
    StapesError
        No variant was measured.
    """
    drawn = page_figures.size_accuracy(results)
    if drawn is None:
        raise StapesError("The run has no measured model to draw: finish it first.")
    kind = "synthetic speech, " if results.data.synthetic else ""
    clips = next(row.n_test for row in results.variants if row.accuracy is not None)
    return svg.chart(
        drawn,
        title=f'"{results.word}", {kind}{clips:,} test clips',
        note="Bars: 95 % intervals. Colour: the Pareto front and float32. Dotted: the best "
        "accuracy for the size.",
        standing=True,
    )
