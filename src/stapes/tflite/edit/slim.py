"""Take out of a .tflite what no interpreter reads, and store the rest as small as it goes.

`slim` is about the file alone: no weight is changed, no op is touched, and every interpreter gets
to see the same tensors in the same order of ops. What each level may leave out was read in the
sources of LiteRT 2.3 and of TFLite Micro, and is proven for each file by `targets.proof`.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Literal

import numpy as np

from stapes.errors import ModelError
from stapes.tflite.edit import slim_quantization
from stapes.tflite.edit.renumber import renumber_buffers, renumber_opcodes, renumber_tensors
from stapes.tflite.edit.write import write
from stapes.tflite.format.schema import TABLES
from stapes.tflite.format.spans import external_range
from stapes.tflite.format.tree import Table, Tree, Value, unfolded
from stapes.tflite.read.verify import stored, verify

Runtime = Literal["any", "tflm"]

KEEP = frozenset({"names", "signatures", "metadata", "bias_scales"})
"""What `slim` can be told to leave in the file, though no interpreter needs it."""

# Metadata that interpreters do read: plans of TFLite Micro's memory and its look-up tables, the
# order that LiteRT must run ops in, and which floats it may compute in half precision.
_RUNTIME_METADATA = (
    b"OfflineMemoryAllocation",
    b"COMPRESSION_METADATA",
    b"model_control_dependencies",
    b"reduced_precision_support",
    b"LiteRt",
)
_PLANNED = b"OfflineMemoryAllocation"
_COMPRESSED = b"COMPRESSION_METADATA"
_MOST_UNFOLDED = 500_000
_RESHAPE = 22
_INT32 = 2


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
        Of `KEEP`: what to leave in for other tools. The scales of a bias no CPU reads, and the
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
    tree = verify(content)
    if tree.unknown:
        raise ModelError(
            f"The .tflite is newer than this version of Stapes knows: {tree.unknown[0]}."
        )
    if unfolded(tree.root) > _MOST_UNFOLDED:
        raise ModelError("The .tflite has more parts than any model for a device.")
    model = _copy(tree.root)
    _bring_inside(tree, model)
    _drop_names(model, keep)
    _drop_metadata(model, keep)
    for graph in model.items("subgraphs"):
        for op in graph.items("operators"):
            _slim_op(model, graph, op, runtime)
        for tensor in graph.items("tensors"):
            _slim_tensor(tensor, runtime)
    if not _has_metadata(model, _COMPRESSED):
        slim_quantization.slim_quantization(model, runtime, bias_scales="bias_scales" in keep)
    # Constants can only be equal once their buffers are.
    renumber_buffers(model, keep_present=runtime != "tflm")
    # Plans and look-up tables name tensors by number.
    if not _has_metadata(model, _PLANNED) and not _has_metadata(model, _COMPRESSED):
        renumber_tensors(model)
    renumber_buffers(model, keep_present=runtime != "tflm")
    renumber_opcodes(model, versions=runtime != "tflm")
    slimmed = write(model)
    return slimmed if len(slimmed) < len(content) else content


def _copy(table: Table) -> Table:
    """A tree of its own: what was shared is there for each parent, arrays excepted."""

    def copied(value: Value) -> Value:
        if isinstance(value, Table):
            return _copy(value)
        if isinstance(value, list):
            return [_copy(each) if isinstance(each, Table) else each for each in value]  # type: ignore[return-value]
        return value

    return Table(table.kind, {name: copied(value) for name, value in table.fields.items()})


def _bring_inside(tree: Tree, model: Table) -> None:
    """Move what the file keeps behind the tree into it: offsets there count from the first byte."""
    for buffer in model.items("buffers"):
        if external_range(buffer) is not None:
            buffer.fields["data"] = stored(tree, buffer)
        for name in ("offset", "size"):
            buffer.fields.pop(name, None)
    for graph in model.items("subgraphs"):
        for op in graph.items("operators"):
            place = external_range(op, "large_custom_options_")
            if place is not None:
                options = np.frombuffer(tree.content, np.uint8, place[1], place[0])
                op.fields["custom_options"] = options
            for name in ("large_custom_options_offset", "large_custom_options_size"):
                op.fields.pop(name, None)


def _drop_names(model: Table, keep: Set[str]) -> None:
    if "signatures" not in keep:
        model.fields.pop("signature_defs", None)
    for graph in model.items("subgraphs"):
        for part in (graph, *graph.items("tensors")):
            if "names" not in keep:
                part.fields.pop("name", None)


def _drop_metadata(model: Table, keep: Set[str]) -> None:
    if "metadata" in keep:
        return
    for name in ("description", "metadata_buffer"):
        model.fields.pop(name, None)
    entries = [
        entry
        for entry in model.items("metadata")
        if (entry["name"] or b"").startswith(_RUNTIME_METADATA)
    ]
    model.fields.pop("metadata", None)
    if entries:
        model.fields["metadata"] = entries
    for graph in model.items("subgraphs"):
        for part in (graph, *graph.items("operators")):
            # It points into metadata of the compiler.
            part.fields.pop("debug_metadata_index", None)


def _has_metadata(model: Table, name: bytes) -> bool:
    return any(entry["name"] == name for entry in model.items("metadata"))


def _slim_op(model: Table, graph: Table, op: Table, runtime: Runtime) -> None:
    if not np.any(op.items("mutating_variable_inputs")):
        op.fields.pop("mutating_variable_inputs", None)
    for name in ("custom_options", "intermediates"):
        if not len(op.items(name)):
            op.fields.pop(name, None)
    code = model["operator_codes"][op["opcode_index"]]
    if max(code["builtin_code"], code["deprecated_builtin_code"]) == _RESHAPE:
        _slim_reshape(model, graph, op, runtime)
    for name in ("builtin_options", "builtin_options2"):
        options = op[name]
        # Options without a field say nothing but which op it is, and the op's code says that.
        if options is None or not TABLES[options.kind] or _says_nothing(op, options):
            op.fields.pop(name, None)
            op.fields.pop(f"{name}_type", None)


def _says_nothing(op: Table, options: Table) -> bool:
    """Options of a RESHAPE that has its shape in an input."""
    return options.kind == "ReshapeOptions" and len(op.items("inputs")) == 2 and not options.fields


def _slim_reshape(model: Table, graph: Table, op: Table, runtime: Runtime) -> None:
    """A RESHAPE has its new shape up to three times: in its options, its input and its output."""
    inputs = op.items("inputs")
    if len(inputs) != 2 or inputs[1] < 0:
        return
    shape = graph["tensors"][inputs[1]]
    if shape["type"] == _INT32 and len(shape.items("shape")) == 1 and op["builtin_options"]:
        # LiteRT takes such an input before the options.
        op["builtin_options"].fields.pop("new_shape", None)
    constant = len(model["buffers"][shape["buffer"]].items("data"))
    if runtime == "tflm" and constant:
        # TFLite Micro takes the shape of the output.
        op.fields["inputs"] = inputs[:1]


def _slim_tensor(tensor: Table, runtime: Runtime) -> None:
    # Whether a rank is known is asked by converters alone.
    tensor.fields.pop("has_rank", None)
    signature = tensor.items("shape_signature")
    # TFLite Micro never resizes a tensor.
    if runtime == "tflm" or np.array_equal(signature, tensor.items("shape")):
        tensor.fields.pop("shape_signature", None)
