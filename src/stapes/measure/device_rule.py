"""When a device detects: ESPHome's rule for the outputs of a streaming model, at many cutoffs.

The rule, as ESPHome 2026.6.5 has it in `micro_wake_word/streaming_model.cpp`:

- A ring holds the last N outputs, and zeros where there are fewer. After a start and after a
  detection it is zeroed.
- The device detects if the sum of the ring is above cutoff * N, strictly.
- After a start and after a detection it is deaf until 100 frames have passed whose newest output is
  below the cutoff. An output is the newest one until the next comes; a zeroed ring counts as 0.
- The model's state is never reset.

A model of stride 3 has an output in every third frame. So deafness may end between two outputs,
and the device tests the ring at once: a detection can come one or two frames after an output.

A device is deaf for as long as outputs stay at or above the cutoff: at a cutoff of 0, for ever. So
a lower cutoff may give fewer detections.

`device` has the same rule frame by frame, for sound that has not ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stapes.measure.device import DEAF_FRAMES

Numbers: TypeAlias = NDArray[np.integer] | NDArray[np.floating]
Indices: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True)
class DeviceRule:
    """How a device decides.

    step_seconds : float > 0
        From one output to the next.
    stride : int > 0 [frames]
        From one output to the next.
    sliding_window : int > 0
        Outputs in the ring. No more than the device gets while it is deaf.
    deaf_frames : int > 0
        Frames below the cutoff after which the device can detect.

    Raises
    ------
    ValueError
        A value is out of its range.
    """

    step_seconds: float = 0.03
    stride: int = 3
    sliding_window: int = 5
    deaf_frames: int = DEAF_FRAMES

    def __post_init__(self) -> None:
        if not self.step_seconds > 0 or self.stride < 1:
            raise ValueError(f"outputs each {self.step_seconds} s, {self.stride} frames")
        if not 1 <= self.sliding_window <= self.deaf_outputs:
            raise ValueError(
                f"a sliding window of {self.sliding_window} outputs does not fit in the "
                f"{self.deaf_outputs} of a deaf device"
            )

    @property
    def deaf_outputs(self) -> int:
        """The output that can be the first to detect after a start, counted from 1."""
        return self.after(0)[0]

    @property
    def frame_seconds(self) -> float:
        """The length of a frame."""
        return self.step_seconds / self.stride

    def after(self, frame: int) -> tuple[int, int]:
        """How long the device is deaf after a detection.

        Parameters
        ----------
        frame : int in [0, stride)
            Of the detection, counted from its output's.

        Returns
        -------
        outputs : int
            Outputs below the cutoff until the device can detect.
        frame : int in [0, stride)
            The first frame in which it can, counted from the last of these outputs.

        Examples
        --------
        >>> DeviceRule().after(0)
        (33, 1)
        """
        # Until the next output, the zeroed ring is below the cutoff.
        left = self.deaf_frames - (self.stride - 1 - frame)
        outputs = -(-left // self.stride)
        return outputs, left - self.stride * (outputs - 1) - 1


@dataclass(frozen=True)
class Detections:
    """Detections at one cutoff, in the order of the recordings and of time.

    recording, output : np.ndarray [shape=(d,)], int
        Which recording, and which of its outputs was the newest.
    seconds : np.ndarray [shape=(d,)]
        From the recording's beginning. Output `k` comes at `(k + 1) * step_seconds`.
    """

    recording: Indices
    output: Indices
    seconds: NDArray[np.float64]


def detections(
    recordings: Sequence[Numbers], cutoffs: Numbers, rule: DeviceRule
) -> Iterator[Detections]:
    """What a device detects in each recording from its start, at each cutoff.

    Parameters
    ----------
    recordings : sequence of np.ndarray [shape=(outputs,)]
        Outputs >= 0, either integers or floats.
    cutoffs : np.ndarray [shape=(t,)]
        Ascending, in the unit of the outputs.

    Raises
    ------
    ValueError
        The cutoffs are not ascending, or an output is negative or no number.

    Examples
    --------
    >>> outputs = np.array([0] * 40 + [250] * 10, np.uint8)
    >>> rows = detections([outputs], np.array([200, 249]), DeviceRule())
    >>> [row.output.tolist() for row in rows]
    [[44], [44]]
    """
    if (np.diff(cutoffs) <= 0).any():
        raise ValueError("the cutoffs are not ascending")
    # One tape of all recordings. A sum across two of them counts nothing: the device is deaf then.
    n = rule.sliding_window
    lengths = [len(outputs) for outputs in recordings]
    ends = np.cumsum(lengths, dtype=np.intp)
    begins = ends - lengths
    whole = all(np.issubdtype(outputs.dtype, np.integer) for outputs in recordings)
    tape = np.concatenate([np.zeros(0, np.int32 if whole else np.float64), *recordings])
    if not (tape >= 0).all():
        raise ValueError("an output is negative or no number")
    padded = np.append(np.zeros(n, tape.dtype), tape)
    sums = np.lib.stride_tricks.sliding_window_view(padded, n).sum(axis=1)[1:]
    loud = np.flatnonzero(sums > 0)
    above = np.arange(len(tape))
    for cutoff in cutoffs:
        # Each cutoff keeps a part of what the one below kept.
        above = above[tape[above] >= cutoff]
        loud = loud[sums[loud] > cutoff * n]
        places, frames = _walk(loud, above, begins, ends, rule)
        recording = np.searchsorted(begins, places, "right") - 1
        output = places - begins[recording]
        seconds = (output + 1) * rule.step_seconds + frames * rule.frame_seconds
        yield Detections(recording, output, seconds)


def _walk(
    loud: Indices, above: Indices, begins: Indices, ends: Indices, rule: DeviceRule
) -> tuple[Indices, Indices]:
    """The places on the tape of the detections, and the frames after these outputs.

    A state `c * stride + f` is a detection at `loud[c]`, `f` frames after its output. A table has
    the state that follows each, as if the tape never ended. The recordings' ends stop the walk.
    """
    stride = rule.stride
    table = [_following(loud, loud, above, rule, frame) for frame in range(stride)]
    following = np.stack(table, axis=1).ravel().data
    # A start is a detection in the frame of an output before the first.
    first = _following(begins - 1, loud, above, rule, 0)
    last = np.searchsorted(loud, ends) * stride
    states = []
    for place in np.flatnonzero(first < last):
        state, end = int(first[place]), int(last[place])
        while state < end:
            states.append(state)
            state = following[state]
    c, frames = np.divmod(np.array(states, np.intp), stride)
    return loud[c], frames


def _following(
    places: Indices, loud: Indices, above: Indices, rule: DeviceRule, frame: int
) -> Indices:
    """The state after a detection at each place [shape=(n,)], so many frames after its output."""
    outputs, frame_then = rule.after(frame)
    # Which of the outputs below the cutoff ends the deafness, and its place among all.
    nth = places - np.searchsorted(above, places, "right") + outputs
    place = nth + np.searchsorted(above - np.arange(len(above)), nth, "right")
    c = np.searchsorted(loud, place)
    at_once = np.append(loud, -1)[c] == place
    state: Indices = c * rule.stride + np.where(at_once, frame_then, 0)
    return state
