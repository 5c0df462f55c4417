"""Small students: small files, taught by the baseline, and chosen on validation clips alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from stapes.data.features import FeatureSet
from stapes.targets.litert import LiteRT
from stapes.techniques.recipes import Recipes
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.constants import constants

ROWS = ["small", "tiny"]
FRONTENDS = [(50, 13, 1), (49, 40, 1)]


@pytest.fixture
def choose_width(material, monkeypatch):
    """`choose_width(shares, **changed)`: tiny with accuracies of the baseline and of the widths.

    Returns the variant, the files and clips of each accuracy, and the training clips of each width.
    A file is the name of its width.
    """
    from stapes.techniques import small

    def choose(shares, **changed):
        measured, trained = [], []
        answers = iter(shares)

        def accuracy(tflite, features):
            measured.append((tflite, features))
            return next(answers)

        def taught(material, recipe, width):
            trained.append(material.training)
            return f"width {width}".encode()

        monkeypatch.setattr(small, "_taught", taught)
        recipes = Recipes.model_validate({"tiny": {"widths": [2, 3, 4]}})
        options = {"recipes": recipes, "accuracy": accuracy, **changed}
        return small.tiny(dataclasses.replace(material, **options)), measured, trained

    return choose


def kernels(tflite):
    return [constant.values.shape for constant in constants(tflite) if constant.role == "kernel"]


def test_small_has_the_width_of_its_recipe(variant, material):
    result = variant("small")
    # Output channels first; 13 bins are the channels of the first layer.
    block = [(1, 9, 1, 12), (12, 1, 1, 12)]
    assert kernels(result.tflite) == [(12, 3, 1, 13), *3 * block, (2, 12)]
    assert result.settings == material.recipes.small.model_dump(mode="json")


def test_small_is_trained_with_its_recipes_smoothing_and_masks(material, monkeypatch):
    from stapes.techniques import small

    calls = []
    monkeypatch.setattr(small, "fine_tune", lambda *_, **options: calls.append(options))
    changed = {"label_smoothing": 0.1, "time_mask": 4, "frequency_mask": 2}
    small.small(dataclasses.replace(material, recipes=Recipes.model_validate({"small": changed})))
    small.small(material)
    assert calls == [
        {"label_smoothing": 0.1, "masks": (4, 2)},
        {"label_smoothing": 0.0, "masks": (0, 0)},
    ]


@pytest.mark.parametrize("row", ROWS)
def test_no_float_is_left_and_batch_normalization_is_folded(variant, row):
    stored = constants(variant(row).tflite)
    assert {constant.values.dtype.name for constant in stored} == {"int8", "int32"}
    assert {constant.role for constant in stored} == {"kernel", "bias"}
    signature = LiteRT(variant(row).tflite).signature
    assert signature.input_dtype == signature.output_dtype == np.int8


@pytest.mark.parametrize("row", ROWS)
def test_it_agrees_with_its_teacher(variant, baseline, test_clips, row):
    scores = LiteRT(variant(row).tflite).predict(test_clips.x)
    teacher = baseline.predict(test_clips.x, verbose=0)
    assert (scores.argmax(axis=1) == teacher.argmax(axis=1)).mean() > 0.9


def test_the_same_seed_gives_the_same_bytes(variant, remake):
    """Of `tiny`, each of whose widths is trained as `small` is."""
    assert remake("tiny") == variant("tiny")


@pytest.mark.parametrize("row", ROWS)
def test_the_baseline_does_not_change(variant, baseline, weights_before, row):
    assert variant(row).tflite
    for before, after in zip(weights_before, baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.slow
@pytest.mark.parametrize("shape", FRONTENDS)
@pytest.mark.parametrize("row", ["small", "tiny"])
def test_the_files_and_arenas_of_the_default_recipes_are_small(training, row, shape):
    """With the widest model of `tiny`; training does not change a size."""
    pytest.importorskip("tflite_micro", reason="needs the extra `micro`")
    from stapes.models.architectures import temporal_cnn
    from stapes.models.lowering import lower
    from stapes.targets.tflm_cost import arena_bytes
    from stapes.techniques.post_training import convert_int8

    recipe = getattr(Recipes(), row)
    width = recipe.width if row == "small" else max(recipe.widths)
    model = temporal_cnn(shape, width=width, blocks=recipe.blocks, kernel=recipe.kernel)
    rng = np.random.default_rng(0)
    weights = [rng.uniform(0.2, 1, weight.shape) for weight in model.get_weights()]
    model.set_weights(weights)
    clips = rng.normal(0, 20, (8, *shape)).astype(np.float32)
    tflite = slim(convert_int8(lower(model), clips))
    assert len(tflite) <= 6_000
    assert arena_bytes(tflite) <= 12_000


@pytest.mark.parametrize(
    ("shares", "width"),
    [
        # The baseline's, then those of widths 2, 3 and 4.
        ((0.99, 0.98), 2),
        ((0.99, 0.979, 0.995), 3),
        ((0.99, 0.90, 0.91, 1.0), 4),
        # None is near enough: the narrowest of the best.
        ((0.99, 0.90, 0.96, 0.95), 3),
        ((0.99, 0.95, 0.95, 0.90), 2),
    ],
)
def test_the_narrowest_that_is_near_enough_is_chosen(choose_width, shares, width):
    result, measured, trained = choose_width(shares)
    assert result.tflite == f"width {width}".encode()
    assert result.settings["width"] == width
    [note] = result.notes
    assert note.startswith(f"width {width}, ")
    assert ("the best, as none is" in note) == (max(shares[1:]) < shares[0] - 0.01)
    assert "baseline's 99.0 % on 40 validation clips" in note
    for share in shares[1:]:
        assert f": {100 * share:.1f} %" in note
    # No wider ones are trained, and each is measured as the file that would ship.
    assert [tflite for tflite, _ in measured[1:]] == [b"width 2", b"width 3", b"width 4"][
        : len(trained)
    ]
    assert len(measured) == len(shares)


def test_validation_clips_alone_decide_and_all_training_clips_train(choose_width, material):
    _, measured, trained = choose_width((0.9, 0.9))
    assert all(features is material.validation for _, features in measured)
    assert all(features is material.training for features in trained)


@pytest.mark.parametrize("none", ["absent", "empty", "one class"])
def test_without_validation_clips_some_training_clips_decide(choose_width, material, none):
    clips = material.training
    validation = {
        "absent": None,
        "empty": FeatureSet(clips.x[:0], clips.y[:0], []),
        "one class": FeatureSet(clips.x[1:2], clips.y[1:2], ["a"]),
    }[none]
    result, measured, trained = choose_width((0.9, 0.8, 0.9), validation=validation)
    [note] = result.notes
    assert "training clips that were held out, as there are no validation clips" in note
    held_out = measured[0][1]
    assert all(features is held_out for _, features in measured)
    assert len(held_out.y) == pytest.approx(0.2 * len(clips.y), abs=1)
    assert held_out.y.mean() == pytest.approx(0.5, abs=0.03)
    for features in trained:
        assert set(features.clip) == set(clips.clip) - set(held_out.clip)


def test_held_out_clips_and_their_copies_are_not_trained_on(material):
    from stapes.techniques.small import _split

    once = material.training
    twice = FeatureSet(
        np.concatenate([once.x, once.x]), np.concatenate([once.y, once.y]), once.clip + once.clip
    )
    rest, held_out = _split(twice, 0)
    assert not set(rest.clip) & set(held_out.clip)
    assert len(rest.y) + len(held_out.y) == len(twice.y)
    assert all(held_out.clip.count(name) == 2 for name in held_out.clip)
    for part in (rest, held_out):
        for x, y, name in zip(part.x, part.y, part.clip, strict=True):
            place = once.clip.index(name)
            assert y == once.y[place]
            np.testing.assert_array_equal(x, once.x[place])
    assert _split(twice, 0)[1].clip == held_out.clip
    assert _split(twice, 1)[1].clip != held_out.clip
