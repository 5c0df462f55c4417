"""The parts of results.json about a variant: targets, continuous sound, comparison with float32."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Part(BaseModel):
    """A part of a document."""

    # JSON has no infinity or NaN, but a loss or a constant may be one.
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class SkippedFile(Part):
    """A file that is not used, and the reason."""

    file: str
    reason: str


class TargetResult(Part):
    """Whether a target runs the variant, and its costs; None for figures of other targets."""

    runs: bool
    tried: bool = True
    """False if a package for it is not installed."""
    reason: str | None = None
    """Why it does not run, was not tried, or runs only in part, with the fix."""
    configuration: str | None = None
    """Of the device, or of the timed run."""

    latency_us_p50: float | None = None
    """Of one inference on one thread of this machine [microseconds]."""
    latency_us_p99: float | None = None

    arena_bytes: int | None = None
    """The smallest tensor arena that TFLite Micro starts in."""
    agrees: bool | None = None
    """Whether all decisions equal LiteRT's."""
    largest_difference: float | None = None
    """From LiteRT's outputs on the test clips, in steps of a quantized output. None if LiteRT does
    not run the file."""
    decisions_that_differ: int | None = None
    n_compared: int | None = None
    """Test clips, or steps of a detector in a stream."""

    flash_bytes: int | None = None
    """Of the compiled model: weights as the NPU stores them, biases, commands."""
    sram_bytes: int | None = None
    """The compiled model's peak memory for activations and buffers."""
    weight_bytes: int | None = None
    """Of the weights as the NPU stores them."""
    cycles: int | None = None
    """Of one inference, the compiler's estimate."""
    inferences_per_second: float | None = None
    cpu_ops: list[str] = Field(default_factory=list)
    """Ops that run on the CPU, with the compiler's reasons."""


class OperatingPoint(Part):
    """Detection at one threshold."""

    target_fa_per_hour: float | None = None
    """The rate that the threshold was chosen for; None for a fixed threshold."""
    resolvable: bool = True
    needs_hours: float | None = None
    """Of sound without the word, if there are too few for the rate."""
    reason: str | None = None
    """Why there is no figure for this rate."""
    threshold: float | None = None
    """A smoothed score at or above it is a detection; of a streaming model, above it."""
    cutoff: int | None = None
    """The threshold as a device compares it: with the mean of integer outputs."""
    false_accepts: int | None = None
    fa_per_hour: float | None = None
    fa_per_hour_ci95: tuple[float, float] | None = None
    misses: int | None = None
    frr: float | None = None
    """The part of the embedded words that are not detected."""
    frr_ci95: tuple[float, float] | None = None
    """Over words and, for a rate, over thresholds too."""
    delay_seconds_p50: float | None = None
    """Of the detected words: from the end of the clip to the detection. None for window models."""
    delay_seconds_p95: float | None = None


class DetCurve(Part):
    """False accepts per hour and false reject rates, from the highest threshold to the lowest."""

    threshold: list[float]
    fa_per_hour: list[float]
    frr: list[float]

    @model_validator(mode="after")
    def _has_points(self) -> DetCurve:
        if not len(self.threshold) == len(self.fa_per_hour) == len(self.frr):
            raise ValueError("a curve needs as many thresholds as rates")
        return self


class Condition(Part):
    """Detection in continuous sound, without noise or with noise at one level."""

    name: str
    """`clean`, or e.g. `10 dB`."""
    snr_db: float | None
    hours: float
    """Of sound without the word."""
    words: int
    """Embedded test positives."""
    at_rates: list[OperatingPoint]
    """With a threshold from this condition for every rate of false accepts."""
    at_clean_threshold: OperatingPoint
    """With the threshold from the sound without noise, as on a device."""
    det: DetCurve


class Difference(Part):
    """A variant's false reject rate minus that of float32, at the same rate of false accepts."""

    difference: float
    """Above 0 this variant misses more words."""
    ci95: tuple[float, float]
    """From a bootstrap over sound and words, with new thresholds in every sample."""
    p: float
    """Two-sided."""


class SourceRate(Part):
    """False accepts in the sound of one source without the word."""

    source: str
    """A folder of recordings."""
    hours: float
    false_accepts: int
    fa_per_hour: float
    fa_per_hour_ci95: tuple[float, float]


class DeviceCutoff(Part):
    """The chosen threshold as each device takes it."""

    cutoff: int
    """Detected if the mean of the last outputs is above it, out of 255."""
    probability_cutoff: float
    """For ESPHome's manifest, which then compares with this cutoff."""
    pymicro_cutoff: float
    """The `probability_cutoff` with which pymicro-wakeword compares with this cutoff."""
    steps_to_spare: int
    """Steps of the output from the cutoff to 255; with few, the cutoff can hardly be stricter."""


class Detection(Part):
    """Detection of the word in continuous sound."""

    auc: float | None
    """Area under the ROC curve of the test clips' scores; None without clips of both classes."""
    eer: float | None
    """Equal error rate of the test clips' scores."""
    threshold: float | None
    """For the target rate of false accepts, or the lowest rate that can be measured."""
    chosen: OperatingPoint
    """At this threshold, without noise."""
    conditions: list[Condition] = Field(min_length=1)
    against_float32: Difference | None = None
    """Of the chosen points; None for float32, and if one of them has no threshold."""
    sliding_window: int | None = None
    """Outputs that a device averages; None for window models, as the rest is."""
    by_source: list[SourceRate] | None = None
    """At the chosen threshold, without noise; the highest rate comes first."""
    device: DeviceCutoff | None = None
    """None for float outputs too."""


class DetectionSetup(Part):
    """How detection was measured, for all variants."""

    sha256: str = ""
    """Of the sound and these settings."""
    source: str
    """Of the sound without the word."""
    files: int
    hours: float
    spoken_hours: float = 0.0
    """Of these, of sentences that espeak-ng spoke."""
    words_seconds: float
    """Of all embedded clips."""
    hop_ms: float
    smoothing: int
    """Scores in the moving average."""
    refractory_seconds: float
    tolerance_seconds: float
    target_fa_per_hour: float
    rates: list[float]
    """False accepts per hour, each with its false reject rate."""
    noise: str
    """The source of the noise; empty without noise."""
    snr_db: list[float]
    skipped: list[SkippedFile]


class Paired(Part):
    """McNemar's exact test of two variants on the same clips."""

    n: int
    only_this_wrong: int
    only_other_wrong: int
    p: float
    """Two-sided."""


class ClipMisses(Part):
    """False rejects among the test clips, at a rate of false positives."""

    false_positive_percent: float
    """Of the other clips, at most."""
    allowed: int
    """False positives at that rate."""
    words: int
    others: int
    threshold: float
    """A clip with a score above it counts as the word."""
    frr: float
    frr_ci95: tuple[float, float]
    """Over words and thresholds."""
    against_float32: Difference | None = None
    """None for float32, and if it was not measured."""


class TestClip(Part):
    """A test clip."""

    __test__ = False  # Pytest must not collect it.

    name: str
    label: str
    word: bool
    """Whether it holds the wake word."""
    sound: str | None = None
    """Its window, an MP3 in base64; only of the few clips that most models get wrong."""


class Recommendation(Part):
    """The variant to ship, and the reason."""

    budget: dict[str, float] = Field(default_factory=dict)
    """Limits: `flash` and `arena` in bytes, `latency` in milliseconds."""
    max_drop: float
    """Points of accuracy that a variant may lose against float32."""
    max_frr: float | None = None
    """Percent of the words that it may miss at the target rate; None if clips decided."""
    variant: str | None
    """None if none fits."""
    sentence: str
    unfit: dict[str, list[str]] = Field(default_factory=dict)
    """Why a variant cannot be recommended, by its name."""
    front: list[str] = Field(default_factory=list)
    """The Pareto front over bytes, arena, latency, and false rejects in continuous sound, or
    errors."""
