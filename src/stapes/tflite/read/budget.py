"""Where every byte of a .tflite goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from stapes.contracts.inspection import Budget
from stapes.tflite.format.spans import external_range, spans
from stapes.tflite.format.tree import Span, Table
from stapes.tflite.graph import Model, ints
from stapes.tflite.read.roles import roles

# Tables that are there for one thing alone, with all their vectors and strings.
_PART_OF_TABLE = {
    "QuantizationParameters": "quantization",
    "CustomQuantization": "quantization",
    "BlockwiseQuantization": "quantization",
    "MultiAxisQuantization": "quantization",
    "SparsityParameters": "sparsity",
    "DimensionMetadata": "sparsity",
    "Int32Vector": "sparsity",
    "Uint16Vector": "sparsity",
    "Uint8Vector": "sparsity",
    "Metadata": "metadata",
    "SignatureDef": "signatures",
    "TensorMap": "signatures",
}

# Fields of other tables that are there for one thing alone.
_PART_OF_FIELD = {
    "Tensor.name": "names",
    "SubGraph.name": "names",
    "Model.description": "metadata",
    "Model.metadata": "metadata",
    "Model.metadata_buffer": "metadata",
    "Model.signature_defs": "signatures",
}

_OWNER_OF_KIND = {
    "header": "header",
    "vtable": "vtables",
    "padding": "padding",
    "unreachable": "unreachable",
}

_LENGTH = 4
_RANK = ("weights", "biases", "constants", "metadata")


def budget(model: Model) -> Budget:
    """Give each byte of a file to what it is there for.

    A buffer that is used for several things is the first of: weights, biases, another constant,
    metadata. What several tables share counts once.

    Parameters
    ----------
    model : Model
        The file, from `verify`.

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
        owners[_OWNER_OF_KIND.get(span.kind, span.owner)] += size
        if span.owner in ("Buffer.data", "Buffer.offset") and span.table is not None:
            # The length of the vector is no data; what is kept behind the tree has none.
            length = _LENGTH if span.kind == "vector" else 0
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
    return _PART_OF_FIELD.get(span.owner) or _PART_OF_TABLE.get(span.table.kind, "tables")


def _uses(model: Model) -> dict[Hashable, str]:
    """What each buffer's data is for, by `_data_key`."""
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
    """The same for buffers that share their data."""
    data = buffer["data"]
    return external_range(buffer) if data is None or not len(data) else id(data)
