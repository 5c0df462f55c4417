"""`stapes inspect` and `stapes slim` as a user calls them."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from tests.end_to_end import command

pytestmark = pytest.mark.slow

KWS = "mlperf_tiny_kws.tflite"


def stapes(*arguments):
    return command.stapes(*arguments, status=None)


def test_the_budget_is_printed_and_adds_up(models):
    done = stapes("inspect", models / KWS)
    assert done.returncode == 0, done.stderr
    assert "Every byte of the file" in done.stdout
    assert "DEPTHWISE_CONV_2D" in done.stdout
    document = json.loads(stapes("inspect", models / KWS, "--json").stdout)
    assert document["bytes"] == (models / KWS).stat().st_size == 53_936
    assert document["macs"] == 2_656_768 + 8_000 + 24


@pytest.mark.parametrize("ending", ["svg", "html"])
def test_weights_are_drawn_by_the_files_ending(models, tmp_path, ending):
    target = tmp_path / f"weights.{ending}"
    done = stapes("inspect", models / "hey_jarvis.tflite", "--weights", "--plot", target)
    assert done.returncode == 0, done.stderr
    content = target.read_bytes()
    assert content.startswith({"svg": b"<svg", "html": b"<!"}[ending])
    if ending == "svg":
        ElementTree.fromstring(content)


def test_another_ending_is_refused(models, tmp_path):
    done = stapes("inspect", models / KWS, "--plot", tmp_path / "weights.doc")
    assert done.returncode == 2
    assert "weights.doc" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_plot_that_cannot_be_written_is_named(models, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = stapes("inspect", models / KWS, "--plot", tmp_path / "file" / "weights.svg")
    assert done.returncode == 2
    assert f"--plot {tmp_path / 'file' / 'weights.svg'}" in done.stderr


def test_output_that_knows_ascii_alone_is_no_error(models, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = stapes("inspect", models / "hey_jarvis.tflite", "--weights")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


@pytest.mark.slow
def test_a_keras_model_is_converted_first(tmp_path):
    pytest.importorskip("tensorflow", reason="the extra `train` is not installed")
    from stapes.models.architectures import reference_cnn

    reference_cnn().save(tmp_path / "model.h5")
    document = json.loads(stapes("inspect", tmp_path / "model.h5", "--json").stdout)
    assert document["macs"] == 1_388_164
    (tmp_path / "noise.keras").write_bytes(b"no model")
    done = stapes("inspect", tmp_path / "noise.keras")
    assert done.returncode == 1
    assert "noise.keras" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", ["inspect", "slim"])
def test_a_cut_file_is_refused_in_one_sentence(models, tmp_path, verb):
    (tmp_path / "cut.tflite").write_bytes((models / KWS).read_bytes()[:20_000])
    more = ["-o", tmp_path / "out.tflite"] if verb == "slim" else []
    done = stapes(verb, tmp_path / "cut.tflite", *more)
    assert done.returncode == 1
    assert "cut.tflite" in done.stderr
    assert "broken" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("stapes: ")
    assert not (tmp_path / "out.tflite").exists()


def test_slim_prints_its_proof_and_does_the_same_again(models, tmp_path):
    pytest.importorskip("tflite_micro", reason="the extra `micro` is not installed")
    once, twice = tmp_path / "once.tflite", tmp_path / "twice.tflite"
    done = stapes("slim", models / KWS, "-o", once)
    assert done.returncode == 0, done.stderr
    assert "equal bits for 100 inputs in litert, litert_plain, tflm" in done.stdout
    assert once.stat().st_size <= 31_500
    document = json.loads(stapes("slim", once, "-o", twice, "--inputs", 10, "--json").stdout)
    assert document["before"] == document["after"]
    assert once.read_bytes() == twice.read_bytes()
    done = stapes(
        "slim", models / KWS, "-o", twice, "--keep", "names,signatures", "--runtime", "tflm"
    )
    assert done.returncode == 0, done.stderr
    assert b"functional_1/dense/MatMul" in twice.read_bytes()
    wrong = stapes("slim", models / KWS, "-o", twice, "--keep", "weights")
    assert wrong.returncode == 2
    assert "--keep: weights is unknown; known are names" in wrong.stderr
