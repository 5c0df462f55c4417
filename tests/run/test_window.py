"""`--window`: seconds, or as long as the word in the training clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.recorded import Recorded

from stapes.errors import UsageError
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.preparation import load_corpus
from stapes.run.settings import EvaluationSettings, RunSettings
from stapes.run.settle import settle, settle_as
from stapes.run.window import settled, windowed
from stapes.search.job import SearchFolder, SearchJob
from stapes.search.settings import SearchSettings


@pytest.fixture
def recordings(tmp_path: Path, write_clip) -> Path:
    """Ten speakers say a word of 1.3 s, and of the test split one of 2 s."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for number in range(12):
        split, seconds = ("train", 1.3) if number < 10 else ("test", 2.0)
        y = rng.normal(0, 1e-4, 48_000)
        y[8_000 : 8_000 + round(16_000 * seconds)] += rng.normal(0, 0.1, round(16_000 * seconds))
        write_clip(tmp_path / "data" / f"yes/{number}.wav", y.astype(np.float32))
        write_clip(tmp_path / "data" / f"no/{number}.wav")
        rows[split] += [f"yes/{number}.wav,yes,{number}", f"no/{number}.wav,no,{number}"]
    for split, lines in rows.items():
        text = "\n".join(["file,label,speaker", *lines])
        (tmp_path / "data" / f"{split}.csv").write_text(text)
    return tmp_path / "data"


@pytest.mark.parametrize("window", [1.5, "1.5"])
def test_a_number_sets_the_windows_seconds(window):
    settings = settle({"window": window})
    assert settings.window is None
    assert settings.frontend == Mfcc(window_seconds=1.5)
    assert settings.frontend.shape == (70, 13, 1)
    settings = settle({"window": window, "frontend": "logmel"})
    assert settings.frontend == LogMel(window_seconds=1.5)


def test_no_window_is_a_second_as_before():
    assert settle({}).frontend == Mfcc()
    assert settle({"window": 1}).frontend.model_dump() == Mfcc().model_dump()


def test_a_window_replaces_the_frames_of_a_file(tmp_path):
    """An older run.yaml has the frames of a second."""
    path = tmp_path / "run.yaml"
    path.write_text("settings: {frontend: {kind: mfcc, window_seconds: 1.0, frames: 50}}")
    assert settle({"window": 2}, config=path).frontend.frames == 90
    assert settle({"frontend": {"window_seconds": 2}}, config=path).frontend.frames == 90
    assert settle({"frontend": {"top_db": 60}}, config=path).frontend.frames == 50
    frontend = {"window_seconds": 2, "frames": 60}
    assert settle({"frontend": frontend}, config=path).frontend.frames == 60


def test_a_window_of_a_file_follows_too(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("settings: {window: auto}")
    assert settle({}, config=path).window == "auto"
    path.write_text("settings: {window: 1.5, frontend: micro}")
    assert settle({}, config=path).frontend.shape == (74, 40, 1)


@pytest.mark.parametrize("window", [0, -1, 0.05, 61, "long", "nan", True, [1.5]])
def test_another_window_is_refused(window):
    with pytest.raises(UsageError, match=r"^window: give seconds from 0\.1 to 60, or auto"):
        settle({"window": window})


def test_every_frontend_of_a_search_has_the_window():
    for options in ({"window": 1.5}, {"frontend": {"kind": "mfcc", "window_seconds": 1.5}}):
        settings = settle_as(SearchSettings, options, quick={})
        assert [frontend.shape[0] for frontend in settings.frontends] == [70, 74, 74]
        assert settings.frontend.shape == (70, 13, 1)
    kept = settle_as(
        SearchSettings,
        {
            "frontends": "logmel",
            "frontend": {"kind": "mfcc", "window_seconds": 1.5},
            "window": "auto",
        },
        quick={},
    )
    assert kept.frontends == (LogMel(),)
    assert kept.window == "auto"


def test_auto_is_as_long_as_the_word_in_training_clips(recordings, tmp_path):
    progress = Recorded()
    settings = settle({"data": recordings, "word": "yes", "window": "auto"})
    folder = RunFolder(tmp_path / "run", settings)
    job = windowed(Job(settings, folder, progress=progress))
    # 90 % of the energy and 0.2 s, rounded up to tenths.
    assert job.settings.frontend == Mfcc(window_seconds=1.4)
    assert job.settings.window is None
    assert job.settings == settle({"data": recordings, "word": "yes", "window": 1.4})
    written = job.folder.description["settings"]
    assert written["frontend"]["window_seconds"] == 1.4
    assert written["window"] is None
    assert job.folder.path == folder.path
    assert list(progress.steps) == ["Measuring the word's length"]


def test_auto_of_a_search_is_of_every_frontend(recordings, tmp_path):
    settings = settle_as(
        SearchSettings, {"data": recordings, "word": "yes", "window": "auto"}, quick={}
    )
    job = windowed(SearchJob(settings, SearchFolder(tmp_path / "search", settings)))
    assert {frontend.window_seconds for frontend in job.settings.frontends} == {1.4}
    assert isinstance(job, SearchJob)
    assert isinstance(job.folder, SearchFolder)


def test_auto_of_an_evaluation_is_of_its_training_clips(recordings):
    settings = settle_as(
        EvaluationSettings, {"data": recordings, "word": "yes", "window": "auto"}, quick={}
    )
    result = settled(settings, lambda: recordings, Recorded())
    assert type(result) is EvaluationSettings
    assert result.frontend.window_seconds == 1.4


def test_a_number_needs_no_clips(tmp_path):
    settings = RunSettings(window=1.5)
    job = Job(settings, RunFolder(tmp_path / "run", settings))
    assert windowed(job) is job


def test_auto_without_a_clip_of_the_word_is_refused(recordings):
    for path in (recordings / "yes").iterdir():
        path.write_bytes(b"")
    settings = settle({"data": recordings, "word": "yes", "window": "auto"})
    with pytest.raises(UsageError, match='window auto: no training clip of "yes" can be used'):
        settled(settings, lambda: recordings, Recorded())


def test_a_setting_that_the_window_is_too_short_for_is_named(recordings):
    train = {"time_mask": 70}
    settings = settle(
        {"data": recordings, "word": "yes", "window": "auto", "train": train,
         "frontend": {"kind": "mfcc", "window_seconds": 3.0}}
    )  # fmt: skip
    with pytest.raises(UsageError, match="time_mask must be below the frontend's 70 frames"):
        settled(settings, lambda: recordings, Recorded())


def test_recordings_are_cut_into_windows_of_that_length(recordings, tmp_path, write_clip):
    write_clip(tmp_path / "talk/a.wav", seconds=7.0)
    options = {"data": recordings, "word": "yes", "negatives": tmp_path / "talk"}
    starts = {}
    for window in (1.0, 1.5):
        corpus = load_corpus(recordings, settle({**options, "window": window}))
        clips = [clip for split in corpus.splits.values() for clip in split]
        starts[window] = [clip.start for clip in clips if clip.label == "talk/"]
    assert starts[1.0] == [0, 1, 2, 3, 4, 5, 6]
    assert starts[1.5] == [0, 1.5, 3, 4.5]
