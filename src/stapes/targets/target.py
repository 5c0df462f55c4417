"""A target as plain data: a place where a .tflite runs, or that it is compiled for.

A refusal, or a package that is not installed, is a result with the reason, never an error. Most
targets are C++ that trusts its file: isolate them, as `measure.on_targets` does, and verify the
file first (`tflite.read.verify`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.targets.classifier import Classifier


@dataclass(frozen=True)
class Tried:
    """A model on a target."""

    result: TargetResult
    """Whether it runs, why not, and its footprint."""
    scores: NDArray[np.float32] | None = None
    """Dequantized outputs for the clips [shape=(n, outputs)], if any."""
    step: float | None = None
    """Of the output, if it is quantized."""


@dataclass(frozen=True)
class Target:
    """Where a .tflite may run."""

    title: str
    short: str
    """The title in the head of a column."""
    attempt: Callable[[bytes, NDArray[np.float32] | None], Tried]
    """Tries a verified .tflite, on clips [shape=(n, ...)] if there are any; see `tried`."""
    figures: tuple[str, ...] = ()
    """Fields of `TargetResult` that reports show, next to whether it runs a model."""
    package: str = ""
    """What must be installed to try it; empty where every installation has it."""
    extra: str = ""
    """The extra of Stapes with the package."""
    runs: bool = False
    """Whether it runs clips."""
    built_on: str = ""
    """A target where a model must run too."""
    frontend: str = ""
    """The only frontend that its devices have; empty where a program computes the features."""
    lists_obstacles: bool = False
    """Whether a reason lists every obstacle, with semicolons: nearly every model has some."""

    def obstacle_of(self, frontend: str | None) -> str | None:
        """Why a model that takes the features of a frontend does not run here, without a subject.

        None if it runs. None also stands for a frontend that is not known.
        """
        if not self.frontend or frontend in (None, self.frontend):
            return None
        return f"takes the features of {frontend}, and {self.title} computes {self.frontend}'s"

    @property
    def missing(self) -> str | None:
        """Why the target cannot be tried here, with the fix."""
        if self.package and importlib.util.find_spec(self.package) is None:
            return f"not tried: install stapes[{self.extra}]"
        return None


def tried(target: Target, model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Try a verified .tflite on a target, and on clips [shape=(n, ...)], float32, if it runs them.

    There is a reason where the model does not run, or the target is not installed.
    """
    missing = target.missing
    return target.attempt(model, clips) if missing is None else untried(missing)


def refused(why: ModelError | str) -> Tried:
    """A model that does not run, and the reason without the name of the target."""
    return Tried(TargetResult(runs=False, reason=reason(why)))


def untried(missing: str) -> Tried:
    """A model on a target that is not installed."""
    return Tried(TargetResult(runs=False, tried=False, reason=missing))


def reason(why: ModelError | str) -> str:
    """A message as a part of a sentence, for a place that already names the target."""
    message = str(why)
    return (message.partition(" refuses the model: ")[2] or message).rstrip(".").replace(". ", "; ")


def scored(classifier: Classifier, clips: NDArray[np.float32], result: TargetResult) -> Tried:
    """A result with a classifier's scores of clips.

    Raises
    ------
    ModelError
        It fails, or the clips do not fit its input.
    """
    signature = classifier.signature
    step = signature.output_scale if signature.output_dtype.kind in "iu" else None
    return Tried(result, classifier.predict(clips), step)
