"""One trial, in a worker: whether the candidate can fit, and if so, what becomes of it.

A model's bytes and arena hang on its shape, hardly on its weights, so an untrained model tells
them: it is converted as the trained one would be, and where it does not fit, it is not trained.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

_FIT_CLIPS = 8
"""To quantize an untrained model with: its ranges matter to nobody."""

_LEAST_SCORE = 1 / 512
"""Half a step of an 8-bit softmax: what it says is 0 is at most this."""

_TEMPERATURE = 3.0
_MASK_PART = 5
"""The widest mask is this part of the frames, or of the bins."""


@dataclass(frozen=True)
class Sets:
    """What a trial works from, of one frontend.

    teacher : np.ndarray [shape=(n, outputs)], the baseline's scores of the training clips
    """

    training: FeatureSet
    validation: FeatureSet
    calibration: NDArray[np.float32]
    teacher: NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """What a trial came to; of a refused one, what an untrained model costs, and `tflite` None."""

    tflite: bytes | None
    refused: str
    bytes: int
    arena_bytes: int
    macs: int
    parameters: int
    seconds: float
    frr: float | None = None
    accuracy: float | None = None
    loss: float | None = None
    bytes_before_slim: int | None = None
    notes: list[str] = field(default_factory=list)
    layer_names: list[str] = field(default_factory=list)
    layer_notes: list[str] = field(default_factory=list)


def evaluate(candidate: Candidate, settings: SearchSettings, sets: Sets) -> Outcome:
    """Refuse a candidate that cannot fit, or train, shrink and measure it.

    Parameters
    ----------
    candidate : Candidate
    settings : SearchSettings
    sets : Sets
        Of the candidate's frontend.

    Returns
    -------
    outcome : Outcome
        FRR and accuracy are of the validation clips, on the file that would be shipped.

    Raises
    ------
    ModelError
        No interpreter runs what came of it.
    """
    began = time.process_time()
    shape = sets.training.x.shape[1:]
    model, size, arena = untrained(candidate, shape, sets.calibration, settings.seed)
    parameters, multiplications = model.count_params(), macs(model)
    over = exceeded(size, arena, settings.budget)
    if over:
        return Outcome(
            None,
            "; ".join(over.values()),
            size,
            arena,
            multiplications,
            parameters,
            time.process_time() - began,
        )
    made = _made(candidate, settings, sets)
    variant = _shrunk(made, candidate, settings.seed)
    content = variant.tflite
    judged = _judged(content, sets.validation, settings.false_positive_percent)
    return Outcome(
        content,
        "",
        len(content),
        arena_bytes(content),
        multiplications,
        parameters,
        time.process_time() - began,
        *judged,
        len(made.tflite),
        variant.notes,
        [each.name for each in constants(made.tflite) if each.role == "kernel"],
        variant.layer_notes,
    )


def untrained(
    candidate: Candidate, shape: tuple[int, ...], clips: NDArray[np.float32], seed: int
) -> tuple[Any, int, int]:
    """The lowered model with drawn weights, and the bytes and arena of its file.

    Parameters
    ----------
    candidate : Candidate
    shape : tuple of int
        (frames, bins, 1) of the frontend.
    clips : np.ndarray [shape=(n, frames, bins, 1)]
    seed : int
    """
    start_over(seed)
    model = lower(ARCHITECTURES[candidate.architecture](shape, **candidate.sizes))
    rng = np.random.default_rng([seed, 8])
    # Biases too: those of an untrained model are all equal, and equal constants are stored once.
    weights = [rng.normal(size=each.shape).astype(np.float32) for each in model.get_weights()]
    if candidate.clusters is not None:
        weights = [_clustered(each, candidate.clusters) for each in weights]
    model.set_weights(weights)
    variant = _shrunk(Variant(convert_int8(model, clips[:_FIT_CLIPS])), candidate, seed)
    return model, len(variant.tflite), arena_bytes(variant.tflite)


def _clustered(weights: NDArray[np.float32], clusters: int) -> NDArray[np.float32]:
    """So many distinct values, as clustering leaves in a kernel; biases as they are."""
    if weights.ndim < 2:
        return weights
    edges = np.quantile(weights, np.linspace(0, 1, clusters + 1)[1:-1])
    centroids = np.linspace(-2, 2, clusters, dtype=np.float32)
    return centroids[np.searchsorted(edges, weights)]


def _made(candidate: Candidate, settings: SearchSettings, sets: Sets) -> Variant:
    training = sets.training
    frames, bins = training.x.shape[1:3]
    given = TrainSettings(
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
        given,
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
        recipes=_recipes(candidate, settings.recipes),
        seed=settings.seed,
        validation=sets.validation,
    )
    start_over(settings.seed)
    for stage in stages_of([candidate.technique]):
        material = replace(material, model=STAGES[stage].make(material))
    return TECHNIQUES[candidate.technique].make(material)


def _recipes(candidate: Candidate, recipes: Recipes) -> Recipes:
    changes: dict[str, Mapping[str, Any]] = {}
    if candidate.sparsity is not None:
        first = min(recipes.pruning.initial_sparsity, candidate.sparsity)
        changes["pruning"] = {"final_sparsity": candidate.sparsity, "initial_sparsity": first}
    if candidate.clusters is not None:
        changes["clustering"] = {"clusters": candidate.clusters}
    updated = {
        name: getattr(recipes, name).model_copy(update=dict(change))
        for name, change in changes.items()
    }
    return recipes.model_copy(update=updated)


def _shrunk(variant: Variant, candidate: Candidate, seed: int) -> Variant:
    tables = TECHNIQUES[candidate.technique].tables
    return shrink(variant, tables=tables, runtime=candidate.slim, seed=seed, isolate=False)[0]


def _judged(
    content: bytes, validation: FeatureSet, percent: float
) -> tuple[float | None, float | None, float]:
    """FRR, accuracy and cross-entropy of a file."""
    targets, interpreter = interpreters(content)
    if interpreter is None:
        reasons = "; ".join((each.reason or "").rstrip(".") for each in targets.values())
        raise ModelError(f"No interpreter runs it: {reasons}.")
    scores = interpreter.predict(np.asarray(validation.x))
    words = word_scores(scores)
    right = np.where(validation.y == 1, words, 1 - words)
    loss = float(-np.log(np.maximum(right, _LEAST_SCORE)).mean())
    return frr_at(words, validation.y, percent), accuracy(scores, validation.y).value, loss
