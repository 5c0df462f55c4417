"""From clips to features: order, windows, rates, and the threads that compute them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from stapes.audio import read
from stapes.data.clip import Clip
from stapes.data.extraction import chunked, decode_window, extract, in_threads
from stapes.errors import AudioError
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro

WriteClip = Callable[..., Path]
Samples = NDArray[np.float32]

SETTINGS = Mfcc(
    sample_rate=8_000,
    window_seconds=0.5,
    n_fft=256,
    hop_length=128,
    n_mels=16,
    n_mfcc=8,
    frames=20,
)


def test_clips_of_any_rate_and_length_come_in_order_and_to_the_same_bits(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    clips = []
    for number in range(40):
        rate = (8_000, 16_000, 44_100)[number % 3]
        path = tmp_path / f"{number}.wav"
        write_clip(path, rate=rate, seconds=(0.3, 0.7, 0.31, 0.05)[number % 4])
        clips.append(Clip(path.name, path, "yes"))
    together = extract(clips, SETTINGS)
    assert len(together) == 40
    for number, (clip, result) in enumerate(zip(clips, together, strict=True)):
        (alone,) = extract([clip], SETTINGS)
        if number % 4 == 3:
            assert isinstance(result, AudioError)
            assert isinstance(alone, AudioError)
            assert result.reason == alone.reason == "too short (50 ms; at least 100 ms)"
        else:
            assert not isinstance(result, AudioError)
            assert not isinstance(alone, AudioError)
            assert result.tobytes() == alone.tobytes()


def test_the_features_of_a_clip_are_those_of_its_loudest_window(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    rate = 16_000
    y = np.random.default_rng(0).uniform(-0.01, 0.01, 3 * rate).astype(np.float32)
    word = slice(2 * rate, 2 * rate + rate // 2)
    y[word] *= 50
    path = write_clip(tmp_path / "a.wav", y, rate=rate, subtype="FLOAT")
    clip = Clip("a.wav", path, "yes")
    window, found_rate = decode_window(clip, SETTINGS)
    assert found_rate == rate
    np.testing.assert_array_equal(window, y[word])
    expected = SETTINGS.features(read.resample(y[word], rate, 8_000)[None])
    np.testing.assert_array_equal(extract([clip], SETTINGS), expected)


def test_real_clips_have_the_references_features(speech: Path) -> None:
    # A clip of one second is its own window.
    paths = sorted(speech.glob("commands/yes/*.flac"))[:10]
    results = extract([Clip(path.name, path, "yes") for path in paths], Mfcc())
    for path, result in zip(paths, results, strict=True):
        np.testing.assert_array_equal(result, Mfcc().features(read.read(path, 22_050)[None])[0])


def test_a_clip_has_the_features_of_the_chosen_frontend(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    path = write_clip(tmp_path / "a.wav", seconds=1.0)
    clip = Clip("a.wav", path, "yes")
    y = read.read(path, 16_000)[None]
    np.testing.assert_array_equal(extract([clip], LogMel()), LogMel().features(y))
    library = pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    # The file's own integers reach the library as they are.
    pcm = soundfile.read(path, dtype="int16")[0].tobytes()
    frontend = library.MicroFrontend()
    steps = [frontend.process_samples(pcm[at : at + 320]) for at in range(0, 32_000, 320)]
    expected = np.array([step.features for step in steps[2::2]], np.float32)
    np.testing.assert_array_equal(extract([clip], Micro()), expected[None, ..., None])


def test_a_window_past_the_end_is_refused(tmp_path: Path, write_clip: WriteClip) -> None:
    path = write_clip(tmp_path / "a.wav", rate=8_000, seconds=1.0)
    with pytest.raises(AudioError, match="too short"):
        decode_window(Clip("a.wav", path, "talk/", None, 7.0), SETTINGS)


def test_chunks_have_every_item_once_in_order() -> None:
    assert list(chunked(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(chunked([], 3)) == []


# Threads


def clips_named(count: int) -> Iterator[list[Clip]]:
    return iter([[Clip(str(number), Path(), "yes")] for number in range(count)])


def test_results_come_in_the_order_of_the_chunks() -> None:
    worked = in_threads(clips_named(50), lambda chunk: int(chunk[0].file) ** 2)
    assert [(chunk[0].file, result) for chunk, result in worked] == [
        (str(number), number**2) for number in range(50)
    ]


def test_few_chunks_are_in_work_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    taken = 0

    def many() -> Iterator[list[Clip]]:
        nonlocal taken
        for _ in range(200):
            taken += 1
            yield []

    for done, _ in enumerate(in_threads(many(), len), 1):
        assert taken <= done + 4
    assert taken == 200


def test_an_error_in_a_thread_is_raised() -> None:
    def fail(chunk: list[Clip]) -> None:
        if chunk[0].file == "7":
            raise ZeroDivisionError

    worked = in_threads(clips_named(1_000), fail)
    for _ in range(7):
        next(worked)
    with pytest.raises(ZeroDivisionError):
        next(worked)
