"""The part of results.json about the weights of a layer."""

from __future__ import annotations

from stapes.contracts.inspection import Histogram
from stapes.contracts.measurements import Part


class Layer(Part):
    """One layer's weights in the .tflite."""

    name: str
    weights: int
    zeros: int
    distinct: int
    biases: int
    nonzero_biases: int
    compliance_2by4: float | None
    """The part of groups of four input channels with two zeros or more; None if the channels are no
    multiple of four."""
    note: str = ""
    histogram: Histogram | None = None
    """Of the weights as they are stored."""
