"""The schema as data agrees with the classes generated from schema.fbs."""

from __future__ import annotations

import inspect
import re
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as generated
from flatbuffers import number_types
from flatbuffers.table import Table

from stapes.tflite.format.schema import SCALARS, TABLES, UNIONS, Field

_FLAGS = {
    "bool": number_types.BoolFlags,
    "i8": number_types.Int8Flags,
    "u8": number_types.Uint8Flags,
    "i16": number_types.Int16Flags,
    "u16": number_types.Uint16Flags,
    "i32": number_types.Int32Flags,
    "u32": number_types.Uint32Flags,
    "i64": number_types.Int64Flags,
    "u64": number_types.Uint64Flags,
    "f32": number_types.Float32Flags,
    "f64": number_types.Float64Flags,
}


class _Recorder:
    """A builder that records the calls of a generated function."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, arguments))


def _generated_tables() -> set[str]:
    return {
        name.removesuffix("T")
        for name, value in vars(generated).items()
        if inspect.isclass(value) and hasattr(value, "InitFromPackedBuf")
    }


def _call(function: Any, *arguments: Any) -> tuple[str, tuple[Any, ...]]:
    recorder = _Recorder()
    function(recorder, *arguments)
    (call,) = recorder.calls
    return call


def _camel(name: str) -> str:
    # Names in the schema are not in camel case: dilation_w_factor.
    return re.sub(r"(^|_)([a-z0-9])", lambda match: match[2].upper(), name)


def test_it_has_every_table_and_no_other() -> None:
    assert set(TABLES) == _generated_tables()


@pytest.mark.parametrize("union", UNIONS)
def test_the_unions_hold_the_same_tables_under_the_same_numbers(union: str) -> None:
    numbers = {
        name: value for name, value in vars(getattr(generated, union)).items() if name[0] != "_"
    }
    assert numbers.pop("NONE") == 0
    assert {name: number for number, name in enumerate(UNIONS[union], 1)} == numbers


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_the_same_slots_types_and_defaults(table: str) -> None:
    name, (count,) = _call(getattr(generated, f"{table}Start"))
    assert name == "StartObject"
    prefix = f"{table}Add"
    adders = {
        key.removeprefix(prefix): value
        for key, value in vars(generated).items()
        if key.startswith(prefix) and _first_argument(value) == "builder"
    }
    fields = {_camel(field.name): field for field in TABLES[table]}
    assert set(fields) == set(adders)
    assert max((field.slot + 1 for field in TABLES[table]), default=0) <= count
    for key, field in fields.items():
        call, (slot, _, default) = _call(adders[key], 0)
        assert slot == field.slot
        if field.shape == "scalar":
            kind = call.removeprefix("Prepend").removesuffix("Slot")
            flags = getattr(number_types, f"{kind}Flags")
            # The schema's byte is signed.
            assert flags.packer_type.format == _FLAGS[field.type].packer_type.format
            assert flags.bytewidth == field.size == SCALARS[field.type].size
            assert default == field.default
        else:
            assert call == "PrependUOffsetTRelativeSlot"
            assert field.size == 4
            _check_what_it_points_at(table, key, field)


def _check_what_it_points_at(table: str, key: str, field: Field) -> None:
    """The generated class reads a table with this field alone."""
    builder = flatbuffers.Builder()
    target = _target(builder, field)
    getattr(generated, f"{table}Start")(builder)
    getattr(generated, f"{table}Add{key}")(builder, target)
    builder.Finish(builder.EndObject())
    read = getattr(generated, table).GetRootAs(bytes(builder.Output()))
    getter = getattr(read, key)
    if field.shape == "string":
        assert getter() == b"word"
    elif field.shape == "strings":
        assert getter(0) == b"word"
    elif field.shape == "table":
        assert type(getter()).__name__ == field.type
    elif field.shape == "tables":
        assert type(getter(0)).__name__ == field.type
    elif field.shape == "union":
        assert isinstance(getter(), Table)
        numbers = inspect.getsource(getattr(generated, f"{table}T")._UnPack)
        assert f"{field.type}Creator(self.{key[0].lower()}{key[1:]}Type" in numbers
    else:
        assert getter(0) == 1
        # NumPy's type has kind and width.
        element = getattr(read, f"{key}AsNumpy")()
        assert element.dtype == _FLAGS[field.type].packer_type.format.replace("?", "bool")


def _target(builder: flatbuffers.Builder, field: Field) -> int:
    if field.shape in ("string", "strings"):
        element = builder.CreateString("word")
    elif field.shape != "scalars":
        builder.StartObject(0)
        element = builder.EndObject()
    if field.shape in ("strings", "tables"):
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(element)
        return int(builder.EndVector())
    if field.shape == "scalars":
        flags = _FLAGS[field.type]
        builder.StartVector(flags.bytewidth, 1, flags.bytewidth)
        builder.Prepend(flags, 1)
        return int(builder.EndVector())
    return int(element)


def _first_argument(value: Any) -> str:
    return next(iter(inspect.signature(value).parameters), "") if callable(value) else ""


def test_no_table_reaches_itself() -> None:
    def reached(table: str, above: tuple[str, ...]) -> None:
        assert table not in above
        for field in TABLES[table]:
            if field.shape in ("table", "tables"):
                reached(field.type, (*above, table))
            for member in UNIONS[field.type] if field.shape == "union" else ():
                reached(member, (*above, table))

    reached("Model", ())


def test_the_number_of_a_union_is_in_the_field_before_it() -> None:
    for fields in TABLES.values():
        for field in fields:
            if field.shape == "union":
                number = fields[fields.index(field) - 1]
                assert (number.name, number.slot) == (f"{field.name}_type", field.slot - 1)
                assert number.type == "u8"
