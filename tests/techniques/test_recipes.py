"""Recipes are plain data, and invalid ones are refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stapes.techniques.recipes import (
    PUBLISHED,
    Clustering,
    FineTuning,
    Pruning,
    Recipes,
    StreamTiny,
)

FAMILIES = list(Recipes.model_fields)


def through_yaml(recipes):
    text = yaml.safe_dump(recipes.model_dump(mode="json"))
    return Recipes.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize("given_", [{}, PUBLISHED], ids=["default", "published"])
def test_recipes_survive_yaml(given_):
    recipes = Recipes.model_validate(given_)
    assert through_yaml(recipes) == recipes


@given(
    st.floats(0, 0.99),
    st.floats(0.01, 0.99),
    st.floats(1e-9, 1),
    st.integers(1, 10**5),
    st.integers(2, 256),
)
def test_any_valid_recipe_survives_yaml(one, other, ramp, epochs, clusters):
    low, high = sorted((one, other))
    pruning = {"initial_sparsity": low, "final_sparsity": high, "ramp": ramp, "epochs": epochs}
    recipes = Recipes.model_validate({"pruning": pruning, "clustering": {"clusters": clusters}})
    assert through_yaml(recipes) == recipes
    assert recipes.pruning.final_sparsity == high


def test_the_published_experiment_has_its_published_settings():
    recipes = Recipes.model_validate(PUBLISHED)
    pruning = recipes.pruning
    assert (pruning.initial_sparsity, pruning.final_sparsity, pruning.epochs) == (0.5, 0.8, 5)
    assert (recipes.clustering.clusters, recipes.clustering.centroids) == (16, "LINEAR")
    assert recipes.clustering.learning_rate == 1e-5
    assert [recipes.quantization_aware.epochs, recipes.clustering.epochs] == [1, 1]
    # It had no teacher, and its quantizers started with TFMOT's ranges.
    assert all(getattr(recipes, family).teacher == 0 for family in PUBLISHED)
    assert not recipes.quantization_aware.calibrate
    assert not recipes.collaborative.calibrate


def test_recipes_outside_the_published_experiment_keep_their_defaults():
    recipes, default = Recipes.model_validate(PUBLISHED), Recipes()
    for family in set(FAMILIES) - set(PUBLISHED):
        assert getattr(recipes, family) == getattr(default, family)
    assert set(PUBLISHED) < set(FAMILIES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"initial_sparsity": 0.9, "final_sparsity": 0.8},
        {"final_sparsity": 0.4},  # Under the default of initial_sparsity.
        {"final_sparsity": 1.0},
        {"final_sparsity": 0.0, "initial_sparsity": 0.0},
        {"initial_sparsity": -0.1},
        {"ramp": 0},
        {"ramp": 1.01},
    ],
)
def test_sparsity_that_cannot_rise_is_refused(wrong):
    with pytest.raises(ValidationError, match=r"sparsity|ramp"):
        Pruning(**wrong)


def test_sparsity_may_be_constant():
    assert Pruning(initial_sparsity=0.8, final_sparsity=0.8).final_sparsity == 0.8


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"epochs": 1.5},
        {"batch": 0},
        {"learning_rate": 0},
        {"learning_rate": -1e-3},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"teacher": 1.1},
        {"teacher": -0.1},
        {"temperature": 0},
        {"epoch": 3},
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_refuses_impossible_training(family, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Recipes.model_validate({family: wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"clustering": {"clusters": 1}},
        {"clustering": {"clusters": 257}},
        {"clustering": {"centroids": "KMEANS"}},
        {"channels": {"keep": 0}},
        {"channels": {"keep": 1}},
        {"distillation": {"filters": [8]}},
        {"small": {"width": 0}},
        {"small": {"widths": [4]}},
        {"small": {"label_smoothing": 1}},
        {"tiny": {"time_mask": -1}},
        {"tiny": {"frequency_mask": -1}},
        {"pruning": {"time_mask": 1}},
        {"tiny": {"widths": []}},
        {"tiny": {"widths": [8, 4]}},
        {"tiny": {"widths": [4, 4]}},
        {"tiny": {"widths": [0, 4]}},
        {"tiny": {"max_drop": -1}},
        {"quantization_aware": {"calibrate": "perhaps"}},
        {"prunning": {}},
    ],
)
def test_settings_that_no_technique_knows_are_refused(wrong):
    with pytest.raises(ValidationError):
        Recipes.model_validate(wrong)


def test_recipes_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Recipes().clustering.clusters = 4


def test_every_family_has_epochs():
    for family in FAMILIES:
        recipe = getattr(Recipes(), family)
        assert isinstance(recipe, (FineTuning, StreamTiny))
        assert recipe.epochs >= 1
    assert Clustering().clusters == 16
