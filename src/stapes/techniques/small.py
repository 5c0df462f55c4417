"""Models far smaller than the baseline, trained from scratch with the baseline as their teacher.

A temporal CNN takes the bins of a frame as channels and convolves over time alone. So a thousand
weights detect a word, and a few hundred bytes hold its tensors. Its batch normalization is folded
before the weights are quantized.

Sources: Choi et al. 2019, "Temporal convolution for real-time keyword spotting on mobile devices",
arXiv:1904.03814; the teacher: `fine_tuning`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stapes.data.features import FeatureSet
from stapes.models.architectures import temporal_cnn
from stapes.models.backend import start_over
from stapes.models.lowering import lower
from stapes.system.text import percent
from stapes.techniques.fine_tuning import fine_tune
from stapes.techniques.post_training import convert, convert_int8
from stapes.techniques.recipes import Temporal
from stapes.techniques.variant import Material, Variant

_ROUNDING = 1e-9
_HELD_OUT = 0.2
"""The share of the training clips that validates where the corpus has no validation clips."""


def small(material: Material) -> Variant:
    """A temporal CNN of the recipe's width, int8."""
    recipe = material.recipes.small
    tflite = _taught(material, recipe, recipe.width)
    return Variant(tflite, recipe.model_dump(mode="json"))


def tiny(material: Material) -> Variant:
    """The narrowest temporal CNN that is within `max_drop` points of the baseline, int8.

    Each width, from the narrowest on, is measured as its int8 file on validation clips alone. If
    none is near enough, the best one is chosen.
    """
    recipe = material.recipes.tiny
    material, clips, where = _validation_of(material)
    assert material.accuracy is not None
    baseline = 100 * material.accuracy(convert(material.baseline), clips)
    least = baseline - recipe.max_drop - _ROUNDING
    files: dict[int, bytes] = {}
    reached: dict[int, float] = {}
    for width in recipe.widths:
        files[width] = _taught(material, recipe, width)
        reached[width] = 100 * material.accuracy(files[width], clips)
        if reached[width] >= least:
            break
    # Of equal ones the narrowest, if none is near enough.
    chosen = max(reached, key=lambda width: (reached[width], -width))
    why = "the narrowest" if reached[chosen] >= least else "the best, as none is"
    tried = ", ".join(f"{width}: {percent(share / 100, 1)}" for width, share in reached.items())
    note = (
        f"width {chosen}, {why} at most {recipe.max_drop:.1f} points below the baseline's "
        f"{percent(baseline / 100, 1)} on {where} ({tried})"
    )
    return Variant(files[chosen], {**recipe.model_dump(mode="json"), "width": chosen}, [note])


def _taught(material: Material, recipe: Temporal, width: int) -> bytes:
    """The int8 file of a temporal CNN, trained on the training clips."""
    start_over(material.seed)
    student = temporal_cnn(
        material.baseline.input_shape[1:],
        width=width,
        blocks=recipe.blocks,
        kernel=recipe.kernel,
        outputs=material.baseline.output_shape[-1],
    )
    fine_tune(
        student,
        material,
        recipe,
        label_smoothing=recipe.label_smoothing,
        masks=(recipe.time_mask, recipe.frequency_mask),
    )
    return convert_int8(lower(student), material.calibration)


def _validation_of(material: Material) -> tuple[Material, FeatureSet, str]:
    """The material to train on, the clips to choose by, and a name for them."""
    validation = material.validation
    if validation is not None and len(np.unique(validation.y)) == 2:
        return material, validation, f"{len(validation.y)} validation clips"
    rest, held_out = _split(material.training, material.seed)
    where = (
        f"{len(held_out.y)} training clips that were held out, as there are no validation clips "
        "(the baseline was trained on them)"
    )
    return replace(material, training=rest), held_out, where


def _split(training: FeatureSet, seed: int) -> tuple[FeatureSet, FeatureSet]:
    """The training clips in two parts; all copies of a clip are in the same part."""
    rng = np.random.default_rng([seed, 2])
    names = np.array(training.clip)
    chosen: list[str] = []
    for label in (1, 0):
        members = np.unique(names[training.y == label])
        chosen += rng.permutation(members)[: max(1, round(_HELD_OUT * len(members)))].tolist()
    out = np.isin(names, chosen)
    return _rows(training, ~out), _rows(training, out)


def _rows(features: FeatureSet, which: NDArray[np.bool_]) -> FeatureSet:
    places = np.flatnonzero(which)
    return FeatureSet(
        np.asarray(features.x[places]), features.y[places], [features.clip[n] for n in places]
    )
