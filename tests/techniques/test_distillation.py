"""The student is small, agrees with its teacher, and has the same bytes each time."""

from __future__ import annotations

import numpy as np

from stapes.targets.litert import LiteRT


def test_the_student_has_the_filters_of_the_recipe(kernels):
    shapes = [kernel.shape for kernel in kernels("distilled")]
    assert shapes == [(4, 3, 3, 1), (8, 3, 3, 4), (2, 32)]
    assert {kernel.dtype.name for kernel in kernels("distilled")} == {"int8"}


def test_the_student_is_smaller_than_its_teacher_in_the_same_type(variant):
    assert len(variant("distilled").tflite) < len(variant("int8").tflite)


def test_the_student_agrees_with_its_teacher(variant, baseline, test_clips):
    scores = LiteRT(variant("distilled").tflite).predict(test_clips.x)
    teacher = baseline.predict(test_clips.x, verbose=0)
    assert (scores.argmax(axis=1) == teacher.argmax(axis=1)).mean() > 0.9


def test_the_same_seed_gives_the_same_bytes(variant, remake):
    assert remake("distilled") == variant("distilled")


def test_its_settings_are_the_recipes(variant, material):
    assert variant("distilled").settings == material.recipes.distillation.model_dump(mode="json")


def test_the_baseline_does_not_change(variant, baseline, weights_before):
    assert variant("distilled").tflite
    for before, after in zip(weights_before, baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
