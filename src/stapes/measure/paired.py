"""Is one model worse than another, on the same clips?

Two models on one test set share its easy and its hard clips, so their accuracies are closer than
their separate intervals suggest. Only the clips that one model alone gets wrong tell them apart.
If both are equally good, each such clip is either model's with even chance.

Conventions: `wrong` and `other_wrong` [shape=(n,)] are True where a model is wrong, for the same
clips in the same order. Without a clip that tells the models apart, p is 1.

Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions
or percentages", Psychometrika 12. The exact form, for few clips, is the sign test. Dietterich 1998
recommends it for two classifiers and one test set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import Paired


def mcnemar(wrong: NDArray[np.bool_], other_wrong: NDArray[np.bool_]) -> Paired:
    """McNemar's exact test, two-sided.

    Raises
    ------
    ValueError
        The models have different numbers of clips.

    Examples
    --------
    >>> mcnemar(np.array([1, 1, 1, 0, 1], bool), np.array([0, 0, 0, 0, 1], bool)).p
    0.25
    """
    if wrong.shape != other_wrong.shape or wrong.ndim != 1:
        raise ValueError(f"decisions on {wrong.shape} and on {other_wrong.shape} clips")
    only_this = int((wrong & ~other_wrong).sum())
    only_other = int((other_wrong & ~wrong).sum())
    apart = only_this + only_other
    p = 1.0
    if apart:
        from scipy.special import bdtr  # Commands that compare nothing start faster.

        p = min(1.0, 2.0 * float(bdtr(min(only_this, only_other), apart, 0.5)))
    return Paired(n=len(wrong), only_this_wrong=only_this, only_other_wrong=only_other, p=p)
