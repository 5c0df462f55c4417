"""All settings of a run: presets, what run.yaml says, and what the command line says over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stapes.data.slug import slug
from stapes.errors import UsageError
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.registry import FRONTENDS, AnyFrontend, kind_of
from stapes.measure.continuous import DetectionSettings
from stapes.models.architectures import ARCHITECTURES, sizes_of
from stapes.models.training import TrainSettings
from stapes.techniques.recipes import PUBLISHED, QUICK_RECIPES, Recipes

Settings = TypeVar("Settings", bound="RunSettings")
Limit = Literal["flash", "arena", "latency"]
LIMITS: tuple[Limit, ...] = get_args(Limit)

LATER = ("budget", "continuous", "detection", "max_drop", "noise")
"""Settings that no model depends on: a finished run may change them, and measures anew."""


_LARGEST = 512
"""Size of a model that is still for a wake word."""


class SyntheticSettings(BaseModel):
    """The corpus that is made where no data is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    voices: int = Field(default=160, ge=3)
    takes: int = Field(default=7, ge=1, description="of the word, by each voice")


class RunSettings(BaseModel):
    """Everything that decides what a run makes, apart from the data's content."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    word: str = Field(default="house", min_length=1)
    data: Path | None = Field(default=None, description="None: synthetic speech")
    negatives: Path | None = None
    continuous: Path | None = Field(
        default=None, description="sound without the word; None: the negative test clips, joined"
    )
    noise: Path | None = Field(default=None, description="None: pink noise is made")
    model: Path | None = Field(default=None, description="the user's; None: a baseline is trained")
    positive: int = Field(default=1, ge=0, description="the model's output that means the word")
    preset: Literal["default", "reference"] = "default"
    techniques: str = "all"
    seed: int = Field(default=0, ge=0, lt=2**32)
    frontend: AnyFrontend = Field(
        default=Mfcc(), description=f"what the model sees: {', '.join(FRONTENDS)}"
    )
    negatives_per_positive: float = Field(default=1.0, gt=0)
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)
    architecture: str = Field(default="reference_cnn", description="of the baseline")
    sizes: dict[str, int] = Field(
        default={},
        description="of the architecture, by its own names; others keep its defaults",
    )
    training_clips: int = Field(
        default=2000, ge=0, description="to train on at least: copies that sound otherwise fill up"
    )
    train: TrainSettings = TrainSettings()
    calibration_clips: int = Field(default=200, ge=2)
    slim: bool = Field(default=True, description="take out of each .tflite what nothing reads")
    recipes: Recipes = Recipes()
    synthetic: SyntheticSettings = SyntheticSettings()
    detection: DetectionSettings = DetectionSettings()
    budget: dict[Limit, float] = Field(
        default={}, description="flash and arena in bytes, latency in milliseconds"
    )
    max_drop: float = Field(
        default=0.5, ge=0, description="points of accuracy below float32 that may be lost"
    )

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
            raise ValueError(f"{architecture} is unknown; known are {', '.join(ARCHITECTURES)}")
        return architecture

    @field_validator("budget")
    @classmethod
    def _limits_are_positive(cls, budget: dict[Limit, float]) -> dict[Limit, float]:
        for name, limit in budget.items():
            if not limit > 0:
                raise ValueError(f"{name} must be above 0")
        return budget

    @model_validator(mode="after")
    def _sizes_are_the_architectures(self) -> RunSettings:
        known = sizes_of(self.architecture)
        for name, size in self.sizes.items():
            if name not in known:
                said = f"its sizes are {', '.join(known)}" if known else "it has no sizes to set"
                raise ValueError(f"sizes: {self.architecture} has no {name}; {said}")
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


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # The published project's: an 80/20 split, 15 epochs and the last one kept, 100 clips to
    # calibrate with. Its speakers stood in both parts; here they never do.
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
    "synthetic": {"voices": 20, "takes": 6},
    "calibration_clips": 40,
    "detection": {"snr_db": [10.0]},
    "recipes": QUICK_RECIPES,
}
"""What `--quick` sets: a try in under a minute, whose figures mean little."""


def settle(
    given: Mapping[str, Any], *, config: Path | None = None, quick: bool = False
) -> RunSettings:
    """The settings of a run: the preset's, over them `config`'s, over them those `given`.

    Parameters and errors are those of `settle_as`.
    """
    return settle_as(RunSettings, given, config=config, quick=QUICK if quick else {})


def settle_as(
    kind: type[Settings],
    given: Mapping[str, Any],
    *,
    config: Path | None = None,
    quick: Mapping[str, Any],
) -> Settings:
    """Settings of one kind: the preset's, over them `config`'s, over them those `given`.

    Parameters
    ----------
    kind : type
        RunSettings, or what has more fields than it.
    given : mapping
        Settings by name; None means not given.
    config : Path, optional
        A run.yaml.
    quick : mapping
        Settings of a try, over the preset and under everything else.

    Raises
    ------
    UsageError
        The file or a setting is wrong; the message names it.
    """
    said = _read(config) if config else {}
    chosen = {name: value for name, value in given.items() if value is not None}
    preset = chosen.get("preset", said.get("preset", "default"))
    if not isinstance(preset, str) or preset not in PRESETS:
        raise UsageError(f"--preset {preset}: unknown; known are {', '.join(PRESETS)}.")
    layers = [PRESETS[preset], quick, said, chosen, {"preset": preset}]
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = over(merged, layer)
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        asked = first["loc"] and first["loc"][0] in chosen
        where = "the call" if asked or not config else str(config)
        raise UsageError(f"{where}: {name or 'settings'}: {first['msg']}.") from None


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others over them, down into what is nested."""
    merged = dict(below)
    for name, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            # The sizes of one frontend are not another's.
            another = "kind" in value and kind_of(value) != kind_of(merged[name])
            value = value if another else over(merged[name], value)
        merged[name] = value
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        said = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"--config {path}: cannot be read ({error.strerror}).") from None
    except (ValueError, yaml.YAMLError):  # PyYAML lets a date of no calendar through as ValueError.
        raise UsageError(f"--config {path}: is no YAML file.") from None
    settings = said.get("settings") if isinstance(said, dict) else None
    if not isinstance(settings, dict):
        raise UsageError(f"--config {path}: has no `settings`; give the run.yaml of a run.")
    return settings
