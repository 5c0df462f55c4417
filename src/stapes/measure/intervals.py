"""Intervals for measured proportions.

Convention: `successes` of `n` independent clips. With n = 0 nothing was measured: the interval is
(0, 1).

Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference",
J. Am. Stat. Assoc. 22; Brown, Cai and DasGupta 2001 recommend it over the textbook's p +/- 2 s.
"""

from __future__ import annotations

import math

_Z95 = 1.959963984540054


def wilson(successes: int, n: int, z: float = _Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion.

    Parameters
    ----------
    successes : int in [0, n]
    n : int >= 0
    z : float > 0
        The normal quantile; the default gives 95 %.

    Returns
    -------
    low, high : float in [0, 1]

    Raises
    ------
    ValueError
        `successes` is not in [0, n].

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson(96, 100)]
    [0.9016, 0.9843]
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # The ends are exact at none and at all; rounding must not say otherwise.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high
