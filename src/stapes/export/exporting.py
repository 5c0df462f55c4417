"""From a model to the folder that a device takes: `stapes export`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from stapes.contracts.export import Exported
from stapes.contracts.results import used
from stapes.errors import UsageError
from stapes.export.folder import write_folder
from stapes.export.names import file_id
from stapes.export.notes import notes
from stapes.export.registry import FORMS
from stapes.export.settings import ExportSettings
from stapes.export.source import source as read_source
from stapes.model_files.sources import RESULTS
from stapes.system.arguments import with_settings
from stapes.system.options import PathLike, checked, nested, unknown
from stapes.system.progress import SILENT, Progress


@with_settings(ExportSettings)
def export(
    model: PathLike,
    output: PathLike,
    to: str,
    *,
    check: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> Exported:
    """Write the files that a device takes, with the cutoff that was measured.

    Parameters
    ----------
    model : path
        The folder of a run; or a .tflite, with its manifest beside it or not.
    output : path
        The folder to write. Other files there stay.
    to : str
    check : bool
    progress : Progress, optional
    **settings

    Raises
    ------
    UsageError
        The call is wrong, or no cutoff was measured and none was given.
    ModelError
        The device does not run the model.
    MissingExtraError
        TFLite Micro is not installed to measure the arena of a .tflite.

    Examples
    --------
    >>> exported = export("runs/computer", "computer", "esphome")  # doctest: +SKIP
    >>> exported.probability_cutoff, exported.point.frr  # doctest: +SKIP
    """
    settled = checked(ExportSettings, nested(ExportSettings, settings), called=settings)
    if to not in FORMS:
        raise UsageError(f"--to: {unknown(to, FORMS)}.")
    form, progress = FORMS[to], progress or SILENT
    progress.begin(f"Reading {model}")
    run = Path(model)
    with used(run / RESULTS) if run.is_dir() else nullcontext():
        source = read_source(run, settled, form.target)
        source = replace(source, notes=notes(source, settled))
    progress.end(f"{len(source.content):,} bytes")
    stem = file_id(source.wake_word, settled.id)
    mark = f"<!-- stapes export --to {to}: {stem} -->"
    files = form.files(source, stem, mark)
    edited = [name for name in files if name.endswith(form.edited)]
    stayed = write_folder(Path(output), files, mark, edited)
    point, row = source.point, source.row
    clean = row.detection.conditions[0] if row and row.detection and point.point else None
    return Exported(
        to=to,
        folder=str(output),
        files=list(files),
        id=stem,
        wake_word=source.wake_word,
        variant=row.name if row else None,
        sha256=source.sha256,
        bytes=len(source.content),
        probability_cutoff=point.probability_cutoff,
        cutoff=point.cutoff,
        sliding_window=point.sliding_window,
        point=point.point,
        hours=clean.hours if clean else None,
        words=clean.words if clean else None,
        arena_bytes=source.arena_bytes,
        tensor_arena_size=source.tensor_arena_size,
        notes=[*source.notes, *(f"{name} was there and stays as it is." for name in stayed)],
        checks=form.checks(source, files, stem, progress) if check else [],
    )
