"""The settings of `stapes export`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from stapes.contracts.manifest import checked_address
from stapes.system.options import Option, split_names

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class ExportSettings(BaseModel):
    """How a model becomes files for a device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variant: Annotated[str | None, Option("export", "NAME", "the recommended one")] = Field(
        default=None, description="The row of the run."
    )
    cutoff_for: Annotated[float | None, Option("export", "FA/h", "the run's own")] = Field(
        default=None,
        gt=0,
        le=1_000_000,
        description="The cutoff that the run measured for this rate of false accepts an hour.",
    )
    cutoff: Annotated[float | None, Option("export", "P", "as measured")] = Field(
        default=None, ge=0, lt=1, description="A cutoff of your own, a probability."
    )
    window: Annotated[int | None, Option("export", "N", "as measured")] = Field(
        default=None, ge=1, le=50, description="Outputs that are averaged, with --cutoff."
    )
    name: Annotated[str | None, Option("export", "TEXT", "the run's word")] = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="The wake word, as a person reads it.",
    )
    id: Annotated[str | None, Option("export", "NAME", "from the wake word")] = Field(
        default=None, description="The name of the files."
    )
    languages: Annotated[
        tuple[str, ...] | None, BeforeValidator(split_names), Option("export", "a,b", "none")
    ] = Field(default=None, description="Languages of the recordings, e.g. en,de.")
    author: Annotated[str | None, Option("export", "TEXT", "none")] = Field(
        default=None, max_length=200, description="Who made the model."
    )
    website: Annotated[
        str | None, AfterValidator(checked_address), Option("export", "URL", "none")
    ] = Field(default=None, description="Where there is more about it.")

    @field_validator("name", "author")
    @classmethod
    def _is_a_line(cls, text: str | None) -> str | None:
        if text is not None and not text.isprintable():
            raise ValueError("it must be one line without control characters")
        return text

    @field_validator("name")
    @classmethod
    def _is_no_detector_of_voices(cls, name: str | None) -> str | None:
        if name == "vad":
            raise ValueError("ESPHome takes a model of this name for a detector of voices")
        return name

    @field_validator("id")
    @classmethod
    def _is_a_file_name(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"\w[\w-]{0,63}", name):
            raise ValueError("it must be letters, digits, _ and -, at most 64")
        return name

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in names or ():
            if not _LANGUAGE.fullmatch(name):
                raise ValueError(f"{name} is no code of a language, such as en or pt-BR")
        return names

    @model_validator(mode="after")
    def _choose_once(self) -> ExportSettings:
        if self.cutoff is not None and self.cutoff_for is not None:
            raise ValueError("give --cutoff or --cutoff-for, not both")
        return self
