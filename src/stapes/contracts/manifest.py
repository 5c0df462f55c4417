"""The manifest of a microWakeWord model: the JSON file beside a .tflite that names its wake word.

Version 2 is what ESPHome, Home Assistant, Linux Voice Assistant, wyoming-microwakeword and
pymicro-wakeword read. ESPHome refuses a key that it does not know, so nothing else is written. The
others need few of the keys, so files that lack some are read too.

Source: `components/micro_wake_word/__init__.py` of ESPHome 2026.6.5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    TypeAdapter,
    field_validator,
    model_validator,
)

from stapes.contracts.reading import Document, read_document
from stapes.system.files import write_text

MOST_BYTES = 8_192
"""Of a manifest that ESPHome takes from Home Assistant."""

_VERSION_1 = {"feature_step_size": 20, "tensor_arena_size": 45_672}
"""What ESPHome takes for a manifest of version 1, which does not name them; and English."""


def checked_address(text: str | None) -> str | None:
    """The address of a page as it is, or pydantic's error: a parsed one would be written otherwise.

    Raises
    ------
    ValueError
        It is none.
    """
    if text is not None:
        TypeAdapter(AnyHttpUrl).validate_python(text)
    return text


class Micro(BaseModel):
    """How a device runs the model and decides."""

    model_config = ConfigDict(frozen=True)

    probability_cutoff: float = Field(ge=0, le=1)
    """The mean of the last outputs must be above it; each device rounds it in its own way."""
    sliding_window_size: int = Field(gt=0)
    """The outputs in the mean."""
    feature_step_size: int = Field(default=10, ge=1, le=30)
    """From one feature frame to the next [ms]."""
    tensor_arena_size: int | None = Field(default=None, gt=0)
    """Memory for the model's tensors [bytes]."""
    minimum_esphome_version: str = Field(default="2024.7.0", pattern=r"^\d+\.\d+\.\d+\w*$")
    """The first version of ESPHome that reads manifests of version 2, or a later one."""


class Manifest(BaseModel):
    """A manifest of version 2."""

    model_config = ConfigDict(frozen=True)

    type: Literal["micro"]
    """Always `micro`."""
    wake_word: str = Field(min_length=1)
    """The words to say, as a person reads them."""
    author: str = ""
    """Who made the model."""
    website: Annotated[str | None, AfterValidator(checked_address)] = None
    """Where there is more about it."""
    model: str = Field(min_length=1)
    """The .tflite, in the manifest's folder."""
    trained_languages: tuple[str, ...] = ()
    """E.g. `en`."""
    version: Literal[2] = 2
    """Version 1 is read too."""
    micro: Micro
    """How a device runs it."""

    @model_validator(mode="before")
    @classmethod
    def _from_version_1(cls, content: Any) -> Any:
        """A manifest of version 1 as the one of version 2 with the same meaning."""
        if not isinstance(content, Mapping) or content.get("version") != 1:
            return content
        micro = content.get("micro")
        if isinstance(micro, Mapping):
            window = micro.get("sliding_window_average_size")
            micro = {**_VERSION_1, "sliding_window_size": window, **micro}
        return {"trained_languages": ["en"], **content, "version": 2, "micro": micro}

    @field_validator("model")
    @classmethod
    def _is_name(cls, model: str) -> str:
        # A folder above the manifest is none of its business; a Windows path is one there alone.
        if PureWindowsPath(model).name != model or model in (".", ".."):
            raise ValueError("it must be the name of a file in the manifest's folder")
        return model


def is_of_micro(path: Path) -> bool:
    """Whether a manifest is of a microWakeWord model; Linux Voice Assistant knows others.

    Raises
    ------
    UsageError
        It cannot be read.
    StapesError
        It is no manifest.
    """
    document = _read(path, RootModel[dict[str, Any]]).root
    return bool(document.get("type", "micro") == "micro")


def read(path: Path) -> Manifest:
    """Read a manifest of version 1 or 2; unknown keys are left out.

    Raises
    ------
    UsageError
        It cannot be read.
    StapesError
        It is no manifest of a microWakeWord model.
    """
    return _read(path, Manifest)


def _read(path: Path, model: type[Document]) -> Document:
    return read_document(
        path,
        model,
        "manifest of a microWakeWord model",
        fix="name the .json of a microWakeWord model",
        most_bytes=MOST_BYTES,
    )


def text(manifest: Manifest) -> str:
    """The content of a manifest's file, in ASCII: a reader may assume any encoding."""
    return json.dumps(manifest.model_dump(mode="json", exclude_none=True), indent=2) + "\n"


def write(manifest: Manifest, path: Path) -> None:
    """Write a manifest in one step."""
    write_text(path, text(manifest))
