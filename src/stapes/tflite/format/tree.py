"""A .tflite as a tree of tables: what `reader.read` gives and `edit.write.write` takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.format.schema import SCALARS, TABLES

DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype("?" if name == "bool" else f"<{name[0]}{int(name[1:]) // 8}") for name in SCALARS
}

Value: TypeAlias = "bool | int | float | bytes | NDArray[Any] | Table | list[Table] | list[bytes]"


@dataclass(slots=True, eq=False)
class Table:
    """One table: its name in the schema, and the fields that the file holds, by name.

    A scalar is a number, a string bytes, a vector of scalars an array [shape=(n,)], any other
    vector a list. Tables that several parents share are one object.
    """

    kind: str
    fields: dict[str, Value]

    def __getitem__(self, name: str) -> Any:
        """A field's value, its default if the file leaves it out: None but for scalars."""
        value = self.fields.get(name)
        return _DEFAULTS[self.kind][name] if value is None else value

    def items(self, name: str) -> Any:
        """A vector's elements; none if the file leaves it out."""
        return self.fields.get(name, ())

    def drop(self, *names: str) -> None:
        """Leave fields out, where the file has them."""
        for name in names:
            self.fields.pop(name, None)


_DEFAULTS: dict[str, dict[str, bool | int | float | None]] = {
    kind: {each.name: each.default if each.shape == "scalar" else None for each in fields}
    for kind, fields in TABLES.items()
}

SpanKind = Literal[
    "header", "table", "vtable", "vector", "string", "external", "padding", "unreachable"
]


@dataclass(frozen=True, slots=True)
class Span:
    """What the bytes from `start` to `end` are."""

    start: int
    end: int
    kind: SpanKind
    owner: str
    """The table's name, or `Table.field`; empty where no table owns the bytes."""
    table: Table | None
    """The first table found to own them."""


@dataclass(slots=True)
class Tree:
    """A file that was read."""

    content: bytes
    root: Table
    claims: dict[int, Span]
    """Every object by its first byte."""
    unknown: list[str] = field(default_factory=list)
    """What a newer schema may know and this one does not."""


def walk(table: Table) -> Iterator[Table]:
    """The table and all that it reaches, each once, parents first."""
    seen: set[int] = set()
    stack = [table]
    while stack:
        here = stack.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        children: list[Table] = []
        for value in here.fields.values():
            if isinstance(value, Table):
                children.append(value)
            elif isinstance(value, list):
                children.extend(each for each in value if isinstance(each, Table))
        stack.extend(reversed(children))


def unfolded(table: Table) -> int:
    """How many tables there would be if no two parents shared one."""
    known: dict[int, int] = {}

    def count(here: Table) -> int:
        if id(here) not in known:
            total = 1
            for value in here.fields.values():
                children = value if isinstance(value, list) else [value]
                total += sum(count(each) for each in children if isinstance(each, Table))
            known[id(here)] = total
        return known[id(here)]

    return count(table)


def refuse(what: str) -> NoReturn:
    """Say that the file is broken."""
    raise ModelError(f"The .tflite is broken: {what}.")
