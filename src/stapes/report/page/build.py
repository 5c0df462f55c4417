"""report.html: a run on one page, from results.json alone.

One file that asks nothing of the network and is forbidden to; plotly (extra `report`) makes its
figures ones to point at, and without it they stand as pictures. What a file, label or setting is
called is text wherever it stands. The same results give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
from typing import Any

from markupsafe import Markup

from stapes.contracts.results import Results
from stapes.report.charts import Bars, Chart, rounded
from stapes.report.figures import bars as svg_bars
from stapes.report.figures import results as page_figures
from stapes.report.figures import svg
from stapes.report.misses import first_misses
from stapes.report.page import (
    clips as page_clips,
)
from stapes.report.page import (
    detection as page_detection,
)
from stapes.report.page import (
    notes as page_notes,
)
from stapes.report.page import (
    search as page_search,
)
from stapes.report.page import (
    table as page_table,
)
from stapes.report.page import weights as weights
from stapes.report.style import TARGETS, looks
from stapes.report.templates import render, text


def page(results: Results) -> str:
    """The page of a run.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        HTML; below 2 MB, or below 6 MB with the code of plotly where that is installed.
    """
    library = plotly_code()
    clips = page_clips.wrong_clips(results)
    detection = page_detection.rates_table(results)
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
    data = {
        "charts": {each.key: plain(each) for each in drawn},
        "det": {name: plain(each) for name, each in curves.items()},
        "bytes": None if kinds is None else _plain_bars(kinds),
        "weights": spread,
        "variants": [row.name for row in results.variants],
    }
    clean = next(iter(curves), "")
    return document(
        "page.html.j2",
        library,
        data,
        with_search=search is not None,
        results=results,
        search=search,
        rows=page_table.rows(results),
        heads=page_table.heads(results),
        misses=first_misses(results),
        heard=page_table.heard(results),
        targets=list(TARGETS.values()),
        looks=looks(results),
        size=size,
        curves=curves,
        clean=clean,
        detection=detection,
        how=page_detection.how(results),
        noise=noise,
        kinds=kinds,
        sparsity=weights.sparsity(results),
        spread=spread,
        first=first,
        clips=clips,
        matrices=page_clips.matrices(results),
        training=training,
        notes=page_notes,
        page_clips=page_clips,
        settings=page_notes.flat(results.settings),
        pictures={each.key: Markup(svg.chart(each, wide=each not in training)) for each in drawn},
        det_picture=Markup(svg.chart(curves[clean])) if curves else "",
        bytes_picture="" if kinds is None else Markup(svg_bars.bars(kinds)),
        weights_picture=Markup(svg_bars.histograms(spread[first], title=f"Weights of {first}"))
        if spread
        else "",
    )


def document(
    template: str,
    library: str | None,
    data: dict[str, Any],
    *,
    with_search: bool = False,
    **values: Any,
) -> str:
    """A page of this template in one file, with its styles, scripts and the figures' data.

    Its policy lets only these scripts run, by their hashes: markup that came in through a hole in
    the escaping would stay dead.
    """
    sheets = ["colours.css", "page.css", "figures.css", *(["search.css"] if with_search else [])]
    styles = "".join(text(name) for name in sheets)
    scripts = [text("page.js")]
    if library is not None:
        scripts = [library, *scripts, render("figures.js", search=with_search)]
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return render(
        template,
        policy="default-src 'none'; img-src data: blob:; media-src data:; "
        f"style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'",
        styles=Markup(styles),
        scripts=[Markup(script) for script in scripts],
        data=Markup(_json(data)),
        live=library is not None,
        swatch=svg.swatch,
        dash=svg.dash,
        **values,
    )


def plotly_code() -> str | None:
    """The code of plotly.js, or None where plotly is not installed."""
    try:
        offline: Any = importlib.import_module("plotly.offline")
    except ImportError:
        return None
    code: str = offline.get_plotlyjs()
    # A browser reads these as one line feed, and the hash must be of what it reads.
    return code.replace("\r\n", "\n").replace("\r", "\n")


def _sha256(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return base64.b64encode(digest).decode("ascii")


def _json(data: dict[str, Any]) -> str:
    """JSON that can stand in a <script>: no name in it can end that."""
    said = json.dumps(rounded(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        said = said.replace(letter, f"\\u{ord(letter):04x}")
    return said


def plain(chart: Chart) -> dict[str, Any]:
    """A chart for the page's script."""

    def axis(name: str) -> dict[str, Any]:
        its = chart.x if name == "x" else chart.y
        return {
            "title": its.title,
            "log": its.log,
            "range": [its.low, its.high],
            "ticks": its.ticks,
        }

    return {
        "x": axis("x"),
        "y": axis("y"),
        "lines": chart.lines,
        "markers": chart.markers,
        "labels": chart.labels,
        "guide": chart.guide,
        "mark": chart.mark,
        **({"cloud": True} if chart.cloud else {}),
        "series": [
            {
                "name": each.name,
                "variant": each.look.variant,
                "colour": each.look.colour,
                "dash": each.look.dash,
                "symbol": each.look.symbol,
                "x": each.x,
                "y": each.y,
                "low": each.low,
                "high": each.high,
                "hover": each.hover,
                "threshold": each.threshold,
                **({"small": True} if each.small else {}),
            }
            for each in chart.series
        ],
    }


def _plain_bars(bars: Bars) -> dict[str, Any]:
    return {
        "title": bars.axis.title,
        "range": [bars.axis.low, bars.axis.high],
        "rows": bars.rows,
        "parts": [
            {"name": name, "values": values, "colour": svg_bars.colour(number)}
            for number, (name, values) in enumerate(bars.parts)
        ],
    }
