"""A proof holds for the same model, and finds different weights."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from tests.processes import crash, hang, run_out

from stapes.errors import ModelError
from stapes.targets import proof
from stapes.targets.proof import prove
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
    monkeypatch.setattr(proof, "_run", how)
    result = prove(model, model, interpreters=["litert", "tflm"], inputs=1, seconds=seconds)
    assert result.interpreters == ()
    assert all(reason in why for why in result.refused.values())
    assert len(result.refused) == 2


def test_after_a_model_that_loops_no_other_interpreter_waits(models, monkeypatch):
    model = (models / "micro_speech_quantized.tflite").read_bytes()
    monkeypatch.setattr(proof, "_run", hang)
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
    taps = proof._taps(verify(model))
    trace = proof._run(proof._Job("litert_plain", model, model, 4, 0, taps))
    assert not isinstance(trace, str)
    # The second and the fourth input are equal.
    assert trace.distinct == 4
