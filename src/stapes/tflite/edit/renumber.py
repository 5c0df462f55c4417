"""Tensors, buffers and op codes that nothing points at are dropped, and equal ones are one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np

from stapes.tflite.format.tree import Table
from stapes.tflite.graph import builtin_code

_PLACEHOLDER = 127
"""What the byte-wide code of an op holds where its code does not fit."""


def renumber_tensors(model: Table) -> None:
    """Drop tensors that no op, graph or signature names; equal constants become one tensor."""
    for number, graph in enumerate(model.items("subgraphs")):
        ops = graph.items("operators")
        signatures = [
            each for each in model.items("signature_defs") if each["subgraph_index"] == number
        ]
        maps = [
            entry
            for each in signatures
            for entry in (*each.items("inputs"), *each.items("outputs"))
        ]
        named = {int(n) for each in (graph, *ops) for _, array in _lists(each) for n in array}
        named |= {entry["tensor_index"] for entry in maps}
        tensors = graph.items("tensors")
        # What a graph takes or gives, and what an op writes, stays a tensor of its own.
        own = {int(n) for each in (graph, *ops) for name, a in _lists(each) for n in a
               if each is graph or name == "outputs"}  # fmt: skip
        own |= {entry["tensor_index"] for entry in maps}
        first: dict[Hashable, int] = {}
        kept: list[Table] = []
        numbers = {-1: -1}
        for index, tensor in enumerate(tensors):
            if index not in named:
                continue
            constant = index not in own and _constant(model, tensor)
            key = signature_of(tensor) if constant else index
            if key not in first:
                first[key] = len(kept)
                kept.append(tensor)
            numbers[index] = first[key]
        for each in (graph, *ops):
            for name, array in _lists(each):
                each.fields[name] = np.array([numbers[int(n)] for n in array], np.int32)
        for entry in maps:
            entry.fields["tensor_index"] = numbers[entry["tensor_index"]]
        if tensors:
            graph.fields["tensors"] = kept


def renumber_buffers(model: Table, *, keep_present: bool) -> None:
    """Drop buffers that nothing points at; equal ones become one, and the first is the empty one.

    Parameters
    ----------
    model : Table
    keep_present : bool
        Whether data of no bytes differs from no data: LiteRT takes the former for a constant.
    """
    old = model["buffers"]
    # Buffer 0 means none, whatever is in it.
    kept = [old[0]]
    first: dict[Hashable, int] = {}
    # The longest first would not pay: their numbers all take four bytes.
    numbers = {0: 0}
    users = [tensor for graph in model["subgraphs"] for tensor in graph.items("tensors")]
    users += model.items("metadata")
    for index in [user["buffer"] for user in users] + [int(n) for n in _metadata(model)]:
        if index in numbers:
            continue
        data = old[index]["data"]
        if data is None or (not len(data) and not keep_present):
            numbers[index] = 0
            continue
        key = data.tobytes()
        if key not in first:
            first[key] = len(kept)
            kept.append(old[index])
        numbers[index] = first[key]
    for user in users:
        user.fields["buffer"] = numbers[user["buffer"]]
    if model["metadata_buffer"] is not None:
        moved = [numbers[int(n)] for n in _metadata(model)]
        model.fields["metadata_buffer"] = np.array(moved, np.int32)
    model.fields["buffers"] = kept


def renumber_opcodes(model: Table, *, versions: bool) -> None:
    """Drop op codes that no op has; the most frequent is the first, as 0 takes no bytes.

    Parameters
    ----------
    model : Table
    versions : bool
        Whether to keep the ops' versions, which TFLite Micro does not look at.
    """
    old = model.items("operator_codes")
    for code in old:
        if not versions:
            code.drop("version")
        builtin = builtin_code(code)
        # Interpreters take the larger of the two fields: one is enough.
        code.fields["builtin_code"] = builtin if builtin >= _PLACEHOLDER else 0
        code.fields["deprecated_builtin_code"] = builtin if builtin < _PLACEHOLDER else 0
    ops = [op for graph in model["subgraphs"] for op in graph.items("operators")]
    # Equal codes are one.
    keys = [signature_of(code) for code in old]
    same = [keys.index(key) for key in keys]
    used = Counter(same[op["opcode_index"]] for op in ops)
    order = sorted(used, key=lambda n: (-used[n], _code(old[n]), n))
    for op in ops:
        op.fields["opcode_index"] = order.index(same[op["opcode_index"]])
    if old:
        model.fields["operator_codes"] = [old[n] for n in order]


def signature_of(table: Table) -> Hashable:
    """What makes tables equal: kind and all fields, deep down."""
    return (table.kind, *((name, _hashable(table.fields[name])) for name in sorted(table.fields)))


def _hashable(value: Any) -> Hashable:
    if isinstance(value, Table):
        return signature_of(value)
    if isinstance(value, list):
        return tuple(_hashable(each) for each in value)
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.tobytes())
    return value  # type: ignore[no-any-return]


def _lists(part: Table) -> Iterator[tuple[str, Any]]:
    """The vectors of a graph or an op that hold numbers of tensors."""
    for name in ("inputs", "outputs", "intermediates"):
        if name in part.fields and (part.kind == "Operator" or name != "intermediates"):
            yield name, part.fields[name]


def _constant(model: Table, tensor: Table) -> bool:
    data = model["buffers"][tensor["buffer"]].items("data")
    return len(data) > 0 and not tensor["is_variable"]


def _metadata(model: Table) -> Any:
    return model.items("metadata_buffer")


def _code(code: Table) -> tuple[int, bytes]:
    return builtin_code(code), code["custom_code"] or b""
