"""The view agrees with models made by hand, and with LiteRT's interpreter for real ones."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tests.tflite.models_by_hand import OP, TYPE, dense, model, op, packed, tensor, unpacked

from stapes.tflite.format.tree import Table, Tree
from stapes.tflite.graph import DTYPES, OP_NAMES, TYPE_NAMES, Model, builtin_code
from stapes.tflite.read.verify import verify

REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")


def test_a_dense_layer_by_its_names_types_shapes_and_data():
    view = verify(dense(scale=(0.5, 0.25, 0.125), zero_point=(0, 1, 2), axis=0))
    [graph] = view.graphs
    assert view.version == 3
    assert (graph.number, graph.inputs, graph.outputs) == (0, [0], [3])
    assert [t.name for t in graph.tensors] == ["x", "kernel", "bias", "y"]
    assert [t.type for t in graph.tensors] == ["INT8", "INT8", "INT32", "INT8"]
    assert [t.shape for t in graph.tensors] == [[1, 4], [3, 4], [3], [1, 3]]
    assert [t.elements for t in graph.tensors] == [4, 12, 3, 3]
    assert [t.buffer for t in graph.tensors] == [0, 1, 2, 0]
    assert [len(t.data) for t in graph.tensors] == [0, 12, 12, 0]
    assert [len(data) for data in view.buffers] == [0, 12, 12]
    assert graph.tensor(2).data.view("<i4").tolist() == [7, 0, -7]
    quantization = graph.tensor(1).quantization
    assert quantization.scales.tolist() == [0.5, 0.25, 0.125]
    assert quantization.zero_points.tolist() == [0, 1, 2]
    assert quantization.axis == 0
    assert quantization.by_scales


def test_an_operator_by_its_name_tensors_and_options():
    [layer] = verify(dense()).operators
    assert (layer.builtin, layer.name, layer.number) == ("FULLY_CONNECTED",) * 2 + (0,)
    assert (layer.inputs, layer.outputs) == ([0, 1, 2], [3])
    kernel, output = layer.input(1), layer.output(0)
    assert kernel is not None
    assert output is not None
    assert (kernel.name, output.name) == ("kernel", "y")
    assert layer.input(3) is layer.output(1) is None
    assert layer.option("keep_num_dims") is False
    assert layer.option("filter_width") is None


def test_a_missing_input_is_no_tensor():
    parts = [tensor((1, 4)), tensor((3, 4)), tensor((1, 3))]
    [layer] = verify(model(parts, [op(OP.FULLY_CONNECTED, (0, 1, -1), (2,))])).operators
    assert layer.inputs == [0, 1, -1]
    assert layer.input(2) is None
    assert layer.options is layer.option("keep_num_dims") is None


def test_a_custom_operator_has_its_own_name_and_an_unknown_one_its_number():
    parts = [tensor((1,)), tensor((1,))]
    # The builtin name is CUSTOM, even if the own name is a builtin one's.
    custom = op(OP.CUSTOM, (0,), (1,), custom=b"CONV_2D")
    newer = op(max(OP_NAMES) + 1, (0,), (1,))
    first, second = verify(model(parts, [custom, newer])).operators
    assert (first.builtin, first.name) == ("CUSTOM", "CONV_2D")
    assert second.builtin == second.name == f"BUILTIN_{max(OP_NAMES) + 1}"


@pytest.mark.parametrize(("newer", "older", "number"), [(9, 9, 9), (0, 9, 9), (150, 127, 150)])
def test_either_field_may_hold_the_number_of_an_operator(newer, older, number):
    fields = {"builtin_code": newer, "deprecated_builtin_code": older}
    assert builtin_code(Table("OperatorCode", {**fields})) == number


def test_missing_fields_are_empty():
    bare = Table("Tensor", {"type": 0})
    root = Table("Model", {"subgraphs": [Table("SubGraph", {"tensors": [bare]})]})
    view = Model(Tree(b"", root, {}, []))
    [only] = view.graphs[0].tensors
    assert (only.name, only.shape, only.elements, only.buffer) == ("", [], 1, 0)
    assert not only.is_variable
    assert len(only.quantization.scales) == len(only.quantization.zero_points) == 0
    assert only.quantization.range is None
    assert not view.operators + view.buffers + view.metadata + view.graphs[0].inputs


def test_the_range_of_calibration_and_custom_quantization():
    root = unpacked(dense(scale=(1.0,)))
    quantization = root.subgraphs[0].tensors[1].quantization
    quantization.min, quantization.max = [-2.0], [1.5, 3.0]
    quantization.detailsType = schema.QuantizationDetails.CustomQuantization
    quantization.details = schema.CustomQuantizationT()
    view = verify(packed(root)).graphs[0].tensor(1).quantization
    assert view.range == (-2.0, 3.0)
    assert not view.by_scales


def test_graphs_variables_and_metadata():
    root = unpacked(dense())
    root.subgraphs.append(unpacked(model([tensor((2,), "state")], [])).subgraphs[0])
    root.subgraphs[1].tensors[0].isVariable = True
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"notes", 2
    root.metadata = [entry]
    view = verify(packed(root))
    assert [graph.number for graph in view.graphs] == [0, 1]
    assert [t.is_variable for t in view.graphs[1].tensors] == [True]
    assert [t.graph.number for graph in view.graphs for t in graph.tensors] == [0] * 4 + [1]
    assert view.metadata == [("notes", 2)]


def test_a_change_of_a_table_is_visible():
    [graph] = verify(dense()).graphs
    graph.tensor(0).table.fields["name"] = b"other"
    assert graph.tensors[0].name == "other"


def test_every_type_has_its_name():
    assert TYPE_NAMES[TYPE.INT4] == "INT4"
    assert sorted(TYPE_NAMES) == list(range(23))
    assert DTYPES["INT16"] == np.dtype("<i2")
    assert not {"INT4", "BFLOAT16", "STRING"} & set(DTYPES)
    assert OP_NAMES[3] == "CONV_2D"


@pytest.mark.parametrize("name", REAL)
def test_litert_reads_the_same(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    graph = verify(content).graphs[0]
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=plain)
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    assert graph.inputs == [detail["index"] for detail in interpreter.get_input_details()]
    assert graph.outputs == [detail["index"] for detail in interpreter.get_output_details()]
    compared = 0
    for ours in graph.tensors:
        if ours.number not in details or ours.type in ("RESOURCE", "STRING"):
            continue
        theirs = details[ours.number]
        scales = theirs["quantization_parameters"]
        assert ours.name == theirs["name"]
        assert DTYPES[ours.type] == np.dtype(theirs["dtype"])
        assert ours.shape == theirs["shape"].tolist()
        np.testing.assert_array_equal(ours.quantization.scales, scales["scales"])
        if len(ours.quantization.scales):
            np.testing.assert_array_equal(ours.quantization.zero_points, scales["zero_points"])
        compared += 1
    assert compared > 5
    ops = interpreter._get_ops_details()
    assert [op.name for op in graph.operators] == [op["op_name"] for op in ops]
    assert [op.inputs for op in graph.operators] == [list(op["inputs"]) for op in ops]
    assert [op.outputs for op in graph.operators] == [list(op["outputs"]) for op in ops]
