"""Options of a command from the fields of a settings model.

Over Typer, since other libraries for it have another style of command line or are very young.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel

from stapes.system.options import Setting, settings_of, show_parameters

Command = TypeVar("Command", bound=Callable[..., None])


def settings_options(model: type[BaseModel], verb: str) -> Callable[[Command], Command]:
    """Give a command the options that are marked for it, in place of its `**settings`.

    An option that is not typed is None. The model checks the values: its messages are the same for
    a command, a function and a file.
    """

    def decorate(command: Command) -> Command:
        made = [_parameter(setting) for setting in settings_of(model, verb).values()]
        show_parameters(command, made)
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
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )
