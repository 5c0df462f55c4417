"""Floats to a quantized tensor and back, as the runtimes do it.

real = scale * (quantized - zero_point), rounded to the nearest and clipped to the type. Source:
LiteRT's 8-bit quantization specification; Jacob et al. 2018, arXiv:1712.05877.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray


def quantize(
    x: NDArray[np.floating], scale: float, zero_point: int, dtype: DTypeLike
) -> NDArray[np.integer]:
    """Round and clip floats to an integer type, at a scale > 0 and a zero point.

    Raises
    ------
    ValueError
        The scale is not a positive number, or the type is no integer type.

    Examples
    --------
    >>> quantize(np.array([-1.0, 0.24, 300.0]), 0.5, 10, np.uint8)
    array([  8,  10, 255], dtype=uint8)
    """
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        raise ValueError(f"{kind} is no integer type")
    _require_scale(scale)
    limits = np.iinfo(kind)
    steps = np.rint(np.asarray(x, np.float64) / scale) + zero_point
    quantized: NDArray[np.integer] = np.clip(steps, limits.min, limits.max).astype(kind)
    return quantized


def dequantize(q: NDArray[np.integer], scale: float, zero_point: int) -> NDArray[np.float32]:
    """The real numbers of quantized ones.

    Raises
    ------
    ValueError
        The scale is not a positive number.

    Examples
    --------
    >>> dequantize(np.array([8, 10], np.uint8), 0.5, 10)
    array([-1.,  0.], dtype=float32)
    """
    _require_scale(scale)
    return ((q.astype(np.float64) - zero_point) * scale).astype(np.float32)


def _require_scale(scale: float) -> None:
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"a scale of {scale} quantizes nothing")
