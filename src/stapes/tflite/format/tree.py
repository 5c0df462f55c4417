"""A .tflite as a tree of tables, for `reader.read` and `edit.write.write`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
        """A field's value; a missing scalar is its default, any other missing field None."""
        value = self.fields.get(name)
        return _DEFAULTS[self.kind][name] if value is None else value

    def items(self, name: str) -> Any:
        """A vector's elements; none where the field is missing."""
        return self.fields.get(name, ())

    def drop(self, *names: str) -> None:
        """Remove fields; a missing one is no error."""
        for name in names:
            self.fields.pop(name, None)


_DEFAULTS: dict[str, dict[str, bool | int | float | None]] = {
    kind: {field.name: field.default if field.shape == "scalar" else None for field in fields}
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
    """The first table that owns them."""
    slack: int = 0
    """Bytes after a table that are its own, unless they are of another object."""


@dataclass(slots=True)
class Tree:
    """A file as tables."""

    content: bytes
    root: Table
    claims: dict[int, Span]
    """Every object by its first byte."""
    unknown: list[str]
    """Parts of the file that only a newer schema knows."""


def children(table: Table) -> Iterator[Table]:
    """The tables in a table's fields, as often as they are there."""
    for value in table.fields.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Table):
                yield part


def walk(table: Table) -> Iterator[Table]:
    """The table and all tables that it reaches, once and parents first."""
    seen: set[int] = set()
    stack = [table]
    while stack:
        here = stack.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        stack.extend(reversed([*children(here)]))


def unfolded(table: Table) -> int:
    """How many tables there would be if no two parents shared one."""
    totals: dict[int, int] = {}

    def count(here: Table) -> int:
        if id(here) not in totals:
            totals[id(here)] = 1 + sum(count(child) for child in children(here))
        return totals[id(here)]

    return count(table)


def refuse(what: str) -> NoReturn:
    """Raise the error of a broken file."""
    raise ModelError(f"The .tflite is broken: {what}.")
