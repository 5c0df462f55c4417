"""Drop tensors, buffers and op codes that nothing points at, and merge equal ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np

from stapes.tflite.format.tree import Table
from stapes.tflite.graph import Model, builtin_code, ints
from stapes.tflite.read.verify import called, calls

_PLACEHOLDER = 127
"""The value of an op's byte-wide code if its code does not fit."""


def renumber_subgraphs(model: Model) -> None:
    """Drop subgraphs that neither an interpreter, a signature nor an op of another one calls."""
    graphs = model.graphs
    signatures = model.table.items("signature_defs")
    reached: set[int] = set()
    stack = [0, *(signature["subgraph_index"] for signature in signatures)]
    while stack:
        number = stack.pop()
        if number not in reached:
            reached.add(number)
            stack += [n for op in graphs[number].operators for n in called(op.table)]
    numbers = {old: new for new, old in enumerate(sorted(reached))}
    if len(numbers) == len(graphs):
        return
    for op in (op for number in numbers for op in graphs[number].operators):
        for options, name in calls(op.table):
            value = options[name]
            if np.ndim(value):
                value = np.array([numbers[n] for n in ints(value)], np.int32)
            options.fields[name] = value if np.ndim(value) else numbers[int(value)]
    for signature in signatures:
        signature.fields["subgraph_index"] = numbers[signature["subgraph_index"]]
    model.table.fields["subgraphs"] = [graphs[number].table for number in numbers]


def renumber_tensors(model: Model) -> None:
    """Drop tensors that no op, graph or signature names, and merge equal constants."""
    for graph in model.graphs:
        entries = [
            entry
            for signature in model.table.items("signature_defs")
            if signature["subgraph_index"] == graph.number
            for entry in (*signature.items("inputs"), *signature.items("outputs"))
        ]
        # Inputs and outputs of a graph, and what an op writes, are never merged.
        own = {entry["tensor_index"] for entry in entries} | {*graph.inputs, *graph.outputs}
        own.update(number for op in graph.operators for number in op.outputs)
        parts = [graph.table, *(op.table for op in graph.operators)]
        named = own.union(*(ints(array) for part in parts for _, array in tensor_lists(part)))
        tables: dict[Hashable, tuple[int, Table]] = {}
        numbers = {-1: -1}
        for tensor in graph.tensors:
            if tensor.number in named:
                constant = len(tensor.data) and not tensor.is_variable
                unique = tensor.number in own or not constant
                key = tensor.number if unique else signature_of(tensor.table)
                numbers[tensor.number], _ = tables.setdefault(key, (len(tables), tensor.table))
        for part in parts:
            for name, array in tensor_lists(part):
                part.fields[name] = np.array([numbers[n] for n in ints(array)], np.int32)
        for entry in entries:
            entry.fields["tensor_index"] = numbers[entry["tensor_index"]]
        if graph.table.items("tensors"):
            graph.table.fields["tensors"] = [table for _, table in tables.values()]


def renumber_buffers(model: Model, *, keep_present: bool) -> None:
    """Drop buffers that nothing points at, and merge equal ones; the first is the empty one.

    Parameters
    ----------
    model : Model
        Changed in place.
    keep_present : bool
        Whether data of no bytes differs from no data: to LiteRT the former is a constant.
    """
    old = model.table["buffers"]
    # Buffer 0 means none, whatever is in it.
    new: dict[Hashable, tuple[int, Table]] = {None: (0, old[0])}
    numbers = {0: 0}
    users = [tensor.table for graph in model.graphs for tensor in graph.tensors]
    users += model.table.items("metadata")
    of_metadata = ints(model.table.items("metadata_buffer"))
    for index in [user["buffer"] for user in users] + of_metadata:
        if index in numbers:
            continue
        data = old[index]["data"]
        absent = data is None or (not len(data) and not keep_present)
        key = None if absent else data.tobytes()
        numbers[index], _ = new.setdefault(key, (len(new), old[index]))
    for user in users:
        user.fields["buffer"] = numbers[user["buffer"]]
    if model.table["metadata_buffer"] is not None:
        moved = [numbers[index] for index in of_metadata]
        model.table.fields["metadata_buffer"] = np.array(moved, np.int32)
    model.table.fields["buffers"] = [buffer for _, buffer in new.values()]


def renumber_opcodes(model: Model, *, versions: bool) -> None:
    """Drop op codes that no op has. The most frequent comes first, as 0 takes no bytes.

    Parameters
    ----------
    model : Model
        Changed in place.
    versions : bool
        Whether to keep the ops' versions, which TFLite Micro does not read.
    """
    old = model.table.items("operator_codes")
    for code in old:
        if not versions:
            code.drop("version")
        builtin = builtin_code(code)
        # Interpreters read the larger of the two fields: one is enough.
        code.fields["builtin_code"] = builtin if builtin >= _PLACEHOLDER else 0
        code.fields["deprecated_builtin_code"] = builtin if builtin < _PLACEHOLDER else 0
    ops = [op.table for op in model.operators]
    keys = [signature_of(code) for code in old]
    same = [keys.index(key) for key in keys]
    used = Counter(same[op["opcode_index"]] for op in ops)
    order = sorted(used, key=lambda n: (-used[n], _code(old[n]), n))
    for op in ops:
        op.fields["opcode_index"] = order.index(same[op["opcode_index"]])
    if old:
        model.table.fields["operator_codes"] = [old[n] for n in order]


def signature_of(table: Table) -> Hashable:
    """Equal for equal tables: the kind and all fields, deep down."""
    return (table.kind, *((name, _hashable(table.fields[name])) for name in sorted(table.fields)))


def _hashable(value: Any) -> Hashable:
    if isinstance(value, Table):
        return signature_of(value)
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.tobytes())
    return value  # type: ignore[no-any-return]


def tensor_lists(part: Table) -> Iterator[tuple[str, Any]]:
    """The fields of a graph or an op that hold tensor numbers."""
    for name in ("inputs", "outputs", "intermediates"):
        if name in part.fields and (part.kind == "Operator" or name != "intermediates"):
            yield name, part.fields[name]


def _code(code: Table) -> tuple[int, bytes]:
    return builtin_code(code), code["custom_code"] or b""
