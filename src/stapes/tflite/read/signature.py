"""Names by which a program calls a model, for files that have none."""

from __future__ import annotations

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from stapes.tflite.read.constants import parse


def with_signature(model: bytes) -> bytes:
    """A .tflite with a signature and a name for each tensor; as it is, if it has them.

    `slim` takes both out, and tools that quantize a file want them.

    Raises
    ------
    ModelError
        It is broken.
    """
    tree = parse(model)
    for code in tree.operatorCodes:
        # Of the two fields some tools read the newer alone, which a slimmed file leaves out.
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    for graph in tree.subgraphs:
        for number, tensor in enumerate(graph.tensors):
            tensor.name = tensor.name or f"tensor_{number}".encode()
    if not tree.signatureDefs:
        main = tree.subgraphs[0]
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        signature.inputs = [_named(b"input", n, tensor) for n, tensor in enumerate(main.inputs)]
        signature.outputs = [_named(b"output", n, tensor) for n, tensor in enumerate(main.outputs)]
        tree.signatureDefs = [signature]
    builder = flatbuffers.Builder(len(model) + 4096)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _named(name: bytes, number: int, tensor: int) -> schema.TensorMapT:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name + f"_{number}".encode(), int(tensor)
    return entry
