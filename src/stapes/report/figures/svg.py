"""Charts as SVG, in colours that the page or the file sets.

The geometry is computed here; `templates/figures.svg.j2` holds the markup. Each point has its
tooltip as a <title>, which a browser shows even without a script; in a page,
`templates/figures.js` makes the figure work with the mouse and the keyboard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from stapes.report.charts import Chart, Look, Series
from stapes.report.figures import labels
from stapes.report.templates import render

WIDTH = 960
NARROW = 600
"""With another next to it."""

_LEFT, _RIGHT, _BOTTOM, _HEIGHT = 62, 18, 50, 360
TOP, LEGEND_LINE = 16, 22
HEAD = 66
"""Of a title and a note."""

_DASHES = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "8 3 2 3", "longdash": "13 4"}


@dataclass(frozen=True)
class _Plot:
    """The rectangle between the axes of a chart, in pixels."""

    chart: Chart
    left: int
    right: int
    top: int
    bottom: int

    def x(self, value: float) -> float:
        return round(self.left + (self.right - self.left) * self.chart.x.place(value), 1)

    def y(self, value: float) -> float:
        return round(self.bottom - (self.bottom - self.top) * self.chart.y.place(value), 1)


def chart(content: Chart, *, title: str = "", note: str = "", wide: bool = True) -> str:
    """A chart as SVG.

    Parameters
    ----------
    content : Chart
    title, note : str
        Above the picture, if it is a file of its own, with its own colours for light and dark.
    wide : bool
        Whether it has the page's width for itself.
    """
    points = [(content.x.place(x), one.name) for one in content.series for x in one.x]
    margin = _RIGHT
    if content.labels:
        margin += int(max(labels.width(name) for _, name in points)) + 16
    width = WIDTH if wide else NARROW
    right = width - margin
    # Variants have no legend: the page's buttons show how each looks.
    named = {one.name: one.look for one in content.series if one.look.variant < 0}
    entries = [] if content.labels else legend(named, width, bare=not content.lines)
    top = (HEAD if title else TOP) + (LEGEND_LINE * (entries[-1]["line"] + 1) if entries else 0)
    height = _HEIGHT
    if content.labels:
        spread = [labels.Point(_LEFT + (right - _LEFT) * x, 0.0, name) for x, name in points]
        most = max(len(column) for column in labels.columns(spread))
        height = max(400, int(labels.LINE * most) + 20)
    plot = _Plot(content, _LEFT, right, top, top + height)
    series = [_series(one, plot) for one in content.series]
    # The series in colour are drawn last, above the others.
    series.sort(key=lambda one: one["chosen"])
    mark = None
    if content.mark is not None:
        x, text = content.mark
        # The label is on the side with more room.
        mark = {"at": plot.x(x), "text": text, "right": content.x.place(x) < 0.5}
    return render(
        "figures.svg.j2",
        kind="chart",
        title=title,
        note=note,
        name=title or content.title,
        tip=content.tip,
        width=width,
        height=plot.bottom + _BOTTOM,
        box=plot,
        xs=[{"at": plot.x(value), "text": text} for value, text in content.x.ticks],
        ys=[{"at": plot.y(value), "text": text} for value, text in content.y.ticks],
        x_title=content.x.title,
        y_title=content.y.title,
        guide=_path([(plot.x(x), plot.y(y)) for x, y in content.guide]),
        mark=mark,
        series=series,
        legend=entries,
        names=_names(plot) if content.labels else [],
    )


def swatch(symbol: str, x: float, y: float, size: float = 5.0) -> str:
    """The path of a marker."""
    r, d = size, round(1.25 * size, 2)
    left, top, above, below = (round(at, 2) for at in (x - r, y - r, y - d, y + d))
    shapes = {
        "circle": f"M{left:g} {y:g}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0z",
        "square": f"M{left:g} {top:g}h{2 * r:g}v{2 * r:g}h{-2 * r:g}z",
        "diamond": f"M{x:g} {above:g}l{d:g} {d:g}l{-d:g} {d:g}l{-d:g} {-d:g}z",
        "triangle-up": f"M{x:g} {above:g}l{d:g} {2 * r:g}h{-2 * d:g}z",
        "triangle-down": f"M{x:g} {below:g}l{d:g} {-2 * r:g}h{-2 * d:g}z",
        "cross": _polygon(x, y, [(0.35, 1), (0.35, 0.35), (1, 0.35)], d),
        "x": _polygon(x, y, [(0.35, 1), (0.35, 0.35), (1, 0.35)], d, turn=math.pi / 4),
        "star": _star(x, y, 1.2 * d),
    }
    return shapes[symbol]


def dash(name: str) -> str:
    """The SVG dash pattern of one of the names of dashes."""
    return _DASHES[name]


def _series(series: Series, plot: _Plot) -> dict[str, Any]:
    places = [(plot.x(x), plot.y(y)) for x, y in zip(series.x, series.y, strict=True)]
    bars = zip(series.x, series.low, series.high, strict=True) if series.low else ()
    # A point of a long line is hidden until the mouse is on it.
    many = len(places) > 30 and plot.chart.lines
    size = 3.5 if series.small or many else 5.0
    return {
        "name": series.name,
        "variant": series.look.variant,
        "chosen": series.look.chosen,
        "colour": series.look.colour,
        "dash": dash(series.look.dash),
        "line": _path(places) if plot.chart.lines else "",
        "run": ";".join("|".join(values) for values in series.values),
        "bars": [
            {"x": plot.x(x), "low": plot.y(low), "high": plot.y(high)} for x, low, high in bars
        ],
        "points": [
            {"tip": tip, "path": swatch(series.look.symbol, *place, size)}
            for tip, place in zip(series.hover, places, strict=not series.values)
        ],
        "many": many,
        "small": series.small,
    }


def _names(plot: _Plot) -> list[dict[str, Any]]:
    series = plot.chart.series
    points = [labels.Point(plot.x(one.x[0]), plot.y(one.y[0]), one.name) for one in series]
    places = labels.places(points, plot.top + 6, plot.bottom - 6)
    return [
        {
            "text": point.name,
            "variant": one.look.variant,
            "chosen": one.look.chosen,
            "x": round(x, 1),
            "y": round(y, 1),
            "lead": f"M{point.x + 7:.1f} {point.y:.1f}L{x - 7:.1f} {y:.1f}H{x - 3:.1f}",
        }
        for one, point, (x, y) in zip(series, points, places, strict=True)
    ]


def legend(looks: dict[str, Look], width: int, *, bare: bool = False) -> list[dict[str, Any]]:
    """The entries of a legend, in lines; `bare` ones have no line through their symbol."""
    entries: list[dict[str, Any]] = []
    x, line = 8.0, 0
    for name, look in looks.items():
        wide = round(50 + labels.width(name))
        if x + wide > width and x > 8:
            x, line = 8.0, line + 1
        left, y = round(x, 1), TOP + LEGEND_LINE * line
        entries.append(
            {
                **{"text": name, "x": left, "y": y, "line": line, "wide": wide, "bare": bare},
                "colour": look.colour,
                "dash": dash(look.dash),
                "marker": swatch(look.symbol, left + 14, y - 4, 4),
            }
        )
        x += wide
    return entries


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) if points else ""


def _polygon(
    x: float, y: float, corner: list[tuple[float, float]], size: float, turn: float = 0.0
) -> str:
    """One corner, repeated at four quarters of a turn."""
    points = []
    for quarter in range(4):
        angle = turn + quarter * math.pi / 2
        c, s = math.cos(angle), math.sin(angle)
        points += [
            (round(x + size * (c * a + s * b), 2), round(y + size * (s * a - c * b), 2))
            for a, b in corner
        ]
    return _path(points) + "z"


def _star(x: float, y: float, size: float) -> str:
    points = []
    for n in range(10):
        r = size if n % 2 == 0 else 0.45 * size
        angle = n * math.pi / 5
        points.append((round(x + r * math.sin(angle), 2), round(y - r * math.cos(angle), 2)))
    return _path(points) + "z"
