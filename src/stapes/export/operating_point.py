"""The operating point that a device gets: its cutoff, its sliding window, and their figures.

A cutoff is measured, or the user's. None is invented.
"""

from __future__ import annotations

from dataclasses import dataclass

from stapes.contracts.manifest import Manifest
from stapes.contracts.measurements import Detection, OperatingPoint
from stapes.contracts.results import VariantResult
from stapes.errors import UsageError
from stapes.export.settings import ExportSettings
from stapes.measure.device import HIGHEST
from stapes.measure.kept_curve import KeptCurve
from stapes.measure.operating_points import at_rate, lowest_rate
from stapes.system.text import rate

_DECIMALS = 6


@dataclass(frozen=True)
class DevicePoint:
    """What a manifest says of an operating point.

    probability_cutoff : float in [0, 1)
    sliding_window : int > 0, outputs that are averaged
    point : its figures in the sound without noise; None if there are none
    """

    probability_cutoff: float
    sliding_window: int
    point: OperatingPoint | None = None

    @property
    def cutoff(self) -> int:
        """The integer that ESPHome compares the mean of outputs with."""
        return device_integer(self.probability_cutoff)

    @property
    def pymicro_mean(self) -> float:
        """The mean of outputs that pymicro-wakeword asks for, as it divides them by 256."""
        return 256 * self.probability_cutoff


def probability(cutoff: int) -> float:
    """The `probability_cutoff` that ESPHome turns into this integer.

    ESPHome cuts its product with 255 off: a value in the middle between two integers is safe from
    rounding, also in single precision.

    Examples
    --------
    >>> probability(247)
    0.970588
    """
    return round((cutoff + 0.5) / HIGHEST, _DECIMALS)


def device_integer(probability_cutoff: float) -> int:
    """The integer that ESPHome makes of a `probability_cutoff`.

    Examples
    --------
    >>> device_integer(0.97)
    247
    """
    return int(probability_cutoff * HIGHEST)


def of_row(row: VariantResult, settings: ExportSettings) -> DevicePoint:
    """The operating point of a run's row.

    Raises
    ------
    UsageError
        It was not measured, or not at the rate, and no cutoff was given.
    """
    detection = row.detection
    window = settings.window or (detection.sliding_window if detection else None)
    if settings.cutoff is not None:
        if window is None:
            raise UsageError("--window: give it too; the run measured no sliding window.")
        same = detection is not None and detection.sliding_window == window
        known = _kept(detection, device_integer(settings.cutoff)) if same and detection else None
        return DevicePoint(settings.cutoff, window, known)
    if detection is None:
        raise UsageError(
            f"{row.name} was not measured in continuous sound, so it has no cutoff: run it with "
            "hours of other sound (--continuous), or give a --cutoff and a --window of your own."
        )
    if window is None:
        raise UsageError(
            f"{row.name} has a cutoff without a sliding window: choose another --variant, or give "
            "a --cutoff and a --window of your own."
        )
    if window != detection.sliding_window:
        raise UsageError(
            f"--window: the cutoff was measured with {detection.sliding_window} outputs; give a "
            "--cutoff of your own too, or omit it."
        )
    target = settings.cutoff_for
    point = detection.chosen if target is None else _for_rate(detection, target)
    if point.cutoff is None:
        raise UsageError(
            f"{row.name} has no measured cutoff ({point.reason or 'its outputs are floats'}): "
            "choose another --variant, or give a --cutoff of your own."
        )
    if not 0 <= point.cutoff < HIGHEST:
        raise UsageError(
            f"{row.name} has the cutoff {point.cutoff}, and a device compares with 0 to "
            f"{HIGHEST - 1}: choose another --variant, or run the run's command again."
        )
    return DevicePoint(probability(point.cutoff), window, point)


def of_manifest(manifest: Manifest | None, settings: ExportSettings) -> DevicePoint:
    """The operating point of a file of others: the user's, or that of the manifest beside it.

    Raises
    ------
    UsageError
        There is none.
    """
    if settings.cutoff_for is not None:
        raise UsageError("--cutoff-for: a file has no measured curve; name the folder of its run.")
    micro = manifest.micro if manifest else None
    cutoff, window = settings.cutoff, settings.window
    if cutoff is None and micro is not None:
        cutoff = micro.probability_cutoff
    if window is None and micro is not None:
        window = micro.sliding_window_size
    missing = [name for name, value in (("cutoff", cutoff), ("window", window)) if value is None]
    if cutoff is None or window is None:
        raise UsageError(
            f"--{missing[0]}: give it; nothing is known of this model's scores, and no manifest "
            "is beside it."
        )
    return DevicePoint(cutoff, window)


def _for_rate(detection: Detection, target: float) -> OperatingPoint:
    """The measured point for a rate of false accepts an hour."""
    clean = detection.conditions[0]
    measured = [detection.chosen, *clean.at_rates]
    for point in measured:
        if point.target_fa_per_hour == target and point.cutoff is not None:
            return point
    point = at_rate(KeptCurve(clean), target)
    if not point.resolvable:
        raise UsageError(
            f"--cutoff-for: {point.reason}; these hours resolve {rate(lowest_rate(clean.hours))} "
            "an hour, and more need another run with more --continuous sound."
        )
    return point


def _kept(detection: Detection, cutoff: int) -> OperatingPoint | None:
    """The figures at a cutoff, if results.json has them."""
    clean = detection.conditions[0]
    for point in (detection.chosen, *clean.at_rates):
        if point.cutoff == cutoff:
            return point.model_copy(update={"target_fa_per_hour": None})
    curve = KeptCurve(clean)
    for place, threshold in enumerate(curve.thresholds.tolist()):
        if curve.cutoffs[place] == cutoff:
            return curve.point(threshold)
    return None
