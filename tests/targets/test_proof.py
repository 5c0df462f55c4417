"""A proof holds for the same model, and finds different weights."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.processes import crash, hang, run_out
from tests.tflite.models_by_hand import (
    OP,
    TYPE,
    dense,
    model,
    moved_outside,
    op,
    packed,
    tensor,
    two_signatures,
    unpacked,
)  # fmt: skip

from stapes.errors import ModelError
from stapes.targets import traces
from stapes.targets.proof import prove
from stapes.targets.runners import bits
from stapes.targets.tflm_cost import attempt
from stapes.tflite.edit.inside import inside
from stapes.tflite.edit.slim import slim
from stapes.tflite.format.reader import read
from stapes.tflite.format.spans import spans
from stapes.tflite.format.tree import walk
from stapes.tflite.read.verify import verify

pytestmark = pytest.mark.slow

REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)


def spoiled(model, size):
    """The model with some bits changed in the first buffer of so many bytes."""
    [span, *_] = [
        span for span in spans(read(model))
        if span.owner == "Buffer.data" and span.end - span.start == 4 + size
    ]  # fmt: skip
    changed = bytearray(model)
    for at in range(span.start + 4, span.end, 16):
        changed[at] ^= 0x40
    return bytes(changed)


@needs_tflm
@pytest.mark.parametrize("name", REAL)
def test_slimmed_models_are_proven_in_every_interpreter(models, name):
    model = (models / f"{name}.tflite").read_bytes()
    result = prove(model, slim(model), inputs=40)
    assert result.interpreters == ("litert", "litert_plain", "tflm")
    assert (result.equal, result.refused, result.difference) == (True, {}, None)
    assert result.distinct > 30


@needs_tflm
@pytest.mark.parametrize("name", REAL)
def test_models_slimmed_for_tflite_micro_are_proven_there_and_refused_by_litert(models, name):
    model = (models / f"{name}.tflite").read_bytes()
    slimmed = slim(model, runtime="tflm")
    assert prove(model, slimmed, interpreters=["tflm"], inputs=40).equal
    if name != "micro_speech_quantized":
        result = prove(model, slimmed, interpreters=["litert"], inputs=2)
        assert "LiteRT refuses the model" in str(result.difference)


@needs_tflm
def test_weights_that_differ_are_found(models):
    model = (models / "mlperf_tiny_kws.tflite").read_bytes()
    result = prove(model, spoiled(model, 4096))
    assert not result.equal
    assert str(result.difference).startswith("litert: output 0 differs at input ")


@needs_tflm
def test_weights_that_do_not_change_the_score_differ_in_the_ops(models):
    """A wake word's score is zero for noise, so only the ops before it differ."""
    model = (models / "hey_jarvis.tflite").read_bytes()
    last = max(len(buffer.items("data")) for buffer in read(model).root["buffers"])
    result = prove(model, spoiled(model, last), inputs=20)
    assert not result.equal
    assert "of the ops differs" in str(result.difference)


def test_without_an_interpreter_there_is_no_proof(models):
    model = (models / "alexa.tflite").read_bytes()
    assert not prove(model, model, interpreters=[]).equal


def test_files_that_take_different_inputs_are_not_run(models):
    first, second = ((models / f"{name}.tflite").read_bytes() for name in REAL[1:3])
    assert prove(first, second).difference == "the files take different inputs"


def test_a_broken_file_is_refused_before_it_runs(models):
    model = (models / "alexa.tflite").read_bytes()
    with pytest.raises(ModelError, match="broken"):
        prove(model, model[:-100])


@pytest.mark.parametrize(
    ("how", "seconds", "reason"),
    [
        (crash, 60, "crashed"),
        (run_out, 60, "needs more than 6 GiB of memory"),
    ],
)
def test_a_crash_and_a_lack_of_memory_are_refusals(models, monkeypatch, how, seconds, reason):
    model = (models / "micro_speech_quantized.tflite").read_bytes()
    # The worker imports the module again, and runs the function that it gets.
    monkeypatch.setattr(traces, "run", how)
    result = prove(model, model, interpreters=["litert", "tflm"], inputs=1, seconds=seconds)
    assert result.interpreters == ()
    assert all(reason in why for why in result.refused.values())
    assert len(result.refused) == 2


def test_after_a_model_that_loops_no_other_interpreter_waits(models, monkeypatch):
    model = (models / "micro_speech_quantized.tflite").read_bytes()
    monkeypatch.setattr(traces, "run", hang)
    with pytest.raises(ModelError, match=r"^it was not proven.* in litert, it took more than 1 s"):
        prove(model, model, interpreters=["litert", "tflm"], inputs=1, seconds=1)


def test_an_interpreter_that_refuses_the_original_is_not_used(models):
    """An op that TFLite Micro does not know."""
    from stapes.tflite.edit.write import write

    root = verify((models / "mlperf_tiny_kws.tflite").read_bytes()).table
    softmax = root["operator_codes"][-1]
    assert 25 in (softmax["builtin_code"], softmax["deprecated_builtin_code"])
    for table in walk(root):
        if table.kind == "OperatorCode" and table is softmax:
            table.fields.update(builtin_code=126, deprecated_builtin_code=126, version=1)
    model = write(root)
    result = prove(model, model, inputs=2)
    assert "tflm" in result.refused


def test_streams_keep_their_state_from_input_to_input(models, monkeypatch):
    """In a streaming model, equal inputs give different results."""
    model = (models / "hey_jarvis.tflite").read_bytes()
    chosen = [[np.full((1, 3, 40), value, np.int8)] for value in (-100, 0, 100, 0)]
    monkeypatch.setattr("stapes.targets.probes.inputs", lambda *_: iter(chosen))
    taps = traces.taps(verify(model), None)
    trace = traces.run(traces.Job("litert_plain", model, model, None, 4, 0, taps))
    # The second and the fourth input are equal.
    assert trace.distinct == 4


def runnable():
    """A dense layer of int8 that all interpreters run."""
    root = unpacked(dense(scale=[0.5]))
    for place, scale in ((0, 0.25), (2, 0.125), (3, 0.5)):
        quantization = schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = [scale], [0]
        root.subgraphs[0].tensors[place].quantization = quantization
    return packed(root)


@needs_tflm
def test_constants_outside_the_flatbuffer_are_brought_inside():
    """TFLite Micro reads zeros for them, so it is no reference for such a file."""
    content = moved_outside(runnable())
    assert "outside the flatbuffer" in str(attempt(content).result.reason)
    slimmed = slim(content)
    assert attempt(slimmed).result.runs
    result = prove(content, slimmed, inputs=5)
    assert (result.interpreters, result.difference) == (("litert", "litert_plain", "tflm"), None)
    wrong = slim(moved_outside(runnable().replace(bytes(range(12)), bytes(range(1, 13)))))
    assert not prove(content, wrong, interpreters=["tflm"], inputs=5).equal
    assert inside(slimmed) == slimmed


def test_every_signature_is_proven():
    content = two_signatures(1.0)
    slimmed = slim(content)
    result = prove(content, slimmed, interpreters=["litert", "litert_plain"], inputs=5)
    assert result.equal
    other = prove(content, slim(two_signatures(99.0)), interpreters=["litert"], inputs=5)
    assert str(other.difference).startswith("litert: output 0 differs")
    assert "signatures" in str(prove(content, slim(content, runtime="tflm")).difference)


def test_an_op_whose_result_is_never_written_does_not_count(monkeypatch):
    """Only what is equal in both kinds of memory is compared."""
    content = runnable()
    first = traces.Trace([[("x", b"1")]], [b"a", b"b"], 1)
    again = traces.Trace([[("x", b"1")]], [b"a", b"c"], 1)
    assert traces.unstable(first, again) == {1}
    assert traces.difference(first, again, {1}) is None
    assert "result 1" in str(traces.difference(first, again, set()))
    # Each run of a random op differs, in the original too.
    random = model(
        [tensor((1, 4)), tensor((2,), values=np.array([1, 4], np.int32)), tensor((1, 4)),
         tensor((1, 4))],
        [op(OP.RANDOM_STANDARD_NORMAL, (1,), (2,), schema.RandomOptionsT()),
         op(OP.ADD, (0, 2), (3,), schema.AddOptionsT())],
        (0,), (3,),
    )  # fmt: skip
    result = prove(random, random, interpreters=["litert"], inputs=2)
    assert (result.interpreters, result.difference) == ((), None)
    assert "other outputs" in result.refused["litert"]
    assert prove(content, content, interpreters=["litert"], inputs=2, budget=1e-9).inputs == 1


@needs_tflm
def test_scales_of_no_axis_are_refused_by_litert_alone():
    root = unpacked(dense(scale=[0.5, 0.25, 0.125]))
    for place, scales in ((0, [0.25]), (2, [0.125, 0.0625, 0.03125]), (3, [0.5])):
        quantization = schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = scales, [0] * len(scales)
        quantization.quantizedDimension = 3 if place == 2 else 0
        root.subgraphs[0].tensors[place].quantization = quantization
    content = packed(root)
    result = prove(content, slim(content, runtime="tflm"), inputs=3)
    assert (result.interpreters, result.equal) == (("tflm",), True)
    assert "quantized_dimension" in result.refused["litert"]
    assert root.subgraphs[0].tensors[0].type == TYPE.INT8


def quotient(factor: int, added: int) -> bytes:
    """60 divided by `factor` * x + `added`, where LiteRT stops at zero."""
    tensors = [tensor((1, 1), "x", kind=TYPE.INT32)]
    tensors += [tensor((1,), "c", np.full(1, value, np.int32)) for value in (factor, added, 60)]
    tensors += [tensor((1, 1), name, kind=TYPE.INT32) for name in ("product", "sum", "y")]
    ops = [op(OP.MUL, (0, 1), (4,), schema.MulOptionsT())]
    ops += [op(OP.ADD, (4, 2), (5,), schema.AddOptionsT()), op(OP.FLOOR_DIV, (3, 5), (6,))]
    return model(tensors, ops, (0,), (6,))


def test_both_files_must_stop_at_the_same_inputs():
    content = quotient(1, 0)
    result = prove(content, slim(content), interpreters=["litert_plain"], inputs=30)
    assert result.equal
    assert result.distinct == 7  # Of 0 to 7, all but the first.
    other = prove(content, quotient(1, 1), interpreters=["litert_plain"], inputs=30)
    assert "differs at input" in str(other.difference)
    never = prove(*[quotient(0, 0)] * 2, interpreters=["litert_plain"], inputs=5)
    assert "stopped at running it: Division by 0" in never.refused["litert_plain"]
    stops = prove(quotient(1, 1), content, interpreters=["litert_plain"], inputs=30)
    assert not stops.equal


def test_an_output_may_have_no_elements():
    nothing = tensor((1, 4), "never", np.zeros((1, 4), bool))
    ends = [tensor((1, 4), name, kind=TYPE.BOOL) for name in ("x", "both")]
    tensors = [ends[0], nothing, ends[1], tensor((1, 2), "y", kind=TYPE.INT64)]
    ops = [op(OP.LOGICAL_AND, (0, 1), (2,)), op(OP.WHERE, (2,), (3,))]
    content = model(tensors, ops, (0,), (3,))
    assert prove(content, slim(content), interpreters=["litert", "litert_plain"], inputs=3).equal


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_nan_is_the_same_result(dtype):
    values = np.array([1, -np.nan, np.nan, -0.0], dtype)
    assert bits(values) == bits(np.array([1, np.nan, -np.nan, -0.0], dtype))
    assert bits(values) != bits(np.array([1, np.nan, np.nan, 0.0], dtype))
    assert bits(values[:1].astype(np.int32)) == np.int32(1).tobytes()
