"""A model in LiteRT: whether it runs, its scores, and its latency on this machine.

There is no profile by op, as only C++ can call LiteRT's profiler.
"""

from __future__ import annotations

import gc
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.targets.classifier import Signature
from stapes.targets.litert import LiteRT
from stapes.targets.target import Tried, refused, scored
from stapes.tflite.read.verify import verify

MOST_RUNS = 1_000
SECONDS = 1.0
"""Timing ends after this many inferences, or after this time."""

_FEWEST_RUNS = 10
_WARM_SECONDS = 0.2
"""A processor needs this long to reach its full clock."""


@dataclass(frozen=True)
class Latency:
    """The time of one inference on one thread [microseconds]."""

    us_p50: float
    us_p99: float
    runs: int
    """Timed inferences."""

    @property
    def configuration(self) -> str:
        """The processor, its threads and the timed inferences."""
        return f"one thread of {processor()}, {self.runs:,} inferences"


def attempt(model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Whether LiteRT runs a model, and its scores of the clips.

    A detector in a stream runs with the reference kernels, with which its detection is measured
    (`targets.streams`).
    """
    try:
        interpreter = LiteRT(model, reference=_is_stream(model))
        result = TargetResult(runs=True)
        return Tried(result) if clips is None else scored(interpreter, clips, result)
    except ModelError as error:
        return refused(error)


def latency(model: bytes, *, runs: int = MOST_RUNS, seconds: float = SECONDS) -> Latency:
    """Time one inference after another, without setting the input.

    Call it in a process that does nothing else, on a machine that does little else.

    Parameters
    ----------
    model : bytes
        A verified .tflite.
    runs : int > 0
        The most inferences.
    seconds : float > 0
        The longest time; ten inferences are always timed.

    Raises
    ------
    ModelError
        LiteRT refuses the model.
    """
    interpreter = LiteRT(model)
    invoke = interpreter.ready(_clip(interpreter.signature))
    end = time.perf_counter() + min(_WARM_SECONDS, seconds)
    invoke()
    while time.perf_counter() < end:
        invoke()
    times = np.empty(runs)
    collecting = gc.isenabled()
    gc.disable()  # Its pauses are not the model's.
    try:
        end = time.perf_counter_ns() + round(seconds * 1e9)
        for done in range(runs):
            start = time.perf_counter_ns()
            invoke()
            now = time.perf_counter_ns()
            times[done] = now - start
            if now > end and done + 1 >= _FEWEST_RUNS:
                break
    finally:
        if collecting:
            gc.enable()
    p50, p99 = np.percentile(times[: done + 1] / 1e3, [50, 99]).tolist()
    return Latency(p50, p99, done + 1)


def processor() -> str:
    """The name of this machine's processor."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
        lines = [line for line in text.splitlines() if line.startswith(("model name", "Model"))]
        name = lines[0].partition(":")[2] if lines else ""
    except OSError:
        name = platform.processor()  # Not on Linux.
    return " ".join(name.split()) or f"{platform.machine()} ({os.name})"


def _is_stream(model: bytes) -> bool:
    """Whether a model keeps a state."""
    return any(op.builtin == "VAR_HANDLE" for op in verify(model).graphs[0].operators)


def _clip(signature: Signature) -> NDArray[Any]:
    """A random input: over the whole range of integers, or floats around zero."""
    rng, dtype, shape = np.random.default_rng(0), signature.input_dtype, signature.input_shape
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
