"""A target that does not take a model, or is not installed, is a result with the reason."""

from __future__ import annotations

import importlib.util
import pickle

import numpy as np
import pytest
from tests.tflite.models_by_hand import dense

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.targets.registry import TARGETS
from stapes.targets.target import Target, Tried, reason, refused, supports, tried

SCORES = np.ones((2, 1), np.float32)


def runs(model, clips):
    return Tried(TargetResult(runs=True), None if clips is None else SCORES)


def refuses(model, clips):
    return refused(ModelError("X refuses the model: no op. None at all."))


def test_the_targets_stand_in_the_order_in_which_they_are_shown():
    assert list(TARGETS) == ["litert", "tflm", "ethos_u55", "ethos_u85", "esphome"]


def test_a_target_is_tried_with_clips_or_without():
    target = Target("X", runs)
    assert tried(target, b"", SCORES) == Tried(TargetResult(runs=True), SCORES)
    assert tried(target, b"").scores is None
    assert supports(target, b"") is None


def test_a_refusal_is_a_result_with_the_targets_own_words():
    target = Target("X", refuses)
    assert tried(target, b"").result == TargetResult(runs=False, reason="no op; None at all")
    assert supports(target, b"") == "no op; None at all"


@pytest.mark.parametrize(("name", "extra"), [("tflm", "micro"), ("ethos_u55", "npu")])
def test_a_missing_extra_is_a_reason_with_the_mend(monkeypatch, name, extra):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    result = tried(TARGETS[name], dense()).result
    assert result == TargetResult(
        runs=False, tried=False, reason=f"not tried: install stapes[{extra}]"
    )


def test_what_stapes_brings_along_is_never_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    assert [name for name in TARGETS if TARGETS[name].missing is None] == ["litert", "esphome"]


@pytest.mark.parametrize("name", list(TARGETS))
def test_targets_and_what_they_give_can_go_to_another_process(name):
    assert pickle.loads(pickle.dumps(TARGETS[name])) == TARGETS[name]  # noqa: S301


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("LiteRT refuses the model: a. B.", "a; B"),
        ("The model has 2 inputs.", "The model has 2 inputs"),
        ("it crashed", "it crashed"),
    ],
)
def test_a_message_becomes_a_part_of_a_sentence(said, part):
    assert reason(ModelError(said)) == part
