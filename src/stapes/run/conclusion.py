"""What compares all variants of a run, when each was measured.

It adds misses, paired tests against float32, the sound of the clips that most models get wrong,
and the recommendation.
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
"""The rate at which a run reports the words that are missed among the test clips."""

_MOST_SOUNDS = 8
"""Clips whose sound is in results.json; each takes about 5 KB there."""


def conclude(results: Results, clips: list[Clip], settings: RunSettings) -> None:
    """Fill `against_float32`, `misses`, the clips' sound, and the recommendation.

    `clips` are the test clips, in the order of `results.clips`.
    """
    compare(results, FALSE_POSITIVE_PERCENT, settings.seed)
    keep_sound(results, clips, settings)
    results.recommendation = recommend(
        results,
        settings.budget,
        settings.max_drop,
        settings.max_frr,
        settings.detection.target_fa_per_hour,
    )


def compare(results: Results, percent: float, seed: int) -> None:
    """Fill `against_float32` and `misses` of every row, at `percent` of false positives."""
    y = np.array([clip.word for clip in results.clips], np.uint8)
    for row in results.variants:
        floats = results.float_of(row)
        row.against_float32 = against(row, floats, results.clips)
        row.misses = None
        if row.scores:
            apart = floats is not None and row is not floats and floats.scores
            other = np.array(floats.scores) if floats is not None and apart else None
            row.misses = clip_misses(np.array(row.scores), y, percent, seed=seed, float32=other)


def against(
    row: VariantResult, floats: VariantResult | None, clips: list[TestClip]
) -> Paired | None:
    """The paired test of a variant; None for float32 itself, and where one was not measured."""
    if floats is None or row is floats or row.accuracy is None or floats.accuracy is None:
        return None
    return mcnemar(_wrong(row, len(clips)), _wrong(floats, len(clips)))


def _wrong(row: VariantResult, n: int) -> NDArray[np.bool_]:
    wrong = np.zeros(n, bool)
    wrong[row.wrong] = True
    return wrong


def keep_sound(results: Results, clips: list[Clip], settings: RunSettings) -> None:
    """Store the sound of the clips that most variants get wrong, for the page."""
    counts = Counter(place for row in results.variants for place in row.wrong)
    worst = sorted(counts, key=lambda place: (-counts[place], place))[:_MOST_SOUNDS]
    for place, clip in enumerate(results.clips):
        clip.sound = None
        if place in worst:
            try:
                y, rate = decode_window(clips[place], settings.frontend)
            except AudioError:
                continue  # The file is gone since its features were computed. No figure needs it.
            clip.sound = mp3_base64(y, rate)
