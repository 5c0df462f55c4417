"""Take out of a .tflite what no interpreter reads, and store the rest as small as it goes.

`slim` is about the file alone: no weight is changed, no op is touched, and every interpreter gets
to see the same tensors in the same order of ops. What each level may leave out was read in the
sources of LiteRT 2.3 and of TFLite Micro, and is proven for each file by `targets.proof`.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from stapes.errors import ModelError
from stapes.tflite.edit import slim_quantization
from stapes.tflite.edit.choices import Runtime
from stapes.tflite.edit.renumber import renumber_buffers, renumber_opcodes, renumber_tensors
from stapes.tflite.edit.unshared import unshared
from stapes.tflite.edit.write import write
from stapes.tflite.format.schema import TABLES
from stapes.tflite.format.spans import external_range
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import Model, Operator

_PLANNED = "OfflineMemoryAllocation"
_COMPRESSED = "COMPRESSION_METADATA"

# Metadata that interpreters do read: plans of TFLite Micro's memory and its look-up tables, the
# order that LiteRT must run ops in, and which floats it may compute in half precision.
_RUNTIME_METADATA = (
    _PLANNED,
    _COMPRESSED,
    "model_control_dependencies",
    "reduced_precision_support",
    "LiteRt",
)


def slim(content: bytes, *, runtime: Runtime = "any", keep: Set[str] = frozenset()) -> bytes:
    """Take out of a .tflite what its interpreters do not read.

    Parameters
    ----------
    content : bytes
        The .tflite.
    runtime : str
        Who is to run it: LiteRT and TFLite Micro (`any`), or TFLite Micro alone (`tflm`), which
        accepts more to be left out. LiteRT refuses a file of `tflm`.
    keep : set of str
        Of `Keep`: what to leave in for other tools. The scales of a bias no CPU reads, and the
        kernel's stand in for them; a delegate that computes in floats does read them.

    Returns
    -------
    content : bytes
        A .tflite that computes the same, never longer than the one given. Slimming it again
        changes nothing.

    Raises
    ------
    ModelError
        It is broken, or holds what this version of the schema does not know.
    """
    model = unshared(content)
    if model.tree.unknown:
        newer = model.tree.unknown[0]
        raise ModelError(f"The .tflite is newer than this version of Stapes knows: {newer}.")
    _bring_inside(model)
    _drop_names(model, keep)
    _drop_metadata(model, keep)
    for graph in model.graphs:
        for op in graph.operators:
            _slim_op(op, runtime)
        for tensor in graph.tensors:
            _slim_tensor(tensor.table, runtime)
    metadata = {name for name, _ in model.metadata}
    if _COMPRESSED not in metadata:
        slim_quantization.slim_quantization(model, runtime, bias_scales="bias_scales" in keep)
    # Constants can only be equal once their buffers are.
    renumber_buffers(model, keep_present=runtime != "tflm")
    # Plans and look-up tables name tensors by number.
    if not metadata & {_PLANNED, _COMPRESSED}:
        renumber_tensors(model)
    renumber_buffers(model, keep_present=runtime != "tflm")
    renumber_opcodes(model, versions=runtime != "tflm")
    slimmed = write(model.table)
    return slimmed if len(slimmed) < len(content) else content


def _bring_inside(model: Model) -> None:
    """Move what the file keeps behind the tree into it: offsets there count from the first byte."""
    for buffer, data in zip(model.table.items("buffers"), model.buffers, strict=True):
        if external_range(buffer) is not None:
            buffer.fields["data"] = data
        buffer.drop("offset", "size")
    for op in model.operators:
        place = external_range(op.table, "large_custom_options_")
        if place is not None:
            options = np.frombuffer(model.tree.content, np.uint8, place[1], place[0])
            op.table.fields["custom_options"] = options
        op.table.drop("large_custom_options_offset", "large_custom_options_size")


def _drop_names(model: Model, keep: Set[str]) -> None:
    if "signatures" not in keep:
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
        # It points into metadata of the compiler.
        table.drop("debug_metadata_index")


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
        # Options without a field say nothing but which op it is, and the op's code says that.
        if options is None or not TABLES[options.kind] or _says_nothing(op, options):
            table.drop(name, f"{name}_type")


def _says_nothing(op: Operator, options: Table) -> bool:
    """Options of a RESHAPE that has its shape in an input."""
    return options.kind == "ReshapeOptions" and len(op.inputs) == 2 and not options.fields


def _slim_reshape(op: Operator, runtime: Runtime) -> None:
    """A RESHAPE has its new shape up to three times: in its options, its input and its output."""
    shape = op.input(1)
    if shape is None or len(op.inputs) != 2:
        return
    if shape.type == "INT32" and len(shape.shape) == 1 and op.options:
        # LiteRT takes such an input before the options.
        op.options.drop("new_shape")
    if runtime == "tflm" and len(shape.data):
        # TFLite Micro takes the shape of the output.
        op.table.fields["inputs"] = op.table["inputs"][:1]


def _slim_tensor(tensor: Table, runtime: Runtime) -> None:
    # Whether a rank is known is asked by converters alone.
    tensor.drop("has_rank")
    signature = tensor.items("shape_signature")
    # TFLite Micro never resizes a tensor.
    if runtime == "tflm" or np.array_equal(signature, tensor.items("shape")):
        tensor.drop("shape_signature")
