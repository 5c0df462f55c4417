"""Remove from a .tflite what no interpreter reads, and store the rest as small as possible.

`slim` changes no weight, no op and no order. What it removes comes from the sources of LiteRT 2.3
and TFLite Micro; `targets.proof` proves it for each file.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from stapes.errors import ModelError
from stapes.tflite.edit import slim_quantization
from stapes.tflite.edit.appended import archive_start, with_archive
from stapes.tflite.edit.choices import Runtime
from stapes.tflite.edit.inside import has_outside
from stapes.tflite.edit.renumber import (
    renumber_buffers,
    renumber_opcodes,
    renumber_subgraphs,
    renumber_tensors,
)
from stapes.tflite.edit.unshared import unshared
from stapes.tflite.edit.write import write
from stapes.tflite.format.schema import TABLES
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import Model, Operator
from stapes.tflite.read.signatures import other_signatures
from stapes.tflite.read.verify import verify

_PLANNED = "OfflineMemoryAllocation"
_COMPRESSED = "COMPRESSION_METADATA"

# Metadata that interpreters read: TFLite Micro's memory plan and look-up tables, the order in
# which LiteRT must run ops, and the floats that it may compute in half precision.
_RUNTIME_METADATA = (
    _PLANNED,
    _COMPRESSED,
    "model_control_dependencies",
    "reduced_precision_support",
    "LiteRt",
)


def slim(content: bytes, *, runtime: Runtime = "any", keep: Set[str] = frozenset()) -> bytes:
    """Remove from a .tflite what its interpreters do not read.

    Parameters
    ----------
    content : bytes
        The .tflite.
    runtime : str
        What runs it: LiteRT and TFLite Micro (`any`), or TFLite Micro alone (`tflm`), which needs
        less. LiteRT refuses a file for `tflm`.
    keep : set of str
        `Keep`: the parts to leave in for other tools. No CPU reads the scales of a bias, so they
        become the kernel's; a delegate that computes in floats reads them. Signatures stay without
        it where they are the only way to another subgraph than the first.

    Returns
    -------
    content : bytes
        A .tflite that computes the same and is never longer. Slimming it again changes nothing.

    Raises
    ------
    ModelError
        It is broken, or newer than this version of the schema.
    """
    model = unshared(content)
    if model.tree.unknown:
        newer = model.tree.unknown[0]
        raise ModelError(f"The .tflite is newer than this version of Stapes knows: {newer}.")
    outside = has_outside(verify(content))
    _drop_names(model, runtime, keep)
    _drop_metadata(model, keep)
    for graph in model.graphs:
        for op in graph.operators:
            _slim_op(op, runtime)
        for tensor in graph.tensors:
            _slim_tensor(tensor.table, runtime)
    metadata = {name for name, _ in model.metadata}
    if not any(name.startswith(_RUNTIME_METADATA) for name in metadata):
        renumber_subgraphs(model)
    if _COMPRESSED not in metadata:
        slim_quantization.slim_quantization(model, runtime, bias_scales="bias_scales" in keep)
    # Only constants with one buffer are equal.
    renumber_buffers(model, keep_present=runtime != "tflm")
    # Plans and look-up tables name tensors by number.
    if not metadata & {_PLANNED, _COMPRESSED}:
        renumber_tensors(model)
    renumber_buffers(model, keep_present=runtime != "tflm")
    renumber_opcodes(model, versions=runtime != "tflm")
    slimmed = write(model.table)
    start = archive_start(content) if "metadata" in keep else None
    if start is not None:
        slimmed = with_archive(slimmed, content[start:], start)
    # TFLite Micro reads no constants outside the flatbuffer.
    return slimmed if len(slimmed) < len(content) or outside else content


def _drop_names(model: Model, runtime: Runtime, keep: Set[str]) -> None:
    # Nothing but its signature reaches another subgraph; TFLite Micro has no signatures.
    if "signatures" not in keep and not (runtime == "any" and other_signatures(model)):
        model.table.drop("signature_defs")
    for graph in model.graphs if "names" not in keep else ():
        for table in (graph.table, *(tensor.table for tensor in graph.tensors)):
            table.drop("name")


def _drop_metadata(model: Model, keep: Set[str]) -> None:
    if "metadata" in keep:
        return
    entries = [
        entry
        for entry, (name, _) in zip(model.table.items("metadata"), model.metadata, strict=True)
        if name.startswith(_RUNTIME_METADATA)
    ]
    model.table.drop("description", "metadata_buffer", "metadata")
    if entries:
        model.table.fields["metadata"] = entries
    for table in [graph.table for graph in model.graphs] + [op.table for op in model.operators]:
        table.drop("debug_metadata_index")  # Only compilers read it.


def _slim_op(op: Operator, runtime: Runtime) -> None:
    table = op.table
    if not np.any(table.items("mutating_variable_inputs")):
        table.drop("mutating_variable_inputs")
    for name in ("custom_options", "intermediates"):
        if not len(table.items(name)):
            table.drop(name)
    if op.builtin == "RESHAPE":
        _slim_reshape(op, runtime)
    for name in ("builtin_options", "builtin_options2"):
        options = table[name]
        # Options without fields only name the op, as the op's code does.
        if options is None or not TABLES[options.kind] or _is_empty_reshape(op, options):
            table.drop(name, f"{name}_type")


def _is_empty_reshape(op: Operator, options: Table) -> bool:
    return options.kind == "ReshapeOptions" and len(op.inputs) == 2 and not options.fields


def _slim_reshape(op: Operator, runtime: Runtime) -> None:
    """Drop a new shape that is there again: options, input and output may all hold it."""
    shape = op.input(1)
    if shape is None or len(op.inputs) != 2:
        return
    if shape.type == "INT32" and len(shape.shape) == 1 and op.options:
        # LiteRT prefers such an input to the options.
        op.options.drop("new_shape")
    if runtime == "tflm" and len(shape.data):
        # TFLite Micro uses the shape of the output.
        op.table.fields["inputs"] = op.table["inputs"][:1]


def _slim_tensor(tensor: Table, runtime: Runtime) -> None:
    tensor.drop("has_rank")  # Only converters read it.
    signature = tensor.items("shape_signature")
    # TFLite Micro never resizes a tensor.
    if runtime == "tflm" or np.array_equal(signature, tensor.items("shape")):
        tensor.drop("shape_signature")
