"""`stapes.export`: what it writes, what it returns, and what it notes."""

from __future__ import annotations

import pytest
from tests.export.by_hand import device_model, known, run_folder, streamed

import stapes
from stapes.contracts import manifest as manifests
from stapes.contracts.results import write
from stapes.errors import UsageError
from stapes.measure.device import Device


@pytest.fixture
def run(tmp_path):
    return run_folder(tmp_path / "run")


def test_the_result_says_what_was_written(run, tmp_path):
    result = stapes.export(run, tmp_path / "out", "esphome", languages="en")
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(result.files)
    assert (result.id, result.wake_word, result.variant) == ("house", "house", "stream")
    assert (result.cutoff, result.sliding_window, result.bytes) == (191, 5, len(device_model()))
    assert (result.arena_bytes, result.tensor_arena_size) == (11_000, 13_760)
    assert (known(result.point).misses, result.hours, result.words) == (2, 5.0, 40)
    manifest = manifests.read(tmp_path / "out" / "house.json")
    assert manifest.micro.probability_cutoff == result.probability_cutoff
    assert result.checks == []
    assert [note[:17] for note in result.notes] == ["On a Raspberry Pi"]


def test_the_same_again_gives_the_same_bytes(run, tmp_path):
    out = tmp_path / "out"
    stapes.export(run, out, "esphome")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    stapes.export(run, out, "esphome")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    stapes.export(run, out, "esphome", cutoff_for=10.0)
    assert {path.name for path in out.iterdir()} == set(before)


def test_a_configuration_that_a_person_changed_stays(run, tmp_path):
    out = tmp_path / "out"
    stapes.export(run, out, "esphome")
    (out / "house.yaml").write_text("mine")
    result = stapes.export(run, out, "esphome", cutoff_for=10.0)
    assert (out / "house.yaml").read_text() == "mine"
    assert "house.yaml was there and stays as it is." in result.notes
    micro = manifests.read(out / "house.json").micro
    assert micro.probability_cutoff == result.probability_cutoff


def test_two_words_in_one_folder_are_refused(run, tmp_path):
    stapes.export(run, tmp_path / "out", "esphome")
    with pytest.raises(UsageError, match=r"holds README.md"):
        stapes.export(run, tmp_path / "out", "esphome", id="other")
    assert not (tmp_path / "out" / "other.json").exists()


def test_an_unknown_form_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match=r"to: esphone is unknown \(did you mean esphome\?\)"):
        stapes.export(run, tmp_path / "out", "esphone")
    assert not (tmp_path / "out").exists()


def test_an_unknown_option_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match="did you mean variant"):
        stapes.export(run, tmp_path / "out", "esphome", varaint="stream")  # type: ignore[call-arg]


def test_what_a_person_should_know_is_noted(tmp_path):
    document = streamed()
    point = known(document["stream_qat"].detection).chosen
    point.target_fa_per_hour, point.frr, point.false_accepts = 4.0, 1.0, 0
    document["stream_qat"].targets["tflm"].agrees = False
    known(document.streams).sound.recordings = 0
    run = run_folder(tmp_path / "run", document)
    notes = stapes.export(run, tmp_path / "a", "esphome", variant="stream_qat").notes
    for part in (
        "recommends stream, not stream_qat",
        "TFLite Micro decides otherwise",
        "without recordings of other sound",
        "for 4 false accepts an hour, not for 1",
        "misses every word",
        "No false accept came in 5 hours",
        "names no language",
    ):
        assert any(part in note for note in notes), part
    readme = (tmp_path / "a" / "README.md").read_text()
    assert "## Notes" in readme
    known(document.recommendation).variant = None
    known(document.recommendation).sentence = "None is fit to ship."
    write(document, run / "results.json")
    notes = stapes.export(run, tmp_path / "b", "esphome", variant="stream_qat").notes
    assert notes[0] == "The run recommends no row. None is fit to ship."


def test_a_raspberry_pi_that_misses_more_is_noted(tmp_path):
    document = streamed()
    detection = known(document["stream"].detection)
    # One step is a fifth of the words: scores are that high near 255.
    det = detection.conditions[0].det
    det.threshold = [(cutoff + 0.5) / 255 for cutoff in (254, 253, 252)]
    det.fa_per_hour, det.frr = [0.2, 0.4, 1.0], [0.3, 0.1, 0.05]
    detection.chosen.cutoff = 252
    run = run_folder(tmp_path / "run", document)
    result = stapes.export(run, tmp_path / "out", "esphome", languages="en")
    assert result.probability_cutoff == 0.990196
    # 256 * 0.990196 is above 253.
    [note] = result.notes
    assert note.startswith("On a Raspberry Pi, pymicro-wakeword misses up to 30.0 % of the words")
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "There, at most 30.0 % of the words are missed." in readme
    assert f"set `probability_cutoff` to {252 / 256:.6f} in a copy" in readme


def test_a_cutoff_of_0_which_keeps_a_device_deaf_is_noted(run, tmp_path):
    [note] = [
        note
        for note in stapes.export(run, tmp_path / "a", "esphome", cutoff=0.003).notes
        if "stays deaf" in note
    ]
    assert "at a cutoff of 0" in note
    device = Device(0)
    assert not any(device.take(255) for _ in range(1_000))
    device = Device(1)
    for _ in range(200):
        device.take(0)
    assert any(device.take(255) for _ in range(5))


def test_a_cutoff_that_was_given_is_noted(run, tmp_path):
    result = stapes.export(run, tmp_path / "a", "esphome", cutoff=0.9, window=3)
    assert any("was given, and nothing was measured" in note for note in result.notes)
    assert (result.point, result.hours, result.words) == (None, None, None)
