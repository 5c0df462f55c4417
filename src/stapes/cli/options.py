"""Options of a command from the fields of a settings model, on top of Typer.

Other libraries for it have another style of command line, or are very young.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel

from stapes.system.arguments import keyword, show_parameters
from stapes.system.options import Setting, settings_of

Command = TypeVar("Command", bound=Callable[..., None])


def settings_options(model: type[BaseModel], verb: str) -> Callable[[Command], Command]:
    """Replace a command's `**settings` by the options that are marked for it.

    An option that is not typed is None. The model checks the values, with the same messages for a
    command, a function and a file.
    """

    def decorate(command: Command) -> Command:
        show_parameters(command, map(_parameter, settings_of(model, verb).values()))
        return command

    return decorate


def _parameter(setting: Setting) -> inspect.Parameter:
    kind = setting.type if setting.type in (Path, int, float, bool) else str
    option = typer.Option(
        f"--{setting.name.replace('_', '-')}",
        metavar=None if kind is bool else setting.metavar,
        help=setting.help,
        show_default=False,
    )
    return keyword(setting.name, Annotated[kind | None, option])
