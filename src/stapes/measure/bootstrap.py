"""False rejects at a rate of false accepts, with the chance that is in the threshold.

A threshold that is chosen on a handful of false accepts could as well have been another, and with
it the false rejects. An interval of these alone (Wilson's) takes the threshold as given, and is far
too narrow; and two equally good models differ by the luck of their thresholds. So sound and words
are drawn anew, with replacement, many times: each time the threshold is chosen again, by the same
rule, and the misses are counted at it.

Sound is drawn in blocks of ten seconds, since false accepts come in bursts; words one by one. The
draws are the same for every variant of a run, so two of them can be compared draw by draw.

Source: Efron 1979, "Bootstrap methods: another look at the jackknife", Ann. Statist. 7; Künsch
1989, "The jackknife and the bootstrap for general stationary observations", Ann. Statist. 17, for
the blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import Difference
from stapes.measure.detection import Curve, allowed_accepts, false_accepts

DRAWS = 1000
_BLOCK_SECONDS = 10.0
_MOST_THRESHOLDS = 2000


def redrawn(
    found: Curve,
    targets: Sequence[float],
    *,
    hop_seconds: float,
    seed: int,
    draws: int = DRAWS,
) -> NDArray[np.float64]:
    """False rejects in each draw, at the thresholds that it gives for rates of false accepts.

    Parameters
    ----------
    found : Curve
    targets : sequence of float > 0 [false accepts an hour]
        Rates that the hours carry.
    hop_seconds : float > 0
        From one score to the next.
    seed : int
    draws : int > 0

    Returns
    -------
    frr : np.ndarray [shape=(targets, draws)]
        1 where no threshold is strict enough: nothing is detected then.
    """
    allowed = [allowed_accepts(found, target) for target in targets]
    # Thresholds that no draw will choose are left out: those with far more accepts than allowed.
    near = found.thresholds[found.false_accepts <= 10 * max(allowed, default=0) + 50]
    near = near[-_MOST_THRESHOLDS:]
    size = max(1, round(_BLOCK_SECONDS / hop_seconds))
    blocks = [
        each[begin : begin + size]
        for each in found.recordings
        for begin in range(0, len(each), size)
    ]
    counts = np.array([false_accepts(each, near, found.refractory) for each in blocks], np.float64)
    rng = np.random.default_rng([seed, 6])
    words = len(found.words)
    of_blocks = rng.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), draws)
    of_words = rng.multinomial(words, np.full(words, 1 / words), draws)
    accepts = of_blocks @ counts
    strict = np.append(near, np.inf)
    frr = np.empty((len(targets), draws))
    for row, most in zip(frr, allowed, strict=True):
        # The lowest threshold at which, as at every higher one, no more than that are accepted.
        too_many = accepts > most
        last = len(near) - too_many[:, ::-1].argmax(axis=1)
        threshold = strict[np.where(too_many.any(axis=1), last, 0)]
        missed = found.words[None, :] < threshold[:, None]
        row[:] = (of_words * missed).sum(axis=1) / words
    return frr


def interval(draws: NDArray[np.float64], given: tuple[float, float]) -> tuple[float, float]:
    """The 95 % interval of draws, and no narrower than what holds for a given threshold.

    Draws alone know no error that did not happen: with no miss they would say that there is none.
    """
    low, high = np.quantile(draws, [0.025, 0.975])
    return min(float(low), given[0]), max(float(high), given[1])


def difference(
    draws: NDArray[np.float64], other: NDArray[np.float64], here: float, there: float
) -> Difference:
    """How much more one variant misses than another, over the same draws.

    Parameters
    ----------
    draws, other : np.ndarray [shape=(draws,)]
        Of `redrawn`, with the same seed and the same sound.
    here, there : float
        False rejects of both as they were measured.
    """
    apart = draws - other
    low, high = np.quantile(apart, [0.025, 0.975])
    tail = min(int((apart <= 0).sum()), int((apart >= 0).sum()))
    # One more, as the sample itself is a draw too: p is never 0.
    p = min(1.0, 2.0 * (tail + 1) / (len(apart) + 1))
    return Difference(difference=here - there, ci95=(float(low), float(high)), p=p)
