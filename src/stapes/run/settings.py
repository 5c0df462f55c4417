"""All settings of a run, and the presets that they start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stapes.data.slug import slug
from stapes.frontends.registry import DEFAULT, FRONTENDS, AnyFrontend, described
from stapes.measure.settings import DetectionSettings
from stapes.models.architectures import ARCHITECTURES, sizes_of
from stapes.models.settings import StreamSettings, TrainSettings
from stapes.run.budget import Budget
from stapes.run.synthetic_settings import SyntheticSettings
from stapes.run.window_seconds import WindowSeconds
from stapes.system.options import Option, unknown
from stapes.techniques.recipes import PUBLISHED, QUICK_RECIPES, Recipes

RENAMED = {"negatives_per_positive": "ratio"}
"""Names of settings in older run.yaml files, and their names now."""

LATER = ("before", "budget", "continuous", "detect", "detection", "max_drop", "max_frr")
"""Settings that no model depends on: a finished run may change them, and measures again."""

_LARGEST = 512
"""The largest size of an architecture."""


def renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under the names that they have now."""
    return {RENAMED.get(name, name): value for name, value in settings.items()}


class RunSettings(BaseModel):
    """Everything that decides what a run makes, except the data's content."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    word: Annotated[str, Option("run search evaluate", "WORD")] = Field(
        default="house", min_length=1, max_length=200, description="The wake word."
    )
    data: Annotated[Path | None, Option("run search evaluate", "DIR")] = Field(
        default=None,
        description="Folder of clips, or a .zip or .tar of it: a folder for each label, or tables; "
        "without it, a run makes synthetic speech.",
    )
    positive_dir: Annotated[Path | None, Option("run search evaluate check", "DIR")] = Field(
        default=None,
        description="Folder in the data whose clips have the word, whatever its name.",
    )
    negative_dir: Annotated[Path | None, Option("run search evaluate check", "DIR")] = Field(
        default=None, description="Folder in the data whose clips do not have the word."
    )
    negatives: Annotated[Path | None, Option("run search evaluate check", "DIR")] = Field(
        default=None, description="Folder of more speech without the word."
    )
    continuous: Annotated[Path | None, Option("run search", "DIR", "spoken sentences")] = Field(
        default=None,
        description="Folder of recordings without the word, in which false accepts are counted.",
    )
    noise: Annotated[Path | None, Option("run search", "DIR", "pink noise is made")] = Field(
        default=None, description="Folder of recordings of noise."
    )
    rooms: Annotated[Path | None, Option("run search", "DIR", "rooms are made")] = Field(
        default=None,
        description="Folder of impulse responses of rooms, for detectors in a stream to train in.",
    )
    captures: Annotated[Path | None, Option("run", "DIR")] = Field(
        default=None,
        description="Folder of captures (`stapes listen --keep`) with labels (`stapes data "
        "label`), for detectors in a stream to learn from.",
    )
    before: Annotated[Path | None, Option("run", "RUN")] = Field(
        default=None,
        description="Folder of an earlier run, whose model is measured in the same test sound.",
    )
    model: Annotated[Path | None, Option("run", "FILE")] = Field(
        default=None,
        description="Your trained model in place of the baseline: .keras, .h5, SavedModel or a "
        "float .tflite.",
    )
    logits: Annotated[bool, Option("run")] = Field(
        default=False,
        description="The outputs of --model are logits: add a softmax, or a sigmoid to a single "
        "one.",
    )
    positive: Annotated[int, Option("run evaluate", "N")] = Field(
        default=1,
        ge=0,
        le=10_000,
        description="The model's output that means the word, counted from 0.",
    )
    preset: Annotated[Literal["default", "reference"], Option("run")] = Field(
        default="default", description="Settings to start from."
    )
    techniques: Annotated[str, Option("run search", "all|a,b,c", accepts=str | Sequence[str])] = (
        Field(default="all", description="Techniques to apply, by name.")
    )
    seed: Annotated[int, Option("run search evaluate synth", "N")] = Field(
        default=0, ge=0, lt=2**32, description="Seed of every random draw."
    )
    frontend: Annotated[
        AnyFrontend,
        Option(
            "run evaluate",
            "|".join(FRONTENDS),
            DEFAULT.kind,
            accepts=str | Mapping[str, Any] | BaseModel,
        ),
    ] = Field(default=DEFAULT, description=f"Features of the model: {described()}.")
    window: Annotated[
        WindowSeconds,
        Option("run search evaluate", "SECONDS|auto", f"{DEFAULT.window_seconds:g}", float | str),
    ] = Field(
        default=None,
        description="Seconds of sound that a model takes, which become `frontend.window_seconds`; "
        "auto, as long as 95 of 100 training clips of the word need.",
    )
    ratio: Annotated[float, Option("run search", "R")] = Field(
        default=1.0, gt=0, le=10_000, description="Negative clips for each positive one."
    )
    validation: float = Field(
        default=0.1, ge=0, lt=1, description="Share of the clips for validation."
    )
    test: float = Field(default=0.2, gt=0, lt=1, description="Share of the clips for the test.")
    architecture: Annotated[str, Option("run", "|".join(ARCHITECTURES))] = Field(
        default="reference_cnn", description="Architecture of the baseline."
    )
    sizes: dict[str, int] = Field(
        default={},
        description="Sizes of the architecture by their names; others keep their defaults.",
    )
    training_clips: int = Field(
        default=2000,
        ge=0,
        le=10_000_000,
        description="The fewest clips to train on: changed copies are added to a small corpus.",
    )
    train: TrainSettings = Field(default=TrainSettings(), description="Training of the baseline.")
    stream: StreamSettings = Field(
        default=StreamSettings(), description="Detectors in a stream, and their training."
    )
    calibration_clips: int = Field(
        default=200,
        ge=2,
        le=1_000_000,
        description="Training clips for the calibration of quantization.",
    )
    slim: bool = Field(
        default=True, description="Remove from each .tflite what no interpreter reads."
    )
    recipes: Recipes = Field(default=Recipes(), description="Settings of each technique.")
    synthetic: SyntheticSettings = Field(
        default=SyntheticSettings(), description="The corpus of synthetic speech."
    )
    detection: DetectionSettings = Field(
        default=DetectionSettings(), description="Measurement of detection in continuous sound."
    )
    detect: Annotated[Literal["stream", "all"], Option("run")] = Field(
        default="stream",
        description="Variants that are measured in continuous sound: detectors in a stream, or "
        "window models too.",
    )
    budget: Annotated[Budget, Option("run search", "LIMITS", accepts=str | Mapping[str, float])] = (
        Field(
            default={},
            description="Limits of the device, e.g. flash=20k,arena=24k,latency=5ms; as numbers, "
            "bytes and milliseconds.",
        )
    )
    max_drop: Annotated[float, Option("run", "P")] = Field(
        default=0.5,
        ge=0,
        le=100,
        description="Points of accuracy that the recommended variant may be below float32.",
    )

    max_frr: Annotated[float, Option("run search", "P")] = Field(
        default=10.0,
        ge=0,
        le=100,
        description="Most percent of words that the recommended detector may miss at the target "
        "rate of false accepts.",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_its_names(cls, settings: Any) -> Any:
        return renamed(settings) if isinstance(settings, Mapping) else settings

    @field_validator("techniques", mode="before")
    @classmethod
    def _is_one_text(cls, techniques: Any) -> Any:
        names = isinstance(techniques, list | tuple) and all(type(t) is str for t in techniques)
        return ",".join(techniques) if names else techniques

    @field_validator("word")
    @classmethod
    def _is_a_word(cls, word: str) -> str:
        if not slug(word):
            raise ValueError("the word needs a letter or a digit")
        return word

    @field_validator("architecture")
    @classmethod
    def _is_known(cls, architecture: str) -> str:
        if architecture not in ARCHITECTURES:
            raise ValueError(unknown(architecture, ARCHITECTURES))
        return architecture

    @model_validator(mode="after")
    def _window_is_the_frontends(self) -> RunSettings:
        if isinstance(self.window, float):
            for name, value in self._in_window(self.window).items():
                object.__setattr__(self, name, value)  # The model is frozen.
        return self

    @model_validator(mode="after")
    def _sizes_are_the_architectures(self) -> RunSettings:
        known = sizes_of(self.architecture)
        for name, size in self.sizes.items():
            if name not in known:
                options = f"its sizes are {', '.join(known)}" if known else "it has no sizes to set"
                raise ValueError(f"sizes: {self.architecture} has no {name}; {options}")
            if not 0 < size <= _LARGEST:
                raise ValueError(f"sizes: {name} must be from 1 to {_LARGEST}")
        return self

    @model_validator(mode="after")
    def _masks_leave_features(self) -> RunSettings:
        frames, bins = self.frontend.shape[:2]
        if self.train.time_mask >= frames:
            raise ValueError(f"train: time_mask must be below the frontend's {frames} frames")
        if self.train.frequency_mask >= bins:
            raise ValueError(f"train: frequency_mask must be below the frontend's {bins} bins")
        return self

    @model_validator(mode="after")
    def _leaves_training_clips(self) -> RunSettings:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave clips to train on")
        return self

    def _in_window(self, seconds: float) -> dict[str, Any]:
        """What another window changes."""
        return {"window": None, "frontend": self.frontend.with_window(seconds)}


class EvaluationSettings(RunSettings):
    """The settings of a run whose clips a model is evaluated on, and which of them."""

    split: Annotated[Literal["test", "validation", "train", "all"], Option("evaluate")] = Field(
        default="test", description="Clips to measure on."
    )


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # As published: an 80/20 split, 15 epochs of which the last one stays, 100 clips to calibrate
    # with. Its speakers were in both parts; here they never are.
    "reference": {
        "validation": 0.0,
        "test": 0.2,
        "training_clips": 0,
        "train": {"epochs": 15, "batch": 32, "learning_rate": 1e-3, "keep_best": False},
        "calibration_clips": 100,
        "recipes": PUBLISHED,
    },
}

QUICK: dict[str, Any] = {
    "training_clips": 0,
    "train": {"epochs": 3},
    "synthetic": {"voices": 20, "takes": 6, "sentence_minutes": 1.0},
    "calibration_clips": 40,
    "detection": {"snr_db": [10.0]},
    "recipes": QUICK_RECIPES,
    "stream": {
        "epochs": 3,
        "steps": 20,
        "locate_epoch": 2,
        "embedded_words": 200,
        "negative_hours": 0.1,
    },
}
"""What `--quick` sets: a run in under a minute, whose figures mean little."""
