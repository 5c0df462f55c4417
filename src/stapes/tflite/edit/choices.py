"""The choices of `slim`, in a module that help texts can load without NumPy."""

from __future__ import annotations

from typing import Literal

Runtime = Literal["any", "tflm"]
INPUTS = 100
"""Inputs that a slimmed file is proven with."""

Keep = Literal["names", "signatures", "metadata", "bias_scales"]
"""Parts that `slim` leaves in the file on request, although no interpreter needs them."""
