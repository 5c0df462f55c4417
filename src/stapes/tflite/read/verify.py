"""Check that the indices, shapes and sizes of a .tflite fit together.

LiteRT and TFLite Micro are C++ and do not check them: a broken file can read past a buffer there.
`verify` does not check what a kernel does with an op's options, so a file from elsewhere still runs
in a process of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from stapes.tflite.format.reader import read
from stapes.tflite.format.schema import TABLES
from stapes.tflite.format.spans import external_range, stored
from stapes.tflite.format.tree import Table, Tree, refuse
from stapes.tflite.graph import Model, builtin_code, ints

MOST_TENSOR_BYTES = 1 << 30
MOST_SUBGRAPHS = 1_000
MOST_CALLED = 64
MOST_DIMENSIONS = 32
MOST_SPARSE_WORK = 1 << 26
"""A file with more is refused: no device runs it, and checking it could take very long."""

BITS = {
    0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64,
    15: 32, 16: 16, 17: 4, 18: 16, 19: 2, 20: 4, 21: 8, 22: 8,
}  # fmt: skip
"""Bits of an element, by the number of a TensorType. Strings, resources and variants have none."""

Done: TypeAlias = "set[tuple[int, ...]]"

_LAST_TYPE = 22
_CUSTOM = 32
_COMPRESSED = b"COMPRESSION_METADATA"

# Fields of options that hold numbers of subgraphs.
_SUBGRAPH_FIELDS = {
    kind: [f.name for f in fields if "subgraph" in f.name or f.name == "called_computations"]
    for kind, fields in TABLES.items()
    if kind.endswith("Options")
}


def verify(content: bytes) -> Model:
    """Read a .tflite and check that its parts fit together.

    Raises
    ------
    ModelError
        It is no .tflite, it is broken, or it is larger than any model for a device.
    """
    tree = read(content)
    model = tree.root
    graphs, buffers = model.items("subgraphs"), model.items("buffers")
    if not len(graphs) or not len(buffers):
        refuse("it has no subgraph or no buffer")
    if len(graphs) > MOST_SUBGRAPHS:
        refuse(f"it has {len(graphs):,} subgraphs")
    for number, buffer in enumerate(buffers):
        _check_external(tree, buffer, "", f"buffer {number}")
    compressed = any(entry["name"] == _COMPRESSED for entry in model.items("metadata"))
    # Shared parts are checked once for each number that they are compared with.
    done: Done = set()
    work = 0
    for number, graph in enumerate(graphs):
        where = f"subgraph {number}"
        tensors, ops = graph.items("tensors"), graph.items("operators")
        for index, tensor in enumerate(tensors if _first(done, tensors) else ()):
            if _first(done, tensor):
                name = f"tensor {index} of {where}"
                work += _check_tensor(tree, tensor, name, compressed=compressed)
                if work > MOST_SPARSE_WORK:
                    refuse(f"it has more than {MOST_SPARSE_WORK:,} sparse indices")
        for part in ("inputs", "outputs"):
            _check_indices(graph.items(part), len(tensors), f"{part} of {where}", done)
        for index, op in enumerate(ops if _first(done, ops, len(tensors)) else ()):
            if _first(done, op, len(tensors)):
                _check_op(tree, op, len(tensors), f"op {index} of {where}", done)
    _check_calls(graphs)
    _check_names(model, done)
    return Model(tree)


def called(op: Table) -> list[int]:
    """The numbers of the subgraphs in an op's options."""
    return [number for options, name in calls(op) for number in ints(np.atleast_1d(options[name]))]


def calls(op: Table) -> Iterator[tuple[Table, str]]:
    """The fields of an op's options that hold numbers of subgraphs: a number or a vector."""
    for options in (op["builtin_options"], op["builtin_options2"]):
        for name in () if options is None else _SUBGRAPH_FIELDS.get(options.kind, ()):
            if options[name] is not None:
                yield options, name


def _check_tensor(tree: Tree, tensor: Table, where: str, *, compressed: bool) -> int:
    """Check one tensor; returns the number of sparse indices that it has."""
    buffers = tree.root["buffers"]
    kind, index = tensor["type"], tensor["buffer"]
    if not 0 <= kind <= _LAST_TYPE:
        refuse(f"{where} is of type {kind}, which LiteRT 2.3 does not know")
    if index >= len(buffers):
        refuse(f"{where} points at buffer {index} of {len(buffers)}")
    shape = tensor.items("shape")
    if len(shape) > MOST_DIMENSIONS:
        refuse(f"{where} has {len(shape):,} dimensions")
    if any(size < 0 for size in shape):
        refuse(f"{where} has a negative size")
    needed = (math.prod(ints(shape)) * BITS.get(kind, 0) + 7) // 8
    if needed > MOST_TENSOR_BYTES:
        refuse(f"{where} takes {needed:,} bytes")
    data = stored(tree, buffers[index])
    work = 0
    if tensor["sparsity"] is not None:
        work = _check_sparsity(tensor, len(data), where)
    elif len(data) and len(data) < needed and not compressed:
        refuse(f"{where} needs {needed:,} bytes and its buffer has {len(data):,}")
    if tensor["quantization"] is not None:
        _check_quantization(tensor["quantization"], where)
    return work


def _check_quantization(quantization: Table, where: str) -> None:
    """Check that TFLite Micro, which reads a zero point for each scale, finds them.

    The axis of the scales may be any number: TFLite Micro does not read that of a bias, and LiteRT
    checks it.
    """
    scales = len(quantization.items("scale"))
    zero_points = len(quantization.items("zero_point"))
    if scales and zero_points > 1 and zero_points != scales:
        refuse(f"{where} has {scales} scales and {zero_points} zero points")


def _check_sparsity(tensor: Table, size: int, where: str) -> int:
    """Check the levels as TACO defines them: dense, or a list of the indices under each parent."""
    sparsity, shape = tensor["sparsity"], tensor.items("shape")
    order, blocks = sparsity.items("traversal_order"), sparsity.items("block_map")
    levels = sparsity.items("dim_metadata")
    rank = len(shape) + len(blocks)
    if rank > 2 * MOST_DIMENSIONS or len(order) != rank or len(levels) != rank:
        refuse(f"{where} is sparse along axes that it does not have")
    if sorted(map(int, order)) != list(range(rank)):
        refuse(f"{where} is sparse along axes that it does not have")
    if any(not 0 <= axis < len(shape) for axis in blocks):
        refuse(f"{where} has sparse blocks along axes that it does not have")
    inner = {int(order[n]): int(levels[n]["dense_size"]) for n in range(rank)}
    sizes = [int(n) for n in shape] + [inner[len(shape) + n] for n in range(len(blocks))]
    for block, axis in enumerate(blocks):
        length = inner[len(shape) + block]
        if length <= 0 or sizes[axis] % length:
            refuse(f"{where} has sparse blocks that do not fit its shape")
        sizes[axis] //= length
    count, work = 1, 0
    for axis, level in zip(order, levels, strict=True):
        if level["format"] == 0:
            if level["dense_size"] != sizes[axis]:
                refuse(f"{where} has a sparse level of another size than its shape")
            count *= sizes[axis]
            continue
        starts, indices = (
            np.asarray(() if part is None else part.items("values"), np.int64)
            for part in (level["array_segments"], level["array_indices"])
        )
        if len(starts) != count + 1 or starts[0] != 0 or starts[-1] != len(indices):
            refuse(f"{where} has sparse segments that do not fit its indices")
        if np.any(np.diff(starts) < 0) or np.any((indices < 0) | (indices >= sizes[axis])):
            refuse(f"{where} has sparse indices outside its shape")
        count = len(indices)
        work += len(starts) + len(indices)
    if (count * BITS.get(tensor["type"], 0) + 7) // 8 > size:
        refuse(f"{where} stores {count} values and its buffer has {size} bytes")
    return work


def _check_op(tree: Tree, op: Table, tensors: int, where: str, done: Done) -> None:
    codes = tree.root.items("operator_codes")
    if op["opcode_index"] >= len(codes):
        refuse(f"{where} is of kind {op['opcode_index']} of {len(codes)}")
    code = codes[op["opcode_index"]]
    if builtin_code(code) == _CUSTOM:
        if code["custom_code"] is None:
            refuse(f"{where} is a custom op without a name")
    elif builtin_code(code) < 0:
        refuse(f"{where} is of no kind")
    for name in ("inputs", "outputs", "intermediates"):
        # -1 is an optional one that is left out.
        _check_indices(op.items(name), tensors, f"{name} of {where}", done, lowest=-1)
    _check_external(tree, op, "large_custom_options_", where)
    graphs = len(tree.root["subgraphs"])
    numbers = called(op)
    if len(numbers) > MOST_CALLED:
        refuse(f"{where} calls {len(numbers):,} subgraphs")
    for index in numbers:
        if not 0 <= index < graphs:
            refuse(f"{where} calls subgraph {index} of {graphs}")


def _check_calls(graphs: list[Table]) -> None:
    """Refuse a subgraph that calls itself, also through others: it would never end."""
    of_ops: dict[int, set[int]] = {}
    calls = []
    for graph in graphs:
        ops = graph.items("operators")
        if id(ops) not in of_ops:
            of_ops[id(ops)] = {index for op in ops for index in called(op)}
        calls.append(of_ops[id(ops)])
    # Remove subgraphs that call none of the others, until nothing changes.
    left = set(range(len(graphs)))
    while leaves := {number for number in left if not calls[number] & left}:
        left -= leaves
    if left:
        refuse(f"subgraph {min(left)} calls itself")


def _check_names(model: Table, done: Done) -> None:
    graphs, buffers = model["subgraphs"], len(model["buffers"])
    for signature in model.items("signature_defs"):
        index = signature["subgraph_index"]
        if index >= len(graphs):
            refuse(f"a signature is of subgraph {index} of {len(graphs)}")
        tensors = len(graphs[index].items("tensors"))
        for name in ("inputs", "outputs"):
            maps = signature.items(name)
            if _first(done, maps, tensors):
                numbers = np.array([entry["tensor_index"] for entry in maps], np.int64)
                _check_range(numbers, tensors, f"{name} of a signature")
    used = [entry["buffer"] for entry in model.items("metadata")]
    if any(not 0 <= n < buffers for n in used + ints(model.items("metadata_buffer"))):
        refuse(f"metadata points at a buffer beyond its {buffers}")


def _check_external(tree: Tree, table: Table, prefix: str, where: str) -> None:
    place = external_range(table, prefix)
    if place is not None and sum(place) > len(tree.content):
        refuse(f"{where} lies outside the file")


def _check_indices(indices: Any, count: int, where: str, done: Done, *, lowest: int = 0) -> None:
    if len(indices) and _first(done, indices, count, lowest):
        _check_range(indices, count, where, lowest)


def _check_range(indices: Any, count: int, where: str, lowest: int = 0) -> None:
    outside = indices[(indices < lowest) | (indices >= count)]
    if len(outside):
        refuse(f"{where} name tensor {outside[0]} of {count}")


def _first(done: Done, part: Any, *against: int) -> bool:
    """Whether a part is not checked yet; the tree keeps it alive, so its id is unique."""
    key = (id(part), *against)
    if key in done:
        return False
    done.add(key)
    return True
