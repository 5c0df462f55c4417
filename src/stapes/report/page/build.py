"""report.html: a run on one page, from results.json alone.

One file without requests to the network. Names of files, labels and settings are escaped. The same
results give the same bytes.
"""

from __future__ import annotations

from markupsafe import Markup

from stapes.contracts.results import Results
from stapes.report import before, notes, search_notes
from stapes.report.columns import columns
from stapes.report.figures import bars, svg
from stapes.report.figures import results as figures
from stapes.report.figures.size import measure_of
from stapes.report.figures.size import size as size_figure
from stapes.report.page import clips, weights
from stapes.report.page import search as search_page
from stapes.report.page import table as tables
from stapes.report.sound import how, in_sound, unmeasured
from stapes.report.style import frr_in_sound, looks
from stapes.report.templates import document


def page(results: Results) -> str:
    """The page of a run as HTML, below 2 MB for 25 models of a few layers."""
    shown = tables.shown_columns(results)
    # Where continuous sound decides, no figure with a legend has the other models.
    frr_decides = measure_of(results).value is frr_in_sound
    drawn = [row.name for row in (in_sound(results) if frr_decides else results.variants)]
    size, noise = size_figure(results), figures.noise(results)
    training = figures.training(results)
    names = figures.conditions(results)
    curves = {name: chart for name in names if (chart := figures.det(results, name)) is not None}
    kinds = weights.bytes_by_kind(results)
    spread = weights.distributions(results)
    search = search_page.section(results)
    charts = [size, noise, *training, *(search.figures if search is not None else [])]
    return document(
        "page.html.j2",
        styles=("figures.css", *(["search.css"] if search is not None else [])),
        scripts=("page.js", "figures.js"),
        results=results,
        search=search,
        before={
            "columns": before.COLUMNS,
            "rows": [] if results.before is None else before.rows(results.before),
            "sentences": before.sentences(results),
        },
        rows=tables.rows(results, shown),
        columns=shown,
        glossary=columns(results),
        looks={name: look for name, look in looks(results).items() if name in drawn},
        sound=tables.sound_table(results),
        how=how(results),
        in_sound=bool(in_sound(results)),
        unmeasured=unmeasured(results),
        sources=tables.sources_table(results),
        frr_decides=frr_decides,
        size_title="Size against accuracy" if size is None else size.title,
        sparsity=weights.sparsity(results),
        first=weights.first_shown(results, spread),
        clips=clips.wrong_clips(results),
        clips_summary=clips.summary,
        matrices=clips.matrices(results),
        training=training,
        notes=notes,
        search_notes=search_notes,
        settings=notes.flat(results.settings),
        pictures={
            chart.key: Markup(svg.chart(chart, wide=chart not in training))
            for chart in charts
            if chart is not None
        },
        det_pictures={name: Markup(svg.chart(chart)) for name, chart in curves.items()},
        bytes_picture="" if kinds is None else Markup(bars.bars(kinds)),
        weights_pictures={
            name: Markup(bars.histograms(panels, name=f"Weights of {name}"))
            for name, panels in spread.items()
        },
        swatch=svg.swatch,
        dash=svg.dash,
    )
