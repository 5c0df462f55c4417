"""What a column of a table is, and how a row fills its cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stapes.contracts.results import Results, VariantResult
from stapes.system.text import UNKNOWN, interval

Value = bool | int | float | str | None
Row = TypeVar("Row")


@dataclass(frozen=True)
class Cell:
    """A value as a table shows it."""

    text: str
    value: Value = None
    """What the table sorts by; None comes last."""
    interval: str = ""
    """The 95 % interval."""
    note: str = ""
    """More about the value, or why it is missing; the page shows it as a tooltip."""

    def __str__(self) -> str:
        """The text with its interval, for tables without small letters."""
        return f"{self.text} ({self.interval})" if self.interval else self.text


@dataclass(frozen=True)
class Head:
    """The head of a column, as plain data."""

    key: str
    title: str
    help: str


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column, of the table of models or of a search's trials."""

    key: str
    """Its heading in results.csv."""
    title: str
    help: str
    """One sentence: what it is, and its unit."""
    value: str | Callable[[Row, Results], Value] = ""
    """The path of its value in the row, such as `misses.frr`, or a function; default the key."""
    text: Callable[[Any], str] = str
    """Writes a value that is not None."""
    ends: str | Callable[[Row], tuple[float, float] | None] = ""
    """The path of its 95 % interval; results.csv has it as `KEY_low95`, `KEY_high95`."""
    interval_text: Callable[[tuple[float, float]], str] = interval
    note: Callable[[Row], str] = lambda _: ""
    absent: Callable[[Row], str] = lambda _: UNKNOWN
    """The text where the value is None."""

    def cell(self, row: Row, results: Results) -> Cell:
        """A row's cell."""
        value = self.value_of(row, results)
        if value is None:
            return Cell(self.absent(row), note=self.note(row))
        ends = self.interval_of(row)
        between = "" if ends is None else self.interval_text(ends)
        return Cell(self.text(value), value, between, self.note(row))

    def value_of(self, row: Row, results: Results) -> Value:
        """A row's value; None if it was not measured."""
        if isinstance(self.value, str):
            value: Value = follow(row, self.value or self.key)
            return value
        return self.value(row, results)

    def interval_of(self, row: Row) -> tuple[float, float] | None:
        """A row's 95 % interval."""
        if not isinstance(self.ends, str):
            return self.ends(row)
        ends: tuple[float, float] | None = follow(row, self.ends) if self.ends else None
        return ends


ModelColumn = Column[VariantResult]


def follow(row: Any, path: str) -> Any:
    """The value at a path in a part of results.json; None where a step of it is absent.

    Parameters
    ----------
    row : object
        Such as a `VariantResult`.
    path : str
        Names of fields and keys with dots between them, such as `targets.tflm.arena_bytes`.
    """
    for name in path.split("."):
        if row is None:
            return None
        row = row.get(name) if isinstance(row, dict) else getattr(row, name)
    return row


def with_values(
    columns: Iterable[Column[Row]], rows: Sequence[Row], results: Results
) -> list[Column[Row]]:
    """The columns that have a value in any of the rows."""
    return [
        column
        for column in columns
        if any(column.value_of(row, results) is not None for row in rows)
    ]
