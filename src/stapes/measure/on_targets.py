"""A variant on every target: whether it runs, what it costs, and whether it computes the same.

Conventions: LiteRT's outputs for the test clips are what every other interpreter is held against.
A difference is counted in steps of the output where it is quantized, as one step is the least that
can differ; where it holds floats, as it is. Decisions are those of `measure.accuracy.decide`.

Everything but latency may run beside other work, `targets_of` in several threads or processes with
a child each. `latency_of` is for when nothing else runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.measure.accuracy import decide
from stapes.system import isolation
from stapes.system.isolation import Child, Lost
from stapes.targets.litert_cost import SECONDS, Latency, latency
from stapes.targets.registry import TARGETS
from stapes.targets.target import Tried, reason, refused, tried, untried
from stapes.tflite.read.verify import verify

_SECONDS, _SECONDS_A_CLIP = 2 * isolation.SECONDS, 0.5
"""The longest that one target may take, which may use what is isolated itself."""


def targets_of(
    tflite: bytes,
    x: NDArray[np.float32] | None = None,
    positive: int = 1,
    *,
    made: Child,
    names: Sequence[str] | None = None,
) -> dict[str, TargetResult]:
    """What is measured of a model on the targets, without latency.

    Parameters
    ----------
    tflite : bytes
        The model, from anywhere.
    x : np.ndarray [shape=(n, ...)], optional
        float32 features of test clips; without any, interpreters are not compared.
    positive : int
        The output that means the wake word, where there are several.
    made : Child
        Where the interpreters run; it may have served other models, and goes on after a crash.
    names : sequence of str, optional
        The targets to try; without it, all.

    Returns
    -------
    targets : dict
        By name, in the order of `names`. A crash, a hang and a missing extra are reasons.

    Raises
    ------
    ValueError
        The model has no output `positive`.
    """
    names = list(TARGETS) if names is None else names
    try:
        verify(tflite)
    except ModelError as error:
        return {name: refused(error).result for name in names}
    clips = None if x is None or not len(x) else np.asarray(x, np.float32)
    found = {name: _tried(name, tflite, clips, made) for name in names}
    results = {name: each.result for name, each in found.items()}
    if "litert" in found and "tflm" in found:
        results["tflm"] = compared(found["tflm"], found["litert"], positive)
    if "esphome" in found and "tflm" in found and TARGETS["tflm"].missing is None:
        results["esphome"] = _on_tflm(results["esphome"], results["tflm"])
    return results


def latency_of(tflite: bytes, result: TargetResult, *, made: Child) -> TargetResult:
    """LiteRT's result with its latency; as it is where the model does not run there.

    Parameters
    ----------
    tflite : bytes
        A model that LiteRT ran.
    result : TargetResult
        LiteRT's, of `targets_of`; it is not changed.
    made : Child
        What times; nothing else may run in it or beside it.
    """
    if not result.runs:
        return result
    try:
        timed: Latency = made.run(_SECONDS + SECONDS, latency, tflite)
    except (Lost, ModelError) as error:
        return result.model_copy(update={"reason": f"not timed: {reason(str(error))}"})
    return result.model_copy(
        update={
            "latency_us_p50": timed.us_p50,
            "latency_us_p99": timed.us_p99,
            "configuration": timed.configuration,
        }
    )


def compared(tested: Tried, litert: Tried, positive: int = 1) -> TargetResult:
    """The result of an interpreter with how far its outputs are LiteRT's; as it is without both.

    Raises
    ------
    ValueError
        The outputs are of different shapes, or none of them is `positive`.
    """
    if tested.scores is None or litert.scores is None:
        return tested.result
    if tested.scores.shape != litert.scores.shape:
        raise ValueError(f"outputs of shape {tested.scores.shape} and {litert.scores.shape}")
    differ = decide(tested.scores, positive) != decide(litert.scores, positive)
    return tested.result.model_copy(
        update={
            "agrees": not differ.any(),
            "decisions_that_differ": int(differ.sum()),
            "largest_difference": largest_difference(tested.scores, litert.scores, litert.step),
            "n_compared": len(differ),
        }
    )


def largest_difference(
    a: NDArray[np.float32], b: NDArray[np.float32], step: float | None = None
) -> float:
    """The largest difference of any output for any clip, in whole steps where one is given.

    Examples
    --------
    >>> largest_difference(np.array([[0.25, 0.5]]), np.array([[0.25, 0.75]]), 1 / 256)
    64.0
    """
    if not a.size:
        return 0.0
    found = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())
    return found if step is None else float(round(found / step))


def _tried(name: str, tflite: bytes, clips: NDArray[np.float32] | None, made: Child) -> Tried:
    target = TARGETS[name]
    if (missing := target.missing) is not None:
        return untried(missing)
    given = clips if target.runs else None
    seconds = _SECONDS + _SECONDS_A_CLIP * (0 if given is None else len(given))
    try:
        return made.run(seconds, tried, target, tflite, given)
    except Lost as lost:
        return refused(str(lost))


def _on_tflm(esphome: TargetResult, tflm: TargetResult) -> TargetResult:
    """ESPHome's result with what the interpreter that it is built on says."""
    if tflm.runs:
        return esphome
    said = [each for each in (esphome.reason, "TFLite Micro does not run it") if each]
    return esphome.model_copy(update={"runs": False, "reason": "; ".join(said)})
