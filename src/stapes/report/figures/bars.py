"""Stacked bars and histograms as SVG, in the way of `svg.py`."""

from __future__ import annotations

import math

from stapes.report.charts import COLOURS, Bars, Look, Panel
from stapes.report.figures import labels, svg
from stapes.report.templates import render
from stapes.system.text import percent

_ROW, _BAR = 22, 14
_COLUMNS, _GAP, _HIGH, _HEAD, _FOOT = 3, 24, 90, 42, 38
_PANEL = (svg.WIDTH - (_COLUMNS - 1) * _GAP) // _COLUMNS


def bars(content: Bars) -> str:
    """Stacked bars as SVG."""
    left = 20 + int(max(labels.width(name) for name in content.rows))
    right = 80
    # Vermillion and ink come last: elsewhere they are the colours of models.
    colours = [(part + 2) % COLOURS for part in range(len(content.parts))]
    looks = {
        name: Look(-1, colour, "solid", "square")
        for colour, (name, _) in zip(colours, content.parts, strict=True)
    }
    legend = svg.legend(looks, svg.WIDTH, bare=True)
    head = svg.TOP + svg.LEGEND_LINE * (legend[-1]["line"] + 1)
    inner = svg.WIDTH - left - right
    rows = []
    for number, name in enumerate(content.rows):
        pieces, end = [], 0
        total = sum(sizes[number] for _, sizes in content.parts)
        for colour, (part, sizes) in zip(colours, content.parts, strict=True):
            start, end = end, end + sizes[number]
            x, x_end = (round(left + inner * content.axis.place(at), 1) for at in (start, end))
            if x_end > x:
                share = percent(sizes[number] / total, 1)
                tip = f"{name}\n{part}: {sizes[number]:,} of {total:,} bytes, {share}"
                width = round(x_end - x, 1)
                pieces.append({"x": x, "width": width, "colour": colour, "part": part, "tip": tip})
        middle = head + _ROW * number + _ROW // 2
        rows.append({"name": name, "y": middle, "pieces": pieces, "end": x_end, "sum": total})
    return render(
        "figures.svg.j2",
        kind="bars",
        name=content.title,
        width=svg.WIDTH,
        height=head + _ROW * len(rows) + 10,
        left=left,
        bar=_BAR,
        rows=rows,
        legend=legend,
    )


def histograms(layers: list[Panel], *, name: str, title: str = "", note: str = "") -> str:
    """The distribution of each layer's weights as SVG.

    Heights are square roots of the counts: linear bars would show nothing of a pruned layer but
    its zeros.

    Parameters
    ----------
    layers : list of Panel
    name : str
        The picture's name for a screen reader.
    title, note : str
        Above the picture, if it is a file of its own, with its own colours.
    """
    head = svg.HEAD if title else 0
    high = _HEAD + _HIGH + _FOOT
    panels = []
    for number, layer in enumerate(layers):
        x = number % _COLUMNS * (_PANEL + _GAP)
        y = head + number // _COLUMNS * high
        panels.append(
            {
                "layer": layer,
                "x": x,
                "y": y,
                "box": f"{x} {y + _HEAD} {_PANEL} {_HIGH}",
                "path": _outline(layer.counts, x, y + _HEAD + _HIGH),
            }
        )
    return render(
        "figures.svg.j2",
        kind="histograms",
        title=title,
        note=note,
        name=name,
        width=svg.WIDTH,
        height=head + -(-len(layers) // _COLUMNS) * high,
        panels=panels,
        panel=_PANEL,
        base=_HEAD + _HIGH,
    )


def _outline(counts: list[int], x: float, base: float) -> str:
    """One path around all bins, from the left to the right."""
    width, unit = _PANEL / len(counts), _HIGH / math.sqrt(max(counts))
    tops = [
        f"V{round(base - unit * math.sqrt(count), 1):g}H{round(x + (n + 1) * width, 1):g}"
        for n, count in enumerate(counts)
    ]
    return f"M{x} {base}{''.join(tops)}V{base}z"
