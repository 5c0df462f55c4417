"""Settings in layers: the preset's, over them those of a run.yaml, over them those of the call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from stapes.errors import UsageError
from stapes.frontends.registry import kind_of
from stapes.run.settings import PRESETS, QUICK, RunSettings, renamed
from stapes.system.options import checked, nested, unknown

Settings = TypeVar("Settings", bound=RunSettings)


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
    file = _read(config) if config else {}
    called = renamed(nested(kind, given))
    preset = called.get("preset", file.get("preset", "default"))
    if not isinstance(preset, str) or preset not in PRESETS:
        raise UsageError(f"--preset: {unknown(str(preset), PRESETS)}.")
    merged: dict[str, Any] = {}
    for layer in (PRESETS[preset], quick, file, called, {"preset": preset}):
        merged = over(merged, layer)
    return checked(
        kind, merged, called=[name for name in given if given[name] is not None], file=config
    )


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others over them, down into what is nested."""
    merged = dict(below)
    for name, value in above.items():
        value = {"kind": value} if name == "frontend" and isinstance(value, str) else value
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
    return renamed(settings)
