"""Charts as SVG, in colours that the page or the file sets.

The geometry is computed here; `templates/figures.svg.j2` holds the markup. What can be pointed at
has its tooltip as a <title>, which a browser shows even without a script; in a page,
`templates/figures.js` makes the figure answer to the mouse and to the keyboard.
"""

from __future__ import annotations

import math
from typing import Any

from stapes.report.charts import Chart, Series
from stapes.report.figures import labels
from stapes.report.templates import render

WIDTH = 960
NARROW = 600
"""With another beside it."""

_LEFT, _RIGHT, _BOTTOM, _HEIGHT = 62, 18, 50, 360
TOP, LEGEND_LINE = 16, 22
HEAD = 66
"""Of a title and a note."""

_DASHES = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "8 3 2 3", "longdash": "13 4"}


def chart(
    drawn: Chart, *, title: str = "", note: str = "", standing: bool = False, wide: bool = True
) -> str:
    """A chart as SVG.

    Parameters
    ----------
    drawn : Chart
    title : str
        Above the picture; the chart's own title is what a screen reader says of it.
    note : str
        Below the title, in a line.
    standing : bool
        A file of its own: it brings its colours, for the light and the dark, and its ground.
    wide : bool
        Whether it has the page's width for itself.
    """
    points = [
        labels.Point(drawn.x.place(x), drawn.y.place(y), each.name)
        for each in drawn.series
        for x, y in zip(each.x, each.y, strict=True)
    ]
    right = _RIGHT
    if drawn.labels:
        right += int(max(labels.width(point.name) for point in points)) + 16
    width = WIDTH if wide else NARROW
    # The page has buttons for variants, which say what each looks like.
    named = {each.name: each for each in drawn.series if each.look.variant < 0}
    legend = [] if drawn.labels else _legend(list(named.values()), width, bare=not drawn.lines)
    head = (HEAD if title else TOP) + (LEGEND_LINE * (legend[-1]["line"] + 1) if legend else 0)
    inner = width - _LEFT - right

    def x_of(value: float) -> float:
        return round(_LEFT + inner * drawn.x.place(value), 1)

    height = _HEIGHT
    if drawn.labels:
        spread = [labels.Point(_LEFT + inner * at.x, 0.0, at.name) for at in points]
        height = max(400, *(int(labels.LINE * len(each)) + 20 for each in labels.columns(spread)))

    def y_of(value: float) -> float:
        return round(head + height * (1 - drawn.y.place(value)), 1)

    series = [_series(each, drawn, x_of, y_of) for each in drawn.series]
    # What stands out lies on top.
    series.sort(key=lambda each: each["chosen"])
    return render(
        "figures.svg.j2",
        kind="chart",
        standing=standing,
        title=title,
        note=note,
        name=title or drawn.title,
        tip=drawn.tip,
        width=width,
        height=head + height + _BOTTOM,
        box={"left": _LEFT, "right": width - right, "top": head, "bottom": head + height},
        xs=[{"at": x_of(value), "text": text} for value, text in drawn.x.ticks],
        ys=[{"at": y_of(value), "text": text} for value, text in drawn.y.ticks],
        x_title=drawn.x.title,
        y_title=drawn.y.title,
        guide=_path([(x_of(x), y_of(y)) for x, y in drawn.guide]),
        mark=None if drawn.mark is None else _mark(*drawn.mark, drawn, x_of),
        series=series,
        legend=legend,
        names=_names(drawn, x_of, y_of, head, head + height) if drawn.labels else [],
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


def _series(each: Series, drawn: Chart, x_of: Any, y_of: Any) -> dict[str, Any]:
    at = [(x_of(x), y_of(y)) for x, y in zip(each.x, each.y, strict=True)]
    ends = zip(each.x, each.low, each.high, strict=True) if each.low else ()
    # Of a line with many points, a point shows itself when it is pointed at.
    many = len(at) > 30 and drawn.lines
    size = 3.5 if each.small or many else 5.0
    return {
        "name": each.name,
        "variant": each.look.variant,
        "chosen": each.look.chosen,
        "colour": each.look.colour,
        "dash": dash(each.look.dash),
        "line": _path(at) if drawn.lines else "",
        "run": ";".join("|".join(values) for values in each.values),
        "bars": [{"x": x_of(x), "low": y_of(low), "high": y_of(high)} for x, low, high in ends],
        "points": [
            {"tip": tip, "path": swatch(each.look.symbol, *xy, size)}
            for tip, xy in zip(each.hover, at, strict=not each.values)
        ],
        "many": many,
        "small": each.small,
    }


def _mark(x: float, text: str, drawn: Chart, x_of: Any) -> dict[str, Any]:
    # Its words stand where there is more room for them.
    return {"at": x_of(x), "text": text, "right": drawn.x.place(x) < 0.5}


def _names(drawn: Chart, x_of: Any, y_of: Any, top: float, bottom: float) -> list[dict[str, Any]]:
    points = [labels.Point(x_of(each.x[0]), y_of(each.y[0]), each.name) for each in drawn.series]
    found = labels.places(points, top + 6, bottom - 6)
    return [
        {
            "text": point.name,
            "variant": each.look.variant,
            "chosen": each.look.chosen,
            "x": round(x, 1),
            "y": round(y, 1),
            "lead": f"M{point.x + 7:.1f} {point.y:.1f}L{x - 7:.1f} {y:.1f}H{x - 3:.1f}",
        }
        for each, point, (x, y) in zip(drawn.series, points, found, strict=True)
    ]


def _legend(series: list[Series], width: int, *, bare: bool) -> list[dict[str, Any]]:
    entries = flow([each.name for each in series], width)
    for entry, each in zip(entries, series, strict=True):
        entry |= {
            "colour": each.look.colour,
            "bare": bare,
            "dash": dash(each.look.dash),
            "marker": swatch(each.look.symbol, entry["x"] + 14, entry["y"] - 4, 4),
        }
    return entries


def flow(names: list[str], width: int = WIDTH, *, box: bool = False) -> list[dict[str, Any]]:
    """Places of a legend's entries, in lines."""
    entries: list[dict[str, Any]] = []
    x, line = 8.0, 0
    for name in names:
        need = round((20 if box else 34) + labels.width(name) + 16)
        if x + need > width and x > 8:
            x, line = 8.0, line + 1
        y = TOP + LEGEND_LINE * line
        entries.append({"text": name, "x": round(x, 1), "y": y, "line": line, "wide": need})
        x += need
    return entries


def _path(at: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in at) if at else ""


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
