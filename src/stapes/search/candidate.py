"""The candidate of a trial: plain data from which its model is made, always with the same bytes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stapes.contracts.results import Trial
from stapes.system.text import percent
from stapes.techniques.registry import TECHNIQUES

Slim = Literal["any", "tflm"]


class Candidate(BaseModel):
    """A model before it is trained, how it is trained, and the technique after that."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    architecture: str
    sizes: dict[str, int]
    frontend: str
    """Its kind, one of the search's."""
    technique: str
    """A row of `techniques.registry`, applied to the trained model."""
    sparsity: float | None = None
    """If the technique prunes."""
    clusters: int | None = None
    """Distinct weights a layer, if the technique clusters."""
    slim: Slim = "any"
    """What runs the file: any interpreter, or TFLite Micro alone."""
    learning_rate: float = Field(gt=0)
    teacher: float = Field(default=0.0, ge=0, le=1)
    """The reference CNN's share of the labels."""
    label_smoothing: float = 0.0
    masks: bool = False
    """SpecAugment, on the features of each batch."""
    epochs: int | None = None
    """Of a detector in a stream; other models end when they no longer get better."""

    @property
    def summary(self) -> str:
        """The candidate in a few words, for a table."""
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items())
        chain = self.technique
        if self.sparsity is not None:
            chain += f" {percent(self.sparsity, 0)}"
        if self.clusters is not None:
            chain += f" {self.clusters} values"
        if self.slim == "tflm" and not TECHNIQUES[self.technique].tables:
            chain += ", slim for TFLite Micro"
        return f"{self.architecture} ({sizes}) on {self.frontend}, {chain}"

    def trial(self, number: int = 0, **figures: Any) -> Trial:
        """The candidate's trial as results.json has it, with its figures."""
        candidate = self.model_dump(mode="json")
        return Trial(number=number, candidate=candidate, summary=self.summary, **figures)
