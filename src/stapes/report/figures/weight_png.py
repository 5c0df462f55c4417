"""The distribution of each layer's weights as a PNG, drawn by Pillow (extra `report`).

Pillow is one package without others behind it and brings a font, so that the picture is the same
on a machine that has none.
"""

from __future__ import annotations

import importlib
import io
from typing import Any

from stapes.contracts.inspection import Inspection
from stapes.errors import MissingExtraError
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

_SCALE = 2
_INK, _LINE, _BARS, _PAPER = "#1f2933", "#9aa5b1", "#0072b2", "#ffffff"


def png(found: Inspection) -> bytes:
    """The picture of `weight_plots.svg`, on white, two pixels for each of its units.

    Raises
    ------
    StapesError
        The model has no weights.
    MissingExtraError
        Pillow is not installed.
    """
    chosen = panels(found)
    pillow, font_of = _pillow()
    width, height = size(len(chosen))
    image = pillow.Image.new("RGB", (_SCALE * width, _SCALE * height), _PAPER)
    draw = pillow.ImageDraw.Draw(image)

    def text(x: float, y: float, said: str, *, points: int = 12, end: bool = False) -> None:
        # Anchors: the baseline, at the left or the right.
        place, anchor = (_SCALE * x, _SCALE * y), "rs" if end else "ls"
        draw.text(place, _plain(said), _INK, font_of(_SCALE * points), anchor=anchor)

    text(MARGIN, 26, title(found), points=16)
    text(MARGIN, 46, note())
    base, inner = BARS_TOP + BARS_HEIGHT, PANEL_WIDTH - 2 * MARGIN
    for panel, (x, y) in zip(chosen, places(len(chosen)), strict=True):
        text(x, y + 14, panel.heading)
        text(x, y + 31, panel.detail)
        for left, top, right in bars(panel.histogram):
            corners = (x + left, y + top, x + right, y + base)
            draw.rectangle([round(_SCALE * each) for each in corners], fill=_BARS)
        line = (x, y + base, x + inner, y + base)
        draw.line([_SCALE * each for each in line], fill=_LINE, width=_SCALE)
        text(x, y + base + 15, panel.bounds[0])
        text(x + inner, y + base + 15, panel.bounds[1], end=True)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _plain(text: str) -> str:
    """The font has the letters of ASCII."""
    return text.encode("ascii", "replace").decode("ascii")


def _pillow() -> tuple[Any, Any]:
    """The package PIL with the modules that are used, and its own font by size."""
    try:
        pillow: Any = importlib.import_module("PIL")
        for name in ("Image", "ImageDraw", "ImageFont"):
            importlib.import_module(f"PIL.{name}")
    except ImportError:
        raise MissingExtraError("A picture as .png", "report") from None
    fonts: dict[int, Any] = {}

    def font_of(points: int) -> Any:
        if points not in fonts:
            fonts[points] = pillow.ImageFont.load_default(points)
        return fonts[points]

    return pillow, font_of
