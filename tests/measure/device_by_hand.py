"""ESPHome's loop over a recording, and outputs with bursts, for the tests of streaming."""

from __future__ import annotations

import numpy as np

from stapes.measure.device import Device
from stapes.measure.device_rule import DeviceRule
from stapes.measure.stream_outputs import StreamOutputs


def device(outputs: list[float], cutoff: float, rule: DeviceRule) -> list[tuple[int, int]]:
    """The output and the frame after it of each detection, by one frame after the other."""
    loop = Device(cutoff, rule.sliding_window, rule.deaf_frames)
    result = []
    # Two frames of the next model input may follow the last output.
    for frame in range(len(outputs) * rule.stride + rule.stride - 1):
        taken, rest = divmod(frame + 1, rule.stride)
        if loop.take(outputs[taken - 1] if rest == 0 and taken <= len(outputs) else None):
            result.append((taken - 1, rest))
    return result


def bursts(length: int, *peaks: tuple[int, int], rest: int = 0) -> np.ndarray:
    """Outputs at rest, with 10 outputs of a height from each place on."""
    outputs = np.full(length, rest, np.uint8)
    for place, height in peaks:
        outputs[place : place + 10] = height
    return outputs


def sound(recordings, heights, sources=None, place: int = 80) -> StreamOutputs:
    """Recordings, and words of these heights in clips from 2.4 s to 2.7 s."""
    return StreamOutputs(
        recordings,
        sources or ["speech"] * len(recordings),
        [bursts(140, (place, height)) for height in heights],
        np.tile([2.4, 2.7], (len(heights), 1)),
    )
