"""From a path to a wake-word model and how its device decides.

A path may be a manifest (.json), a .tflite with or without a manifest beside it, the folder of a
run, or a file in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stapes.contracts import manifest as manifests
from stapes.contracts.results import Results, VariantResult
from stapes.contracts.results import read as read_results
from stapes.errors import ModelError, UsageError
from stapes.system.files import sha256
from stapes.system.options import unknown
from stapes.tflite.read.file import read_tflite

SLIDING_WINDOW = 5
"""Outputs in the mean of a model without a manifest: as in every published one, and in a run."""
MODELS = "models"
"""The folder of a run's files."""
FRAME_MS = 10
"""The step of the frontend, as the package pymicro-features has it."""


@dataclass(frozen=True)
class ModelSource:
    """A wake-word model and what its manifest or run has about it.

    path : of the .tflite
    name : an identifier
    wake_word : as a person reads it
    cutoff : as a manifest's `probability_cutoff`; None without one
    """

    path: Path
    content: bytes
    name: str
    wake_word: str
    languages: tuple[str, ...] = ()
    cutoff: float | None = None
    sliding_window: int = SLIDING_WINDOW


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
    if path.suffix == ".json":
        return _of_manifest(path)
    beside = path.with_suffix(".json")
    if beside.is_file():
        source = _of_manifest(beside)
        # The manifest may be of another file of that folder.
        if source.path.resolve() == path.resolve():
            return source
    run = path.parent.parent
    if path.parent.name == MODELS and (run / "results.json").is_file():
        return _of_run(run, path.stem)
    return ModelSource(path, read_tflite(path), path.stem, _words(path.stem))


def _of_manifest(path: Path) -> ModelSource:
    manifest = manifests.read(path)
    micro = manifest.micro
    if micro.feature_step_size != FRAME_MS:
        raise ModelError(
            f"{path}: the model takes features every {micro.feature_step_size} ms, and the package "
            f"pymicro-features computes them every {FRAME_MS} ms; train it for {FRAME_MS} ms."
        )
    model = path.parent / manifest.model
    return ModelSource(
        model,
        read_tflite(model),
        path.stem,
        manifest.wake_word,
        manifest.trained_languages,
        micro.probability_cutoff,
        micro.sliding_window_size,
    )


def _of_run(folder: Path, variant: str | None) -> ModelSource:
    if not (folder / "results.json").is_file():
        raise UsageError(
            f"{folder} has no results.json: name the folder of a run, a manifest (.json) or a "
            ".tflite."
        )
    results = read_results(folder / "results.json")
    row = _row(folder, results, variant)
    path = folder / row.file
    content = read_tflite(path)
    if sha256(path) != row.sha256:
        raise ModelError(f"{path} is not the file that its run measured: run it again.")
    name = folder.resolve().name
    detection = row.detection
    return ModelSource(
        path,
        content,
        name if variant is None else f"{name}-{row.name}",
        results.word,
        (),
        None if detection is None else detection.threshold,
        (detection and detection.sliding_window) or SLIDING_WINDOW,
    )


def _row(folder: Path, results: Results, variant: str | None) -> VariantResult:
    streams = [row.name for row in results.variants if row.stream is not None]
    if not streams:
        raise UsageError(
            f"{folder}: its run has no detector in a stream, and only those listen; run it with "
            "--techniques 'stream*'."
        )
    recommended = results.recommendation.variant if results.recommendation else None
    name = variant or recommended
    if name is None:
        raise UsageError(
            f"{folder}: its run recommends no model; choose one with --variant: "
            f"{', '.join(streams)}."
        )
    if name not in results:
        raise UsageError(f"--variant: {unknown(name, streams)}.")
    if name not in streams:
        subject = f"--variant {name}" if variant else f"{folder}: its recommended {name}"
        raise UsageError(
            f"{subject} is a model of windows, and only detectors in a stream listen; choose one "
            f"with --variant: {', '.join(streams)}."
        )
    return results[name]


def _words(stem: str) -> str:
    """What the name of a file says about its wake word: `hey_jarvis_v0.1` is `hey jarvis`."""
    return stem.replace("_", " ").strip() or stem
