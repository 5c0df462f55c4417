"""results.json: the contract between a run and its reports, written and read here alone.

The same run on the same machine gives the same bytes, except for the latencies and what depends on
them: the Pareto front and the recommendation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue, model_validator

from stapes.contracts import summary
from stapes.contracts.before import Before
from stapes.contracts.data import Data as Data
from stapes.contracts.data import Split as Split
from stapes.contracts.layers import Layer
from stapes.contracts.measurements import (
    ClipMisses,
    Detection,
    DetectionSetup,
    Paired,
    Part,
    Recommendation,
    TargetResult,
    TestClip,
)
from stapes.contracts.reading import consistent, read_document
from stapes.contracts.streams import StreamForm, Streams
from stapes.system.files import write_text
from stapes.system.options import unknown

_BROKEN = "run the run's command again"


class Baseline(Part):
    """The float model that all techniques start from."""

    parameters: int
    macs: int
    sha256: str | None = None
    """Of its file."""
    accuracy: float | None = None
    """Of its LiteRT conversion, the row `float32`."""
    history: dict[str, list[float]] = Field(default_factory=dict)
    kept_epoch: int | None = None
    """The epoch of the baseline's weights, from 1; None for a user's model."""
    model: str | None = None
    """The user's file; None if it was trained here."""


class Confusion(Part):
    """Decisions on the test clips."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


class CastFault(Part):
    """The figures after a common mistake: floats cast to integers without scale and zero point."""

    accuracy: float
    accuracy_ci95: tuple[float, float]
    confusion: Confusion


class VariantResult(Part):
    """One row of the table."""

    name: str
    technique: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    file: str
    sha256: str
    bytes: int
    bytes_before_slim: int | None = None
    """None in older files."""
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
    """By name: `litert`, `tflm`, `ethos_u55`, `ethos_u85`, `esphome`."""
    bytes_by_kind: dict[str, int] = Field(default_factory=dict)
    """The purpose of the file's bytes; they add up to `bytes`."""
    scores: list[float] = Field(default_factory=list)
    """Of the word, for each of `Results.clips`, from 0 to 1."""
    wrong: list[int] = Field(default_factory=list)
    """Indices in `Results.clips` of wrong decisions."""
    detection: Detection | None = None
    """None if it was not measured."""
    against_float32: Paired | None = None
    """Decisions on the test clips. None for float32, and if one of both was not measured."""
    stream: StreamForm | None = None
    """None for a model of windows."""
    misses: ClipMisses | None = None
    """None without words or without other clips, and in older files."""

    def __repr__(self) -> str:
        return summary.row_text(self)

    __str__ = __repr__


class Trial(Part):
    """A model that a search tried."""

    number: int
    candidate: dict[str, JsonValue]
    """Architecture, sizes, frontend, technique and training."""
    summary: str
    """The candidate in words."""
    refused: str | None = None
    """Why it was not trained: it cannot fit the budget."""
    failed: str | None = None
    """Why it gave no model."""
    file: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    """Of the file; of a refused trial, of its untrained model."""
    bytes_before_slim: int | None = None
    arena_bytes: int | None = None
    """Of TFLite Micro's arena; None also if that is not installed."""
    macs: int | None = None
    """Of one inference; of a detector in a stream, of a second, as their strides differ."""
    parameters: int | None = None
    frr: float | None = None
    """On validation clips, at the search's rate of false positives, or in validation sound, at its
    rate of false accepts."""
    accuracy: float | None = None
    """On validation clips."""
    loss: float | None = None
    """Cross-entropy of the file's scores on validation clips. Of a detector in a stream, the mean
    FRR at 1, 2 and 5 times the rate. It decides among equals."""
    seconds: float | None = None
    """Of one processor."""
    notes: list[str] = Field(default_factory=list)
    layer_names: list[str] = Field(default_factory=list)
    """Of the layers with weights: the shipped file has no names."""
    layer_notes: list[str] = Field(default_factory=list)
    front: bool = False
    """Whether it is on the Pareto front of the objectives."""
    variant: str | None = None
    """Its row in `variants`."""


class Search(Part):
    """The trials of a search, and its objectives."""

    metric: str
    """E.g. `frr@0.5`: false rejects at a rate of false positives in percent; `frr@1/h`: at a rate
    of false accepts an hour."""
    objectives: list[str]
    """To minimize: `bytes`, `arena_bytes`, `macs`, `frr`."""
    budget: dict[str, float]
    """`flash` and `arena`, in bytes."""
    validation_words: int
    """Validation clips with copies, or words in validation sound."""
    validation_others: int
    validation_copies: int
    """Augmented copies of every validation clip."""
    validation_hours: float | None = None
    """Of validation sound without the word; None for a search of models of windows."""
    trials: list[Trial]
    best: int | None
    """The trial exported as `best`; None if none fits the budget."""


class Results(Part):
    """The whole of results.json."""

    # `schema` in the file: pydantic reserves that name.
    schema_version: Literal[1] = Field(default=1, alias="schema")
    word: str
    seed: int
    preset: str
    versions: dict[str, str]
    data: Data
    baseline: Baseline
    variants: list[VariantResult]
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Of run.yaml."""
    clips: list[TestClip] = Field(default_factory=list)
    """The test clips, in the order of every variant's `scores`."""
    detection: DetectionSetup | None = None
    recommendation: Recommendation | None = None
    streams: Streams | None = None
    """None without detectors in a stream."""
    search: Search | None = None
    """None for a run with one baseline."""
    before: Before | None = None
    """The model of an earlier run, in the same sound; None without `--before`."""

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _rows_are_of_the_clips(self) -> Results:
        names = [row.name for row in self.variants]
        if len(set(names)) < len(names):
            raise ValueError("two rows have the same name")
        clips = len(self.clips)
        for row in self.variants:
            if row.scores and clips and len(row.scores) != clips:
                raise ValueError(f"{row.name} has {len(row.scores)} scores of {clips} clips")
            if clips and not all(0 <= place < clips for place in row.wrong):
                raise ValueError(f"{row.name} is wrong about a clip that is not listed")
        return self

    def __getitem__(self, name: str) -> VariantResult:
        """A row by its name; KeyError names the nearest."""
        for row in self.variants:
            if row.name == name:
                return row
        raise KeyError(unknown(name, self))

    def keys(self) -> list[str]:
        """The names of the rows."""
        return [row.name for row in self.variants]

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __repr__(self) -> str:
        return summary.text(self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return summary.html(self)

    @property
    def float32(self) -> VariantResult | None:
        """The row that the others are compared with; None if it is missing."""
        return self._row("float32")

    def float_of(self, row: VariantResult) -> VariantResult | None:
        """The float row that a row is compared with: of detectors in a stream, another."""
        return self.float32 if row.stream is None else self._row("stream_float32")

    def _row(self, name: str) -> VariantResult | None:
        return next((row for row in self.variants if row.name == name), None)


def write(results: Results, path: Path) -> None:
    """Write results.json in one step."""
    write_text(path, results.model_dump_json(by_alias=True, indent=1) + "\n")


def used(path: Path) -> AbstractContextManager[None]:
    """A block that uses results which may have been changed by hand: see `reading.consistent`."""
    return consistent(path, _BROKEN)


def read(path: Path) -> Results:
    """Read results.json.

    Raises
    ------
    UsageError
        It cannot be read.
    StapesError
        It is broken, or of another schema.
    """
    return read_document(
        path,
        Results,
        "results.json of schema 1",
        fix="name the folder of a run",
        broken=_BROKEN,
    )
