"""Settings and help in the signature and docstring of a function, and its arguments checked."""

from __future__ import annotations

import functools
import inspect
import os
import re
import textwrap
import types
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel

from stapes.errors import UsageError
from stapes.system.options import is_path, nearest, settings_of

Function = TypeVar("Function", bound=Callable[..., Any])

HELP = {
    "out": "The run folder [runs/WORD; of a search, runs/search-WORD].",
    "config": "The run.yaml of an earlier run, whose settings other options override.",
    "quick": "A quick try; its figures mean little.",
    "jobs": "Worker processes; default: the cores.",
    "words": "Several words: a search for each, all in the run folder [runs/search], and a page.",
    "cluster": "Run trials on the Ray cluster at RAY_ADDRESS, or on a new local one.",
    "page": "The page [RUN/report.html; of two runs, RUN/comparison-OTHER.html].",
    "plot": "An .svg of size and accuracy, of one run.",
    "to": "What takes the files: esphome.",
    "check": "Check the files with the programs that will read them, and in the run's test sound.",
    "version": "Version of the data set.",
    "url": "Another address of its archive; give its SHA-256 too.",
    "sha256": "SHA-256 of the archive, in place of the published one.",
    "where": "A run with detectors in a stream: where they find the word in each training clip.",
    "clear": "Delete what Stapes keeps there, except what another process uses.",
}
"""Help of options that are no settings. A parameter with the name of one may have its own."""


def with_settings(
    model: type[BaseModel], verb: str | None = None
) -> Callable[[Function], Function]:
    """Show a function's `**settings` as parameters, in its signature and help."""

    def decorate(function: Function) -> Function:
        own = inspect.signature(function).parameters
        parameters, entries = [], []
        for name, setting in settings_of(model, verb).items():
            if name in own:
                continue
            parameters.append(keyword(name, setting.accepts | None))
            lines = textwrap.wrap(setting.help, 92)
            entry = f"{name} : {_type_name(setting.accepts)}, optional"
            entries.append("\n    ".join([entry, *lines]))
        show_parameters(function, parameters)
        text = inspect.cleandoc(function.__doc__ or "")
        function.__doc__ = text.replace("**settings", "\n".join(entries))
        return known_arguments(function)

    return decorate


def known_arguments(function: Function) -> Function:
    """Refuse a keyword that a function does not have, and a value of a wrong type.

    A parameter without help in the docstring gets that of `HELP`.
    """
    signature = inspect.signature(function, eval_str=True)
    names = signature.parameters
    # The settings are checked by their model.
    code: types.CodeType = getattr(function, "__code__")  # noqa: B009  # mypy sees a callable.
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    text = inspect.cleandoc(function.__doc__ or "")
    function.__doc__ = re.sub(r"(?m)^(\w+) : .*$(?!\n +\S)", _with_help, text)

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        for name in keywords:
            if name not in names:
                raise UsageError(f"{name}: there is no such argument{nearest(name, names)}.")
        for name, value in signature.bind_partial(*arguments, **keywords).arguments.items():
            if name in own and (needed := _needed(names[name].annotation, value)):
                raise UsageError(f"--{name}: give {needed}, not {value!r}.")
        return function(*arguments, **keywords)

    return call  # type: ignore[return-value]


def keyword(name: str, annotation: Any) -> inspect.Parameter:
    """A keyword parameter whose default is None."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=None, annotation=annotation)


def show_parameters(function: Callable[..., Any], settings: Iterable[inspect.Parameter]) -> None:
    """Replace a function's `**settings` by parameters, before its own keyword parameters."""
    signature = inspect.signature(function, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters = [*(p for p in own if p.kind is not p.KEYWORD_ONLY), *settings]
    parameters += [p for p in own if p.kind is p.KEYWORD_ONLY]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}


def _needed(annotation: Any, value: Any) -> str:
    """What an argument must be, if it must be a path, text or a whole number and is not."""
    kinds = tuple(get_origin(kind) or kind for kind in get_args(annotation) or [annotation])
    plain = {os.PathLike: "a path", str: "text", int: "a whole number"}
    if os.PathLike in kinds and isinstance(value, str | os.PathLike) and not is_path(value):
        return "a path in UTF-8"
    if not set(kinds) <= {*plain, type(None)} or isinstance(value, kinds):
        return ""
    return next(name for kind, name in plain.items() if kind in kinds)


def _with_help(entry: re.Match[str]) -> str:
    return "\n    ".join([entry[0], *textwrap.wrap(HELP.get(entry[1], ""), 92)])


def _type_name(kind: Any) -> str:
    text = inspect.formatannotation(kind).replace("str | os.PathLike[str]", "path")
    return re.sub(r"\b[a-z_.]+\.(?=[A-Z])", "", text)
