"""The part of results.json about the model before: a run's recommended one in this run's sound."""

from __future__ import annotations

from stapes.contracts.measurements import OperatingPoint, Paired, Part


class Compared(Part):
    """Two models in the same sound without noise."""

    before: OperatingPoint
    after: OperatingPoint
    words: Paired
    """McNemar's test on the words: the model after alone misses `only_this_wrong`."""


class Before(Part):
    """The model of an earlier run, measured in the test sound of this run."""

    run: str
    """The folder of the earlier run."""
    variant: str
    """Its row there."""
    sha256: str
    """Of its file."""
    after: str
    """The row of this run that it is compared with."""
    after_sha256: str
    sound_sha256: str
    """`DetectionSetup.sha256` of the sound."""
    same_data: bool
    """Whether both runs divide the same data with the same seed. If not, the model before may have
    been trained on sound of this test."""
    as_shipped: Compared | None
    """Each model with the cutoff that its run chose; None if one of them has none."""
    at_rate: Compared | None
    """Each model with its threshold for one rate in this sound: the target, or the lowest that the
    hours resolve. None if there is none."""
