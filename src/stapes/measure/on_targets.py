"""A variant on every target: whether it runs, what it costs, and whether it computes the same.

Conventions: every other interpreter is compared with LiteRT's outputs for the test clips, or for
the steps of continuous sound. A difference of quantized outputs is counted in steps.
`measure.accuracy.decide` decides.

`targets_of` may run in several threads or processes, with a child each. `latency_of` needs an
idle machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.measure.accuracy import decide
from stapes.system import isolation
from stapes.system.isolation import SECONDS_A_CLIP, Child, Killed, Lost
from stapes.targets.litert_cost import SECONDS, Latency, latency
from stapes.targets.registry import TARGETS
from stapes.targets.target import Tried, reason, refused, tried, untried
from stapes.tflite.read.verify import verify

_SECONDS = 2 * isolation.SECONDS
"""The limit of one target; a target may start isolated work of its own."""

KILLED = "not tried: its process was killed, perhaps for lack of memory"
"""The reason of a target that a later command must try again."""


def targets_of(
    tflite: bytes,
    x: NDArray[np.float32] | None = None,
    positive: int = 1,
    *,
    child: Child,
    names: Sequence[str] | None = None,
    frontend: str | None = None,
) -> dict[str, TargetResult]:
    """Results of a model on the targets, by name, without latency.

    A crash, a hang and a missing extra are reasons. So is a process that was killed: the target was
    then not tried (`KILLED`).

    Parameters
    ----------
    tflite : bytes
        A model, which may be hostile.
    x : np.ndarray [shape=(n, ...)], optional
        float32 features of test clips; without them, interpreters are not compared.
    positive : int
        The output of the wake word, where there are several.
    child : Child
        Where the interpreters run. It may serve other models, and survives a crash.
    names : sequence of str, optional
        The targets to try, in order; default: all.
    frontend : str, optional
        Of the features that the model takes. A target with another does not run it.

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
    attempts = {name: _tried(name, tflite, clips, child) for name in names}
    results = {name: attempt.result for name, attempt in attempts.items()}
    if "litert" in attempts and "tflm" in attempts:
        results["tflm"] = compared(attempts["tflm"], attempts["litert"], positive)
    for name in results:
        base = TARGETS[name].built_on
        if base in results and results[base].reason == KILLED:
            results[name] = untried(KILLED).result
        elif base in results and TARGETS[base].missing is None and not results[base].runs:
            results[name] = _not(results[name], f"{TARGETS[base].title} does not run it")
        if (obstacle := TARGETS[name].obstacle_of(frontend)) is not None:
            results[name] = _not(results[name], f"it {obstacle}")
    return results


def latency_of(tflite: bytes, result: TargetResult, *, child: Child) -> TargetResult:
    """LiteRT's result from `targets_of`, with the latency where the model runs.

    Nothing else may run in the child or on the machine.

    Raises
    ------
    Killed
        The child was killed, so nothing is known of the latency.
    """
    if not result.runs:
        return result
    try:
        timed: Latency = child.run(_SECONDS + SECONDS, latency, tflite)
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
    """An interpreter's result, with the differences from LiteRT where both have scores.

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
    """The largest difference of any output for any clip, in whole steps if `step` is set.

    Examples
    --------
    >>> largest_difference(np.array([[0.25, 0.5]]), np.array([[0.25, 0.75]]), 1 / 256)
    64.0
    """
    if not a.size:
        return 0.0
    largest = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())
    return largest if step is None else float(round(largest / step))


def _tried(name: str, tflite: bytes, clips: NDArray[np.float32] | None, child: Child) -> Tried:
    target = TARGETS[name]
    if (missing := target.missing) is not None:
        return untried(missing)
    inputs = clips if target.runs else None
    seconds = _SECONDS + SECONDS_A_CLIP * (0 if inputs is None else len(inputs))
    try:
        return child.run(seconds, tried, target, tflite, inputs)
    except Killed:
        return untried(KILLED)
    except Lost as lost:
        return refused(str(lost))


def _not(result: TargetResult, reason: str) -> TargetResult:
    """A target's result for a model that does not run there for one reason more."""
    reasons = filter(None, [result.reason, reason])
    return result.model_copy(update={"runs": False, "reason": "; ".join(reasons)})
