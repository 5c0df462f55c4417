"""Intervals for measured proportions and rates.

Sources: Wilson 1927, "Probable inference, the law of succession, and statistical inference",
J. Am. Stat. Assoc. 22; Brown, Cai and DasGupta 2001 recommend it over the textbook's p +/- 2 s.
Garwood 1936, "Fiducial limits for the Poisson distribution", Biometrika 28.
"""

from __future__ import annotations

import math

_Z95 = 1.959963984540054


def wilson(successes: int, n: int, z: float = _Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion; (0, 1) where n is 0.

    Parameters
    ----------
    successes, n : int >= 0
        Of independent clips.
    z : float > 0
        The normal quantile; the default gives 95 %.

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
    # The ends are exact at 0 and at n, whatever the rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def poisson_rate(count: int, exposure: float) -> tuple[float, float]:
    """Garwood's exact 95 % interval of the rate of independent events.

    Parameters
    ----------
    count : int >= 0
        Events.
    exposure : float > 0
        The time that they were counted in, e.g. [hours]; the rate is per unit of it.

    Raises
    ------
    ValueError
        A count below 0, or no exposure.

    Examples
    --------
    >>> [round(bound, 2) for bound in poisson_rate(0, 1.0)]
    [0.0, 3.69]
    """
    # SciPy takes a third of the time in which a command starts, and many commands need none.
    from scipy.special import gammaincinv

    if count < 0 or not exposure > 0:
        raise ValueError(f"{count} events in {exposure}")
    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return low / exposure, float(gammaincinv(count + 1, 0.975)) / exposure
