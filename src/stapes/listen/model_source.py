"""From a path to a wake-word model and how its device decides.

A path may be a manifest (.json), a .tflite with or without a manifest beside it, the folder of a
run, or a file in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stapes.contracts.manifest import Manifest
from stapes.contracts.results import VariantResult
from stapes.errors import ModelError, UsageError
from stapes.frontends.registry import DEFAULT_STREAM, STREAMS
from stapes.model_files.sources import (
    RESULTS,
    FileSource,
    file_source,
    row_source,
    run_of,
    runs_in_litert,
)
from stapes.system.options import unknown
from stapes.system.text import printable

SLIDING_WINDOW = 5
"""Outputs in the mean of a model without a manifest: as in every published one, and in a run."""
FRAME_MS = 10
"""The step of the frontend, as the package pymicro-features has it."""


@dataclass(frozen=True)
class ModelSource:
    """A wake-word model and what its manifest or run has about it.

    path : of the .tflite
    name : an identifier
    wake_word : as a person reads it
    cutoff : as a manifest's `probability_cutoff`; None without one
    frontend : of `STREAMS`; a file of others does not name it, and is for ESPHome's
    """

    path: Path
    content: bytes
    name: str
    wake_word: str
    languages: tuple[str, ...] = ()
    cutoff: float | None = None
    sliding_window: int = SLIDING_WINDOW
    frontend: str = DEFAULT_STREAM


def model_source(path: Path, variant: str | None = None) -> ModelSource:
    """Read a model and its manifest or results.

    Parameters
    ----------
    path : Path
    variant : str, optional
        The row of a run; by default the recommended one.

    Raises
    ------
    UsageError
        A file is missing, or there is no such row.
    ModelError
        The file is no .tflite, or not the one that the run measured.
    StapesError
        The manifest or results.json is broken.
    """
    if path.is_dir():
        return _of_run(path, variant)
    if variant is not None:
        raise UsageError(f"--variant {variant}: {path} is no folder of a run, which has variants.")
    source, run = file_source(path), run_of(path)
    if source.manifest is not None:
        return _of_manifest(source, source.manifest, path.stem)
    if run is not None:
        return _of_run(run, path.resolve().stem)
    return ModelSource(path, source.content, path.stem, _words(path.stem))


def _of_manifest(source: FileSource, manifest: Manifest, name: str) -> ModelSource:
    micro = manifest.micro
    if micro.feature_step_size != FRAME_MS:
        raise ModelError(
            f"{source.path}: the model takes features every {micro.feature_step_size} ms, and the "
            f"package pymicro-features computes them every {FRAME_MS} ms; train it for {FRAME_MS} "
            "ms."
        )
    return ModelSource(
        source.path,
        source.content,
        name,
        printable(manifest.wake_word),
        manifest.trained_languages,
        micro.probability_cutoff,
        micro.sliding_window_size,
    )


def _of_run(run: Path, variant: str | None) -> ModelSource:
    if not (run / RESULTS).is_file():
        raise UsageError(
            f"{run} has no {RESULTS}: name the folder of a run, a manifest (.json) or a .tflite."
        )
    chosen = row_source(run, variant, _listens, "stapes listen")
    row = chosen.row
    if not _listens(row):
        what = "is a model of windows" if row.stream is None else "runs in TFLite Micro alone"
        rows = [row.name for row in chosen.results.variants if _listens(row)]
        raise UsageError(
            f"{chosen.path} {what}, and only detectors in a stream that LiteRT runs listen: "
            + (f"{run} has {', '.join(rows)}." if rows else "`stapes run` makes some.")
        )
    frontend = DEFAULT_STREAM if row.stream is None else row.stream.frontend
    if frontend not in STREAMS:
        raise UsageError(
            f"{chosen.path}: the frontend {printable(unknown(frontend, STREAMS))}; a newer Stapes "
            "may have it."
        )
    detection = row.detection
    name = run.resolve().name
    return ModelSource(
        chosen.path,
        chosen.content,
        name if variant is None else f"{name}-{row.name}",
        printable(chosen.results.word),
        (),
        None if detection is None else detection.threshold,
        (detection and detection.sliding_window) or SLIDING_WINDOW,
        frontend,
    )


def _listens(row: VariantResult) -> bool:
    """Whether a row is a detector in a stream that LiteRT runs."""
    return row.stream is not None and runs_in_litert(row)


def _words(stem: str) -> str:
    """What the name of a file says about its wake word: `hey_jarvis_v0.1` is `hey jarvis`."""
    return stem.replace("_", " ").strip() or stem
