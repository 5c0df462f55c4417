"""results.json: the contract between a run and everything that shows it.

Written and read through these models only. It holds no time of day and no duration, so that the
same run gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from stapes.errors import StapesError
from stapes.files import write_text


class _Model(BaseModel):
    # A loss that diverged is no number of JSON.
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class Split(_Model):
    """The clips of one split that were used."""

    positives: int
    negatives: int
    negatives_available: int
    speakers: int | None
    """None where the corpus does not tell them."""


class SkippedFile(_Model):
    """A file that was not used, and why."""

    file: str
    reason: str


class Data(_Model):
    """What the models were trained and measured on."""

    source: str
    synthetic: bool
    split_rule: str
    shared_speakers: bool
    splits: dict[str, Split]
    copies: int = 0
    """Of each training clip, that sound otherwise; they are in no split's count."""
    skipped: list[SkippedFile]


class Baseline(_Model):
    """The float model that every technique starts from."""

    parameters: int
    macs: int
    sha256: str | None = None
    """Of its file."""
    accuracy: float | None = None
    """Of its LiteRT conversion, the row `float32`."""
    history: dict[str, list[float]] = Field(default_factory=dict)
    kept_epoch: int | None = None
    """From 1: the epoch whose weights the baseline has; None where it came trained."""
    model: str | None = None
    """The user's file that it was read from; None where it was trained here."""


class Confusion(_Model):
    """Decisions on the test clips."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


class Layer(_Model):
    """One layer's weights as the .tflite holds them."""

    name: str
    weights: int
    zeros: int
    distinct: int
    biases: int
    nonzero_biases: int
    compliance_2by4: float | None
    """The part of groups of four input channels with two zeros or more; None where the channels
    are no multiple of four."""
    note: str = ""


class TargetResult(_Model):
    """Whether a target runs the variant."""

    runs: bool
    reason: str | None = None
    arena_bytes: int | None = None
    """Of TFLite Micro's tensor arena, where it was measured."""


class CastFault(_Model):
    """What is measured when floats are cast to the input's type without scale and zero point.

    A mistake that is often made, kept apart from the accuracy.
    """

    accuracy: float
    accuracy_ci95: tuple[float, float]
    confusion: Confusion


class VariantResult(_Model):
    """One row of the table."""

    name: str
    technique: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    file: str
    sha256: str
    bytes: int
    bytes_before_slim: int | None = None
    """As the technique made it; None in files from before there was slimming."""
    data_bytes: int
    gzip_bytes: int
    parameters: int
    nonzero_parameters: int
    accuracy: float | None
    accuracy_ci95: tuple[float, float]
    n_test: int
    confusion: Confusion
    if_cast_unscaled: CastFault | None = None
    layers: list[Layer]
    notes: list[str]
    targets: dict[str, TargetResult]


class Results(_Model):
    """The whole of results.json."""

    # Named `schema` in the file; pydantic keeps that name for itself.
    schema_version: Literal[1] = Field(default=1, alias="schema")
    word: str
    seed: int
    preset: str
    versions: dict[str, str]
    data: Data
    baseline: Baseline
    variants: list[VariantResult]

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Evaluation(_Model):
    """What one model did on one split; `--json` prints it."""

    model: str
    word: str
    data: str
    synthetic: bool
    split: str
    split_rule: str
    bytes: int
    data_bytes: int
    gzip_bytes: int
    accuracy: float | None
    accuracy_ci95: tuple[float, float]
    n: int
    positives: int
    negatives: int
    confusion: Confusion
    skipped: list[SkippedFile]


class LabelCount(_Model):
    """Usable clips of one label by split."""

    label: str
    train: int
    validation: int
    test: int


class Check(_Model):
    """The state of a corpus; `--json` prints it."""

    data: str
    split_rule: str
    synthetic: bool
    usable: int
    labels: list[LabelCount]
    speakers: dict[str, int | None]
    skipped: list[SkippedFile]


def write(results: Results, path: Path) -> None:
    """Write results.json in one step."""
    write_text(path, results.model_dump_json(by_alias=True, indent=1) + "\n")


def read(path: Path) -> Results:
    """Read results.json.

    Raises
    ------
    StapesError
        It is missing, broken, or of another schema.
    """
    try:
        return Results.model_validate_json(path.read_text("utf-8"))
    except OSError as error:
        raise StapesError(
            f"{path} cannot be read ({error.strerror}): name the folder of a run."
        ) from None
    except (ValidationError, UnicodeDecodeError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "not UTF-8"
        raise StapesError(
            f"{path} is no results.json of schema 1 ({detail}): run the run's command again."
        ) from None
