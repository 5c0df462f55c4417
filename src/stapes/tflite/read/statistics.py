"""Statistics of a constant's values: zeros, distinct values, entropy, histogram.

Source: C. E. Shannon, A Mathematical Theory of Communication (1948): no code that treats values
one by one needs fewer bits a value than their entropy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.inspection import Histogram, Statistics
from stapes.tflite.read.weights import two_by_four_compliance

MOST_BINS = 64


def statistics(
    values: NDArray[Any], zero: NDArray[Any] | int = 0, *, channels_last: bool = False
) -> Statistics:
    """Statistics of the values of one constant.

    Parameters
    ----------
    values : np.ndarray [shape=any, at least one element]
        As they are stored.
    zero : int or np.ndarray that broadcasts to `values`
        The value that stands for 0: the zero point.
    channels_last : bool
        Whether the last axis is a kernel's input channels, along which 2:4 sparsity counts.
    """
    distinct, counts = _distinct(values)
    is_zero = values == zero
    floats = values.dtype.kind == "f"
    finite = values[np.isfinite(values)] if floats else values.ravel()
    entropy = entropy_bits(counts)
    some = finite.size > 0
    # The sum of very large floats is infinite, and so is the mean then.
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean(dtype=np.float64)) if some else None
        deviation = float(finite.std(dtype=np.float64)) if some else None
    return Statistics(
        values=values.size,
        zeros=int(np.count_nonzero(is_zero)),
        distinct=len(np.unique(distinct)),
        not_finite=values.size - finite.size,
        minimum=float(finite.min()) if some else None,
        maximum=float(finite.max()) if some else None,
        mean=mean,
        deviation=deviation,
        entropy_bits=entropy,
        coded_bytes=math.ceil(entropy * values.size / 8),
        compliance_2by4=two_by_four_compliance(~is_zero) if channels_last else None,
        histogram=_histogram(finite) if some else None,
    )


def entropy_bits(counts: NDArray[np.integer[Any]]) -> float:
    """Shannon entropy of a distribution.

    Parameters
    ----------
    counts : np.ndarray [shape=(symbols,)]
        How often each symbol occurs, all at least 1.

    Returns
    -------
    bits : float >= 0
        Of a symbol.
    """
    parts = counts / counts.sum()
    # A single symbol gives -0.
    return max(0.0, float(-(parts * np.log2(parts)).sum()))


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The values with different bits, and their counts: a lossless code keeps 0 and -0 apart."""
    dtype = values.dtype
    if dtype.itemsize == 1:
        # Counting is much faster than sorting.
        counts = np.bincount(values.view(np.uint8).ravel(), minlength=256)
        bits = np.flatnonzero(counts)
        return bits.astype(np.uint8).view(dtype), counts[bits]
    flat = np.ascontiguousarray(values).ravel()
    bits, counts = np.unique(flat.view(f"<u{dtype.itemsize}"), return_counts=True)
    return bits.view(dtype), counts


def _histogram(values: NDArray[Any]) -> Histogram | None:
    """Bins of whole numbers for integers, with their bounds halfway between two."""
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        low, high = float(low), float(high)
        if not math.isfinite(high - low):
            return None
        # Between neighbouring floats there is no room for many bins.
        bins = MOST_BINS if (high - low) / MOST_BINS > abs(high + low) * 1e-15 else 1
        if bins == 1:
            return Histogram(low=low, high=high, counts=[values.size])
        counts, _ = np.histogram(values.astype(np.float64), bins, (low, high))
        return Histogram(low=low, high=high, counts=counts.tolist())
    low, high = int(low), int(high)
    width = -(-(high - low + 1) // MOST_BINS)
    bins = -(-(high - low + 1) // width)
    # Differences of 64-bit integers need all their bits.
    shifted = values.astype(np.int64).view(np.uint64) - np.uint64(low % (1 << 64))
    counts = np.bincount((shifted // np.uint64(width)).astype(np.int64), minlength=bins)
    return Histogram(low=low - 0.5, high=low + width * bins - 0.5, counts=counts.tolist())
