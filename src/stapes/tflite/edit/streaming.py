"""Turn a window model into its streaming form, which gets the new frames alone.

A convolution over time needs frames that came before. The rings of all convolutions of as many
channels are one resource variable, split at the start of a step and written at its end. That takes
half the ops of one variable for each ring, and an op takes more bytes than a ring:

    handle -> READ_VARIABLE -> SPLIT_V -> old frames of each ring
    CONCATENATION(old, new frames) -> the convolution
                                   -> STRIDED_SLICE -> frames for the next step
    CONCATENATION(frames of each ring) -> ASSIGN_VARIABLE

The variable's frames have no scale, because LiteRT concatenates int8 of one scale alone.
A second graph, which CALL_ONCE runs first, sets each ring to what stands for 0.0. It assigns a
constant: to PAD one value takes some 370 bytes less of the file, but 270 more of the arena.

Weights, scales and zero points stay as they are, so that both forms compute the same bits.

Source: "Streaming keyword spotting on mobile devices" (Rybakov et al. 2020, arXiv:2005.06720) for
rings before convolutions; the ops are those of microWakeWord's files.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from stapes.tflite.edit.building import Builder, vector
from stapes.tflite.edit.renumber import tensor_lists
from stapes.tflite.edit.unshared import unshared
from stapes.tflite.edit.write import write
from stapes.tflite.format.schema import UNIONS
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import Graph, Tensor, ints
from stapes.tflite.read.window import Window, window_of

_RESHAPE = UNIONS["BuiltinOptions"].index("ReshapeOptions") + 1

MOST_RINGS = 10
"""Rings in a variable: TFLite Micro concatenates no more tensors."""

_TIME, _ALL = 0b1101, 0b1111
"""Masks of STRIDED_SLICE: it begins along the time axis alone, and ends at the end."""


@dataclass(frozen=True, slots=True)
class _Ring:
    """What a convolution needs of earlier steps."""

    op: int
    """The convolution's number."""
    data: Tensor
    """Its input: the new frames."""
    old: int
    """Frames."""

    @property
    def kind(self) -> str:
        """Of its values."""
        return self.data.type

    @property
    def new(self) -> int:
        """Frames."""
        return self.data.shape[1]

    def shape(self, frames: int) -> list[int]:
        """The shape of so many frames."""
        return [1, frames, 1, self.data.shape[3]]

    @property
    def quantization(self) -> Table | None:
        """None for floats."""
        table: Table | None = self.data.table["quantization"]
        return table

    @property
    def zero(self) -> int:
        """The integer that stands for 0.0."""
        return int(next(iter(self.data.quantization.zero_points), 0))


def streaming(content: bytes) -> bytes:
    """The streaming form of a window model.

    Parameters
    ----------
    content : bytes
        A .tflite with an input [1, frames, channels] of just its receptive field; see
        `read.window` for the ops that it may have.

    Returns
    -------
    content : bytes
        A .tflite with an input [1, step, channels], `step` the product of the strides, and an
        output for each step. As soon as it got the receptive field, its outputs are those of the
        window model slid over the sound, bit for bit for integers.

    Raises
    ------
    ModelError
        It is broken, or no such window model.
    """
    model = unshared(content)
    graph = model.graphs[0]
    window_of(model.graphs)  # It refuses with the numbers of the ops in the file.
    _drop_reshapes(graph)
    plan = window_of(model.graphs)
    _shorten(graph, plan)
    variables = _variables(graph, plan)
    if variables:
        builder = Builder(model.table, graph.table["tensors"])
        handles = _add_rings(graph, variables, builder)
        _put_first(graph, handles)
        model.table["subgraphs"].append(_initial(model.table, variables))
    return write(model.table)


def _drop_reshapes(graph: Graph) -> None:
    """Leave out each RESHAPE before a dense layer, which flattens its input by itself."""
    operators = graph.operators
    for op in operators:
        output = op.outputs[0]
        readers = [reader for reader in operators if output in reader.inputs]
        dense = all(reader.builtin == "FULLY_CONNECTED" for reader in readers)
        if op.builtin == "RESHAPE" and dense and output not in graph.outputs:
            for reader in readers:
                reader.table.fields["inputs"] = vector([op.inputs[0], *reader.inputs[1:]])
            graph.table["operators"].remove(op.table)


def _shorten(graph: Graph, plan: Window) -> None:
    """Give every tensor its frames of one step, and the RESHAPEs the new shapes."""
    for number, frames in plan.frames.items():
        tensor = graph.tensor(number)
        shape = tensor.shape
        shape[1] = frames
        tensor.table.fields["shape"] = vector(shape)
        tensor.table.drop("shape_signature")
    for op in graph.operators:
        if op.builtin == "RESHAPE":
            # In the options, a shape takes fewer bytes than as a constant.
            shape = graph.tensor(op.outputs[0]).table["shape"]
            op.table.fields["inputs"] = vector(op.inputs[:1])
            op.table.fields["builtin_options_type"] = _RESHAPE
            op.table.fields["builtin_options"] = Table("ReshapeOptions", {"new_shape": shape})


def _variables(graph: Graph, plan: Window) -> list[list[_Ring]]:
    """The rings of each variable: of one type and as many channels."""
    groups: dict[tuple[str, int], list[_Ring]] = defaultdict(list)
    ops = graph.operators
    for number, old in plan.rings.items():
        data = ops[number].input(0)
        assert data is not None
        groups[data.type, data.shape[3]].append(_Ring(number, data, old))
    return [
        rings[first : first + MOST_RINGS]
        for rings in groups.values()
        for first in range(0, len(rings), MOST_RINGS)
    ]


def _add_rings(graph: Graph, variables: list[list[_Ring]], builder: Builder) -> list[int]:
    """Add the rings to the main graph; returns the handles of the variables."""
    ops = graph.operators
    before: dict[int, list[Table]] = defaultdict(list)
    after: dict[int, list[Table]] = defaultdict(list)
    handles = [builder.tensor([], "RESOURCE") for _ in variables]
    for number, (handle, rings) in enumerate(zip(handles, variables, strict=True)):
        olds = [builder.tensor(r.shape(r.old), r.kind, r.quantization) for r in rings]
        # Without a scale: LiteRT concatenates int8 of one scale alone.
        nexts = [builder.tensor(ring.shape(ring.old), ring.kind) for ring in rings]
        state, written = olds[0], nexts[0]
        if len(rings) > 1:
            total = rings[0].shape(sum(ring.old for ring in rings))
            state, written = (builder.tensor(total, rings[0].kind) for _ in range(2))
        first, last = rings[0].op, rings[-1].op
        before[first].append(_handle(builder, number, handle))
        before[first].append(builder.operator("READ_VARIABLE", [handle], [state]))
        if len(rings) > 1:
            split = [state, builder.constant([ring.old for ring in rings]), builder.constant(1)]
            before[first].append(builder.operator("SPLIT_V", split, olds, num_splits=len(rings)))
            after[last].append(builder.operator("CONCATENATION", nexts, [written], axis=1))
        after[last].append(builder.operator("ASSIGN_VARIABLE", [handle, written], []))
        for ring, old, following in zip(rings, olds, nexts, strict=True):
            joined = builder.tensor(ring.shape(ring.old + ring.new), ring.kind, ring.quantization)
            before[ring.op] += _shifted(ring, old, joined, following, builder)
            convolution = ops[ring.op]
            convolution.table.fields["inputs"] = vector([joined, *convolution.inputs[1:]])
    operators = [builder.operator("CALL_ONCE", [], [], init_subgraph_index=1)]
    for op in ops:
        operators += [*before[op.number], op.table, *after[op.number]]
    graph.table.fields["operators"] = operators
    return handles


def _shifted(ring: _Ring, old: int, joined: int, following: int, builder: Builder) -> list[Table]:
    """The ops from old frames to the frames for the convolution and to those for the next step."""
    source, first = joined, ring.new
    if ring.old <= ring.new:
        source, first = ring.data.number, ring.new - ring.old
    # With the masks, of each constant the number for the time axis alone counts.
    cut = [source, builder.constant([first] * 4), *[builder.constant([1] * 4)] * 2]
    masks = {"begin_mask": _TIME, "end_mask": _ALL}
    return [
        builder.operator("CONCATENATION", [old, ring.data.number], [joined], axis=1),
        builder.operator("STRIDED_SLICE", cut, [following], **masks),
    ]


def _initial(root: Table, variables: list[list[_Ring]]) -> Table:
    """The graph that sets every ring to zero."""
    tensors: list[Table] = []
    builder = Builder(root, tensors)
    # The handles come first here too: then both graphs have the same operators, stored once.
    handles = [builder.tensor([], "RESOURCE") for _ in variables]
    operators = []
    for number, (handle, rings) in enumerate(zip(handles, variables, strict=True)):
        operators.append(_handle(builder, number, handle))
        zeros = np.concatenate([np.full(ring.shape(ring.old), ring.zero) for ring in rings], 1)
        value = builder.constant(zeros, rings[0].kind)
        operators.append(builder.operator("ASSIGN_VARIABLE", [handle, value], []))
    ends = {"inputs": vector([]), "outputs": vector([])}
    return Table("SubGraph", {"tensors": tensors, "operators": operators, **ends})


def _handle(builder: Builder, number: int, handle: int) -> Table:
    # An empty name is the shortest; TFLite Micro compares names, so there must be one.
    name = b"%d" % number if number else b""
    return builder.operator("VAR_HANDLE", [], [handle], container=b"", shared_name=name)


def _put_first(graph: Graph, tensors: list[int]) -> None:
    """Give these tensors the first numbers."""
    order = [*tensors, *(n for n in range(len(graph.tensors)) if n not in tensors)]
    numbers = {-1: -1} | {old: new for new, old in enumerate(order)}
    for part in (graph.table, *(op.table for op in graph.operators)):
        for name, array in tensor_lists(part):
            part.fields[name] = vector([numbers[n] for n in ints(array)])
    for signature in graph.model.table.items("signature_defs"):
        for entry in (*signature.items("inputs"), *signature.items("outputs")):
            entry.fields["tensor_index"] = numbers[entry["tensor_index"]]
    graph.table.fields["tensors"] = [graph.table["tensors"][n] for n in order]
