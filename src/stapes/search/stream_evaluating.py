"""One trial of a detector in a stream, in a worker: as `search.evaluating`, on frames of sound.

The training and validation sound is in the work folder, the same for all trials.
"""

from __future__ import annotations

import functools
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from stapes.data.stream.frames import HOP
from stapes.data.stream.mixing import RATE
from stapes.frontends.numerics.stream import BINS, LARGEST
from stapes.measure.operating_points import at_rate
from stapes.models.backend import start_over
from stapes.models.stream_cnn import receptive_field, stream_cnn
from stapes.models.stream_training import train_stream
from stapes.run.stream_sound import folder_of
from stapes.run.stream_steps import crops_of, macs_of_step, material_of
from stapes.run.stream_validation import Validation
from stapes.search.candidate import Candidate
from stapes.search.evaluating import FIT_CLIPS, Outcome, shipped, untrained, with_recipe
from stapes.search.front import exceeded
from stapes.search.settings import SearchSettings
from stapes.techniques.recipes import Recipes
from stapes.techniques.registry import STAGES, TECHNIQUES, stages_of
from stapes.techniques.variant import Variant
from stapes.tflite.edit.streaming import streaming


def evaluate(candidate: Candidate, settings: SearchSettings, work: Path) -> Outcome:
    """Refuse a candidate that cannot fit, or train, shrink and measure it.

    FRR is at the metric's rate in the validation sound, or at the lowest rate that this resolves. A
    device's decisions are taken on the outputs of the file that would ship.
    """
    begin = time.process_time()
    settings = settings_of(candidate, settings)
    build = functools.partial(stream_cnn, BINS, **candidate.sizes)
    rng = np.random.default_rng([settings.seed, 8])
    shape = (FIT_CLIPS, receptive_field(**candidate.sizes), BINS)
    frames = rng.uniform(0, LARGEST, shape).astype(np.float32)
    model, size, arena = untrained(candidate, build, frames, settings.seed, streaming)
    steps_a_second = RATE / HOP / settings.stream.stride
    trial = candidate.trial(
        bytes=size,
        arena_bytes=arena,
        macs=round(macs_of_step(model) * steps_a_second),
        parameters=model.count_params(),
    )
    over = exceeded(size, arena, settings.budget)
    content = None
    if over:
        trial.refused = "; ".join(over.values())
    else:
        field, stride = receptive_field(**candidate.sizes), candidate.sizes["stride"]
        validation = Validation(folder_of(work), settings, field, stride)
        with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
            variant = _train(candidate, settings, validation, work, Path(scratch))
        content = shipped(trial, variant, candidate, settings.seed)
        curve = validation.curve_of_file(content)
        frr = at_rate(curve, validation.rate).frr
        trial.frr = 1.0 if frr is None else frr
        trial.loss = validation.mean_frr(curve)
    trial.seconds = round(time.process_time() - begin, 1)
    return Outcome(content, trial)


def settings_of(candidate: Candidate, settings: SearchSettings) -> SearchSettings:
    """The search's settings with the candidate's sizes, training and technique."""
    epochs = candidate.epochs or settings.epochs
    options = settings.stream
    stream = {
        **candidate.sizes,
        "epochs": epochs,
        # Half of a run's: the sampler learns more from many trials than from long ones.
        "steps": max(1, options.steps // 2),
        "learning_rate": candidate.learning_rate,
        "frequency_mask": options.frequency_mask if candidate.masks else 0,
        "locate_epoch": max(1, epochs // 2),
    }
    return settings.model_copy(
        update={
            "stream": options.model_copy(update=stream),
            "recipes": _recipes(candidate, settings.recipes, epochs),
        }
    )


def _recipes(candidate: Candidate, recipes: Recipes, epochs: int) -> Recipes:
    """The recipes of detectors in a stream, none longer than half of the training."""
    most = max(1, epochs // 2)
    parts = {
        name: recipe.model_copy(update={"epochs": min(recipe.epochs, most)})
        for name, recipe in (
            ("pruning", recipes.stream_pruning),
            ("clustering", recipes.stream_clustering),
            ("quantization_aware", recipes.stream_quantization_aware),
        )
    }
    own = with_recipe(candidate, recipes.model_copy(update=parts))
    return own.model_copy(
        update={f"stream_{name}": getattr(own, name) for name in parts},
    )


def _train(
    candidate: Candidate,
    settings: SearchSettings,
    validation: Validation,
    work: Path,
    scratch: Path,
) -> Variant:
    """The streaming .tflite of a trained model, not shrunk yet."""
    # The model finds where the words end, so their halves are the trial's own.
    crops_at = functools.partial(
        crops_of,
        folder_of(work),
        settings.stream,
        settings.seed,
        halves=scratch / "halves.npy",
    )
    trained, crops = train_stream(
        functools.partial(stream_cnn, BINS, **candidate.sizes),
        crops_at,
        settings.stream,
        seed=settings.seed,
        judge=validation.judge,
    )
    model = validation.finish(trained.model)
    material = material_of(model, model, crops, validation, settings)
    start_over(settings.seed)
    for stage in stages_of([candidate.technique]):
        material = replace(material, model=STAGES[stage].make(material))
    return TECHNIQUES[candidate.technique].make(material)
