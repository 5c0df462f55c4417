"""Errors cross processes unchanged, and have the exit status of their kind."""

from __future__ import annotations

import copy
import pickle

import pytest

from stapes import errors
from stapes.errors import AudioError, MissingExtraError, ModelError, StapesError, UsageError

ALL = [
    StapesError("The work failed; try again."),
    UsageError("--out x: is a file; name a folder."),
    AudioError("a/b.wav", "is empty"),
    ModelError("The .tflite is cut."),
    MissingExtraError("Training", "train"),
]


def test_every_kind_is_tested():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    assert {type(error) for error in ALL} == {k for k in kinds if issubclass(k, StapesError)}


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("through", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy])  # noqa: S301
def test_an_error_leaves_a_worker_unchanged(error, through):
    again = through(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    assert again.exit_code == error.exit_code


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_a_wrong_call_exits_with_2_and_other_errors_with_1(error):
    assert isinstance(error, StapesError)
    assert error.exit_code == (2 if isinstance(error, UsageError) else 1)


def test_an_audio_error_names_the_file_and_keeps_the_reason_apart():
    error = AudioError("a/b.wav", "is empty")
    assert str(error) == "a/b.wav: is empty"
    assert (error.file, error.reason) == ("a/b.wav", "is empty")


def test_a_missing_extra_names_the_package_to_install():
    error = MissingExtraError("Training", "train")
    assert "Training" in str(error)
    assert "stapes[train]" in str(error)
