"""ESPHome takes the models that its devices run, and has all reasons against another."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.tflite.models_by_hand import OP, TYPE, dense, model, op, packed, tensor

from stapes.targets.esphome import FEATURES, OPS, attempt, obstacles
from stapes.tflite.edit.slim import slim


def streaming(code=OP.FULLY_CONNECTED, shape=(1, 3, FEATURES), input_type=TYPE.INT8,
              output_type=TYPE.UINT8, outputs=(1, 1), handles=0):  # fmt: skip
    """A model of one op of the component's input and output, with resource variables."""
    weights = np.ones((1, FEATURES), np.int8)
    tensors = [
        tensor(shape, "x", kind=input_type),
        tensor(weights.shape, "w", weights),
        tensor(outputs, "y", kind=output_type),
    ]
    ops = [op(code, (0, 1, -1), (2,), custom=b"MINE" if code == OP.CUSTOM else b"")]
    for number in range(handles):
        options = schema.VarHandleOptionsT()
        options.container, options.sharedName = b"", f"state_{number // 2}".encode()
        tensors.append(tensor((), kind=TYPE.RESOURCE))
        ops.append(op(OP.VAR_HANDLE, (), (len(tensors) - 1,), options))
    return model(tensors, ops, (0,), (2,))


@pytest.mark.parametrize("name", ["alexa", "hey_jarvis"])
def test_it_takes_the_models_of_its_devices_slimmed_or_not(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    for file in (content, slim(content)):
        result = attempt(file).result
        assert (result.runs, result.reason) == (True, None)


@pytest.mark.parametrize(
    ("name", "shape", "output"),
    [
        ("mlperf_tiny_kws", "[1, 49, 10, 1]", "int8 [1, 12]"),
        ("micro_speech_quantized", "[1, 1960]", "int8 [1, 4]"),
    ],
)
def test_another_model_has_all_reasons(models, name, shape, output):
    result = attempt((models / f"{name}.tflite").read_bytes()).result
    assert not result.runs
    assert result.reason == (
        f"SOFTMAX is not among its ops; its input is int8 {shape}, not int8 [1, stride, 40]; "
        f"its output is {output}, not uint8 [1, 1]"
    )


def test_a_model_by_hand_meets_the_conditions():
    assert obstacles(streaming()) == []
    assert len(OPS) == 20


@pytest.mark.parametrize("name", sorted(OPS))
def test_each_registered_op_is_known_to_the_schema(name):
    assert hasattr(OP, name)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": OP.SOFTMAX}, "SOFTMAX is not among its ops"),
        ({"code": OP.CUSTOM}, "MINE is not among its ops"),
        ({"shape": (1, FEATURES)}, "its input is int8 [1, 40], not int8 [1, stride, 40]"),
        ({"shape": (2, 3, 40)}, "its input is int8 [2, 3, 40], not int8 [1, stride, 40]"),
        ({"shape": (1, 256, 40)}, "its input is int8 [1, 256, 40], not int8 [1, stride, 40]"),
        ({"shape": (1, 3, 41)}, "its input is int8 [1, 3, 41], not int8 [1, stride, 40]"),
        ({"input_type": TYPE.FLOAT32}, "its input is float32 [1, 3, 40], not int8 [1, stride, 40]"),
        ({"output_type": TYPE.INT8}, "its output is int8 [1, 1], not uint8 [1, 1]"),
        ({"outputs": (1, 2)}, "its output is uint8 [1, 2], not uint8 [1, 1]"),
        ({"handles": 42}, "it has 21 resource variables, more than 20"),
    ],
)
def test_each_condition_is_checked_alone(changes, reason):
    assert obstacles(streaming(**changes)) == [reason]


def test_resource_variables_are_counted_by_their_names():
    assert obstacles(streaming(handles=40)) == []


def test_another_schema_is_refused():
    root = schema.ModelT.InitFromPackedBuf(bytearray(streaming()), 0)
    root.version = 2
    assert obstacles(packed(root)) == ["its schema is 2, not 3"]


def test_a_broken_file_is_a_refusal():
    result = attempt(dense()[:200]).result
    assert not result.runs
    assert "broken" in (result.reason or "")


def test_two_inputs_are_one_too_many():
    content = model([tensor((1, 40)), tensor((1, 40)), tensor((1, 1), kind=TYPE.UINT8)],
                    [op(OP.ADD, (0, 1), (2,))], (0, 1), (2,))  # fmt: skip
    assert obstacles(content) == ["it has 2 inputs, not one"]
