"""slim removes what no interpreter reads, and the rest computes the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tests.tflite.models_by_hand import packed, two_signatures, unpacked
from tests.tflite.windows import Layer, window_model

from stapes.errors import ModelError
from stapes.targets.proof import prove
from stapes.tflite.edit.slim import slim
from stapes.tflite.format.reader import read
from stapes.tflite.format.spans import spans
from stapes.tflite.format.tree import Table
from stapes.tflite.read.constants import constants
from stapes.tflite.read.signatures import other_signatures
from stapes.tflite.read.verify import verify

REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")
RUNTIMES = ("any", "tflm")


def run(model, x):
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def tensors(model):
    return read(model).root["subgraphs"][0]["tensors"]


@pytest.mark.parametrize(
    ("name", "runtime", "most"),
    [
        ("mlperf_tiny_kws", "tflm", 29_400),
        ("mlperf_tiny_kws", "any", 30_300),
        ("hey_jarvis", "tflm", 34_200),
        ("hey_jarvis", "any", 35_200),
        ("alexa", "tflm", 37_000),
        ("alexa", "any", 38_000),
        ("micro_speech_quantized", "tflm", 17_800),
        ("micro_speech_quantized", "any", 18_000),
    ],
)
def test_published_models_become_this_small(models, name, runtime, most):
    assert len(slim((models / f"{name}.tflite").read_bytes(), runtime=runtime)) <= most


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", REAL)
def test_slimming_again_changes_nothing(models, name, runtime):
    once = slim((models / f"{name}.tflite").read_bytes(), runtime=runtime)
    assert slim(once, runtime=runtime) == once
    verify(once)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", REAL)
def test_every_weight_and_bias_stays(models, name, runtime):
    content = (models / f"{name}.tflite").read_bytes()
    before, after = constants(content), constants(slim(content, runtime=runtime))
    roles = [[(constant.op, constant.role) for constant in model] for model in (before, after)]
    assert roles[0] == roles[1]
    for was, now in zip(before, after, strict=True):
        np.testing.assert_array_equal(was.values, now.values)


@pytest.mark.parametrize("keep", [set(), {"bias_scales"}])
@pytest.mark.parametrize("name", REAL)
def test_litert_sees_the_same_inputs_and_outputs(models, name, keep):
    content = (models / f"{name}.tflite").read_bytes()
    details = []
    for model in (content, slim(content, keep=keep)):
        interpreter = Interpreter(model_content=model)
        ends = (*interpreter.get_input_details(), *interpreter.get_output_details())
        details.append(
            [
                (*end["shape"], *end["shape_signature"], end["dtype"], end["quantization"])
                for end in ends
            ]
        )
    assert details[0] == details[1]


def test_the_small_model_computes_the_same(small):
    x = np.array([[1, -2, 100, -128]], np.int8)
    for keep in (set(), {"bias_scales"}):
        np.testing.assert_array_equal(run(slim(small, keep=keep), x), run(small, x))


def test_what_no_interpreter_reads_is_removed(small):
    slimmed = slim(small)
    assert len(slimmed) < 0.6 * len(small)
    owners = {span.owner for span in spans(read(slimmed))}
    assert not {owner for owner in owners if owner.endswith((".name", ".min", ".max"))}
    model = read(slimmed).root
    assert set(model.fields) == {"version", "operator_codes", "subgraphs", "buffers"}
    # Without the unused tensor, its buffer, the metadata's and the second empty one.
    assert len(model["subgraphs"][0]["tensors"]) == 4
    assert [len(buffer.items("data")) for buffer in model["buffers"]] == [0, 12, 12]
    assert [code["deprecated_builtin_code"] for code in model["operator_codes"]] == [9]
    assert model["subgraphs"][0]["operators"][0]["debug_metadata_index"] == -1


def test_parts_in_keep_stay(small):
    slimmed = slim(small, keep={"names", "signatures", "metadata"})
    model = read(slimmed).root
    names = [tensor["name"] for tensor in model["subgraphs"][0]["tensors"]]
    assert names == [
        b"serving_default_x:0",
        b"dense/kernel",
        b"dense/bias",
        b"StatefulPartitionedCall:0",
    ]
    [entry] = model["metadata"]
    assert model["buffers"][entry["buffer"]]["data"].tobytes().startswith(b"1.5.0")
    runner = Interpreter(model_content=slimmed).get_signature_runner("serving_default")
    x = np.array([[1, -2, 100, -128]], np.int8)
    np.testing.assert_array_equal(runner(x=x)["y"], run(small, x))
    assert len(slim(small)) < len(slim(small, keep={"names"})) < len(slimmed) < len(small)


def test_biases_keep_their_own_scales_on_request(small):
    bias = tensors(slim(small, keep={"bias_scales"}))[2]["quantization"]
    np.testing.assert_allclose(bias["scale"], [0.005, 0.01, 0.015])
    assert len(bias["zero_point"]) == 3


def test_biases_point_at_their_kernels_scales(small):
    _, kernel, bias, _ = tensors(slim(small))
    assert bias["quantization"]["scale"] is kernel["quantization"]["scale"]


def test_equal_biases_of_one_length_are_one_tensor():
    """As layers without a bias have: a bias of zeros each, of other scales."""
    content = window_model([Layer(4), Layer(None, 3), Layer(None, 2), Layer(3)])
    root = unpacked(content)
    graph = root.subgraphs[0]
    convolutions = [op for op in graph.operators if len(op.inputs) == 3]
    for op in convolutions[:3]:
        root.buffers[graph.tensors[op.inputs[2]].buffer].data = np.zeros(16, np.uint8)
    content = packed(root)
    slimmed = slim(content)
    slots = [op.inputs[2] for op in verify(slimmed).operators if len(op.inputs) == 3]
    assert slots[0] == slots[1] == slots[2]
    assert len(set(slots)) == 3
    assert prove(content, slimmed, inputs=20, isolate=False).equal


def test_tflite_micro_needs_no_scales_of_biases_and_one_zero_point(small):
    _, kernel, bias, _ = tensors(slim(small, runtime="tflm"))
    assert bias["quantization"] is None
    assert len(kernel["quantization"]["scale"]) == 3
    assert kernel["quantization"]["zero_point"].tolist() == [0]


def test_a_bias_whose_scale_tflite_micro_compares_keeps_it(changed):
    """One scale for the layer, and a product of scales that is not small against the output's."""

    def one_scale(tree):
        _, _, kernel, bias, _ = tree["subgraphs"][0]["tensors"]
        for tensor, scale in ((kernel, 0.5), (bias, 0.25)):
            tensor["quantization"].fields["scale"] = np.array([scale], np.float32)
            tensor["quantization"].fields["zero_point"] = np.zeros(1, np.int64)

    bias = tensors(slim(changed(one_scale), runtime="tflm"))[2]
    assert bias["quantization"]["scale"].tolist() == [0.25]


def test_a_bias_that_is_an_output_too_keeps_its_scales(changed):
    def as_output(tree):
        tree["subgraphs"][0].fields["outputs"] = np.array([4, 3], np.int32)

    bias = tensors(slim(changed(as_output), runtime="tflm"))[2]
    assert len(bias["quantization"]["scale"]) == 3


def test_metadata_for_interpreters_and_its_tensor_numbers_stay(changed):
    def planned(tree):
        tree["metadata"].append(
            Table("Metadata", {"name": b"OfflineMemoryAllocation", "buffer": 5})
        )

    slimmed = slim(changed(planned))
    [entry] = read(slimmed).root["metadata"]
    assert entry["name"] == b"OfflineMemoryAllocation"
    assert len(tensors(slimmed)) == 5


def test_a_shape_signature_that_differs_from_the_shape_stays(changed):
    def dynamic(tree):
        first, *_, last = tree["subgraphs"][0]["tensors"]
        first.fields["shape_signature"] = np.array([-1, 4], np.int32)
        last.fields["shape_signature"] = np.array([1, 3], np.int32)

    model = changed(dynamic)
    signatures = [tensor["shape_signature"] for tensor in tensors(slim(model))]
    assert signatures[0].tolist() == [-1, 4]
    assert signatures[1:] == [None, None, None]
    assert tensors(slim(model, runtime="tflm"))[0]["shape_signature"] is None


def test_equal_constants_become_one(changed):
    def twice(tree):
        graph = tree["subgraphs"][0]
        _, _, kernel, _, _ = graph["tensors"]
        other = Table("Tensor", {**kernel.fields, "name": b"again", "buffer": 6})
        tree["buffers"].append(Table("Buffer", dict(tree["buffers"][1].fields)))
        graph["tensors"].append(other)
        op = graph["operators"][0]
        second = dict(op.fields) | {
            "inputs": np.array([0, 5, 3], np.int32),
            "outputs": np.array([6], np.int32),
        }
        graph["tensors"].append(Table("Tensor", dict(graph["tensors"][4].fields)))
        graph["operators"].append(Table("Operator", second))
        graph.fields["outputs"] = np.array([4, 6], np.int32)

    model = changed(twice)
    graph = read(slim(model)).root["subgraphs"][0]
    first, second = graph["operators"]
    assert first["inputs"].tolist() == second["inputs"].tolist()
    assert first["outputs"].tolist() != second["outputs"].tolist()
    assert len(graph["tensors"]) == 5


def test_data_outside_the_tree_moves_inside(changed, tree):
    data = tree["buffers"][1]["data"].tobytes()

    def outside(place):
        def how(tree):
            buffer = tree["buffers"][1].fields
            buffer.pop("data")
            buffer.update(offset=place, size=len(data))

        return how

    place = len(changed(outside(9)))
    place += -place % 16
    content = changed(outside(place)).ljust(place, b"\0") + data
    x = np.array([[1, -2, 100, -128]], np.int8)
    np.testing.assert_array_equal(run(slim(content), x), run(content, x))
    assert "external" not in {span.kind for span in spans(read(slim(content)))}


def test_a_newer_schema_is_refused(changed):
    def newer(tree):
        tree["subgraphs"][0]["operators"][0].fields["builtin_options_type"] = 250

    with pytest.raises(ModelError, match="newer"):
        slim(changed(newer))


def test_names_of_variables_stay(models):
    content = (models / "hey_jarvis.tflite").read_bytes()

    def variables(model):
        graphs = read(model).root["subgraphs"]
        options = [op["builtin_options"] for graph in graphs for op in graph["operators"]]
        return [
            (table["container"], table["shared_name"])
            for table in options
            if table is not None and table.kind == "VarHandleOptions"
        ]

    assert variables(slim(content, runtime="tflm")) == variables(content)
    assert len(set(variables(content))) == 6


@pytest.fixture(scope="module")
def fuzz():
    """The fuzzer of the benchmarks: they are no package."""
    path = Path(__file__).parents[3] / "benchmarks" / "fuzz.py"
    spec = importlib.util.spec_from_file_location("fuzz", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", REAL)
def test_broken_files_are_refused_or_slimmed(models, fuzz, name):
    content = (models / f"{name}.tflite").read_bytes()
    outcomes = [fuzz.check(mutant) for mutant in fuzz.mutants(content, 60, seed=7)]
    assert set(outcomes) == {"refused", "passed"}


def test_broken_small_files_are_refused_or_slimmed(small, fuzz):
    outcomes = [fuzz.check(mutant) for mutant in fuzz.mutants(small, 300, seed=7)]
    assert set(outcomes) == {"refused", "passed"}


def test_a_subgraph_that_a_signature_alone_reaches_stays_with_it():
    content = two_signatures(99.0)
    model = verify(slim(content))
    assert len(model.graphs) == 2
    assert other_signatures(model) == ["second"]
    # TFLite Micro has no signatures, so there nothing reaches it.
    micro = slim(content, runtime="tflm")
    assert len(verify(micro).graphs) == 1
    assert len(micro) < len(slim(content))
