"""One trial, in a worker: whether the candidate can fit, and if so, its model and figures.

A model's bytes and arena depend on its shape, hardly on its weights. So an untrained model is
converted like a trained one, and is not trained if it does not fit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.results import Trial
from stapes.data.features import FeatureSet
from stapes.errors import ModelError
from stapes.measure.accuracy import accuracy, word_scores
from stapes.measure.roc import frr_at
from stapes.measure.variant import interpreters
from stapes.models.architectures import ARCHITECTURES
from stapes.models.backend import start_over
from stapes.models.cost import macs
from stapes.models.labels import softened
from stapes.models.lowering import lower
from stapes.models.settings import TrainSettings
from stapes.models.training import train
from stapes.run.shrinking import shrink
from stapes.search.candidate import Candidate
from stapes.search.front import exceeded
from stapes.search.settings import SearchSettings
from stapes.targets.tflm_cost import arena_bytes
from stapes.techniques.post_training import convert_int8
from stapes.techniques.recipes import Recipes
from stapes.techniques.registry import STAGES, TECHNIQUES, stages_of
from stapes.techniques.variant import Material, Variant
from stapes.tflite.read.constants import constants

FIT_CLIPS = 8
"""Clips to quantize an untrained model with."""

_LEAST_SCORE = 1 / 512
"""Half a step of an 8-bit softmax: a score that is written as 0 is at most this."""

_TEMPERATURE = 3.0
_MASK_PART = 5
"""The widest mask is a fifth of the frames, or of the bins."""


@dataclass(frozen=True)
class Sets:
    """The data of a trial, for one frontend.

    teacher : np.ndarray [shape=(n, outputs)], the baseline's scores of the training clips
    """

    training: FeatureSet
    validation: FeatureSet
    calibration: NDArray[np.float32]
    teacher: NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """The result of a trial; its number is not known here.

    A refused trial has no `tflite`, and the costs of an untrained model.
    """

    tflite: bytes | None
    trial: Trial


def evaluate(candidate: Candidate, settings: SearchSettings, sets: Sets) -> Outcome:
    """Refuse a candidate that cannot fit, or train, shrink and measure it.

    `sets` are those of the candidate's frontend. FRR and accuracy are of the validation clips, on
    the file that would ship.

    Raises
    ------
    ModelError
        No interpreter runs the model.
    """
    begin = time.process_time()
    shape = sets.training.x.shape[1:]
    model, size, arena = untrained(
        candidate,
        lambda: ARCHITECTURES[candidate.architecture](shape, **candidate.sizes),
        sets.calibration[:FIT_CLIPS],
        settings.seed,
    )
    trial = candidate.trial(
        bytes=size, arena_bytes=arena, macs=macs(model), parameters=model.count_params()
    )
    over = exceeded(size, arena, settings.budget)
    content = None
    if over:
        trial.refused = "; ".join(over.values())
    else:
        trained = _train(candidate, settings, sets)
        content = shipped(trial, trained, candidate, settings.seed)
        _measure(trial, content, sets.validation, settings.false_positive_percent)
    trial.seconds = round(time.process_time() - begin, 1)
    return Outcome(content, trial)


def untrained(
    candidate: Candidate,
    build: Callable[[], Any],
    clips: NDArray[np.float32],
    seed: int,
    form: Callable[[bytes], bytes] = bytes,
) -> tuple[Any, int, int]:
    """The lowered model with random weights, and the bytes and arena of its file.

    Parameters
    ----------
    build : callable
        Returns the model of the candidate's architecture and sizes.
    clips : np.ndarray [shape=(n, frames, bins, 1)], a few
        To quantize it with: an untrained model's ranges do not matter.
    form : callable
        Turns the converted file into the one to ship.
    """
    start_over(seed)
    model = lower(build())
    rng = np.random.default_rng([seed, 8])
    # Biases too: those of an untrained model are all equal, and equal constants are stored once.
    weights = [rng.normal(size=layer.shape).astype(np.float32) for layer in model.get_weights()]
    if candidate.clusters is not None:
        weights = [_clustered(layer, candidate.clusters) for layer in weights]
    model.set_weights(weights)
    variant = _shrunk(Variant(form(convert_int8(model, clips))), candidate, seed)
    return model, len(variant.tflite), arena_bytes(variant.tflite)


def _clustered(weights: NDArray[np.float32], clusters: int) -> NDArray[np.float32]:
    """Give a kernel so many distinct values, as clustering does; biases stay."""
    if weights.ndim < 2:
        return weights
    edges = np.quantile(weights, np.linspace(0, 1, clusters + 1)[1:-1])
    centroids = np.linspace(-2, 2, clusters, dtype=np.float32)
    return centroids[np.searchsorted(edges, weights)]


def _train(candidate: Candidate, settings: SearchSettings, sets: Sets) -> Variant:
    training = sets.training
    frames, bins = training.x.shape[1:3]
    options = TrainSettings(
        epochs=settings.epochs,
        learning_rate=candidate.learning_rate,
        decay=True,
        keep_by="frr",
        false_positive_percent=settings.false_positive_percent,
        patience=settings.patience,
        label_smoothing=candidate.label_smoothing,
        time_mask=frames // _MASK_PART if candidate.masks else 0,
        frequency_mask=bins // _MASK_PART if candidate.masks else 0,
    )
    build = ARCHITECTURES[candidate.architecture]
    trained = train(
        lambda: build(training.x.shape[1:], **candidate.sizes),
        training,
        sets.validation,
        options,
        seed=settings.seed,
        soft_labels=softened(
            training.y, 2, sets.teacher, share=candidate.teacher, temperature=_TEMPERATURE
        ),
        frr=frr_at,
    )
    model = lower(trained.model)
    material = Material(
        model=model,
        baseline=model,
        training=training,
        calibration=sets.calibration,
        recipes=with_recipe(candidate, settings.recipes),
        seed=settings.seed,
        validation=sets.validation,
    )
    start_over(settings.seed)
    for stage in stages_of([candidate.technique]):
        material = replace(material, model=STAGES[stage].make(material))
    return TECHNIQUES[candidate.technique].make(material)


def with_recipe(candidate: Candidate, recipes: Recipes) -> Recipes:
    """The recipes with the candidate's sparsity and clusters."""
    changed: dict[str, Any] = {}
    if candidate.sparsity is not None:
        first = min(recipes.pruning.initial_sparsity, candidate.sparsity)
        sparsity = {"final_sparsity": candidate.sparsity, "initial_sparsity": first}
        changed["pruning"] = recipes.pruning.model_copy(update=sparsity)
    if candidate.clusters is not None:
        clusters = {"clusters": candidate.clusters}
        changed["clustering"] = recipes.clustering.model_copy(update=clusters)
    return recipes.model_copy(update=changed)


def shipped(trial: Trial, variant: Variant, candidate: Candidate, seed: int) -> bytes:
    """The file of a trained model as it would ship; its costs and notes are filled in the trial."""
    shrunk = _shrunk(variant, candidate, seed)
    content = shrunk.tflite
    trial.bytes, trial.arena_bytes = len(content), arena_bytes(content)
    trial.bytes_before_slim = len(variant.tflite)
    kernels = [constant for constant in constants(variant.tflite) if constant.role == "kernel"]
    trial.layer_names = [kernel.name for kernel in kernels]
    trial.notes, trial.layer_notes = shrunk.notes, shrunk.layer_notes
    return content


def _shrunk(variant: Variant, candidate: Candidate, seed: int) -> Variant:
    tables = TECHNIQUES[candidate.technique].tables
    return shrink(variant, tables=tables, runtime=candidate.slim, seed=seed, isolate=False)[0]


def _measure(trial: Trial, content: bytes, validation: FeatureSet, percent: float) -> None:
    """Fill FRR, accuracy and cross-entropy of a trial's file."""
    targets, interpreter = interpreters(content)
    if interpreter is None:
        reasons = "; ".join((target.reason or "").rstrip(".") for target in targets.values())
        raise ModelError(f"No interpreter runs it: {reasons}.")
    scores = interpreter.predict(np.asarray(validation.x))
    words = word_scores(scores)
    right = np.where(validation.y == 1, words, 1 - words)
    trial.frr = frr_at(words, validation.y, percent)
    trial.accuracy = accuracy(scores, validation.y).value
    trial.loss = float(-np.log(np.maximum(right, _LEAST_SCORE)).mean())
