"""The purpose of every byte of a .tflite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from stapes.contracts.inspection import Budget
from stapes.tflite.format.spans import external_range, spans
from stapes.tflite.format.tree import Span, Table
from stapes.tflite.graph import Model, ints
from stapes.tflite.read.roles import roles

# Tables with one purpose, with all their vectors and strings, and fields of other tables.
_OWNERS = {
    "names": "Tensor.name SubGraph.name",
    "quantization": "QuantizationParameters CustomQuantization BlockwiseQuantization"
    " MultiAxisQuantization",
    "sparsity": "SparsityParameters DimensionMetadata Int32Vector Uint16Vector Uint8Vector",
    "metadata": "Metadata Model.description Model.metadata Model.metadata_buffer",
    "signatures": "SignatureDef TensorMap Model.signature_defs",
}
_PARTS = {owner: part for part, owners in _OWNERS.items() for owner in owners.split()}

_LENGTH = 4
_RANK = ("weights", "biases", "constants", "metadata")


def budget(model: Model) -> Budget:
    """Count each byte of a file under its purpose; shared bytes count once.

    A buffer with several uses counts under the first of: weights, biases, constants, metadata.

    Parameters
    ----------
    model : Model
        From `verify`.

    Returns
    -------
    budget : Budget
        Its parts add up to the file's size, and so do its owners.
    """
    uses = _uses(model)
    parts: Counter[str] = Counter()
    owners: Counter[str] = Counter()
    for span in spans(model.tree):
        size = span.end - span.start
        owner = "vtables" if span.kind == "vtable" else span.owner or span.kind
        owners[owner] += size
        if span.owner in ("Buffer.data", "Buffer.offset") and span.table is not None:
            # The length of a vector is no data; data outside the tree has no length.
            length = min(_LENGTH, size) if span.kind == "vector" else 0
            parts["tables"] += length
            parts[uses.get(_data_key(span.table), "constants")] += size - length
        else:
            parts[_part(span)] += size
    return Budget(**parts, owners=dict(owners.most_common()))


def _part(span: Span) -> str:
    if span.kind in ("padding", "unreachable"):
        return span.kind
    if span.table is None:
        return "tables"
    return _PARTS.get(span.owner) or _PARTS.get(span.table.kind, "tables")


def _uses(model: Model) -> dict[Hashable, str]:
    """{`_data_key` of a buffer: its use}."""
    uses: dict[Hashable, str] = {}
    buffers = model.table["buffers"]

    def note(buffer: int, use: str) -> None:
        key = _data_key(buffers[buffer])
        uses[key] = min(uses.get(key, use), use, key=_RANK.index)

    named = [buffer for _, buffer in model.metadata]
    for number in named + ints(model.table.items("metadata_buffer")):
        note(number, "metadata")
    for graph in model.graphs:
        known = roles(graph)
        for tensor in graph.tensors:
            role = known[tensor.number][0] if tensor.number in known else "constant"
            note(tensor.buffer, {"weight": "weights", "bias": "biases"}.get(role, "constants"))
    return uses


def _data_key(buffer: Table) -> Hashable:
    """Equal for buffers that share their data."""
    data = buffer["data"]
    return external_range(buffer) if data is None or not len(data) else id(data)
