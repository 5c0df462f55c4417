"""Stacked bars and histograms as they stand on paper; `svg.py` says the rest."""

from __future__ import annotations

import math
from typing import Any

from stapes.report.charts import COLOURS, Bars
from stapes.report.figures import labels, svg
from stapes.report.templates import render

_ROW, _BAR = 22, 14
_PANEL, _GAP, _HIGH, _HEAD, _FOOT = 262, 17, 90, 42, 24
_PANELS = 3


def colour(part: int) -> int:
    """Of a part of a bar: vermillion and ink come last, which elsewhere stand for models."""
    return (part + 2) % COLOURS


def bars(drawn: Bars) -> str:
    """Stacked bars as SVG, a row each."""
    left = 20 + int(max(labels.width(name) for name in drawn.rows))
    right = 80
    legend = svg.flow([name for name, _ in drawn.parts], box=True)
    for number, entry in enumerate(legend):
        entry["colour"] = colour(number)
    head = svg.TOP + svg.LEGEND_LINE * (legend[-1]["line"] + 1)
    inner = svg.WIDTH - left - right
    rows = []
    for number, name in enumerate(drawn.rows):
        ends = [0]
        for _, values in drawn.parts:
            ends.append(ends[-1] + values[number])
        at = [round(left + inner * drawn.axis.place(end), 1) for end in ends]
        pieces = [
            {"x": at[n], "width": round(at[n + 1] - at[n], 1), "colour": colour(n)}
            for n in range(len(drawn.parts))
            if at[n + 1] > at[n]
        ]
        middle = head + _ROW * number + _ROW / 2
        rows.append(
            {
                "name": name,
                "y": middle,
                "pieces": pieces,
                "end": at[-1] + 6,
                "sum": f"{ends[-1]:,}",
            }
        )
    return render(
        "figures.svg.j2",
        kind="bars",
        standing=False,
        title="",
        note="",
        name=drawn.title,
        width=svg.WIDTH,
        height=head + _ROW * len(rows) + 10,
        left=left,
        bar=_BAR,
        rows=rows,
        legend=legend,
    )


def histograms(layers: list[dict[str, Any]], *, title: str) -> str:
    """The distribution of each layer's weights, a panel each.

    Heights go with the square root of the count: linear bars would show nothing of a pruned layer
    but its zeros.

    Parameters
    ----------
    layers : list of dict
        As `page_weights.distributions` gives them.
    title : str
        What a screen reader says of the picture.
    """
    panels = []
    for number, layer in enumerate(layers):
        counts = layer["counts"]
        width, unit = _PANEL / len(counts), _HIGH / math.sqrt(max(counts))
        base = _HEAD + _HIGH
        path = "".join(
            f"M{n * width:.1f} {base}V{base - unit * math.sqrt(count):.1f}"
            f"H{(n + 1) * width:.1f}V{base}z"
            for n, count in enumerate(counts)
            if count
        )
        panels.append(
            {
                "x": number % _PANELS * (_PANEL + _GAP),
                "y": number // _PANELS * (_HEAD + _HIGH + _FOOT + 14),
                "name": layer["name"],
                "detail": layer["detail"],
                "path": path,
                "low": f"{layer['low']:.4g}",
                "high": f"{layer['high']:.4g}",
            }
        )
    lines = -(-len(layers) // _PANELS)
    return render(
        "figures.svg.j2",
        kind="histograms",
        standing=False,
        title="",
        note="",
        name=title,
        legend=[],
        width=svg.WIDTH,
        height=lines * (_HEAD + _HIGH + _FOOT + 14),
        panels=panels,
        panel=_PANEL,
        base=_HEAD + _HIGH,
    )
