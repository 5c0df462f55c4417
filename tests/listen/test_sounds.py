"""Sound from standard input and from files, and which arguments name it."""

from __future__ import annotations

import os
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.listen.models import bursts

from stapes.errors import AudioError, StapesError, UsageError
from stapes.listen.sounds import divided, of_file, of_standard_input, recordings
from stapes.listen.warm_up import led


def through_a_pipe(*parts: bytes):
    """The samples of bytes that come in parts."""
    source, target = os.pipe()

    def write() -> None:
        with os.fdopen(target, "wb", buffering=0) as file:
            for part in parts:
                file.write(part)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with os.fdopen(source, "rb") as stream:
            chunks = list(of_standard_input(stream))
    finally:
        thread.join()
    return np.concatenate(chunks)


@given(st.binary(min_size=1, max_size=9_000), st.lists(st.integers(0, 9_000), max_size=4))
@settings(deadline=None, max_examples=25)
def test_samples_may_be_cut_anywhere(content, cuts):
    content = b"\0\0\0\0" + content
    ends = [0, *sorted(cuts), len(content)]
    parts = [content[begin:end] for begin, end in pairwise(ends)]
    expected = np.frombuffer(content[: len(content) // 2 * 2], "<i2")
    np.testing.assert_array_equal(through_a_pipe(*parts), expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ended before any sound came"),
        (b"RIFF....WAVEfmt ", "Standard input is a WAV file: name the file in place of -"),
        (b"fLaC\0\0\0\0", "is a FLAC file"),
    ],
)
def test_what_is_no_raw_sound_is_refused(content, message):
    with pytest.raises(StapesError, match=message):
        through_a_pipe(content)


def test_a_file_of_another_rate_and_channels_is_resampled(tmp_path):
    y = np.random.default_rng(0).normal(0, 0.1, (44_100, 2)).astype(np.float32)
    soundfile.write(tmp_path / "stereo.wav", y, 44_100)
    samples = np.concatenate(list(of_file(tmp_path / "stereo.wav")))
    assert (samples.dtype.name, len(samples)) == ("int16", 16_000)


def test_a_file_of_16_bits_keeps_its_samples(tmp_path):
    y = bursts(1.0, 0.5)
    soundfile.write(tmp_path / "a.flac", y, 16_000)
    np.testing.assert_array_equal(np.concatenate(list(of_file(tmp_path / "a.flac"))), y)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"a\.wav"):
        list(of_file(tmp_path / "a.wav"))


def test_models_and_sound_are_told_apart(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text("{}")
    run, folder = str(tmp_path / "run"), str(tmp_path)
    assert divided([run, "a.json", "b.tflite", folder]) == ([run, "a.json", "b.tflite"], [folder])
    assert divided(["a.json", "-"]) == (["a.json"], ["-"])
    for arguments in ([], ["-"], [folder]):
        with pytest.raises(UsageError, match="name a model first"):
            divided(arguments)


def test_folders_give_their_sound_files_and_say_what_is_none(tmp_path, write_clip):
    write_clip(tmp_path / "talk" / "b.wav")
    write_clip(tmp_path / "talk" / "deep" / "a.flac")
    (tmp_path / "talk" / "notes.txt").write_text("none")
    write_clip(tmp_path / "alone.wav")
    found = recordings([tmp_path / "talk", tmp_path / "alone.wav"])
    assert found.names == ["talk/b.wav", "talk/deep/a.flac", "alone.wav"]
    assert [file for file, _ in found.skipped] == ["talk/notes.txt"]


@pytest.mark.parametrize(
    ("name", "message"), [("none", "no such file"), ("empty", "no sound file")]
)
def test_no_sound_is_an_error(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        recordings([tmp_path / name])


@pytest.mark.parametrize("length", [0, 1, 700, 32_000, 50_000])
def test_a_recording_is_led_by_its_begin_played_backwards(length):
    y = np.arange(length).astype(np.int16)
    chunks = [y[begin : begin + 480] for begin in range(0, length, 480)]
    before, after = led(iter(chunks))
    np.testing.assert_array_equal(np.concatenate([y[:0], *after]), y)
    assert len(before) == (32_000 if length else 0)
    # It ends where the recording begins, so that no jump is heard.
    part = min(length, 32_000)
    np.testing.assert_array_equal(before[len(before) - part :], y[:part][::-1])


def test_a_folder_without_a_name_in_its_path_has_its_own(tmp_path, monkeypatch):
    (tmp_path / "rec" / "in").mkdir(parents=True)
    for name in ("a", "b"):
        soundfile.write(tmp_path / "rec" / f"{name}.wav", np.zeros(160), 16_000)
    for place, path in (("rec", "."), ("rec/in", "..")):
        monkeypatch.chdir(tmp_path / place)
        # The name of a recording is a path below the folder of --labels.
        assert recordings([Path(path)]).names == ["rec/a.wav", "rec/b.wav"]


def test_recordings_of_one_name_are_called_by_their_paths(tmp_path):
    paths = [tmp_path / folder / "a.wav" for folder in ("x", "y")]
    for path in paths:
        path.parent.mkdir()
        soundfile.write(path, np.zeros(160), 16_000)
    found = recordings(paths)
    names = [path.resolve().as_posix().split("/", 1)[1] for path in paths]
    assert found.names == names
    assert not any(name.startswith("/") for name in names)


def test_a_recording_that_is_given_twice_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(160), 16_000)
    for twice in ([path, path], [tmp_path, path], [tmp_path, tmp_path]):
        with pytest.raises(UsageError, match=r"a\.wav: is given twice"):
            recordings(twice)


def test_a_recording_without_a_sample_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(0), 16_000)
    with pytest.raises(AudioError, match="has no samples"):
        list(of_file(path))


def test_raw_samples_in_a_file_are_refused_with_the_way_to_hear_them(tmp_path):
    path = tmp_path / "test.raw"
    path.write_bytes(bytes(3_200))
    with pytest.raises(AudioError, match=r"no header .* pipe it into `stapes listen MODEL -`"):
        list(of_file(path))
