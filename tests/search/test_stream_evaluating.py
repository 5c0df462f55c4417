"""One trial of a detector in a stream: refused before training, or measured as it would ship."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from stapes.contracts.streams import StreamSound
from stapes.data.stream.frames import LATE_SECONDS
from stapes.measure.device_rule import DeviceRule
from stapes.measure.operating_points import at_rate
from stapes.measure.stream_curve import sweep
from stapes.measure.stream_outputs import StreamOutputs
from stapes.run.stream_sound import folder_of
from stapes.search import stream_evaluating
from stapes.search.candidate import Candidate
from stapes.search.settings import SearchSettings
from stapes.search.stream_evaluating import evaluate, settings_of
from stapes.targets import tflm
from stapes.targets.streams import outputs
from stapes.targets.tflm_cost import arena_bytes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not tflm.available(), reason="needs the extra `micro`"),
]

SETTINGS = SearchSettings(
    metric="frr@60/h",
    budget={"flash": 30_000, "arena": 30_000},
    calibration_clips=8,
    stream={"steps": 60, "words": 12, "others": 12, "parts": 0},  # type: ignore[arg-type]
)
SIZES = {"width": 6, "blocks": 2, "kernel": 3, "stride": 3}
WORD = 40
"""Frames."""


def candidate(**changed: object) -> Candidate:
    """A small detector, except for what is `changed`."""
    parameters = {
        "architecture": "stream_cnn",
        "sizes": SIZES,
        "frontend": "micro",
        "technique": "stream",
        "learning_rate": 0.01,
        "epochs": 3,
    }
    return Candidate.model_validate(parameters | changed)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with minutes of noise, and words that are a loud band."""
    pytest.importorskip("tf_keras")
    work: Path = tmp_path_factory.mktemp("work")
    rng = np.random.default_rng(0)
    for split in ("train", "validation"):
        folder = folder_of(work) / split
        folder.mkdir(parents=True)
        np.save(folder / "others-00.npy", rng.integers(-128, 0, (9000, 40)).astype(np.int8))
        x = rng.integers(-128, 0, (6000, 40)).astype(np.int8)
        begins = np.arange(300, 5600, 400)
        for begin in begins:
            x[begin : begin + WORD, 10:30] = 100
        marks = np.stack([begins, begins + WORD, np.arange(len(begins))], axis=1)
        np.save(folder / "words-00.npy", x)
        np.save(folder / "words-00.marks.npy", marks)
    sound = StreamSound(
        words=14,
        hours=0.03,
        train_minutes=1.5,
        validation_minutes=1.5,
        recordings=1,
        word_frames=WORD,
        made_rooms=True,
        made_noise=True,
        skipped=[],
    )
    (folder_of(work) / "sound.json").write_text(sound.model_dump_json())
    return work


@pytest.fixture(scope="module")
def evaluated(work):
    """`evaluated(**changed)`: the outcome of a candidate, of which each is trained once."""

    @functools.cache
    def of(**changed):
        return evaluate(candidate(**changed), SETTINGS, work)

    return of


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"flash": 1000}, "bytes of file, 1,000 at most"),
        ({"arena": 2000, "flash": 50_000}, "bytes of arena, 2,000 at most"),
    ],
)
def test_what_cannot_fit_is_not_trained(work, budget, reason, monkeypatch):
    monkeypatch.setattr(stream_evaluating, "train_stream", None)  # Calling it would fail.
    outcome = evaluate(candidate(), SETTINGS.model_copy(update={"budget": budget}), work)
    assert outcome.tflite is None
    assert reason in (outcome.trial.refused or "")
    assert outcome.trial.frr is None


def test_the_figures_are_those_of_the_file_on_the_validation_sound(work, evaluated):
    outcome = evaluated()
    trial, content = outcome.trial, outcome.tflite
    assert content is not None
    assert (trial.bytes, trial.arena_bytes) == (len(content), arena_bytes(content))
    folder = folder_of(work) / "validation"
    x, marks = np.load(folder / "words-00.npy"), np.load(folder / "words-00.marks.npy")
    heard = StreamOutputs(
        [outputs(content, np.load(folder / "others-00.npy"))],
        ["others-00"],
        [outputs(content, x[begin - 200 : end + 100]) for begin, end, _ in marks],
        np.array([(2.0, 2.0 + WORD / 100)] * len(marks)) - LATE_SECONDS,
    )
    point = at_rate(sweep(heard, DeviceRule(), SETTINGS.detection.tolerance_seconds), 60)
    assert trial.frr == point.frr
    assert trial.frr is not None
    assert trial.frr < 0.5  # Such a band is easy to find.
    assert trial.macs == pytest.approx(
        (3 * 40 * 6 + 5 * 6 + (3 + 5) * 6 + 2 * 6 * 6 + 6) * 100 / 3, abs=1
    )


QAT = {"technique": "stream_qat", "epochs": 1}


@pytest.mark.parametrize("changed", [{}, QAT])
def test_an_untrained_model_costs_what_the_trained_one_does(work, evaluated, changed):
    trained = evaluated(**changed).trial
    small = SETTINGS.model_copy(update={"budget": {"flash": 1}})
    refused = evaluate(candidate(**changed), small, work).trial
    assert refused.bytes == pytest.approx(trained.bytes, rel=0.05)
    assert refused.arena_bytes == pytest.approx(trained.arena_bytes, rel=0.05)
    assert refused.macs == trained.macs


def test_the_same_candidate_gives_the_same_bytes(work, evaluated):
    first = evaluated(**QAT).tflite
    assert first is not None
    assert first == evaluate(candidate(**QAT), SETTINGS, work).tflite


def test_a_candidate_decides_sizes_training_and_technique():
    chosen = candidate(epochs=5, technique="stream_pruned", sparsity=0.3)
    settings = settings_of(chosen, SETTINGS)
    stream = settings.stream
    assert {name: getattr(stream, name) for name in SIZES} == SIZES
    assert (stream.epochs, stream.steps, stream.learning_rate) == (5, 30, 0.01)
    assert stream.frequency_mask == 0 < SETTINGS.stream.frequency_mask
    pruning = settings.recipes.stream_pruning
    assert (pruning.final_sparsity, pruning.epochs) == (0.3, 2)
    assert pruning.initial_sparsity <= 0.3
