"""Fields of settings models as options; `system.arguments` gives them to functions.

A settings model holds each fact of an option once: name, default, help, limits and choices. The
mark `Option` makes a field an option of commands; a nested one has the name of its leaf, unless the
mark has another.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from stapes.errors import UsageError

PathLike = str | os.PathLike[str]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Option:
    """The mark of a field that is an option of commands.

    verbs : its commands, with spaces between them
    metavar : its value in the help; by default the choices of a Literal
    default : the default in words, where the value does not show it
    accepts : the type of the argument in Python, where it is wider than the field's
    name : its name, where it is not the field's
    """

    verbs: str
    metavar: str | None = None
    default: str | None = None
    accepts: Any = None
    name: str | None = None


@dataclass(frozen=True)
class Setting:
    """A field as an option: its place in the model, e.g. ("detection", "rates"), and its mark."""

    name: str
    path: tuple[str, ...]
    field: FieldInfo
    option: Option | None

    @property
    def type(self) -> Any:
        """The field's type without None."""
        parts = get_args(self.field.annotation)
        kinds = tuple(part for part in parts if part is not type(None))
        return self.field.annotation if kinds == parts else Union[kinds]  # noqa: UP007

    @property
    def accepts(self) -> Any:
        """The type of the argument in Python, without None."""
        if self.option and self.option.accepts is not None:
            return self.option.accepts
        return _accepted(self.type)

    @property
    def metavar(self) -> str:
        """The placeholder of the value in the help."""
        if self.option and self.option.metavar:
            return self.option.metavar
        return "|".join(get_args(self.type)) if get_origin(self.type) is Literal else "VALUE"

    @property
    def help(self) -> str:
        """The description with the default in brackets."""
        default = self.field.get_default(call_default_factory=True)
        text = self.option.default if self.option else None
        if text is None and isinstance(default, str | int | float) and default is not False:
            text = f"{default:g}" if isinstance(default, float) else str(default)
        sentence = (self.field.description or self.name).rstrip(".")
        return f"{sentence} [{text}]." if text else f"{sentence}."


def settings_of(model: type[BaseModel], verb: str | None = None) -> dict[str, Setting]:
    """The options of a command by name; by default every field, and nested ones with a mark."""
    settings = [setting for setting in _walk(model) if len(setting.path) == 1 or setting.option]
    return {
        setting.name: setting
        for setting in settings
        if verb is None or (setting.option and verb in setting.option.verbs.split())
    }


def nested(model: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as the model holds them: leaves in their groups, no None.

    Paths become absolute, to mean the same file wherever the settings are read again.
    """
    known = settings_of(model)
    settings = {name: value for name, value in arguments.items() if value is not None}
    for name, value in list(settings.items()):
        setting = known.get(name)
        if setting and setting.type is Path and isinstance(value, str | os.PathLike):
            settings[name] = _absolute(name, value)
        if setting and len(setting.path) == 2:
            group = settings.get(setting.path[0], {})
            values = group.model_dump() if isinstance(group, BaseModel) else group
            if isinstance(values, Mapping):  # The model refuses anything else.
                settings[setting.path[0]] = {**values, setting.path[1]: settings.pop(name)}
    return settings


def is_path(value: PathLike) -> bool:
    """Whether a path can be opened and written into documents: UTF-8, without NUL.

    Examples
    --------
    >>> is_path("house.wav"), is_path("house\\0.wav"), is_path(os.fsdecode(b"h\\xff.wav"))
    (True, False, False)
    """
    text = os.fspath(value)
    return "\0" not in text and text.encode("utf-8", "replace").decode() == text


def _absolute(name: str, value: PathLike) -> Path:
    if not is_path(value):
        raise UsageError(f"--{name}: give a path in UTF-8, not {os.fspath(value)!r}.")
    try:
        return Path(value).expanduser().resolve()
    except (ValueError, RuntimeError, OSError) as error:
        # A NUL, the home of an unknown user, a loop of links.
        raise UsageError(f"--{name} {value}: is no path ({error}).") from None


def checked(
    model: type[Model],
    settings: Mapping[str, Any],
    *,
    called: Collection[str] = (),
    file: Path | None = None,
) -> Model:
    """Settings as their model, or a UsageError that names the first wrong one.

    The names in `called` are arguments of the call; other settings come from `file`.
    """
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
    path = tuple(str(part) for part in first["loc"] if part != "[key]")
    place = ".".join(path) or "settings"
    options = {setting.path: setting.name for setting in settings_of(model).values()}
    option = options.get(path[:2]) or options.get(path[:1]) if path else None
    if file and not {option, *path[:1]} & set(called):
        reason = _reason(model, first)
        if first["type"] == "string_type":
            reason = f"put it in quotes: YAML reads it as {first['input']}"
        raise UsageError(f"{file}: {place}: {reason}.")
    if option in called and (path in options or type(first["loc"][-1]) is int):
        place = f"--{str(option).replace('_', '-')}"
    raise UsageError(f"{place}: {_reason(model, first)}.")


def unknown(name: str, known: Iterable[str]) -> str:
    """A part of a sentence that names the nearest of the known names.

    Examples
    --------
    >>> unknown("int9", ["int8", "uint8"])
    'int9 is unknown (did you mean int8?); known are int8, uint8'
    """
    names = list(known)
    return f"{name} is unknown{nearest(name, names)}; known are {', '.join(names)}"


def split_names(value: Any) -> Any:
    """Names between commas as a tuple; any other value unchanged, for a validator.

    Examples
    --------
    >>> split_names("int8, qat")
    ('int8', 'qat')
    """
    if not isinstance(value, str):
        return value
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _walk(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterable[Setting]:
    for name, field in model.model_fields.items():
        marks = [mark for mark in field.metadata if isinstance(mark, Option)]
        mark = marks[0] if marks else None
        setting = Setting((mark and mark.name) or name, (*above, name), field, mark)
        yield setting
        if isinstance(setting.type, type) and issubclass(setting.type, BaseModel):
            yield from _walk(setting.type, setting.path)


def _accepted(kind: Any) -> Any:
    if kind is Path:
        return PathLike
    if get_origin(kind) is tuple:
        names = get_args(kind)[0] not in (int, float)
        return str | Sequence[str] if names else Sequence[get_args(kind)[0]]  # type: ignore[misc]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return Mapping[str, Any] | BaseModel
    return Mapping[get_args(kind)] if get_origin(kind) is dict else kind  # type: ignore[misc]


def _reason(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    """The fault of one setting, as a part of a sentence."""
    if error["type"] == "extra_forbidden":
        group: Any = model
        for part in error["loc"][:-1]:
            fields = getattr(group, "model_fields", {})
            group = Setting(part, (), fields[part], None).type if part in fields else None
        fields = settings_of(model) if group is model else getattr(group, "model_fields", {})
        return f"there is no such setting{nearest(str(error['loc'][-1]), fields)}"
    if error["type"] == "string_type":
        return f"give text, not {error['input']!r}"
    if error["type"] == "literal_error":
        known = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return unknown(str(error["input"]), known)
    return str(error["msg"]).removeprefix("Value error, ")


def nearest(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names, as a question in brackets; empty if none is near."""
    names = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {names[0]}?)" if names else ""
