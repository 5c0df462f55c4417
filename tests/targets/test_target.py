"""A target that does not take a model, or is not installed, is a result with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.targets.target import Target, Tried, reason, refused, tried

SCORES = np.ones((2, 1), np.float32)


def runs(model, clips):
    return Tried(TargetResult(runs=True), None if clips is None else SCORES)


def refuses(model, clips):
    return refused(ModelError("X refuses the model: no op. None at all."))


def test_a_target_is_tried_with_clips_or_without():
    target = Target("X", "X", runs)
    assert tried(target, b"", SCORES) == Tried(TargetResult(runs=True), SCORES)
    assert tried(target, b"").scores is None


def test_a_refusal_is_a_result_with_the_targets_own_words():
    target = Target("X", "X", refuses)
    assert tried(target, b"").result == TargetResult(runs=False, reason="no op; None at all")


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("LiteRT refuses the model: a. B.", "a; B"),
        ("The model has 2 inputs.", "The model has 2 inputs"),
        ("it crashed", "it crashed"),
    ],
)
def test_a_message_becomes_a_part_of_a_sentence(message, part):
    assert reason(ModelError(message)) == part
