"""From trials to rows of the table, measured on test clips, and the one to ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stapes.contracts.measurements import Recommendation
from stapes.contracts.results import Results, Trial, VariantResult
from stapes.measure.variant import measure
from stapes.models import keras_files
from stapes.run import steps
from stapes.run.feature_files import load_features
from stapes.run.recommendation import front
from stapes.search.engines import TEACHER
from stapes.search.front import fits
from stapes.search.settings import SearchSettings
from stapes.system.files import atomic_path, write_bytes
from stapes.system.text import limits, p_value, percent
from stapes.techniques.registry import TECHNIQUES
from stapes.techniques.variant import Variant


@steps.plainly
def teach(features: Path, keras_file: Path, work: Path) -> None:
    """Write the baseline's scores of the training clips, which teach the trials of all frontends.

    Parameters
    ----------
    features : Path
        The folder of the features for the baseline's frontend.
    keras_file : Path
        The baseline.
    work : Path
        The folder for the scores.
    """
    baseline = keras_files.load(keras_file)
    training = load_features(features, "train", baseline.input_shape[1:])
    scores = baseline.predict(np.asarray(training.x), batch_size=256, verbose=0)
    with atomic_path(work / TEACHER) as temporary, temporary.open("wb") as file:
        np.save(file, scores, allow_pickle=False)


@steps.plainly
def ship(
    name: str, trial: Trial, settings: SearchSettings, folder: Path, work: Path
) -> VariantResult:
    """Measure a trial's file on the test clips, and copy it to the models."""
    assert trial.file is not None
    content = (folder / trial.file).read_bytes()
    technique = TECHNIQUES[str(trial.candidate["technique"])]
    variant = Variant(
        content,
        {"trial": trial.number, **trial.candidate},
        [trial.summary, *trial.notes],
        trial.layer_notes,
    )
    test = load_features(work / str(trial.candidate["frontend"]), "test")
    title = f"{trial.candidate['architecture']}, {technique.title}"
    names = trial.layer_names
    row = measure(name, title, variant, test, names, settings.positive, trial.bytes_before_slim)
    write_bytes(folder / row.file, content)
    return row


def recommend(results: Results, settings: SearchSettings) -> Recommendation:
    """The best model for the budget, or why there is none."""
    search = results.search
    assert search is not None
    within = limits(settings.budget)
    row = next((row for row in results.variants if row.name == "best"), None)
    if row is None or search.best is None:
        sentence = f"No trained model fits {within}: allow more, or search longer."
    else:
        fitting = sum(fits(trial, settings.budget) for trial in search.trials)
        trials = "1 trial" if fitting == 1 else f"{fitting} trials"
        if within:
            trials += f" that {'fits' if fitting == 1 else 'fit'} {within}"
        trial = next(trial for trial in search.trials if trial.number == search.best)
        arena = row.targets["tflm"].arena_bytes
        sentence = (
            f"Ship best, {row.bytes:,} bytes{'' if arena is None else f', arena {arena:,}'}. It is "
            f"trial {trial.number}: {trial.summary}. Of {trials} it has the lowest FRR of the "
            f"validation clips. {_on_test_clips(row, results.variants[0])}"
        )
    return Recommendation(
        budget=dict(settings.budget.items()),
        max_drop=settings.max_drop,
        variant=None if row is None or search.best is None else "best",
        sentence=sentence,
        front=front([row for row in results.variants if row.accuracy is not None]),
    )


def _on_test_clips(row: VariantResult, floats: VariantResult) -> str:
    test = row.against_float32
    p = f", McNemar {p_value(test.p)}" if test else ""
    accuracy = (
        f"On {row.n_test} test clips, which chose nothing, it has {percent(row.accuracy)} right "
        f"(float32, {floats.bytes:,} bytes: {percent(floats.accuracy)}{p})."
    )
    if row.misses is None or floats.misses is None:
        return accuracy
    difference = row.misses.against_float32
    p = f", {p_value(difference.p)}" if difference else ""
    return (
        f"{accuracy} Its FRR of these clips is {percent(row.misses.frr)} at "
        f"{row.misses.false_positive_percent:g} % false positives (float32 "
        f"{percent(floats.misses.frr)}{p})."
    )
