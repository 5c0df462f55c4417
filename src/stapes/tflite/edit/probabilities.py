"""Add to a float model what makes probabilities of its logits."""

from __future__ import annotations

from stapes.tflite.edit.building import Builder, vector
from stapes.tflite.edit.unshared import unshared
from stapes.tflite.edit.write import write


def with_probabilities(content: bytes) -> bytes:
    """A softmax after the first output, along its last axis; a sigmoid if that has one element.

    Raises
    ------
    ModelError
        It is broken.
    """
    model = unshared(content)
    graph = model.graphs[0]
    builder = Builder(model.table, graph.table["tensors"])
    logits = graph.outputs[0]
    shape = graph.tensor(logits).shape
    number = builder.tensor(shape, graph.tensor(logits).type)
    if shape[-1:] == [1]:
        op = builder.operator("LOGISTIC", [logits], [number])
    else:
        op = builder.operator("SOFTMAX", [logits], [number], beta=1.0)
    graph.table["operators"].append(op)
    graph.table.fields["outputs"] = vector([number, *graph.outputs[1:]])
    for signature in model.table.items("signature_defs"):
        for entry in signature.items("outputs") if not signature["subgraph_index"] else ():
            if entry["tensor_index"] == logits:
                entry.fields["tensor_index"] = number
    return write(model.table)
