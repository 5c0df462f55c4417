"""The distribution of each layer's weights as a picture, from an `Inspection` alone.

Heights go with the square root of the count: linear bars would show nothing of a pruned layer but
its zeros.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment

from stapes.contracts.inspection import Inspection
from stapes.errors import UsageError
from stapes.report.figures.weight_layout import (
    BARS_HEIGHT,
    BARS_TOP,
    MARGIN,
    PANEL_WIDTH,
    bars,
    note,
    panels,
    places,
    size,
    title,
)
from stapes.system.files import write_bytes, write_text

# Ink follows the page, so that the picture reads in the light and the dark.
_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" role="img" \
font-family="system-ui, sans-serif" font-size="12">
<title>{{ title }}</title>
<style>
.ink { fill: #1f2933 } .line { stroke: #9aa5b1 } .bars { fill: #0072b2 }
@media (prefers-color-scheme: dark) { .ink { fill: #e4e7eb } .bars { fill: #56b4e9 } }
</style>
<text class="ink" x="{{ margin }}" y="26" font-size="16" font-weight="600">{{ title }}</text>
<text class="ink" x="{{ margin }}" y="46">{{ note }}</text>
{% for panel in panels %}
<g transform="translate({{ panel.x }} {{ panel.y }})"><title>{{ panel.name }}</title>
<text class="ink" y="14" font-weight="600">{{ panel.heading }}</text>
<text class="ink" y="31">{{ panel.detail }}</text>
<path class="bars" d="{% for bar in panel.bars %}\
M{{ bar[0] }} {{ base }}V{{ bar[1] }}H{{ bar[2] }}V{{ base }}z{% endfor %}"/>
<line class="line" x1="0" x2="{{ inner }}" y1="{{ base }}" y2="{{ base }}"/>
<text class="ink" y="{{ base + 15 }}">{{ panel.low }}</text>
<text class="ink" x="{{ inner }}" y="{{ base + 15 }}" text-anchor="end">{{ panel.high }}</text></g>
{% endfor %}
</svg>
"""


def draw(found: Inspection, path: Path) -> None:
    """Draw the distribution of each layer's weights.

    Parameters
    ----------
    found : Inspection
    path : Path
        Its ending says how: .svg, .png or .html.

    Raises
    ------
    UsageError
        The ending is another, or the file cannot be written.
    StapesError
        The model has no weights.
    MissingExtraError
        .png or .html, and the extra `report` is not installed.
    """
    try:
        _write(found, path)
    except OSError as error:
        raise UsageError(f"--plot {path}: cannot be written ({error.strerror}).") from None


def _write(found: Inspection, path: Path) -> None:
    kind = path.suffix.lower()
    if kind == ".svg":
        write_text(path, svg(found))
    elif kind == ".png":
        from stapes.report.figures.weight_png import png

        write_bytes(path, png(found))
    elif kind == ".html":
        from stapes.report.figures.weight_html import html

        write_text(path, html(found))
    else:
        raise UsageError(f"--plot {path}: end the name in .svg, .png or .html.")


def svg(found: Inspection) -> str:
    """The picture as SVG, which needs no font and no network.

    Raises
    ------
    StapesError
        The model has no weights.
    """
    chosen = panels(found)
    width, height = size(len(chosen))
    drawn = [
        {
            "x": x,
            "y": y,
            "name": panel.name,
            "heading": panel.heading,
            "detail": panel.detail,
            "bars": bars(panel.histogram),
            "low": panel.bounds[0],
            "high": panel.bounds[1],
        }
        for panel, (x, y) in zip(chosen, places(len(chosen)), strict=True)
    ]
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(_TEMPLATE)
        .render(
            **{"width": width, "height": height, "margin": MARGIN, "panels": drawn},
            **{"title": title(found), "note": note(), "inner": PANEL_WIDTH - 2 * MARGIN},
            base=BARS_TOP + BARS_HEIGHT,
        )
    )
