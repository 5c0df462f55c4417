"""ESPHome's loop written frame by frame, and outputs with bursts, for the tests of streaming."""

from __future__ import annotations

import numpy as np

from stapes.measure.device_rule import DeviceRule
from stapes.measure.stream_outputs import StreamOutputs


def device(outputs: list[float], cutoff: float, rule: DeviceRule) -> list[tuple[int, int]]:
    """The output and the frame after it of each detection, by one frame after the other."""
    ring = [0.0] * rule.sliding_window
    newest, ignore, untested, steps_filled, taken = 0, -rule.deaf_frames, False, 0, 0
    result = []
    for frame in range(len(outputs) * rule.stride + rule.stride - 1):
        # Two frames of the next model input may follow the last output.
        steps_filled = steps_filled % rule.stride + 1
        if steps_filled == rule.stride and taken < len(outputs):
            newest = (newest + 1) % rule.sliding_window
            ring[newest] = outputs[taken]
            taken += 1
            untested = True
        if ring[newest] < cutoff:
            ignore = min(ignore + 1, 0)
        if untested and ignore >= 0:
            untested = False
            if sum(ring) > cutoff * rule.sliding_window:
                result.append((taken - 1, frame - (taken * rule.stride - 1)))
                ring = [0.0] * rule.sliding_window
                ignore = -rule.deaf_frames
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
