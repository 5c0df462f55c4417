"""Settings in layers: those of the call override a run.yaml's, which override the preset's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from stapes.errors import UsageError
from stapes.frontends.registry import kind_of
from stapes.run.settings import PRESETS, QUICK, RunSettings, renamed
from stapes.system.options import checked, nested, unknown
from stapes.system.yaml_file import read_yaml

Settings = TypeVar("Settings", bound=RunSettings)


def settle(
    options: Mapping[str, Any], *, config: Path | None = None, quick: bool = False
) -> RunSettings:
    """The settings of a run; see `settle_as`."""
    return settle_as(RunSettings, options, config=config, quick=QUICK if quick else {})


def settle_as(
    kind: type[Settings],
    options: Mapping[str, Any],
    *,
    config: Path | None = None,
    quick: Mapping[str, Any],
) -> Settings:
    """Settings of one kind: `options` override `config`'s, which override the preset's.

    Parameters
    ----------
    kind : type
        RunSettings, or a subclass.
    options : mapping
        Settings by name; None means not given.
    config : Path, optional
        A run.yaml.
    quick : mapping
        Settings of a quick try, which override the preset's alone.

    Raises
    ------
    UsageError
        The file or a setting is wrong; the message names it.
    """
    file = _read(config, kind) if config else {}
    called = renamed(nested(kind, options))
    preset = called.get("preset", file.get("preset", "default"))
    if not isinstance(preset, str) or preset not in PRESETS:
        raise UsageError(f"--preset: {unknown(str(preset), PRESETS)}.")
    merged: dict[str, Any] = {}
    for layer in (PRESETS[preset], quick, file, called, {"preset": preset}):
        merged = over(merged, layer)
    names = [name for name in options if options[name] is not None]
    return checked(kind, merged, called=names, file=config)


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Override settings with others, also inside nested ones."""
    frontend = above.get("frontend")
    if isinstance(frontend, str):
        above = {**above, "frontend": {"kind": frontend}}
    return _merged(below, above)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            # The sizes of one frontend are not another's, nor the frames of one window another's.
            other_kind = "kind" in value and kind_of(value) != kind_of(merged[name])
            lower = dict(merged[name])
            if "window_seconds" in value:
                lower.pop("frames", None)
            value = value if other_kind else _merged(lower, value)
        merged[name] = value
    return merged


def _read(path: Path, kind: type[RunSettings]) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except OSError as error:
        raise UsageError(f"--config {path}: cannot be read ({error.strerror}).") from None
    except (ValueError, yaml.YAMLError):  # PyYAML raises ValueError for an impossible date.
        raise UsageError(f"--config {path}: is no YAML file; give the run.yaml of a run.") from None
    settings = content.get("settings") if isinstance(content, dict) else None
    if not isinstance(settings, dict):
        raise UsageError(f"--config {path}: has no `settings`; give the run.yaml of a run.")
    settings = renamed(settings)
    if content.get("command") == "search":
        # Not all settings of a search are a run's.
        return {name: value for name, value in settings.items() if name in kind.model_fields}
    return settings
