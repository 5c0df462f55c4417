"""What a caller of `slim` chooses from; here, so that help texts load no NumPy."""

from __future__ import annotations

from typing import Literal

Runtime = Literal["any", "tflm"]
Keep = Literal["names", "signatures", "metadata", "bias_scales"]
"""What `slim` can be told to leave in the file, though no interpreter needs it."""
