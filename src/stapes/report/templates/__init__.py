"""The templates, styles and scripts of the pages and pictures, and how they are filled."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from stapes.system.text import percent


def text(name: str) -> str:
    """A file of this folder."""
    return files(__package__).joinpath(name).read_text("utf-8")


def render(name: str, /, **values: Any) -> str:
    """A template of this folder with values, each of them escaped."""
    return _environment().get_template(name).render(**values)


def document(
    name: str, /, *, styles: tuple[str, ...] = (), scripts: tuple[str, ...] = (), **values: Any
) -> str:
    """A page in one file, whose policy forbids requests to the network.

    Only its own scripts may run, by their hashes: a script that a hole in the escaping lets in
    does nothing.

    Parameters
    ----------
    name : str
        The template of the page.
    styles, scripts : tuple of str
        Files of this folder, in addition to the styles of every page.
    **values
        The variables of the template; each is escaped.
    """
    codes = [text(script) for script in scripts]
    digests = [hashlib.sha256(code.encode("utf-8")).digest() for code in codes]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests)
    return render(
        name,
        policy="default-src 'none'; img-src data:; media-src data:; "
        f"style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'",
        styles=Markup("".join(text(sheet) for sheet in ("colours.css", "page.css", *styles))),
        scripts=[Markup(code) for code in codes],
        **values,
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = percent
    return environment
