"""The distribution of each layer's weights as a page to point at, by plotly (extra `report`).

The page is one file and asks nothing of the network; its policy forbids it to.
"""

from __future__ import annotations

import html as escaping
import importlib
from typing import Any

from jinja2 import Environment

from stapes.contracts.inspection import Histogram, Inspection
from stapes.errors import MissingExtraError
from stapes.report.figures.weight_layout import COLUMNS, number, panels, title

_ROW, _HEAD = 210, 90

_TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:; \
script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>body { margin: 1rem auto; max-width: 75rem; font-family: system-ui, sans-serif }</style>
</head>
<body>
<h1>{{ title }}</h1>
<p>Weights of each layer as they are stored.</p>
{{ picture|safe }}
</body>
</html>
"""


def html(found: Inspection) -> str:
    """A page with a bar chart for each layer: point at a bar for its values and their count.

    Raises
    ------
    StapesError
        The model has no weights.
    MissingExtraError
        plotly is not installed.
    """
    chosen = panels(found)
    try:
        graphs: Any = importlib.import_module("plotly.graph_objects")
        subplots: Any = importlib.import_module("plotly.subplots")
    except ImportError:
        raise MissingExtraError("A picture as .html", "report") from None
    rows = -(-len(chosen) // COLUMNS)
    # What a file calls its tensors is no HTML, which plotly would take it for.
    headings = [
        escaping.escape(f"{panel.heading}, {panel.name}"[:60], quote=False) + f"<br>{panel.detail}"
        for panel in chosen
    ]
    figure = subplots.make_subplots(
        rows=rows, cols=COLUMNS, subplot_titles=headings, vertical_spacing=0.4 / rows
    )
    for place, panel in enumerate(chosen):
        figure.add_trace(
            graphs.Bar(
                **_bars(panel.histogram),
                marker={"color": "#0072b2", "line": {"width": 0}},
                hovertemplate="%{customdata}: %{y}<extra></extra>",
            ),
            row=place // COLUMNS + 1,
            col=place % COLUMNS + 1,
        )
    figure.update_annotations(font={"size": 11})
    figure.update_layout(
        height=_HEAD + rows * _ROW,
        margin={"l": 40, "r": 20, "t": 50, "b": 40},
        showlegend=False,
        bargap=0,
        template="plotly_white",
    )
    picture = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        include_mathjax=False,
        # plotly 7 has a button that sends the figure to a server.
        config={
            "displaylogo": False,
            "plotlyServerURL": "",
            "modeBarButtonsToRemove": ["sendChartToCloud"],
        },
        div_id="weights",
    )
    page: str = (
        Environment(autoescape=True)
        .from_string(_TEMPLATE)
        .render(title=title(found), picture=picture)
    )
    return page


def _bars(histogram: Histogram) -> dict[str, Any]:
    count = len(histogram.counts)
    width = (histogram.high - histogram.low) / count or 1.0
    edges = [histogram.low + n * width for n in range(count + 1)]
    return {
        "x": [edge + width / 2 for edge in edges[:-1]],
        "y": histogram.counts,
        "width": width,
        "customdata": [f"{number(edges[n])} to {number(edges[n + 1])}" for n in range(count)],
    }
