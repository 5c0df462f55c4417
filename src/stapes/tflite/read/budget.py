"""Where every byte of a .tflite goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from stapes.contracts.inspection import Budget
from stapes.tflite.format.spans import external_range, spans
from stapes.tflite.format.tree import Span, Table, Tree
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


def budget(tree: Tree) -> Budget:
    """Give each byte of a file to what it is there for.

    A buffer that is used for several things is the first of: weights, biases, another constant,
    metadata. What several tables share counts once.

    Parameters
    ----------
    tree : Tree
        The file, from `verify`.

    Returns
    -------
    budget : Budget
        Its parts add up to the file's size, and so do its owners.
    """
    uses = _uses(tree)
    parts: Counter[str] = Counter()
    owners: Counter[str] = Counter()
    for span in spans(tree):
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


def _uses(tree: Tree) -> dict[Hashable, str]:
    """What each buffer's data is for, by `_data_key`."""
    found: dict[Hashable, str] = {}
    buffers = tree.root["buffers"]

    def note(buffer: int, use: str) -> None:
        key = _data_key(buffers[buffer])
        known = found.get(key, use)
        found[key] = min(known, use, key=_RANK.index)

    for entry in tree.root.items("metadata"):
        note(int(entry["buffer"]), "metadata")
    for number in tree.root.items("metadata_buffer"):
        note(int(number), "metadata")
    for graph in tree.root.items("subgraphs"):
        known = roles(tree, graph)
        for number, tensor in enumerate(graph.items("tensors")):
            role = known[number][0] if number in known else "constant"
            note(
                int(tensor["buffer"]),
                {"weight": "weights", "bias": "biases"}.get(role, "constants"),
            )
    return found


def _data_key(buffer: Table) -> Hashable:
    """The same for buffers that share their data."""
    data = buffer["data"]
    return external_range(buffer) if data is None or not len(data) else id(data)
