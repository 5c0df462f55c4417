"""False rejects at a rate of false accepts, with an interval that includes the threshold's chance.

A few false accepts choose the threshold, so chance decides it, and with it the false rejects.
Wilson's interval takes the threshold as fixed and is far too narrow. So sound and words are drawn
again many times, with replacement. Each draw chooses its threshold by the same rule and counts the
misses at it.

Sound is drawn in blocks of ten seconds, since false accepts come in bursts; words are drawn one by
one. The draws are the same for every variant of a run, so two variants are compared draw by draw.

Source: Efron 1979, "Bootstrap methods: another look at the jackknife", Ann. Statist. 7; Künsch
1989, "The jackknife and the bootstrap for general stationary observations", Ann. Statist. 17, for
the blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import Difference
from stapes.measure.detection import Curve, false_accepts
from stapes.measure.operating_points import allowed_accepts

DRAWS = 1000
BLOCK_SECONDS = 10.0
_MOST_THRESHOLDS = 2000


def resampled_frr(
    curve: Curve,
    targets: Sequence[float],
    *,
    hop_seconds: float,
    seed: int,
    draws: int = DRAWS,
) -> NDArray[np.float64]:
    """False rejects in each draw, at the thresholds that the draw gives for rates of false accepts.

    Parameters
    ----------
    curve : Curve
    targets : sequence of float > 0 [false accepts an hour]
        Rates that the hours resolve.
    hop_seconds : float > 0
        From one score to the next.

    Returns
    -------
    frr : np.ndarray [shape=(targets, draws)]
        1 where no threshold is strict enough, so that nothing is detected.
    """
    allowed = [allowed_accepts(curve, target) for target in targets]
    # No draw chooses a threshold with far more accepts than allowed.
    near = curve.thresholds[curve.false_accepts <= 10 * max(allowed, default=0) + 50]
    near = near[-_MOST_THRESHOLDS:]
    size = max(1, round(BLOCK_SECONDS / hop_seconds))
    blocks = [
        part[begin : begin + size]
        for part in curve.recordings
        for begin in range(0, len(part), size)
    ]
    counts = np.array([false_accepts(part, near, curve.refractory) for part in blocks], np.float64)
    missed = curve.words[:, None] < near
    return drawn_frr(counts, missed, allowed, seed=seed, draws=draws)


def drawn_frr(
    counts: NDArray[np.float64],
    missed: NDArray[np.bool_],
    allowed: Sequence[int],
    *,
    seed: int,
    draws: int = DRAWS,
) -> NDArray[np.float64]:
    """False rejects in each draw of blocks and words, each at its own threshold.

    Parameters
    ----------
    counts : np.ndarray [shape=(blocks, t)]
        False accepts in each block of sound, at ascending thresholds.
    missed : np.ndarray [shape=(words, t)]
    allowed : sequence of int
        False accepts that each rate allows.

    Returns
    -------
    frr : np.ndarray [shape=(rates, draws)]
        1 where no threshold is strict enough.
    """
    words = len(missed)
    of_blocks, of_words = _weights(len(counts), words, seed, draws)
    accepts = of_blocks @ counts
    missed_at = np.vstack([missed.T, np.ones((1, words), np.bool_)])
    frr = np.empty((len(allowed), draws))
    for row, most in zip(frr, allowed, strict=True):
        # The lowest threshold at which, and above which, no more than that are accepted.
        too_many = accepts > most
        last = counts.shape[1] - too_many[:, ::-1].argmax(axis=1)
        place = np.where(too_many.any(axis=1), last, 0)
        row[:] = (of_words * missed_at[place]).sum(axis=1) / words
    return frr


@lru_cache(maxsize=2)
def _weights(
    blocks: int, words: int, seed: int, draws: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How often each draw has each block [shape=(draws, blocks)] and word [shape=(draws, words)].

    They are kept: all rates and all models of a run need the same ones, with and without noise.
    """
    rng = np.random.default_rng([seed, 6])
    of_blocks = rng.multinomial(blocks, np.full(blocks, 1 / blocks), draws)
    of_words = rng.multinomial(words, np.full(words, 1 / words), draws)
    return of_blocks.astype(np.float64), of_words


def interval(draws: NDArray[np.float64], at_threshold: tuple[float, float]) -> tuple[float, float]:
    """The 95 % interval of draws, at least as wide as that at a fixed threshold.

    Without a miss, the draws alone would give an interval of no width.
    """
    low, high = np.quantile(draws, [0.025, 0.975])
    return min(float(low), at_threshold[0]), max(float(high), at_threshold[1])


def difference(
    draws: NDArray[np.float64], other: NDArray[np.float64], here: float, there: float
) -> Difference:
    """How much more one variant misses than another, over the same draws.

    Parameters
    ----------
    draws, other : np.ndarray [shape=(draws,)]
        From `resampled_frr`, with the same seed and the same sound.
    here, there : float
        The measured false reject rates of both.
    """
    apart = draws - other
    low, high = np.quantile(apart, [0.025, 0.975])
    tail = min(int((apart <= 0).sum()), int((apart >= 0).sum()))
    # The sample itself is a draw too, so p is never 0.
    p = min(1.0, 2.0 * (tail + 1) / (len(apart) + 1))
    return Difference(difference=here - there, ci95=(float(low), float(high)), p=p)
