"""From trials to rows of the table, measured on test clips, and the one to ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stapes.contracts.measurements import Recommendation
from stapes.contracts.results import Results, Trial, VariantResult
from stapes.data.features import FeatureSet
from stapes.measure.variant import measure
from stapes.models import keras_files
from stapes.models.backend import start_over
from stapes.models.stream_cnn import field_of, receptive_field
from stapes.run import recommendation as run_recommendation
from stapes.run import steps
from stapes.run.feature_files import load_features
from stapes.run.recommendation import front
from stapes.search.candidate import Candidate
from stapes.search.engines import TEACHER
from stapes.search.front import fits, thin_front
from stapes.search.job import SearchJob
from stapes.search.settings import SearchSettings
from stapes.system.files import atomic_path, write_bytes
from stapes.system.text import limits, p_value, percent
from stapes.system.workers import Workers
from stapes.techniques.registry import FLOATS, TECHNIQUES
from stapes.techniques.variant import Material, Variant


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


def ship_all(job: SearchJob, results: Results, workers: Workers) -> None:
    """Make a row of the reference, of the best trial and of those of the front.

    Models of windows are measured on the test clips at once, detectors in a stream later.
    """
    settings, folder, search = job.settings, job.folder, results.search
    assert search is not None
    best_trial = next((trial for trial in search.trials if trial.number == search.best), None)
    front = thin_front(search.trials, settings.front)
    shipped = {"best": best_trial} if best_trial else {}
    shipped |= {f"trial_{trial.number}": trial for trial in front if trial is not best_trial}
    where = "" if settings.in_streams else " on the test clips"
    job.progress.begin(f"Measuring the best models{where}")
    for model in folder.models.glob("*.tflite"):
        model.unlink()  # From before this search was continued.
    executor = workers.executor()
    if settings.in_streams:
        baseline = executor.submit(
            ship_reference, settings, folder.baseline, folder.work, folder.models
        )
    else:
        files = (folder.features, folder.baseline, folder.models)
        baseline = executor.submit(steps.make_variant, "float32", settings, *files)
    rows = [
        executor.submit(ship, name, trial, settings, folder.path, folder.work)
        for name, trial in shipped.items()
    ]
    results.variants = [baseline.result(), *(row.result() for row in rows)]
    results.baseline.accuracy = results.variants[0].accuracy
    names = {trial.number: name for name, trial in shipped.items()}
    for trial in search.trials:
        trial.variant = names.get(trial.number)
    job.progress.end(f"{len(results.variants)} models")


@steps.plainly
def ship_reference(
    settings: SearchSettings, keras_file: Path, work: Path, models: Path
) -> VariantResult:
    """The float detector in a stream that the others are compared with, from its Keras file."""
    start_over(settings.seed)
    model = keras_files.load(keras_file)
    material = Material(
        model=model,
        baseline=model,
        training=FeatureSet(np.zeros((0, 0, 0), np.float32), np.zeros(0, np.uint8), []),
        calibration=np.zeros((0, 0, 0), np.float32),
        recipes=settings.recipes,
        seed=settings.seed,
    )
    name = FLOATS["stream"]
    variant = TECHNIQUES[name].make(material)
    return steps.stream_row(name, variant, field_of(model), settings, work, models)


@steps.plainly
def ship(
    name: str, trial: Trial, settings: SearchSettings, folder: Path, work: Path
) -> VariantResult:
    """Copy a trial's file to the models, and measure it, on the test clips if it has windows."""
    assert trial.file is not None
    content = (folder / trial.file).read_bytes()
    technique = TECHNIQUES[str(trial.candidate["technique"])]
    variant = Variant(
        content,
        {"trial": trial.number, **trial.candidate},
        [trial.summary, *trial.notes],
        trial.layer_notes,
    )
    frontend = str(trial.candidate["frontend"])
    test = None if settings.in_streams else load_features(work / frontend, "test")
    title = f"{trial.candidate['architecture']}, {technique.title}"
    names = trial.layer_names
    row = measure(name, title, variant, test, names, settings.positive, trial.bytes_before_slim)
    if settings.in_streams:
        sizes = Candidate.model_validate(trial.candidate).sizes
        row.stream = steps.stream_form(frontend, receptive_field(**sizes), sizes["stride"])
    write_bytes(folder / row.file, content)
    return row


def recommend(results: Results, settings: SearchSettings) -> Recommendation:
    """The best model for the budget, or why there is none."""
    row = _best_row(results)
    if row is None:
        sentence = _nothing_fits(settings)
    else:
        arena = row.targets["tflm"].arena_bytes
        sentence = (
            f"Ship best, {row.bytes:,} bytes{'' if arena is None else f', arena {arena:,}'}. "
            f"{_why(results, settings, 'of the validation clips')} "
            f"{_on_test_clips(row, results.variants[0])}"
        )
    return Recommendation(
        budget=dict(settings.budget.items()),
        max_drop=settings.max_drop,
        variant=None if row is None else "best",
        sentence=sentence,
        front=front([row for row in results.variants if row.accuracy is not None]),
    )


def recommend_stream(results: Results, settings: SearchSettings) -> Recommendation:
    """The best detector in a stream, if it serves in test sound as a run requires, or why not."""
    row = _best_row(results)
    rows = [] if row is None or row.detection is None else [row]
    best = run_recommendation.recommend(
        results.model_copy(update={"variants": rows}),
        settings.budget,
        settings.max_drop,
        settings.max_frr,
        settings.detection.target_fa_per_hour,
        choice=_why(results, settings, "in validation sound") if rows else "",
    )
    if row is None:
        best.sentence = _nothing_fits(settings)
    elif not rows:
        best.sentence = (
            "Nothing can be recommended: best was not measured in continuous sound. Name a folder "
            "of recordings with --continuous."
        )
    best.front = front(results.variants)
    return best


def _best_row(results: Results) -> VariantResult | None:
    if results.search is None or results.search.best is None:
        return None
    return next((row for row in results.variants if row.name == "best"), None)


def _nothing_fits(settings: SearchSettings) -> str:
    return f"No trained model fits {limits(settings.budget)}: allow more, or search longer."


def _why(results: Results, settings: SearchSettings, where: str) -> str:
    """Which trial the best is, and of how many."""
    search, within = results.search, limits(settings.budget)
    assert search is not None
    fitting = sum(fits(trial, settings.budget) for trial in search.trials)
    trials = "1 trial" if fitting == 1 else f"{fitting} trials"
    if within:
        trials += f" that {'fits' if fitting == 1 else 'fit'} {within}"
    trial = next(trial for trial in search.trials if trial.number == search.best)
    return (
        f"It is trial {trial.number}: {trial.summary}. Of {trials} it has the lowest FRR {where}."
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
