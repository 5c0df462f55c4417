"""What is said of all variants of a run together, when each was measured.

Misses and paired tests against float32, the sound of the clips that most models get wrong, and the
recommendation.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from stapes.audio.write import mp3_base64
from stapes.contracts.measurements import Paired, TestClip
from stapes.contracts.results import Results, VariantResult
from stapes.data.clip import Clip
from stapes.data.extraction import decode_window
from stapes.errors import AudioError
from stapes.measure.clip_misses import clip_misses
from stapes.measure.paired import mcnemar
from stapes.run.recommendation import recommend
from stapes.run.settings import RunSettings

FALSE_POSITIVE_PERCENT = 0.5
"""At which a run tells the words that are missed among the test clips."""

_MOST_HEARD = 8
"""Clips whose sound is kept in results.json; each takes about 5 KB there."""


def conclude(results: Results, clips: list[Clip], settings: RunSettings) -> None:
    """Fill `against_float32`, `misses`, the clips' sound, and the recommendation.

    Parameters
    ----------
    results : Results
        With every variant measured, and `clips`.
    clips : list of Clip
        The test clips, in the order of `results.clips`.
    settings : RunSettings
    """
    compare(results, FALSE_POSITIVE_PERCENT, settings.seed)
    keep_sound(results, clips, settings)
    results.recommendation = recommend(results, settings.budget, settings.max_drop)


def compare(results: Results, percent: float, seed: int) -> None:
    """Fill `against_float32` and `misses` of every row.

    Parameters
    ----------
    results : Results
    percent : float
        Of false positives, at which words are missed.
    seed : int
    """
    floats = results.float32
    y = np.array([clip.word for clip in results.clips], np.uint8)
    its_scores = np.array(floats.scores) if floats is not None and floats.scores else None
    for row in results.variants:
        row.against_float32 = against(row, floats, results.clips)
        row.misses = None
        if row.scores:
            other = None if row is floats else its_scores
            row.misses = clip_misses(np.array(row.scores), y, percent, seed=seed, float32=other)


def against(
    row: VariantResult, floats: VariantResult | None, clips: list[TestClip]
) -> Paired | None:
    """The paired test of a variant; None for float32 itself, and where one was not measured."""
    if floats is None or row is floats or row.accuracy is None or floats.accuracy is None:
        return None
    return mcnemar(_marked(row.wrong, len(clips)), _marked(floats.wrong, len(clips)))


def _marked(places: list[int], n: int) -> NDArray[np.bool_]:
    marked = np.zeros(n, bool)
    marked[places] = True
    return marked


def keep_sound(results: Results, clips: list[Clip], settings: RunSettings) -> None:
    """Have the clips that most variants get wrong heard on the page."""
    counts = Counter(place for row in results.variants for place in row.wrong)
    worst = sorted(counts, key=lambda place: (-counts[place], place))[:_MOST_HEARD]
    for place, clip in enumerate(results.clips):
        clip.sound = None
        if place in worst:
            try:
                y, rate = decode_window(clips[place], settings.frontend)
            except AudioError:
                continue  # It was there when its features were computed; nothing hangs on it.
            clip.sound = mp3_base64(y, rate)
