"""The settings of every technique, as plain data: `recipes` in run.yaml.

The defaults are those of the default preset, chosen on recordings (docs/results.md).
`PUBLISHED` has those of the reference preset, from the published experiment.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class _Recipe(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_DECAY = "Let the rate fall to 0 on a cosine (Loshchilov and Hutter 2017)."
_SMOOTHING = "Part of each label that all classes share (Szegedy et al. 2016)."
_TIME_MASK = "Most frames that SpecAugment hides in a clip (Park et al. 2019)."
_FREQUENCY_MASK = "Most bins that SpecAugment hides in a clip."
_TEACHER = "The baseline's part in the labels (Hinton et al. 2015)."

_Epochs = Annotated[int, Field(ge=1, le=100_000, description="Passes over the training clips.")]
_Rate = Annotated[float, Field(gt=0, le=100, description="Learning rate of Adam.")]
_Teacher = Annotated[float, Field(ge=0, le=1, description=_TEACHER)]
_Temperature = Annotated[
    float, Field(ge=0.01, le=1000, description="Softens the baseline's scores.")
]
_Width = Annotated[int, Field(ge=1, le=256)]


def _rising(widths: tuple[int, ...]) -> tuple[int, ...]:
    if min(widths) < 1 or list(widths) != sorted(set(widths)):
        raise ValueError("widths must rise from 1 or more")
    return widths


class FineTuning(_Recipe):
    """How training continues after a change to the model."""

    epochs: _Epochs
    learning_rate: _Rate
    batch: int = Field(default=32, ge=1, le=100_000, description="Clips in a step.")
    decay: bool = Field(default=True, description=_DECAY)
    teacher: _Teacher = 0.0
    temperature: _Temperature = 1.0


class _Taught(FineTuning):
    teacher: _Teacher = 0.7
    temperature: _Temperature = 3.0


class Pruning(_Taught):
    """Magnitude pruning on a polynomial schedule (Zhu and Gupta 2017)."""

    epochs: _Epochs = 16
    learning_rate: _Rate = 1e-3
    initial_sparsity: float = Field(default=0.5, ge=0, lt=1, description="Zeros at the first step.")
    final_sparsity: float = Field(default=0.8, gt=0, lt=1, description="Zeros at the end.")
    ramp: float = Field(
        default=0.5, gt=0, le=1, description="Part of the steps in which sparsity rises."
    )

    @model_validator(mode="after")
    def _rises(self) -> Pruning:
        if self.initial_sparsity > self.final_sparsity:
            raise ValueError("initial_sparsity must not exceed final_sparsity")
        return self


class TwoByFour(_Taught):
    """Two of every four weights along the input channels are zero (Mishra et al. 2021)."""

    epochs: _Epochs = 8
    learning_rate: _Rate = 1e-3


class Channels(_Taught):
    """Whole filters removed by their importance (Molchanov et al. 2019)."""

    epochs: _Epochs = 8
    learning_rate: _Rate = 1e-3
    keep: float = Field(default=0.5, gt=0, lt=1, description="Part of the filters that stays.")


class QuantizationAware(_Taught):
    """Training with quantization in the forward pass (Jacob et al. 2018)."""

    epochs: _Epochs = 2
    learning_rate: _Rate = 1e-4
    calibrate: bool = Field(
        default=True, description="Start with the activations' true ranges, not TFMOT's -6 to 6."
    )


class Clustering(_Taught):
    """Weights share few values (Han et al. 2016)."""

    epochs: _Epochs = 2
    learning_rate: _Rate = 1e-4
    clusters: int = Field(default=16, ge=2, le=256, description="Distinct values in a layer.")
    centroids: Literal["LINEAR", "KMEANS_PLUS_PLUS", "DENSITY_BASED", "RANDOM"] = Field(
        default="KMEANS_PLUS_PLUS", description="How the first values are chosen."
    )


class Distillation(_Taught):
    """A small student that learns the baseline's scores (Hinton et al. 2015)."""

    epochs: _Epochs = 30
    learning_rate: _Rate = 2e-3
    filters: tuple[_Width, _Width] = Field(default=(12, 24), description="Of its two convolutions.")


class Temporal(_Taught):
    """A temporal CNN from scratch, taught by the baseline (Choi et al. 2019)."""

    epochs: _Epochs = 40
    learning_rate: _Rate = 4e-3
    teacher: _Teacher = 0.3
    blocks: int = Field(default=3, ge=1, le=8, description="Residual blocks.")
    kernel: int = Field(default=9, ge=1, le=256, description="Length of a kernel in frames.")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description=_SMOOTHING)
    time_mask: int = Field(default=0, ge=0, le=100_000, description=_TIME_MASK)
    frequency_mask: int = Field(default=0, ge=0, le=100_000, description=_FREQUENCY_MASK)


class Small(Temporal):
    """A temporal CNN of one width."""

    width: int = Field(default=12, ge=1, le=256, description="Channels in a block.")


class Tiny(Temporal):
    """The narrowest temporal CNN that is good enough on clips outside its training."""

    widths: tuple[_Width, ...] = Field(
        default=(4, 6, 8),
        min_length=1,
        max_length=20,
        description="Channels in a block, the smallest first.",
    )
    max_drop: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="Points of accuracy that it may lose to the baseline.",
    )

    _rise = field_validator("widths")(_rising)


class StreamTiny(_Recipe):
    """The narrowest detector in a stream that is good enough on validation sound."""

    epochs: _Epochs = 10
    widths: tuple[_Width, ...] = Field(
        default=(10, 16), min_length=1, max_length=20, description="Channels, the smallest first."
    )
    max_rise: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="Points of FRR that it may have above the full width.",
    )

    _rise = field_validator("widths")(_rising)


class Recipes(_Recipe):
    """One recipe a family of techniques; `two_by_four` is the small CNN's, from scratch."""

    pruning: Pruning = Pruning()
    two_by_four: TwoByFour = TwoByFour(epochs=25, learning_rate=2e-3)
    two_by_four_full: TwoByFour = TwoByFour()
    channels: Channels = Channels()
    quantization_aware: QuantizationAware = QuantizationAware()
    clustering: Clustering = Clustering()
    collaborative: QuantizationAware = QuantizationAware()
    distillation: Distillation = Distillation()
    small: Small = Small()
    tiny: Tiny = Tiny()
    stream_pruning: Pruning = Pruning(
        epochs=6, initial_sparsity=0.2, final_sparsity=0.5, teacher=0.0, temperature=1.0
    )
    stream_clustering: Clustering = Clustering(
        epochs=4, learning_rate=3e-4, teacher=0.0, temperature=1.0
    )
    stream_tiny: StreamTiny = StreamTiny()
    stream_quantization_aware: QuantizationAware = QuantizationAware(
        epochs=4, learning_rate=3e-4, teacher=0.0, temperature=1.0
    )


_PLAIN = {"teacher": 0.0, "temperature": 1.0, "decay": False}

PUBLISHED: dict[str, Any] = {
    "pruning": {"epochs": 5, "learning_rate": 1e-3, "ramp": 1.0, **_PLAIN},
    "two_by_four": {"epochs": 20, "learning_rate": 1e-3, **_PLAIN},
    "quantization_aware": {"epochs": 1, "learning_rate": 1e-3, "calibrate": False, **_PLAIN},
    "clustering": {"epochs": 1, "learning_rate": 1e-5, "centroids": "LINEAR", **_PLAIN},
    "collaborative": {"epochs": 1, "learning_rate": 1e-3, "calibrate": False, **_PLAIN},
}
"""Settings of the published experiment; other recipes keep their defaults."""

QUICK_RECIPES: dict[str, Any] = {
    name: {"epochs": min(2, recipe.default.epochs // 2)}
    for name, recipe in Recipes.model_fields.items()
}
for _name in ("tiny", "stream_tiny"):
    QUICK_RECIPES[_name]["widths"] = Recipes.model_fields[_name].default.widths[:1]
"""Settings of `--quick`: an epoch or two of each recipe, and one width where there are several."""
