"""What is exported: a row of a run, or a .tflite of others, with all that a device must know."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from stapes.contracts import results as contract
from stapes.contracts.results import Results, VariantResult
from stapes.errors import ModelError, UsageError
from stapes.export import operating_point
from stapes.export.operating_point import DevicePoint
from stapes.export.settings import ExportSettings
from stapes.model_files.sources import RESULTS, file_source, row_source, run_of, runs_in_litert
from stapes.system.isolation import SECONDS, Lost, isolated
from stapes.system.text import printable
from stapes.targets import tflm, tflm_cost
from stapes.targets.registry import TARGETS

_FRAME_MS = 10
"""From one frame of the frontend `micro` to the next."""


_ALIGNMENT = 16
"""Of an arena [bytes]."""


def arena_size(smallest: int) -> int:
    """The arena to ask for: 1.25 times the smallest [bytes], in units of 16.

    Published manifests have 1.06 to 1.24 times what the package tflite-micro needs. The rest is for
    buffers of the device's own kernels.

    Examples
    --------
    >>> arena_size(24_512)
    30640
    """
    return -(-smallest * 5 // (4 * _ALIGNMENT)) * _ALIGNMENT


@dataclass(frozen=True)
class Source:
    """A model to export.

    path : the file that was read
    content : its bytes, which may be hostile
    arena_bytes : the smallest tensor arena that TFLite Micro starts in
    step_ms : from one frame of features to the next
    run, results, row : of a run; else None
    """

    path: Path
    content: bytes
    wake_word: str
    point: DevicePoint
    arena_bytes: int
    languages: tuple[str, ...] = ()
    author: str = ""
    website: str | None = None
    step_ms: int = _FRAME_MS
    run: Path | None = None
    results: Results | None = None
    row: VariantResult | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        """Of the model."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def tensor_arena_size(self) -> int:
        """The arena to ask for [bytes]."""
        return arena_size(self.arena_bytes)


def source(path: Path, settings: ExportSettings, target: str) -> Source:
    """Read a run folder, a .tflite with or without a manifest beside it, or a manifest.

    Parameters
    ----------
    target : str
        The name of the target that must run it.

    Raises
    ------
    UsageError
        There is no such model, or its cutoff is not known.
    ModelError
        The target does not run it.
    StapesError
        A document or the model of a run is broken.
    """
    return _of_run(path, settings, target) if path.is_dir() else _of_file(path, settings, target)


def _of_run(run: Path, settings: ExportSettings, target: str) -> Source:
    _require_frontend(run, target)

    def fits(row: VariantResult) -> bool:
        result = row.targets.get(target)
        return result is not None and result.runs and runs_in_litert(row)

    chosen = row_source(run, settings.variant, fits, TARGETS[target].title)
    row, path, content = chosen.row, chosen.path, chosen.content
    _require(path, content, target)
    measured = row.targets.get("tflm")
    arena = measured.arena_bytes if measured else None
    return Source(
        path=path,
        content=content,
        wake_word=settings.name or printable(chosen.results.word),
        point=operating_point.of_row(row, settings),
        arena_bytes=arena or _arena(path, content),
        languages=settings.languages or (),
        author=settings.author or "",
        website=settings.website,
        run=run,
        results=chosen.results,
        row=row,
    )


def _require_frontend(run: Path, target: str) -> None:
    """Refuse a run whose detectors take features that the target does not compute."""
    for row in contract.read(run / RESULTS).variants:
        frontend = row.stream and row.stream.frontend
        if frontend and (obstacle := TARGETS[target].obstacle_of(frontend)) is not None:
            raise UsageError(
                f"{run}: its model {obstacle}; run it again with --stream-frontend "
                f"{TARGETS[target].frontend} and another --out."
            )


def _of_file(path: Path, settings: ExportSettings, target: str) -> Source:
    if settings.variant is not None:
        raise UsageError("--variant: a file has no rows; name the folder of a run, or omit it.")
    model = file_source(path)
    path, content, manifest = model.path, model.content, model.manifest
    _require(path, content, target)
    run = run_of(path)
    if manifest is None and run is not None:
        if settings.cutoff is None:
            raise UsageError(f"{path} is of a run, which knows its cutoff: name the folder {run}.")
        _require_frontend(run, target)
    name = settings.name or (manifest.wake_word if manifest else None)
    if name is None:
        raise UsageError("--name: give the wake word of this model; no manifest is beside it.")
    languages = settings.languages
    if languages is None:
        languages = manifest.trained_languages if manifest else ()
    return Source(
        path=path,
        content=content,
        wake_word=printable(name),
        point=operating_point.of_manifest(manifest, settings),
        arena_bytes=_arena(path, content),
        languages=languages,
        author=settings.author or (manifest.author if manifest else ""),
        website=settings.website or (manifest.website if manifest else None),
        step_ms=manifest.micro.feature_step_size if manifest else _FRAME_MS,
    )


def _require(path: Path, content: bytes, target: str) -> None:
    """Refuse a model that the target does not run."""
    result = TARGETS[target].attempt(content, None).result
    if not result.runs:
        raise ModelError(f"{path}: {TARGETS[target].title} does not run it: {result.reason}.")


def _arena(path: Path, content: bytes) -> int:
    """Measure the smallest tensor arena, in a process of its own."""
    tflm.require("To measure the tensor arena")
    try:
        return isolated(SECONDS, tflm_cost.arena_bytes, content)
    except Lost as lost:
        raise ModelError(f"{path}: its tensor arena cannot be measured, because {lost}.") from None
