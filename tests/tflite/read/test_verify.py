"""A file with one wrong number is refused."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.errors import ModelError
from stapes.tflite.edit.slim import slim
from stapes.tflite.edit.write import write
from stapes.tflite.format.tree import Table
from stapes.tflite.read.inspect import inspect
from stapes.tflite.read.lookup_table import candidates
from stapes.tflite.read.verify import MOST_SUBGRAPHS, called, verify

REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")


def ints(*values):
    return np.array(values, np.int32)


def graph(tree):
    return tree["subgraphs"][0]


def op(tree):
    return graph(tree)["operators"][0].fields


def tensor(tree, index=2):
    return graph(tree)["tensors"][index].fields


def quantization(tree, index=2):
    return tensor(tree, index)["quantization"].fields


def calling(*numbers):
    """An op that calls subgraphs."""
    options = Table("StablehloCaseOptions", {"branch_subgraph_indices": ints(*numbers)})
    return Table("Operator", {"builtin_options2_type": 23, "builtin_options2": options})


def sparsity(segments, indices, *, order=(0, 1), dense=3):
    parts = [
        Table("DimensionMetadata", {"dense_size": dense}),
        Table(
            "DimensionMetadata",
            {
                "format": 1,
                "array_segments_type": 1,
                "array_segments": Table("Int32Vector", {"values": ints(*segments)}),
                "array_indices_type": 3,
                "array_indices": Table("Uint8Vector", {"values": np.array(indices, np.uint8)}),
            },
        ),
    ]
    return Table("SparsityParameters", {"traversal_order": ints(*order), "dim_metadata": parts})


@pytest.mark.parametrize("name", REAL)
def test_published_models_are_accepted(models, name):
    assert verify((models / f"{name}.tflite").read_bytes()).tree.unknown == []


def test_the_small_model_is_accepted(small):
    verify(small)


WRONG = {
    "no subgraph": lambda tree: tree.fields.pop("subgraphs"),
    "no buffers": lambda tree: tree.fields.pop("buffers"),
    "no op codes": lambda tree: tree.fields.pop("operator_codes"),
    "no tensors": lambda tree: graph(tree).fields.pop("tensors"),
    "op code": lambda tree: op(tree).update(opcode_index=2),
    "op's input": lambda tree: op(tree).update(inputs=ints(0, 5, 3)),
    "op's input below -1": lambda tree: op(tree).update(inputs=ints(0, -2, 3)),
    "op's output": lambda tree: op(tree).update(outputs=ints(5)),
    "op's output below -1": lambda tree: op(tree).update(outputs=ints(-2)),
    "intermediate": lambda tree: op(tree).update(intermediates=ints(9)),
    "custom without name": lambda tree: tree["operator_codes"][1].fields.update(builtin_code=32),
    "graph's input": lambda tree: graph(tree).fields.update(inputs=ints(-1)),
    "graph's output": lambda tree: graph(tree).fields.update(outputs=ints(5)),
    "type": lambda tree: tensor(tree).update(type=99),
    "buffer": lambda tree: tensor(tree).update(buffer=6),
    "shape too large": lambda tree: tensor(tree).update(shape=ints(3, 5)),
    "shape negative": lambda tree: tensor(tree).update(shape=ints(3, -4)),
    "shape of more than memory": lambda tree: tensor(tree, 0).update(shape=ints(1 << 30, 1 << 30)),
    "dimensions": lambda tree: tensor(tree, 0).update(shape=np.ones(33, np.int32)),
    "zero points": lambda tree: quantization(tree).update(zero_point=np.zeros(2, np.int64)),
    "metadata": lambda tree: tree["metadata"][0].fields.update(buffer=6),
    "metadata buffer": lambda tree: tree.fields.update(metadata_buffer=ints(-1)),
    "signature": lambda tree: tree["signature_defs"][0].fields.update(subgraph_index=1),
    "signature's tensor": lambda tree: tree["signature_defs"][0]["inputs"][0].fields.update(
        tensor_index=5
    ),
    "external buffer": lambda tree: tree["buffers"][3].fields.update(offset=1 << 40, size=9),
    "external buffer of all": lambda tree: tree["buffers"][3].fields.update(
        offset=8, size=(1 << 64) - 1
    ),
    "external options": lambda tree: op(tree).update(
        large_custom_options_offset=1 << 40, large_custom_options_size=9
    ),
    "call": lambda tree: graph(tree)["operators"].append(calling(1)),
    "negative call": lambda tree: graph(tree)["operators"].append(calling(-1)),
    "many calls": lambda tree: graph(tree)["operators"].append(calling(*[0] * 65)),
    "call of itself": lambda tree: graph(tree)["operators"].append(calling(0)),
    "sparse order": lambda tree: tensor(tree).update(
        sparsity=sparsity([0, 1, 2, 3], [0, 1, 2], order=(0, 0))
    ),
    "sparse segments": lambda tree: tensor(tree).update(sparsity=sparsity([0, 1, 2], [0, 1, 2])),
    "sparse segments that fall": lambda tree: tensor(tree).update(
        sparsity=sparsity([0, 3, 2, 3], [0, 1, 2])
    ),
    "sparse index": lambda tree: tensor(tree).update(sparsity=sparsity([0, 1, 2, 3], [0, 1, 4])),
    "sparse size": lambda tree: tensor(tree).update(
        sparsity=sparsity([0, 1, 2, 3], [0, 1, 2], dense=2)
    ),
    "sparse data": lambda tree: tensor(tree).update(
        sparsity=sparsity([0, 4, 8, 13], [0, 1, 2, 3] * 3 + [0])
    ),
}


@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_number_is_refused_in_a_sentence(changed, how):
    with pytest.raises(ModelError, match=r"^The \.tflite is broken: .*\.$"):
        verify(changed(how))


RIGHT = {
    "optional bias": lambda tree: op(tree).update(inputs=ints(0, 2, -1)),
    "one zero point for all": lambda tree: quantization(tree).update(
        zero_point=np.zeros(1, np.int64)
    ),
    "signature of the shape": lambda tree: tensor(tree).update(shape_signature=ints(-1, 4)),
    "scalar": lambda tree: tensor(tree, 1).pop("shape"),
    "no scale, two zero points": lambda tree: quantization(tree, 0).update(
        scale=np.zeros(0, np.float32), zero_point=np.zeros(2, np.int64)
    ),
    "scales of no axis": lambda tree: quantization(tree, 3).update(quantized_dimension=3),
    "scales of a negative axis": lambda tree: quantization(tree, 3).update(quantized_dimension=-1),
    "op's output left out": lambda tree: op(tree).update(outputs=ints(4, -1)),
    "signature of another rank": lambda tree: tensor(tree).update(shape_signature=ints(3)),
    "older code below zero": lambda tree: tree["operator_codes"][1].fields.update(
        deprecated_builtin_code=-1
    ),
    "placeholder offset": lambda tree: tree["buffers"][3].fields.update(offset=1, size=1),
    "sparse": lambda tree: tensor(tree).update(sparsity=sparsity([0, 1, 2, 3], [0, 1, 3])),
}


@pytest.mark.parametrize("how", RIGHT.values(), ids=RIGHT.keys())
def test_what_interpreters_accept_is_accepted(changed, how):
    content = changed(how)
    verify(content)
    assert inspect(content).bytes == len(content)
    verify(slim(content))
    assert [candidate.role for candidate in candidates(verify(content))]


def test_two_subgraphs_that_call_each_other_are_refused():
    def model(*called_by_each):
        graphs = [
            Table("SubGraph", {"operators": [calling(n) for n in numbers]})
            for numbers in called_by_each
        ]
        codes = [Table("OperatorCode", {"builtin_code": 205})]
        buffers = [Table("Buffer", {})]
        return write(
            Table("Model", {"subgraphs": graphs, "buffers": buffers, "operator_codes": codes})
        )

    with pytest.raises(ModelError, match="calls itself"):
        verify(model([1], [0]))
    [op] = verify(model([1], [])).operators
    assert called(op.table) == [1]


def test_a_buffer_outside_the_tree_is_read(changed):
    data = b"weights behind the tree."
    place = len(changed(lambda tree: tree["buffers"][3].fields.update(offset=9, size=len(data))))
    content = changed(lambda tree: tree["buffers"][3].fields.update(offset=place, size=len(data)))
    assert verify(content + data).buffers[3].tobytes() == data


def test_shared_parts_are_checked_once():
    inputs = np.zeros(200_000, np.int32)
    ops = [Table("Operator", {"inputs": inputs, "debug_metadata_index": n}) for n in range(5_000)]
    tensors = [Table("Tensor", {"type": 9})] * 5_000
    graph = Table("SubGraph", {"tensors": tensors, "operators": ops})
    model = Table(
        "Model",
        {
            "subgraphs": [graph] * MOST_SUBGRAPHS,
            "buffers": [Table("Buffer", {})],
            "operator_codes": [Table("OperatorCode", {})],
        },
    )
    content = write(model)
    verify(content)
