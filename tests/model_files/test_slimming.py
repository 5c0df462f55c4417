"""A slimmed file is written only if it is proven."""

from __future__ import annotations

import importlib.util

import pytest
from tests.tflite.models_by_hand import OP, model, op, tensor, two_signatures

from stapes.errors import MissingExtraError, ModelError, UsageError
from stapes.model_files import slimming
from stapes.model_files.settings import SlimSettings
from stapes.model_files.slimming import slim_file
from stapes.targets import tflm
from stapes.targets.proof import Proof

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)


@pytest.fixture
def kws(models, tmp_path):
    path = tmp_path / "kws.tflite"
    path.write_bytes((models / "mlperf_tiny_kws.tflite").read_bytes())
    return path


def test_the_file_is_written_with_its_proof(kws, tmp_path):
    output = tmp_path / "out" / "small.tflite"
    slimmed = slim_file(kws, output, SlimSettings(inputs=10))
    assert (slimmed.before, slimmed.after) == (53_936, output.stat().st_size)
    assert slimmed.after < 33_000
    assert slimmed.proof.equal
    assert "litert" in slimmed.proof.interpreters


@needs_tflm
def test_a_file_can_be_slimmed_in_its_place_for_tflite_micro(kws):
    slimmed = slim_file(kws, kws, SlimSettings(runtime="tflm", inputs=10))
    assert kws.stat().st_size == slimmed.after < 29_500
    assert slimmed.proof.interpreters == ("tflm",)


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (Proof(("litert",), {}, 10, 3, "litert: output 0 differs at input 3"), "at input 3"),
        (Proof((), {"litert": "it crashed"}, 10, 0, None), "litert: it crashed"),
    ],
)
def test_without_a_proof_nothing_is_written(kws, tmp_path, monkeypatch, proof, reason):
    monkeypatch.setattr(slimming, "prove", lambda *_, **__: proof)
    output = tmp_path / "small.tflite"
    with pytest.raises(ModelError, match=reason):
        slim_file(kws, output)
    assert list(tmp_path.iterdir()) == [kws]


def test_a_broken_file_is_refused_by_its_name(kws, tmp_path):
    kws.write_bytes(kws.read_bytes()[:-64])
    with pytest.raises(ModelError, match=r"kws\.tflite: The \.tflite is broken"):
        slim_file(kws, tmp_path / "small.tflite")


def test_a_keras_model_is_converted_first(tmp_path):
    model, output = tmp_path / "m.keras", tmp_path / "small.tflite"
    model.write_bytes(b"PK\3\4 and so on")
    slimmed = slim_file(
        model, output, SlimSettings(inputs=2), convert=lambda _: two_signatures(2.0)
    )
    assert slimmed.converted
    assert slimmed.before == len(two_signatures(2.0)) > slimmed.after == output.stat().st_size


def test_other_files_are_named_as_what_they_are(tmp_path):
    path = tmp_path / "m.keras"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ModelError, match=r"neither a \.tflite nor a Keras model, but Git LFS"):
        slim_file(path, tmp_path / "small.tflite")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"no\.tflite cannot be read"):
        slim_file(tmp_path / "no.tflite", tmp_path / "small.tflite")


def test_an_output_that_cannot_be_written_is_named(kws, tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        slim_file(kws, kws / "small.tflite", SlimSettings(inputs=2))


def test_without_tflite_micro_the_error_names_the_extra(kws, tmp_path, monkeypatch):
    monkeypatch.setattr(tflm, "available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"stapes\[micro\]"):
        slim_file(kws, tmp_path / "small.tflite", SlimSettings(runtime="tflm"))


def test_flex_ops_are_one_sentence_and_the_reason_stands_once(tmp_path):
    path = tmp_path / "flex.tflite"
    ends = [tensor((1, 4), "x"), tensor((1, 4), "y")]
    ops = [op(OP.CUSTOM, (0,), (1,), custom=b"FlexLgamma")]
    path.write_bytes(model(ends, ops, (0,), (1,)))
    with pytest.raises(ModelError) as caught:
        slim_file(path, tmp_path / "small.tflite", SlimSettings(inputs=2))
    message = str(caught.value)
    assert message.endswith("(FlexLgamma); convert it without SELECT_TF_OPS.")
    assert message.count("Flex") == 1
    assert len(message.removeprefix(str(path))) < 200


def test_a_reason_of_several_interpreters_stands_once(tmp_path):
    path = tmp_path / "custom.tflite"
    ends = [tensor((1, 4), "x"), tensor((1, 4), "y")]
    ops = [op(OP.CUSTOM, (0,), (1,), custom=b"Mine")]
    path.write_bytes(model(ends, ops, (0,), (1,)))
    with pytest.raises(ModelError) as caught:
        slim_file(path, tmp_path / "small.tflite", SlimSettings(inputs=2))
    message = str(caught.value)
    assert "litert, litert_plain: " in message
    assert "refuses the model" not in message
    assert not any(end in message for end in ("..", ".)", "\n"))
    assert len(message.removeprefix(str(path))) < 400
