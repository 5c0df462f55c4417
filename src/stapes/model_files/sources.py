"""Where a model comes from: a row of a run, or a .tflite with or without its manifest.

`listen` and `export` take the same paths. What is read is checked: a row's file is the one that was
measured, and a manifest is that of the file beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stapes.contracts import manifest as manifests
from stapes.contracts import results as contract
from stapes.contracts.manifest import Manifest
from stapes.contracts.results import Results, VariantResult
from stapes.errors import ModelError, UsageError
from stapes.system.options import unknown
from stapes.tflite.read.file import read_tflite

RESULTS = "results.json"
MODELS = "models"
"""The folder of a run's files."""


@dataclass(frozen=True)
class RowSource:
    """A row of a run: what was measured of it, and its file."""

    run: Path
    results: Results
    row: VariantResult
    path: Path
    content: bytes


@dataclass(frozen=True)
class FileSource:
    """A .tflite, and its manifest if there is one."""

    path: Path
    content: bytes
    manifest: Manifest | None


def row_source(
    run: Path, variant: str | None, fits: Callable[[VariantResult], bool], user: str
) -> RowSource:
    """Read a row of a run: the named one, whatever it is, or the recommended one if it fits.

    Parameters
    ----------
    run : Path
    variant : str, optional
        The name of the row.
    fits : callable
        Whether the user takes a row.
    user : str
        Who takes them, in messages, e.g. `ESPHome`.

    Raises
    ------
    UsageError
        There is no such row, or the run recommends none that fits.
    ModelError
        The file is no .tflite, or not the one that was measured.
    StapesError
        results.json is broken.
    """
    results = contract.read(run / RESULTS)
    row = _chosen(run, results, variant, fits, user)
    return RowSource(run, results, row, row_path(run, row), measured(run, row))


def runs_in_litert(row: VariantResult) -> bool:
    """Whether a program that takes a device's files may run a row: it was not refused by LiteRT.

    Some rows are for TFLite Micro alone.
    """
    litert = row.targets.get("litert")
    return litert is None or litert.runs or not litert.tried


def row_path(run: Path, row: VariantResult) -> Path:
    """The file of a row; a results.json of others does not lead out of the folder."""
    return run / MODELS / Path(row.file).name


def measured(run: Path, row: VariantResult) -> bytes:
    """Read the file of a row, which is the one that was measured.

    Raises
    ------
    UsageError
        It cannot be read.
    ModelError
        It is no .tflite, or another one.
    """
    path = row_path(run, row)
    content = read_tflite(path)
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise ModelError(
            f"{path} is not the file that {run / RESULTS} measured: run the run's command again."
        )
    return content


def file_source(path: Path) -> FileSource:
    """Read a .tflite and the manifest beside it, named by either's path.

    Raises
    ------
    UsageError
        A file cannot be read.
    ModelError
        The model is no .tflite.
    StapesError
        The manifest is broken.
    """
    if path.suffix == ".json":
        manifest = manifests.read(path)
        model = path.parent / manifest.model
        return FileSource(model, read_tflite(model), manifest)
    return FileSource(path, read_tflite(path), _beside(path))


def _beside(path: Path) -> Manifest | None:
    """The manifest beside a .tflite, if it is of that file."""
    beside = path.with_suffix(".json")
    if not beside.is_file() or not manifests.is_of_micro(beside):
        return None
    manifest = manifests.read(beside)
    return manifest if manifest.model == path.name else None


def run_of(path: Path) -> Path | None:
    """The folder of the run that a file belongs to; None if it belongs to none."""
    folder = path.resolve().parent
    is_of_run = folder.name == MODELS and (folder.parent / RESULTS).is_file()
    return folder.parent if is_of_run else None


def _chosen(
    run: Path,
    results: Results,
    variant: str | None,
    fits: Callable[[VariantResult], bool],
    user: str,
) -> VariantResult:
    fitting = [row.name for row in results.variants if fits(row)]
    if variant is not None:
        if variant not in results:
            raise UsageError(f"--variant: {unknown(variant, fitting or results.keys())}.")
        return results[variant]
    recommended = results.recommendation.variant if results.recommendation else None
    if recommended is not None and recommended in fitting:
        return results[recommended]
    why = f"recommends {recommended}" if recommended else "recommends no row"
    if not fitting:
        raise UsageError(
            f"{run} {why}, and {user} takes none of its rows: `stapes run --techniques 'stream*'` "
            "makes some."
        )
    raise UsageError(
        f"{run} {why}, and {user} takes {', '.join(fitting)}: name one with --variant."
    )
