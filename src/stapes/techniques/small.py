"""Models far smaller than the baseline, trained from scratch with the baseline as their teacher.

A temporal CNN takes the bins of a frame as channels and convolves over time alone, so that a
thousand weights hold a word and the tensors between them are a few hundred bytes. It is trained
with batch normalization, which is folded before the weights are quantized.

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
from stapes.techniques.fine_tuning import fine_tune
from stapes.techniques.post_training import convert, convert_int8
from stapes.techniques.recipes import Temporal
from stapes.techniques.variant import Material, Variant

_ROUNDING = 1e-9
_HELD_OUT = 0.2
"""Of the training clips, where the corpus has none to validate on."""


def small(material: Material) -> Variant:
    """A temporal CNN of the recipe's width, int8."""
    recipe = material.recipes.small
    tflite = _taught(material, recipe, recipe.width)
    return Variant(tflite, recipe.model_dump(mode="json"))


def tiny(material: Material) -> Variant:
    """The narrowest temporal CNN that is within `max_drop` points of the baseline, int8.

    The widths are tried from the narrowest on, each as the int8 file that would be shipped, on
    validation clips alone; where none comes near enough, the best of them is taken.
    """
    recipe = material.recipes.tiny
    material, clips, where = _to_choose_by(material)
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
    # Of equal ones the narrowest, where none came near enough.
    taken = max(reached, key=lambda width: (reached[width], -width))
    why = "the narrowest" if reached[taken] >= least else "the best, as none is"
    tried = ", ".join(f"{width}: {share:.1f} %" for width, share in reached.items())
    note = (
        f"width {taken}, {why} at most {recipe.max_drop:.1f} points below the baseline's "
        f"{baseline:.1f} % on {where} ({tried})"
    )
    return Variant(files[taken], {**recipe.model_dump(mode="json"), "width": taken}, [note])


def _taught(material: Material, recipe: Temporal, width: int) -> bytes:
    """The int8 file of a temporal CNN that was trained on the training clips."""
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


def _to_choose_by(material: Material) -> tuple[Material, FeatureSet, str]:
    """What to train on, the clips to choose by, and what these are in words."""
    validation = material.validation
    if validation is not None and len(np.unique(validation.y)) == 2:
        return material, validation, f"{len(validation.y)} validation clips"
    rest, held_out = _parted(material.training, material.seed)
    where = (
        f"{len(held_out.y)} training clips that were held out, as there are no validation clips "
        "(the baseline was trained on them)"
    )
    return replace(material, training=rest), held_out, where


def _parted(training: FeatureSet, seed: int) -> tuple[FeatureSet, FeatureSet]:
    """The training clips in two; the copies of a clip, which have its name, go with it."""
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
