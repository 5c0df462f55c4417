"""From clips to their features: decode, take the window, resample, and compute, in threads.

Threads are enough: decoding, resampling and transforms run outside Python's lock.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stapes.audio import read
from stapes.data.clip import Clip
from stapes.errors import AudioError
from stapes.frontends.frontend import Frontend

# More clips in one call do not fit the processor's cache.
_RESAMPLED_TOGETHER = 8
_WINDOW_STEP_SECONDS = 0.01

Change = Callable[[Clip, NDArray[np.float32], int], NDArray[np.float32]]
Item = TypeVar("Item")
Result = TypeVar("Result")


def decode_window(clip: Clip, settings: Frontend) -> tuple[NDArray[np.float32], int]:
    """The window of a clip, or the loudest of a file: samples and the file's own rate [Hz].

    Raises
    ------
    AudioError
        The clip cannot be used.
    """
    if clip.start is None:
        y, rate = read.decode(clip.path)
        read.check(clip.path, y, rate)
        length = round(settings.window_seconds * rate)
        return read.loudest_window(y, length, max(1, round(_WINDOW_STEP_SECONDS * rate))), rate
    y, rate = read.decode_part(clip.path, clip.start, settings.window_seconds)
    read.check(clip.path, y, rate)
    return y, rate


def extract(
    clips: list[Clip], settings: Frontend, change: Change | None = None
) -> list[NDArray[np.float32] | AudioError]:
    """From files to features, in the order of `clips`, with an error where a clip has none.

    `change` gets each clip, its window and the rate, and returns a window of the same length.
    """
    results: list[NDArray[np.float32] | AudioError | None] = [None] * len(clips)
    groups: dict[tuple[int, int], list[tuple[int, NDArray[np.float32]]]] = {}
    for index, clip in enumerate(clips):
        try:
            y, rate = decode_window(clip, settings)
            y = change(clip, y, rate) if change else y
            groups.setdefault((rate, len(y)), []).append((index, y))
        except AudioError as error:
            results[index] = error
    # Clips of one rate and length are resampled and transformed together.
    for (rate, _), members in groups.items():
        for begin in range(0, len(members), _RESAMPLED_TOGETHER):
            part = members[begin : begin + _RESAMPLED_TOGETHER]
            samples = read.resample(np.stack([y for _, y in part]), rate, settings.sample_rate)
            features = settings.features(samples[:, : settings.window])
            for (index, _), x in zip(part, features, strict=True):
                results[index] = x
    return [result for result in results if result is not None]


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk


def in_threads(
    chunks: Iterator[list[Item]], work: Callable[[list[Item]], Result]
) -> Iterator[tuple[list[Item], Result]]:
    """Work on chunks in as many threads as there are cores; results in the order of the chunks.

    Only a few chunks are in work at once, so memory does not grow with their number.
    """
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as executor:
        first = islice(chunks, 2 * cores)
        waiting = deque((chunk, executor.submit(work, chunk)) for chunk in first)
        try:
            while waiting:
                chunk, future = waiting.popleft()
                result = future.result()
                waiting.extend((more, executor.submit(work, more)) for more in islice(chunks, 1))
                yield chunk, result
        finally:
            for _, future in waiting:
                future.cancel()
