"""The questions of `stapes data label`, and sound that is played with them."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest
from tests.data.captures import RATE, keep
from tests.end_to_end.command import stapes_here

from stapes.listen.playing import player


@pytest.fixture
def kept(tmp_path):
    for name in "abcd":
        keep(tmp_path / "kept", name, recorded="2026-11-27T08:00:00.000")
    return tmp_path / "kept"


@pytest.fixture
def speaker(monkeypatch):
    """A sounddevice that lists what it played."""
    played = []
    fake = SimpleNamespace(
        play=lambda y, rate: played.append((len(y), rate)),
        wait=lambda: None,
        PortAudioError=OSError,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return played


def call(kept, answers, monkeypatch, own_cache, *options):
    monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
    return stapes_here("data", "label", kept, *options, cache=own_cache, cwd=kept.parent)


def test_every_answer_does_what_it_says(kept, speaker, monkeypatch, own_cache):
    status, output, _ = call(kept, "y\nwhat?\np\nNo\ns\nq\n", monkeypatch, own_cache)
    assert status == 0
    assert (kept / "yes" / "a.wav").is_file()
    assert (kept / "no" / "b.wav").is_file()
    assert (kept / "c.wav").is_file()
    assert (kept / "d.wav").is_file()
    # Each once, and the second again.
    assert speaker == [(4 * RATE, RATE)] * 5
    assert "1 of 4: near miss of rise at 3.0 s, score 0.400 (threshold 0.500)" in output
    assert "microphone, 2026-11-27T08:00" in output
    assert output.endswith("1 capture with the word, 1 without, 2 without a label.\n")


def test_the_end_of_the_input_ends_the_session(kept, speaker, monkeypatch, own_cache):
    status, output, _ = call(kept, "y\n", monkeypatch, own_cache)
    assert status == 0
    assert output.endswith("1 capture with the word, 0 without, 3 without a label.\n")
    assert len(speaker) == 2


def test_json_asks_nothing(kept, speaker, monkeypatch, own_cache):
    status, output, _ = call(kept, "y\ny\ny\ny\n", monkeypatch, own_cache, "--json")
    assert status == 0
    assert json.loads(output) == {"yes": 0, "no": 0, "unlabelled": 4, "skipped": []}
    assert not speaker


def test_without_sounddevice_the_file_is_named(kept, monkeypatch, own_cache):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    _, output, _ = call(kept, "q\n", monkeypatch, own_cache)
    assert f"{kept / 'a.wav'} (to hear it here, install stapes[listen])" in output


def test_what_cannot_be_played_has_a_reason(kept, speaker, monkeypatch):
    def no_speaker(y, rate):
        raise OSError("Error querying device -1")

    monkeypatch.setattr(sys.modules["sounddevice"], "play", no_speaker)
    assert player()(kept / "a.wav") == "it cannot be played: Error querying device -1"
    (kept / "a.wav").write_bytes(b"")
    assert "the file is empty" in player()(kept / "a.wav")
