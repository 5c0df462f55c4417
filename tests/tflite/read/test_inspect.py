"""Inspect gives what TensorFlow's analyzer prints, and more, without TensorFlow."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.tflite.models_by_hand import OP, TYPE, dense, model, op, packed, tensor

from stapes.contracts.inspection import Inspection
from stapes.errors import ModelError
from stapes.tflite.edit.write import write
from stapes.tflite.format.tree import Table
from stapes.tflite.read.inspect import MOST_ITEMS, inspect

REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")
look: Any = inspect
"""A test knows what is None."""

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None or importlib.util.find_spec("tf_keras") is None,
    reason="needs the extra `train`",
)


def match(pattern: str, text: str) -> Any:
    return re.search(pattern, text)


def whole(pattern: str, text: str) -> Any:
    return re.fullmatch(pattern, text, re.DOTALL)


def printed(content):
    """The output of TensorFlow's analyzer."""
    from stapes.models.backend import tensorflow

    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        tensorflow().lite.experimental.Analyzer.analyze(model_content=content)
    return text.getvalue()


def numbers(text):
    """The tensor numbers in a text like `T#1_3, T#-1`; only subgraph 0 has no first number."""
    return [int(number) for number in re.findall(r"T#(?:\d+_)?(-?\d+)", text)]


def analyzed(content):
    """The analyzer's text as data, of the form of `inspected`."""
    text = printed(content)
    graphs = []
    parts = re.split(r"\n(?=Subgraph#\d+)", text)[1:]
    for part in parts:
        head, _, rest = part.partition("\n")
        name, *ends = whole(r"Subgraph#\d+ ?(.*)\((.*)\) -> \[(.*)\]", head).groups()
        above, _, below = rest.partition("\nTensors of Subgraph#")
        ops = []
        for line in re.findall(r"  (Op#.*)", above):
            kind, inputs, outputs = whole(r"Op#\d+ (\w+)\((.*)\) -> \[(.*)\]", line).groups()
            # In brackets are the values of a constant.
            inputs = re.sub(r"\[.*?\]", "", inputs)
            calls = [int(number) for number in re.findall(r"Subgraph#(\d+)", inputs)]
            ops.append((kind, numbers(inputs), numbers(outputs), calls))
        tensors = []
        below = below.split("\n\n")[0].rstrip("-\n")
        for item in re.split(r"\n  (?=T#)", below)[1:]:
            fields = whole(
                r"T#[\d_]+\((.*)\) (shape|shape_signature):\[(.*?)\], type:(\w+)"
                r"(?: RO (\d+) bytes, buffer: (\d+), data:\[(.*)\])?\s*",
                item,
            )
            label, kind, shape, dtype, size, buffer, values = fields.groups()
            shape = [int(size) for size in shape.split(", ")] if shape else []
            constant = (int(size), int(buffer), values) if size else None
            tensors.append((label, kind, shape, dtype, constant))
        graphs.append((name, *map(numbers, ends), ops, tensors))
    signatures = [
        (
            match(r"key: '(.*)'", part)[1],
            int(match(r"- Subgraph: Subgraph#(\d+)", part)[1]),
            [re.findall(r"'(.*)' : T#(?:\d+_)?(\d+)", side) for side in part.split("- Outputs:")],
        )
        for part in re.split(r"\n(?=Signature#)", text)[1:]
    ]
    sizes = [
        int(match(rf"{name}\s*:\s+(\d+) bytes", text)[1])
        for name in ("Model size", "Total data buffer size", r"\(Zero value buffers\)")
    ]
    by_graph = [int(size) for size in re.findall(r"- Subgraph#\d+\s*:\s+(\d+) bytes", text)]
    return graphs, signatures, sizes, by_graph


def rendered(tensor, most=5):
    """A constant's first values as the analyzer prints them: bytes as letters."""
    if tensor.type in ("INT8", "UINT8"):
        values = [chr(value % 256) if 32 <= value < 127 or value == 10 else "." for value in
                 tensor.first_values[:most]]  # fmt: skip
    else:
        values = [f"{value:g}" for value in tensor.first_values[:most]]
    return ", ".join([*values, "..."] if tensor.statistics.values > most else values)


def inspected(content):
    """The inspection's share of what the analyzer prints."""
    inspection = look(content)
    graphs = []
    for graph in inspection.subgraphs:
        ops = [(op.name, op.inputs, op.outputs, op.calls) for op in graph.ops]
        tensors = []
        for row in graph.tensors:
            shape = ("shape", row.shape)
            if row.shape_signature:
                shape = ("shape_signature", row.shape_signature)
            constant = (row.bytes, row.buffer, rendered(row)) if row.bytes else None
            tensors.append((row.name, *shape, row.type, constant))
        graphs.append((graph.name, graph.inputs, graph.outputs, ops, tensors))
    signatures = [
        (
            signature.key,
            signature.subgraph,
            [
                [(n.name, str(n.tensor)) for n in side]
                for side in (signature.inputs, signature.outputs)
            ],
        )
        for signature in inspection.signatures
    ]
    sizes = [inspection.bytes, inspection.data_bytes, inspection.zero_bytes]
    by_graph = [graph.data_bytes for graph in inspection.subgraphs]
    return graphs, signatures, sizes, by_graph if len(by_graph) > 1 else []


@needs_tensorflow
@pytest.mark.parametrize("name", REAL)
def test_published_models_are_as_the_analyzer_prints_them(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    for ours, theirs in zip(inspected(content), analyzed(content), strict=True):
        assert ours == theirs


@needs_tensorflow
@pytest.mark.parametrize("way", ["convert", "dynamic", "int8"])
def test_a_fresh_keras_model_is_as_the_analyzer_prints_it(way):
    from stapes.models.backend import keras, start_over, tensorflow

    start_over(0)
    layers = keras().layers
    network = keras().Sequential(
        [
            layers.Input((8, 6, 1), batch_size=1),
            layers.Conv2D(4, 3, activation="relu"),
            layers.DepthwiseConv2D(2),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    lite = tensorflow().lite
    converter = lite.TFLiteConverter.from_keras_model(network)
    if way != "convert":
        converter.optimizations = [lite.Optimize.DEFAULT]
    if way == "int8":
        rng = np.random.default_rng(0)
        data = rng.normal(size=(8, 1, 8, 6, 1)).astype(np.float32)
        converter.representative_dataset = lambda: ([sample] for sample in data)
    content = converter.convert()
    for ours, theirs in zip(inspected(content), analyzed(content), strict=True):
        assert ours == theirs


def test_a_dense_layer_by_hand():
    content = dense(scale=[0.5, 0.25, 0.125], zero_point=[0, 0, 0])
    inspection = look(content)
    assert inspection.bytes == len(content)
    (graph,) = inspection.subgraphs
    assert (graph.name, graph.inputs, graph.outputs) == ("main", [0], [3])
    (layer,) = graph.ops
    assert (layer.name, layer.custom, layer.inputs, layer.outputs) == (
        "FULLY_CONNECTED", False, [0, 1, 2], [3],
    )  # fmt: skip
    assert (layer.macs, layer.parameters) == (12, 15)
    x, kernel, bias, y = graph.tensors
    assert [tensor.role for tensor in graph.tensors] == [None, "weight", "bias", None]
    assert [tensor.name for tensor in graph.tensors] == ["x", "kernel", "bias", "y"]
    assert (kernel.type, kernel.shape, kernel.bytes, kernel.buffer) == ("INT8", [3, 4], 12, 1)
    assert kernel.quantization.scale == [0.5, 0.25, 0.125]
    assert (kernel.quantization.zero_point, kernel.quantization.axis) == ([0, 0, 0], 0)
    assert kernel.first_values == list(range(8))
    assert (kernel.statistics.zeros, kernel.statistics.distinct) == (1, 12)
    assert kernel.statistics.entropy_bits == pytest.approx(np.log2(12))
    assert kernel.statistics.compliance_2by4 == 0
    assert bias.first_values == [7, 0, -7]
    assert (x.statistics, y.first_values, x.quantization) == (None, [], None)


def test_zeros_stand_for_zero_in_each_channel():
    kernel = np.array([[3, 3, 0, 1], [0, 0, 0, 5], [7, 7, 7, 7]], np.int8)
    inspection = look(dense(kernel, scale=[1, 1, 1], zero_point=[3, 0, 7]))
    statistics = inspection.subgraphs[0].tensors[1].statistics
    assert statistics.zeros == 2 + 3 + 4
    assert statistics.compliance_2by4 == 1


def test_a_calibration_range_alone_is_no_quantization(changed):
    def keep_range(root: Table) -> None:
        quantization = root["subgraphs"][0]["tensors"][0]["quantization"]
        for name in ("scale", "zero_point"):
            del quantization.fields[name]

    assert look(changed(keep_range)).subgraphs[0].tensors[0].quantization is None


def test_a_custom_op_has_its_own_name():
    content = model([tensor((1,)), tensor((1,))], [op(OP.CUSTOM, (0,), (1,), custom=b"MyOp")])
    (custom,) = look(content).subgraphs[0].ops
    assert (custom.name, custom.custom) == ("MyOp", True)


def test_a_missing_input_is_minus_one():
    content = model([tensor((1, 4)), tensor((3, 4)), tensor((1, 3))],
                    [op(OP.FULLY_CONNECTED, (0, 1, -1), (2,))])  # fmt: skip
    assert look(content).subgraphs[0].ops[0].inputs == [0, 1, -1]


def test_a_streaming_model_has_its_states(models):
    inspection = look((models / "hey_jarvis.tflite").read_bytes())
    main, first_states = inspection.subgraphs
    assert main.ops[0].calls == [1]
    assert sum(op.name == "VAR_HANDLE" for op in main.ops) == 6
    assert {tensor.type for tensor in main.tensors} == {"INT8", "UINT8", "INT32", "RESOURCE"}
    # The initial state is silence, the zero point.
    for state in first_states.tensors:
        if state.statistics is not None:
            assert state.statistics.zeros == state.statistics.values
            assert state.role == "constant"


def test_the_document_can_be_read_back(small):
    odd = model([tensor((4,), values=np.array([np.nan, np.inf, -np.inf, 1], np.float32)),
                 tensor((2,), values=np.array([True, False]))], [])  # fmt: skip
    for content in (small, dense(), odd):
        inspection = look(content)
        text = inspection.model_dump_json(by_alias=True)
        assert json.loads(text)["schema"] == 1
        again = Inspection.model_validate_json(text)
        assert again.model_dump_json(by_alias=True) == text


def test_it_needs_no_tensorflow(tmp_path):
    path = tmp_path / "dense.tflite"
    path.write_bytes(dense())
    code = (
        "import sys, pathlib; from stapes.tflite.read.inspect import inspect; "
        "inspect(pathlib.Path(sys.argv[1]).read_bytes()); "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('tensorflow', 'tf_keras', 'keras')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("content", [b"", b"TFL3", bytes(100), b"\x1c\0\0\0TFL3" + bytes(40)])
def test_another_file_is_refused(content):
    with pytest.raises(ModelError):
        look(content)


def test_a_constant_longer_than_its_shape_has_no_values(changed):
    def shorten(root: Table) -> None:
        root["subgraphs"][0]["tensors"][1].fields["shape"] = np.array([9], np.int32)

    constant = look(changed(shorten)).subgraphs[0].tensors[1]
    assert (constant.bytes, constant.first_values, constant.statistics) == (40, [], None)


def test_a_small_file_cannot_become_a_large_document():
    # 100 subgraphs share 1,000 tensors, which are one table.
    one = Table("Tensor", {"name": b"n" * 1000, "shape": np.array([1], np.int32)})
    graph = Table("SubGraph", {"tensors": [one] * 1000})
    content = write(Table("Model", {"subgraphs": [graph] * 100, "buffers": [Table("Buffer", {})]}))
    assert len(content) < 10_000
    assert len(content) * 100 < MOST_ITEMS
    with pytest.raises(ModelError, match="holds more than any model"):
        look(content)


def test_one_constant_under_many_shapes_is_bounded():
    data = np.zeros(1 << 22, np.int8)
    tensors = [tensor((1, 1 << 22), "first", data)]
    tensors += [tensor((1 << (n % 10), 1 << (22 - n % 10)), str(n)) for n in range(40)]
    for entry, _ in tensors[1:]:
        entry.type, entry.quantization = TYPE.INT8, schema.QuantizationParametersT()
        entry.quantization.scale, entry.buffer = [1.0], 1
    content = model(tensors, [])
    with pytest.raises(ModelError, match="more values than any model"):
        look(content)


def test_a_shared_constant_is_read_once():
    data = np.zeros(1 << 22, np.int8)
    tensors = [tensor((1 << 22,), "first", data)]
    for n in range(200):
        entry, _ = tensor((1 << 22,), str(n), kind=TYPE.INT8)
        entry.buffer = 1
        tensors.append((entry, None))
    inspection = look(model(tensors, []))
    assert {tensor.statistics.zeros for tensor in inspection.subgraphs[0].tensors} == {1 << 22}


def test_equal_models_have_equal_inspections(small):
    root = schema.ModelT.InitFromPackedBuf(bytearray(small), 0)
    ours, theirs = look(small), look(packed(root))
    assert ours.subgraphs == theirs.subgraphs
    assert ours.signatures == theirs.signatures
