"""What the tools of others ask of a file, and what they leave wrong in it."""

from __future__ import annotations

from stapes.tflite.edit.unshared import unshared
from stapes.tflite.edit.write import write
from stapes.tflite.format.reader import read
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import Model, builtin_code
from stapes.tflite.read.lookup_table import DECODE
from stapes.tflite.read.verify import verify


def with_signature(content: bytes) -> bytes:
    """A .tflite with a signature and a name for each tensor: ai-edge-quantizer needs both.

    `slim` takes both out. What the file has stays.

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
    """A .tflite for TFLite Micro's compression, which reads the newer field of an op code alone.

    Raises
    ------
    ModelError
        It is broken.
    """
    model = verify(content)
    _fill_newer_codes(model)
    return write(model.table)


def without_encoded_scales(content: bytes) -> bytes:
    """What TFLite Micro's compression gave, without the quantization of encoded constants.

    The package leaves it in. A vector of indices has no scales along an axis: such a file is
    broken, and `verify` refuses it.

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
    # A slimmed file leaves the newer of the two fields out.
    for code in model.table.items("operator_codes"):
        code.fields["builtin_code"] = builtin_code(code)


def _named(name: str, tensors: list[int]) -> list[Table]:
    return [
        Table("TensorMap", {"name": f"{name}_{place}".encode(), "tensor_index": number})
        for place, number in enumerate(tensors)
    ]
