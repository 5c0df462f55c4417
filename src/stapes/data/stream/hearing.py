"""The frames that a detector in a stream hears in a test: recordings, and clips in other sound.

Each part begins with a start of the model. A recording is as a device hears it from power-on.
Before a clip come three seconds of other sound, which are the part's. Before these comes the
warm-up of the frontend, which no model hears.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from stapes.audio.levels import gain_to, power
from stapes.data.extraction import chunked, in_threads
from stapes.data.sound.continuous import Sound, cyclic, embed
from stapes.data.sound.tape import Tape
from stapes.data.stream.frames import HOP, LATE_SECONDS
from stapes.data.stream.mixing import RATE
from stapes.frontends.stream import StreamFrontend
from stapes.system.progress import SILENT, Progress

LEAD = 300
"""Frames of the part before its clip: a device is deaf in the first second."""
_SHORTEST = 2 * RATE
"""Samples of the recordings, at least."""
_MARGIN = 10
"""Frames after the tolerance, as a device may decide a frame or two late."""
_FRAME = 3
"""Steps of 10 ms in a frame of 30 ms."""


@dataclass(frozen=True)
class Hearing:
    """The parts of a file of frames.

    parts : np.ndarray [shape=(n, 2)], first frame and number of frames of each, perhaps none
    recordings : the first so many parts; the others are of clips
    sources : of each recording
    clips : np.ndarray [shape=(clips, 2)], begin and end of each clip in its part [s], in the clock
        of `StreamOutputs`: `LATE_SECONDS` earlier
    frontend : computes the frames
    """

    parts: NDArray[np.int64]
    recordings: int
    sources: list[str]
    clips: NDArray[np.float64]
    frontend: StreamFrontend

    @property
    def warm_up(self) -> int:
        """Frames before the part of a clip, after which no earlier sound matters."""
        return -(-self.frontend.warm_up // HOP)

    @property
    def frames(self) -> int:
        """Of all parts."""
        return int(self.parts[:, 1].sum())

    def own(self, place: int) -> slice:
        """The frames of a part, of those that the frontend gives for its samples."""
        first = 0 if place < self.recordings else self.warm_up
        return slice(first, first + int(self.parts[place, 1]))


def plan(
    sound: Sound,
    clips: Tape,
    tolerance_seconds: float,
    *,
    frontend: StreamFrontend,
    most_seconds: float | None = None,
    most_clips: int | None = None,
) -> Hearing:
    """Where each recording and each clip is in the file of frames.

    Parameters
    ----------
    sound : Sound
        At 16 kHz.
    clips : Tape
        Of the clips, with and without the word.
    tolerance_seconds : float >= 0
        Time after a clip in which its word can be detected.
    most_seconds : float, optional
        Of the recordings; the rest is omitted.
    most_clips : int, optional
        The first so many clips; the rest is omitted.
    """
    left = sound.background.samples
    if most_seconds is not None:
        # As long as the shortest recording: a device is deaf in the first second.
        left = max(_SHORTEST, round(most_seconds * RATE))
    counts = []
    for _, samples in sound.recordings:
        used = min(samples, left)
        left -= used
        counts.append(_count(used))
    after = round(tolerance_seconds * RATE / HOP) + _MARGIN
    lengths = [piece.samples for piece in clips.pieces[:most_clips]]
    counts += [LEAD + -(-samples // HOP) + after for samples in lengths]
    firsts = np.cumsum([0, *counts])[:-1]
    begins = np.full(len(lengths), LEAD * HOP / RATE - LATE_SECONDS)
    return Hearing(
        parts=np.array([firsts, counts], np.int64).T.reshape(-1, 2),
        recordings=len(sound.recordings),
        sources=sound.sources,
        clips=np.stack([begins, begins + np.array(lengths, np.float64) / RATE], axis=1),
        frontend=frontend,
    )


def write(
    sound: Sound,
    clips: Tape,
    hearing: Hearing,
    path: Path,
    *,
    snr_db: float | None,
    seed: int,
    progress: Progress = SILENT,
) -> None:
    """Compute the frames of every part into a .npy file [shape=(frames, 40)], int8.

    Parameters
    ----------
    snr_db : float, optional
        Level of speech over that of noise; by default there is no noise.
    seed : int
        Draws the moments of the clips and of the noise.
    """
    x = open_memmap(path, mode="w+", dtype=np.int8, shape=(hearing.frames, 40))
    gain = np.float32(0.0 if snr_db is None else gain_to(1.0, power(-snr_db)))
    heard = replace(sound, words=clips)

    def compute(places: list[int]) -> list[NDArray[np.int8]]:
        return [_frames(heard, hearing, place, gain, seed) for place in places]

    for places, results in in_threads(chunked(list(range(len(hearing.parts))), 4), compute):
        for place, frames in zip(places, results, strict=True):
            first, count = hearing.parts[place]
            x[first : first + count] = frames
        progress.update(int(sum(hearing.parts[places[-1]])), hearing.frames, "frames")
    x.flush()


def _frames(
    sound: Sound, hearing: Hearing, place: int, gain: np.float32, seed: int
) -> NDArray[np.int8]:
    return hearing.frontend.stream(part(sound, hearing, place, gain, seed))[hearing.own(place)]


def part(
    sound: Sound, hearing: Hearing, place: int, gain: np.float32, seed: int
) -> NDArray[np.float32]:
    """The samples that the frontend gets for a part [shape=(n,)], with the sound before it.

    Parameters
    ----------
    sound : Sound
        Its words are the clips.
    gain : float
        Of the noise.
    seed : int
        As in `write`.
    """
    count = int(hearing.parts[place, 1])
    if place < hearing.recordings:
        rng = np.random.default_rng([seed, 13, place])
        begin = sound.recordings[place][0]
        y = np.asarray(sound.background.open()[begin : begin + (count + _FRAME - 1) * HOP])
    else:
        clip = place - hearing.recordings
        rng = np.random.default_rng([seed, 14, clip])
        before = (LEAD + hearing.warm_up) * HOP
        # The rest of the clip's last frame, and the frame that the first 30 ms lack.
        after = (count - LEAD + _FRAME) * HOP - sound.words.pieces[clip].samples
        y = embed(sound, clip, before, after, rng)
    if gain:
        noise = sound.noise.open()
        y = y + gain * cyclic(noise, int(rng.integers(len(noise))), len(y))
    return y


def _count(samples: int) -> int:
    return max(0, samples // HOP - _FRAME + 1)
