"""What results.json says of a variant on the targets, in continuous sound, and against float32.

Plain data, filled by `measure/`, shown by `report/`; `results.py` holds the whole.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of results.json."""

    # A loss that diverged is no number of JSON.
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class SkippedFile(Part):
    """A file that was not used, and why."""

    file: str
    reason: str


class TargetResult(Part):
    """Whether a target runs the variant, and what it costs there.

    A figure is None where the target does not give it.
    """

    runs: bool
    tried: bool = True
    """False where what it needs is not installed; it may be another time."""
    reason: str | None = None
    """Why it does not run, was not tried, or runs in part only, in one sentence with the mend."""
    configuration: str | None = None
    """What was assumed of the device, or of the run that was timed."""

    latency_us_p50: float | None = None
    """Of one inference on one thread of this machine [microseconds]."""
    latency_us_p99: float | None = None
    # By op no runtime tells its time here: see `targets.litert_cost`.

    arena_bytes: int | None = None
    """The smallest tensor arena that TFLite Micro starts in."""
    agrees: bool | None = None
    """Whether every decision on the test clips is LiteRT's."""
    largest_difference: float | None = None
    """From LiteRT's outputs on the test clips: in steps of the output where it is quantized, else
    as it is. None where LiteRT does not run the file."""
    decisions_that_differ: int | None = None
    n_compared: int | None = None
    """Test clips that both ran."""

    flash_bytes: int | None = None
    """Of the compiled model's constants: weights as the NPU stores them, biases, commands."""
    sram_bytes: int | None = None
    """The peak of the compiled model's memory for activations and buffers."""
    weight_bytes: int | None = None
    """Of the weights as the NPU stores them."""
    cycles: int | None = None
    """Of one inference, as the compiler estimates them."""
    inferences_per_second: float | None = None
    cpu_ops: list[str] = Field(default_factory=list)
    """Ops that fall back to the CPU, each with the compiler's reason."""


class OperatingPoint(Part):
    """What one threshold gives."""

    target_fa_per_hour: float | None = None
    """The rate of false accepts that the threshold was chosen for; None for a given threshold."""
    resolvable: bool = True
    needs_hours: float | None = None
    """Of sound without the word, where there are too few for the rate."""
    reason: str | None = None
    """Why there is no figure for this rate."""
    threshold: float | None = None
    """A detection is a smoothed score at or above it."""
    false_accepts: int | None = None
    fa_per_hour: float | None = None
    fa_per_hour_ci95: tuple[float, float] | None = None
    misses: int | None = None
    frr: float | None = None
    """The part of the embedded words that are not detected."""
    frr_ci95: tuple[float, float] | None = None
    """For a rate, with the chance that is in its threshold; for a given threshold, of the words."""


class DetCurve(Part):
    """False accepts an hour and false rejects over all thresholds, thinned to be drawn.

    The lists run from the highest threshold to the lowest: false accepts grow, false rejects fall.
    """

    threshold: list[float]
    fa_per_hour: list[float]
    frr: list[float]


class Condition(Part):
    """Detection in the continuous sound as it is, or with noise at one level."""

    name: str
    """`clean`, or e.g. `10 dB`."""
    snr_db: float | None
    hours: float
    """Of sound without the word."""
    words: int
    """Test positives that were embedded in it."""
    at_rates: list[OperatingPoint]
    """The threshold chosen in this condition for each rate of false accepts."""
    at_clean_threshold: OperatingPoint
    """The threshold that was chosen without noise, which a device keeps."""
    det: DetCurve


class Difference(Part):
    """How much more words a variant misses than float32, each at a threshold for the same rate."""

    difference: float
    """Of the parts of words that are missed; above 0 this variant misses more."""
    ci95: tuple[float, float]
    """By drawing sound and words anew, the thresholds chosen again each time."""
    p: float
    """Of a difference at least as large, if both were equally good; two-sided."""


class Detection(Part):
    """How well a variant finds the word in continuous sound."""

    auc: float | None
    """Area under the ROC curve of the test clips' scores; None without clips of both classes."""
    eer: float | None
    """Equal error rate of the test clips' scores."""
    threshold: float | None
    """For the wanted rate of false accepts, or the lowest rate that the hours carry."""
    chosen: OperatingPoint
    """What this threshold gives without noise."""
    conditions: list[Condition]
    against_float32: Difference | None = None
    """Of the chosen points; None for float32 itself, and where one of both has no threshold."""


class DetectionSetup(Part):
    """How detection was measured: the same for every variant."""

    sha256: str = ""
    """Of the sound and of how it is listened to."""
    source: str
    """Of the sound without the word."""
    files: int
    hours: float
    words_seconds: float
    """Of the embedded clips together."""
    hop_ms: float
    smoothing: int
    """Scores that are averaged."""
    refractory_seconds: float
    tolerance_seconds: float
    target_fa_per_hour: float
    rates: list[float]
    """False accepts an hour at which the false rejects are told."""
    noise: str
    """Where the noise comes from; empty where none was added."""
    snr_db: list[float]
    skipped: list[SkippedFile]


class Paired(Part):
    """McNemar's exact test of two variants on the same clips."""

    n: int
    only_this_wrong: int
    only_other_wrong: int
    p: float
    """Of a difference at least as large, if both were equally good; two-sided."""


class ClipMisses(Part):
    """Words that are missed among the test clips, at a rate of false positives."""

    false_positive_percent: float
    """Of the other clips, at most."""
    allowed: int
    """False positives that the rate allows among them."""
    words: int
    others: int
    threshold: float
    """A clip is taken for the word if its score is above it."""
    frr: float
    frr_ci95: tuple[float, float]
    """With the chance that is in the threshold."""
    against_float32: Difference | None = None
    """None for float32 itself, and where it was not measured."""


class TestClip(Part):
    """A test clip."""

    __test__ = False  # For pytest, it is no test.

    name: str
    label: str
    word: bool
    """Whether it says the wake word."""
    sound: str | None = None
    """The window that was used, an MP3 in base64; for the few clips that most models get wrong."""


class Recommendation(Part):
    """Which variant to ship, and why."""

    budget: dict[str, float] = Field(default_factory=dict)
    """Limits: `flash` and `arena` in bytes, `latency` in milliseconds."""
    max_drop: float
    """Points of accuracy that may be lost against float32."""
    variant: str | None
    """None where none fits."""
    sentence: str
    front: list[str] = Field(default_factory=list)
    """The Pareto front over bytes, arena, latency and errors."""
