"""Prepare files for other tools, and fix what one of them writes wrong."""

from __future__ import annotations

from stapes.tflite.edit.unshared import unshared
from stapes.tflite.edit.write import write
from stapes.tflite.format.reader import read
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import Model, builtin_code
from stapes.tflite.read.lookup_table import DECODE


def with_signature(content: bytes) -> bytes:
    """Add the signature and tensor names that are missing: ai-edge-quantizer needs them.

    Raises
    ------
    ModelError
        It is broken.
    """
    model = unshared(content)
    _fill_newer_codes(model)
    for graph in model.graphs:
        for tensor in graph.tensors:
            tensor.table.fields["name"] = tensor.table["name"] or b"tensor_%d" % tensor.number
    if not model.table.items("signature_defs"):
        main = model.graphs[0]
        ends = {"inputs": _named("input", main.inputs), "outputs": _named("output", main.outputs)}
        signature = Table("SignatureDef", {**ends, "signature_key": b"serving_default"})
        model.table.fields["signature_defs"] = [signature]
    return write(model.table)


def with_newer_codes(content: bytes) -> bytes:
    """Fill the newer field of each op code: TFLite Micro's compression reads no other.

    Raises
    ------
    ModelError
        It is broken.
    """
    model = unshared(content)
    _fill_newer_codes(model)
    return write(model.table)


def without_encoded_scales(content: bytes) -> bytes:
    """Remove the quantization of encoded constants, which TFLite Micro's compression leaves in.

    A vector of indices has no axis for several scales, and nothing reads them.

    Raises
    ------
    ModelError
        It is no .tflite.
    """
    model = Model(read(content))
    for op in model.operators:
        for number in op.inputs if op.name == DECODE else ():
            op.graph.tensor(number).table.drop("quantization")
    return write(model.table)


def _fill_newer_codes(model: Model) -> None:
    # A slimmed file has only the older of the two fields.
    for code in model.table.items("operator_codes"):
        code.fields["builtin_code"] = builtin_code(code)


def _named(name: str, tensors: list[int]) -> list[Table]:
    return [
        Table("TensorMap", {"name": f"{name}_{place}".encode(), "tensor_index": number})
        for place, number in enumerate(tensors)
    ]
