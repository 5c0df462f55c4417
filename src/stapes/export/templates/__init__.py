"""The templates of exported text, and how they are filled."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from stapes.system.text import hours, percent, plural, rate

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#|!])")


def render(name: str, /, **values: Any) -> str:
    """A template of this folder with values; text that is not ours needs a filter, `markdown`."""
    return _environment().get_template(name).render(**values)


def markdown(text: str) -> str:
    """Text that Markdown shows as it is.

    Examples
    --------
    >>> markdown("<b>*hey*")
    '\\\\<b\\\\>\\\\*hey\\\\*'
    """
    return _MARKDOWN.sub(r"\\\1", text)


@cache
def _environment() -> Environment:
    environment = Environment(  # YAML and Markdown: `markdown` escapes.
        loader=FunctionLoader(lambda name: files(__package__).joinpath(name).read_text("utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": percent,
        "rate": rate,
        "hours": hours,
        "plural": plural,
        "markdown": markdown,
    }
    return environment
