"""Pictures of a run, from results.json alone."""

from __future__ import annotations

import math

from jinja2 import Environment

from stapes.errors import StapesError
from stapes.results import Results

# One line a variant: its name, a bar for its size, a dot and whisker for its accuracy.
_NAME_END, _BAR_START, _BAR_END, _DOT_START, _DOT_END, _WIDTH = 130, 140, 400, 500, 740, 760
_TOP, _LINE = 86, 30

# Ink follows the page, so that the picture reads in the light and the dark.
_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" role="img" \
font-family="system-ui, sans-serif" font-size="13">
<title>{{ title }}</title>
<style>
.ink { fill: #1f2933 } .line { stroke: #1f2933; stroke-width: 1.5 } .grid { stroke: #9aa5b1 }
@media (prefers-color-scheme: dark) { .ink { fill: #e4e7eb } .line { stroke: #e4e7eb } }
</style>
<text class="ink" x="10" y="26" font-size="16" font-weight="600">{{ title }}</text>
<text class="ink" x="{{ bar_start }}" y="60">file [bytes]</text>
<text class="ink" x="{{ dot_start }}" y="60">accuracy [%], 95 % interval</text>
{% for tick in ticks %}
<line class="grid" x1="{{ tick.x }}" x2="{{ tick.x }}" y1="70" y2="{{ bottom }}" opacity=".5"/>
<text class="ink" x="{{ tick.x }}" y="{{ bottom + 18 }}" text-anchor="middle">{{ tick.text }}</text>
{% endfor %}
{% for row in rows %}
<g><title>{{ row.detail }}</title>
<text class="ink" x="{{ name_end }}" y="{{ row.y + 5 }}" text-anchor="end">{{ row.name }}</text>
<rect x="{{ bar_start }}" y="{{ row.y - 9 }}" width="{{ row.bar }}" height="18" fill="#e69f00"/>
<text class="ink" x="{{ bar_start + row.bar + 6 }}" y="{{ row.y + 5 }}">{{ row.bytes }}</text>
<line class="line" x1="{{ row.low }}" x2="{{ row.high }}" y1="{{ row.y }}" y2="{{ row.y }}"/>
<circle cx="{{ row.at }}" cy="{{ row.y }}" r="5.5" fill="#0072b2"/></g>
{% endfor %}
</svg>
"""


def size_accuracy(results: Results) -> str:
    """An SVG of every variant's file size and accuracy with its 95 % interval.

    Parameters
    ----------
    results : Results

    Raises
    ------
    StapesError
        No variant was measured.
    """
    measured = [row for row in results.variants if row.accuracy is not None]
    if not measured:
        raise StapesError("The run has no measured model to draw: finish it first.")
    largest = max(row.bytes for row in measured)
    floor = math.floor(100 * min(row.accuracy_ci95[0] for row in measured))
    ceiling = math.ceil(100 * max(row.accuracy_ci95[1] for row in measured))

    def x(part: float) -> float:
        place = (100 * part - floor) / max(1, ceiling - floor)
        return round(_DOT_START + place * (_DOT_END - _DOT_START), 1)

    rows = [
        {
            "name": row.name,
            "y": _TOP + number * _LINE,
            "bar": round((_BAR_END - _BAR_START) * row.bytes / largest, 1),
            "bytes": f"{row.bytes:,}",
            "low": x(row.accuracy_ci95[0]),
            "at": x(row.accuracy or 0.0),
            "high": x(row.accuracy_ci95[1]),
            "detail": f"{row.name}: {100 * (row.accuracy or 0):.2f} % of {row.n_test} clips",
        }
        for number, row in enumerate(measured)
    ]
    step = max(1, math.ceil((ceiling - floor) / 6))
    ticks = [{"x": x(v / 100), "text": str(v)} for v in range(floor, ceiling + 1, step)]
    kind = "synthetic speech, " if results.data.synthetic else ""
    bottom = _TOP + len(rows) * _LINE - 10
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(_TEMPLATE)
        .render(
            title=f'"{results.word}", {kind}{measured[0].n_test} test clips',
            **{"width": _WIDTH, "height": bottom + 30, "bottom": bottom, "name_end": _NAME_END},
            **{"bar_start": _BAR_START, "dot_start": _DOT_START, "rows": rows, "ticks": ticks},
        )
    )
