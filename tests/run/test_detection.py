"""Detection of a run: in every condition, resumed after a kill, repeated in other sound."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.processes import hang
from tests.run.rows_by_hand import results, variant

from stapes.contracts.measurements import TestClip
from stapes.data import corpus as corpora
from stapes.data.cache import FeatureCache
from stapes.data.features import choose
from stapes.errors import UsageError
from stapes.frontends.mfcc import Mfcc
from stapes.measure import detection as metrics
from stapes.measure.operating_points import det
from stapes.measure.settings import DetectionSettings
from stapes.run import detection as detecting
from stapes.run import sound as sounds
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.settings import RunSettings

SETTINGS = RunSettings(
    word="yes",
    frontend=Mfcc(sample_rate=8_000, n_fft=256, hop_length=200, n_mels=8, n_mfcc=1, frames=41),
    detection=DetectionSettings(
        snr_db=(10.0,), smoothing=2, rates=(20.0, 600.0), target_fa_per_hour=600.0
    ),
)


class Run:
    """A corpus of small clips with two models that take its features."""

    def __init__(self, root: Path, write_clip, dense_model):
        for split, names in (("train", "ab"), ("test", "cdefgh")):
            for speaker in names:
                for label in ("yes", "no"):
                    write_clip(
                        root / "data" / label / f"{speaker}_nohash_0.wav", rate=8_000, seconds=0.9
                    )
            rows = [
                f"{label}/{speaker}_nohash_0.wav,{label},{speaker}\n"
                for speaker in names
                for label in ("yes", "no")
            ]
            (root / "data" / f"{split}.csv").write_text("file,label,speaker\n" + "".join(rows))
        self.folder = root / "run"
        self.models = self.folder / "models"
        self.work = self.folder / ".work"
        self.models.mkdir(parents=True)
        self.work.mkdir()
        rng = np.random.default_rng(0)
        for name in ("float32", "int8"):
            weights = rng.integers(-127, 128, (2, 41)).astype(np.int8)
            (self.models / f"{name}.tflite").write_bytes(dense_model(weights))
        self.corpus = corpora.load(root / "data", "yes")
        cache = FeatureCache(root / "cache", SETTINGS.frontend)
        self.chosen, self.skipped = choose(self.corpus, SETTINGS.frontend, cache)
        cache.close()
        test = self.chosen["test"]
        self.results = results(
            *(variant(name, n=len(test.y)) for name in ("float32", "int8")), n=len(test.y)
        )
        self.results.clips = [
            TestClip(name=clip.name, label=clip.label, word=bool(y))
            for clip, y in zip(test.clips, test.y, strict=True)
        ]

    def gather(self, settings=SETTINGS):
        return sounds.gather(
            self.job(settings),
            self.corpus,
            self.chosen,
            self.skipped,
            windows=True,
            streams=False,
        )

    def job(self, settings=SETTINGS):
        return Job(settings, RunFolder(self.folder, settings))

    def detect(self, settings=SETTINGS):
        tested = self.gather(settings)
        digest = tested.digest(settings)
        detecting.forget_other_sound(self.results, digest, self.work)
        with ThreadPoolExecutor(1) as executor:
            detecting.detect(self.job(settings), self.results, tested.windows, executor)
        self.results.detection = detecting.setup(tested, settings, digest)
        return tested.windows


@pytest.fixture
def run(tmp_path, write_clip, dense_model):
    return Run(tmp_path, write_clip, dense_model)


def scores_of(run, name, condition):
    [path] = (run.work / "scores").glob(f"{name}-*@{condition}.npy")
    return path


def test_every_variant_is_measured_in_every_condition(run):
    run.detect()
    setup = run.results.detection
    assert (setup.hop_ms, setup.smoothing, setup.snr_db) == (100.0, 2, [10.0])
    # 5.4 s joined, less the first window and the hop to the first average.
    assert setup.hours == pytest.approx(4.4 / 3600, abs=0.06 / 3600)
    for row in run.results.variants:
        detection = row.detection
        assert [condition.name for condition in detection.conditions] == ["clean", "10 dB"]
        assert all(condition.words == 6 for condition in detection.conditions)
        rates = [point.target_fa_per_hour for point in detection.conditions[0].at_rates]
        assert rates == [20, 600]
        assert (detection.auc, detection.eer) == (1.0, 0.0)
    assert run.results.variants[0].detection != run.results.variants[1].detection


def test_figures_are_those_of_the_scores(run):
    sound = run.detect()
    scores = np.load(scores_of(run, "int8", "clean"))
    plan = detecting._plan(sound, SETTINGS, None)
    assert len(scores) == plan.rows
    smoothed = [metrics.smooth(scores[row : row + n], 2) for _, row, n in plan.recordings]
    words = [metrics.smooth(scores[row : row + n], 2) for row, n in plan.words]
    expected = metrics.curve(smoothed, words, plan.seconds / 3600, 10)
    clean = run.results.variants[1].detection.conditions[0]
    assert clean.det == det(expected)
    assert clean.hours == expected.hours
    # 600 an hour is less than one accept in 4 s, and one accept is the least.
    chosen = run.results.variants[1].detection.chosen
    assert "hours can resolve, and depends on one false accept" in chosen.reason
    assert chosen.false_accepts <= 1
    assert chosen.misses == sum(best < chosen.threshold for best in expected.words)


def test_scores_from_before_a_stop_stay(run, monkeypatch):
    run.detect()
    before = [row.detection for row in run.results.variants]
    for row in run.results.variants:
        row.detection = None
    scores_of(run, "int8", "10 dB").unlink()
    scored = []
    score_file = detecting.score_file

    def recorded(model, features, target, positive, seconds):
        scored.append(target.name)
        score_file(model, features, target, positive, seconds)

    monkeypatch.setattr(detecting, "score_file", recorded)
    run.detect()
    assert scored == [scores_of(run, "int8", "10 dB").name]
    assert [row.detection for row in run.results.variants] == before


def test_a_row_that_is_made_again_after_a_run_is_compared_with_float32(run):
    run.detect()
    before = [row.detection for row in run.results.variants]
    assert before[1] is not None
    assert before[1].against_float32 is not None
    for path in (run.work / "scores").iterdir():
        path.unlink()
    run.results["int8"].detection = None
    run.detect()
    assert [row.detection for row in run.results.variants] == before


def test_in_other_sound_everything_is_measured_again(run, tmp_path, write_clip):
    run.detect()
    before = run.results.variants[0].detection
    for number in range(3):
        write_clip(tmp_path / "speech" / f"{number}.wav", rate=8_000, seconds=4.0)
    run.detect(SETTINGS.model_copy(update={"continuous": tmp_path / "speech"}))
    assert run.results.detection.files == 3
    assert run.results.detection.hours == pytest.approx(3 * 3.0 / 3600, abs=0.3 / 3600)
    assert run.results.variants[0].detection != before


def test_a_variant_that_was_not_measured_has_no_detection(run):
    run.results.variants[1].scores = []
    run.detect()
    assert run.results.variants[0].detection is not None
    assert run.results.variants[1].detection is None


def test_a_model_that_fails_has_a_note_and_does_not_stop_the_others(run):
    (run.models / "int8.tflite").write_bytes(b"\0" * 100)
    run.detect()
    floats, broken = run.results.variants
    assert floats.detection is not None
    assert broken.detection is None
    assert broken.notes[0].startswith("not measured in continuous sound: ")


def test_a_users_model_that_loops_is_stopped_with_a_note(run, monkeypatch):
    monkeypatch.setattr(detecting, "SECONDS", 1)
    monkeypatch.setattr(detecting, "_SECONDS_A_WINDOW", 0)
    monkeypatch.setattr(detecting, "_outputs", hang)
    run.detect(SETTINGS.model_copy(update={"model": run.models / "float32.tflite"}))
    for row in run.results.variants:
        assert row.detection is None
        assert row.notes == ["not measured in continuous sound: it took more than 1 s"]


def test_unusable_clips_are_not_in_the_background(run, tmp_path):
    path = tmp_path / "data" / "no" / "c_nohash_0.wav"
    path.write_bytes(b"")
    cache = FeatureCache(tmp_path / "other", SETTINGS.frontend)
    run.chosen, run.skipped = choose(run.corpus, SETTINGS.frontend, cache)
    cache.close()
    assert run.gather().windows.background.seconds == pytest.approx(5 * 0.9)


@pytest.mark.parametrize("option", ["continuous", "noise"])
def test_folders_are_checked_before_anything_is_made(tmp_path, option):
    (tmp_path / "empty").mkdir()
    for folder, reason in (("missing", "no such folder"), ("empty", "no sound file is in it")):
        settings = RunSettings.model_validate({option: tmp_path / folder})
        with pytest.raises(UsageError, match=f"{option} .*{reason}"):
            sounds.check(settings)
