"""What a trial tries: plain data, from which its model is made again to the byte."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from stapes.techniques.registry import TECHNIQUES

Slim = Literal["any", "tflm"]


class Candidate(BaseModel):
    """A model before it is trained, how it is trained, and what is done to it then."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    architecture: str
    sizes: dict[str, int]
    frontend: str
    """Its kind, of those that the search has."""
    technique: str
    """A row of `techniques.registry`, applied to the trained model."""
    sparsity: float | None = None
    """Where the technique prunes."""
    clusters: int | None = None
    """Distinct weights a layer, where the technique clusters."""
    slim: Slim = "any"
    """Who is to run the file: any interpreter, or TFLite Micro alone."""
    learning_rate: float = Field(gt=0)
    teacher: float = Field(default=0.0, ge=0, le=1)
    """The reference CNN's part in the labels."""
    label_smoothing: float = 0.0
    masks: bool = False
    """SpecAugment, on the features of each batch."""

    @property
    def summary(self) -> str:
        """In a few words, as a table has room for."""
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items())
        chain = self.technique
        if self.sparsity is not None:
            chain += f" {round(100 * self.sparsity)} %"
        if self.clusters is not None:
            chain += f" {self.clusters} values"
        if self.slim == "tflm" and not TECHNIQUES[self.technique].tables:
            chain += ", slim for TFLite Micro"
        return f"{self.architecture} ({sizes}) on {self.frontend}, {chain}"
