"""Detection of a run: every condition of every variant, kept when killed, dropped when stale."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.results_by_hand import results, variant

from stapes import detecting
from stapes.audio.frontend import Mfcc
from stapes.data import corpus as corpora
from stapes.data.cache import FeatureCache
from stapes.data.features import choose
from stapes.errors import StapesError, UsageError
from stapes.measure import detection as metrics
from stapes.measure.continuous import DetectionSettings
from stapes.measurements import TestClip
from stapes.progress import Progress
from stapes.settings import RunSettings

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
        self.models = root / "models"
        self.work = root / "work"
        self.models.mkdir()
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
        self.results = results(*(variant(name, n=len(test.y)) for name in ("float32", "int8")))
        self.results.clips = [
            TestClip(name=clip.name, label=clip.label, word=bool(y))
            for clip, y in zip(test.clips, test.y, strict=True)
        ]

    def gather(self, settings=SETTINGS):
        return detecting.gather(
            self.corpus, self.chosen, self.skipped, settings, self.work, Progress()
        )

    def detect(self, settings=SETTINGS):
        sound = self.gather(settings)
        with ThreadPoolExecutor(1) as executor:
            detecting.detect(
                self.results, sound, settings, self.work, self.models, executor, Progress()
            )
        return sound


@pytest.fixture
def run(tmp_path, write_clip, dense_model):
    return Run(tmp_path, write_clip, dense_model)


def test_every_variant_is_heard_in_every_condition(run):
    run.detect()
    setup = run.results.detection
    assert (setup.hop_ms, setup.smoothing, setup.snr_db) == (100.0, 2, [10.0])
    assert setup.hours == pytest.approx(6 * 0.9 / 3600)
    for row in run.results.variants:
        found = row.detection
        assert [each.name for each in found.conditions] == ["clean", "10 dB"]
        assert all(each.words == 6 for each in found.conditions)
        assert [point.target_fa_per_hour for point in found.conditions[0].at_rates] == [20, 600]
        assert found.auc == 1.0
        assert found.eer == 0.0
    assert run.results.variants[0].detection != run.results.variants[1].detection


def test_figures_are_those_of_the_scores(run):
    sound = run.detect()
    scores = np.load(run.work / "scores" / "int8@clean.npy")
    some = detecting._plan(sound, SETTINGS, None)
    assert len(scores) == some.rows
    smoothed = [metrics.smooth(scores[row : row + n], 2) for _, row, n in some.recordings]
    words = [metrics.smooth(scores[row : row + n], 2) for row, n in some.words]
    expected = metrics.curve(smoothed, words, 6 * 0.9 / 3600, 10)
    found = run.results.variants[1].detection.conditions[0]
    assert found.det == metrics.det(expected)
    # Hardly two thirds of an allowed accept in 5.4 s: one accept is what the hours carry.
    chosen = run.results.variants[1].detection.chosen
    assert "the lowest that 0.0015 hours carry" in chosen.reason
    assert chosen.false_accepts <= 1
    assert run.results.variants[1].detection.missed_words == [
        place
        for place, best in zip(sound.word_clips, expected.words, strict=True)
        if best < chosen.threshold
    ]


def test_what_an_earlier_try_scored_is_kept(run, monkeypatch):
    run.detect()
    before = [row.detection for row in run.results.variants]
    for row in run.results.variants:
        row.detection = None
    (run.work / "scores" / "int8@10 dB.npy").unlink()
    scored = []
    usual = detecting.score_file

    def watched(model, features, target, positive):
        scored.append(target.name)
        usual(model, features, target, positive)

    monkeypatch.setattr(detecting, "score_file", watched)
    run.detect()
    assert scored == ["int8@10 dB.npy"]
    assert [row.detection for row in run.results.variants] == before


def test_in_other_sound_everything_is_measured_anew(run, tmp_path, write_clip):
    run.detect()
    before = run.results.variants[0].detection
    for number in range(3):
        write_clip(tmp_path / "speech" / f"{number}.wav", rate=8_000, seconds=4.0)
    run.detect(SETTINGS.model_copy(update={"continuous": tmp_path / "speech"}))
    assert run.results.detection.files == 3
    assert run.results.detection.hours == pytest.approx(12 / 3600)
    assert run.results.variants[0].detection != before


def test_a_variant_that_was_not_measured_has_no_detection(run):
    run.results.variants[1].scores = []
    run.detect()
    assert run.results.variants[0].detection is not None
    assert run.results.variants[1].detection is None


def test_a_model_that_fails_is_named(run):
    (run.models / "int8.tflite").write_bytes(b"\0" * 100)
    with pytest.raises(StapesError, match=r"^int8: "):
        run.detect()


def test_clips_that_cannot_be_used_are_no_background(run, tmp_path):
    gone = tmp_path / "data" / "no" / "c_nohash_0.wav"
    gone.write_bytes(b"")
    cache = FeatureCache(tmp_path / "other", SETTINGS.frontend)
    run.chosen, run.skipped = choose(run.corpus, SETTINGS.frontend, cache)
    cache.close()
    assert run.gather().background.seconds == pytest.approx(5 * 0.9)


@pytest.mark.parametrize("option", ["continuous", "noise"])
def test_folders_are_looked_for_before_anything_is_made(tmp_path, option):
    (tmp_path / "empty").mkdir()
    for folder, said in (("missing", "no such folder"), ("empty", "no sound file is in it")):
        settings = RunSettings.model_validate({option: tmp_path / folder})
        with pytest.raises(UsageError, match=f"--{option} .*{said}"):
            detecting.check(settings)
