"""A target as plain data: a place where a .tflite runs or is compiled for, and how it is tried.

A target that does not take a model is a result with the reason, in the target's own words where it
has any, and so is one whose package is not installed: never an error. Most targets are C++ that
trusts its file: try them in a process of their own (`measure.on_targets` does), with a file that
`tflite.read.verify` has passed.
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
    """What came of a model on a target."""

    result: TargetResult
    """Whether it runs, why not, and its footprint."""
    scores: NDArray[np.float32] | None = None
    """Dequantized outputs for the clips [shape=(n, outputs)]; None where it gives none."""
    step: float | None = None
    """Of the output, where it is quantized."""


@dataclass(frozen=True)
class Target:
    """Where a .tflite may run."""

    title: str
    short: str
    """The title in the head of a column."""
    attempt: Callable[[bytes, NDArray[np.float32] | None], Tried]
    """Tries a verified .tflite, on clips [shape=(n, ...)] where there are any; see `tried`."""
    figures: tuple[str, ...] = ()
    """What reports show of it beyond whether it runs a model: fields of `TargetResult`."""
    package: str = ""
    """What must be installed to try it; empty where every installation has it."""
    extra: str = ""
    """The extra of Stapes that brings the package."""
    runs: bool = False
    """Whether it runs clips, and is to be given them."""

    @property
    def missing(self) -> str | None:
        """Why the target cannot be tried here, with the mend."""
        if self.package and importlib.util.find_spec(self.package) is None:
            return f"not tried: install stapes[{self.extra}]"
        return None


def tried(target: Target, model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Try a model on a target.

    Parameters
    ----------
    target : Target
    model : bytes
        A .tflite that `tflite.read.verify.verify` has passed.
    clips : np.ndarray [shape=(n, ...)], optional
        float32 features to run it on, where the target runs anything.

    Returns
    -------
    tried : Tried
        With a reason where the model does not run, or the target is not installed.
    """
    missing = target.missing
    return target.attempt(model, clips) if missing is None else untried(missing)


def refused(why: ModelError | str) -> Tried:
    """A model that does not run, and the reason: without what only says who refuses it."""
    return Tried(TargetResult(runs=False, reason=reason(why)))


def untried(missing: str) -> Tried:
    """A model on a target that is not installed."""
    return Tried(TargetResult(runs=False, tried=False, reason=missing))


def reason(why: ModelError | str) -> str:
    """A message as a part of a sentence, for a place that already names the target."""
    said = str(why)
    return (said.partition(" refuses the model: ")[2] or said).rstrip(".").replace(". ", "; ")


def scored(classifier: Classifier, clips: NDArray[np.float32], result: TargetResult) -> Tried:
    """What a classifier gives for clips.

    Raises
    ------
    ModelError
        It fails, or the clips do not fit its input.
    """
    signature = classifier.signature
    step = signature.output_scale if signature.output_dtype.kind in "iu" else None
    return Tried(result, classifier.predict(clips), step)
