"""The markup, styles and scripts of what `report/` draws, and how they are filled."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def text(name: str) -> str:
    """One of the files of this folder."""
    return files(__package__).joinpath(name).read_text("utf-8")


def render(name: str, /, **values: Any) -> str:
    """A template of this folder with values, each of them escaped."""
    return _environment().get_template(name).render(**values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
