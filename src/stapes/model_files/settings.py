"""The settings of `stapes slim`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stapes.system.options import Option, split_names
from stapes.tflite.edit.choices import INPUTS, Keep, Runtime


class SlimSettings(BaseModel):
    """How a .tflite is slimmed and proven."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: Annotated[Runtime, Option("slim")] = Field(
        default="any",
        description="What runs it: any is LiteRT and TFLite Micro, tflm is TFLite Micro alone.",
    )
    keep: Annotated[
        tuple[Keep, ...],
        BeforeValidator(split_names),
        Option("slim", "a,b", "none"),
    ] = Field(
        default=(),
        description="What to leave in for other tools: of names, signatures, metadata, "
        "bias_scales.",
    )
    lut: Annotated[bool, Option("slim")] = Field(
        default=False,
        description="Put constants of few distinct values into look-up tables, which TFLite Micro "
        "alone reads.",
    )
    inputs: Annotated[int | None, Option("slim", "N", f"{INPUTS}, fewer if it is slow")] = Field(
        default=None, ge=1, le=1_000_000, description="Inputs to prove it with."
    )
