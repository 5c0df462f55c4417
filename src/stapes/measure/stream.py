"""Detection of a streaming model in continuous sound, as the device that runs it decides.

`measure.stream_curve` has the rules, `measure.device_rule` those of the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import Detection, DeviceCutoff, Difference
from stapes.measure.bootstrap import drawn_frr
from stapes.measure.continuous import against, detection_of
from stapes.measure.device import HIGHEST
from stapes.measure.device_rule import DeviceRule
from stapes.measure.operating_points import allowed_accepts
from stapes.measure.settings import DetectionSettings
from stapes.measure.stream_curve import StreamCurve, sweep
from stapes.measure.stream_outputs import StreamOutputs

_STEPS = 256
"""A device dequantizes an output with the scale 1 / 256, and pymicro-wakeword compares that."""


def detection_in_stream(
    outputs: Mapping[float | None, StreamOutputs],
    settings: DetectionSettings,
    *,
    step_seconds: float,
    stride: int,
    seed: int,
    clip_scores: NDArray[np.floating],
    clip_is_word: NDArray[np.integer],
    float32: StreamOutputs | None = None,
) -> Detection:
    """Detection of a streaming variant in continuous sound, as results.json has it.

    Parameters
    ----------
    outputs : mapping of float or None to StreamOutputs
        By level of noise [dB]; None, without noise, comes first.
    step_seconds : float > 0
        From one output to the next.
    stride : int > 0 [frames]
        From one output to the next.
    seed : int
        Of the intervals' draws.
    clip_scores, clip_is_word : np.ndarray [shape=(n,)]
        Of the test clips.
    float32 : StreamOutputs, optional
        Of the row to compare with, in the same sound without noise.

    Raises
    ------
    ValueError
        As `stream_curve.sweep` and `DeviceRule`.
    """
    rule = DeviceRule(step_seconds, stride, settings.sliding_window)
    tolerance = settings.tolerance_seconds
    curves = {snr_db: sweep(part, rule, tolerance) for snr_db, part in outputs.items()}
    detection = detection_of(
        curves,
        settings,
        partial(resampled, seed=seed),
        other=None if float32 is None else sweep(float32, rule, tolerance),
        clip_scores=clip_scores,
        clip_is_word=clip_is_word,
    )
    detection.sliding_window = rule.sliding_window
    if detection.threshold is not None:
        detection.by_source = curves[None].by_source(detection.threshold)
    if detection.chosen.cutoff is not None:
        detection.device = device_cutoff(detection.chosen.cutoff)
    return detection


def resampled(curve: StreamCurve, targets: Sequence[float], *, seed: int) -> NDArray[np.float64]:
    """False rejects in each draw [shape=(targets, draws)], as `bootstrap.resampled_frr`."""
    allowed = [allowed_accepts(curve, target) for target in targets]
    return drawn_frr(np.asarray(curve.by_block, np.float64), curve.missed, allowed, seed=seed)


def difference_at(
    curve: StreamCurve, other: StreamCurve, target: float, *, seed: int
) -> Difference | None:
    """How much more one model misses than another in the same sound, at a rate [an hour].

    None if one of them has no threshold for it.
    """
    return against(curve, other, target, partial(resampled, seed=seed))


def device_cutoff(cutoff: int) -> DeviceCutoff:
    """A cutoff of integer outputs as each device takes it.

    Examples
    --------
    >>> device_cutoff(247).steps_to_spare
    8
    """
    return DeviceCutoff(
        cutoff=cutoff,
        probability_cutoff=(cutoff + 0.5) / HIGHEST,
        pymicro_cutoff=cutoff / _STEPS,
        steps_to_spare=HIGHEST - cutoff,
    )
