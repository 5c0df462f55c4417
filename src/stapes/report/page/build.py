"""report.html: a run on one page, from results.json alone.

One file that asks nothing of the network and is not allowed to. What a file, label or setting is
called is text wherever it stands. The same results give the same bytes.
"""

from __future__ import annotations

from markupsafe import Markup

from stapes.contracts.results import Results
from stapes.report import notes as page_notes
from stapes.report.columns import columns
from stapes.report.figures import bars as svg_bars
from stapes.report.figures import results as page_figures
from stapes.report.figures import svg
from stapes.report.misses import at_rate, counted, first_misses
from stapes.report.page import clips as page_clips
from stapes.report.page import detection as page_detection
from stapes.report.page import search as page_search
from stapes.report.page import table as page_table
from stapes.report.page import weights
from stapes.report.sound import how
from stapes.report.style import looks
from stapes.report.templates import document


def page(results: Results) -> str:
    """The page of a run.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        HTML, below 2 MB for 25 models of a few layers.
    """
    clips = page_clips.wrong_clips(results)
    shown, misses = page_table.shown_columns(results), first_misses(results)
    size = page_figures.size_accuracy(results)
    curves = {
        name: found
        for name in page_figures.conditions(results)
        if (found := page_figures.det(results, name)) is not None
    }
    noise = page_figures.noise(results)
    training = page_figures.training(results)
    kinds = weights.bytes_by_kind(results)
    spread = weights.distributions(results)
    first = weights.first_shown(results, spread) if spread else ""
    search = page_search.section(results)
    tried = search.figures if search is not None else []
    drawn = [each for each in (size, *tried, noise, *training) if each is not None]
    return document(
        "page.html.j2",
        styles=("figures.css", *(["search.css"] if search is not None else [])),
        scripts=("page.js", "figures.js"),
        results=results,
        search=search,
        rows=page_table.rows(results, shown),
        columns=shown,
        glossary=columns(results),
        misses="" if misses is None else f"{at_rate(misses)}: {counted(misses)}",
        looks=looks(results),
        size=size,
        curves=curves,
        sound=page_detection.sound_table(results),
        how=how(results),
        noise=noise,
        kinds=kinds,
        sparsity=weights.sparsity(results),
        first=first,
        clips=clips,
        matrices=page_clips.matrices(results),
        training=training,
        notes=page_notes,
        page_clips=page_clips,
        settings=page_notes.flat(results.settings),
        pictures={each.key: Markup(svg.chart(each, wide=each not in training)) for each in drawn},
        det_pictures={name: Markup(svg.chart(each)) for name, each in curves.items()},
        bytes_picture="" if kinds is None else Markup(svg_bars.bars(kinds)),
        weights_pictures={
            name: Markup(svg_bars.histograms(panels, name=f"Weights of {name}"))
            for name, panels in spread.items()
        },
        swatch=svg.swatch,
        dash=svg.dash,
    )
