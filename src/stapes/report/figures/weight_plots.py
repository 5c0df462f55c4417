"""The distribution of each layer's weights as a picture, from an `Inspection` alone."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from stapes.contracts.inspection import Inspection
from stapes.errors import UsageError
from stapes.report.figures.bars import histograms
from stapes.report.figures.weight_layout import note, panels, title
from stapes.report.templates import document
from stapes.system.files import write_text


def draw(found: Inspection, path: Path) -> None:
    """Draw the distribution of each layer's weights.

    Parameters
    ----------
    found : Inspection
    path : Path
        Its ending says how: .svg, or .html for a page that answers to the mouse and the keyboard.

    Raises
    ------
    UsageError
        The ending is another, or the file cannot be written.
    StapesError
        The model has no weights.
    """
    drawings = {".svg": svg, ".html": html}
    if path.suffix.lower() not in drawings:
        raise UsageError(f"--plot {path}: end the name in .svg or .html.")
    content = drawings[path.suffix.lower()](found)
    try:
        write_text(path, content)
    except OSError as error:
        raise UsageError(f"--plot {path}: cannot be written ({error.strerror}).") from None


def svg(found: Inspection) -> str:
    """The picture as SVG, which needs no font and no network.

    Raises
    ------
    StapesError
        The model has no weights.
    """
    return histograms(panels(found), name=title(found), title=title(found), note=note())


def html(found: Inspection) -> str:
    """The picture in a page of one file: a bar shows its values and their count.

    Raises
    ------
    StapesError
        The model has no weights.
    """
    return document(
        "weights.html.j2",
        styles=("figures.css",),
        scripts=("figures.js",),
        title=title(found),
        note=note(),
        picture=Markup(histograms(panels(found), name=title(found))),
    )
