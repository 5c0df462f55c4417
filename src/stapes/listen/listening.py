"""Listen to recordings, standard input or a microphone with several models at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stapes.contracts.listening import Listening
from stapes.errors import UsageError
from stapes.listen.listener import Listener
from stapes.listen.microphone import of_microphone
from stapes.listen.session import Session
from stapes.listen.settings import ListenSettings
from stapes.listen.sounds import MICROPHONE, STANDARD_INPUT, of_standard_input, recordings
from stapes.listen.wake_word import WakeWord, all_of
from stapes.system.arguments import with_settings
from stapes.system.files import write_text
from stapes.system.options import PathLike, checked, nested


@with_settings(ListenSettings)
def listen(
    models: PathLike | Sequence[PathLike],
    sound: PathLike | Sequence[PathLike] | None = None,
    *,
    listener: Listener | None = None,
    **settings: Any,
) -> Listening:
    """Listen as the device would, with one or several models: live, or to recordings.

    `stapes.WakeWord` is the same for a program that has the samples.

    Parameters
    ----------
    models : path or sequence of path
        Each a run folder, a manifest (.json) or a .tflite.
    sound : path or sequence of path, optional
        Recordings and folders of them, or "-" for raw 16 kHz int16 on standard input. By default
        `data`, and without both the microphone, until Ctrl-C.
    **settings
    listener : Listener, optional
        Is called with each event.

    Returns
    -------
    listening : Listening
        `heard` has the detections and near misses, `models` the counts and rates.

    Raises
    ------
    UsageError
        The call is wrong, or a file is missing.
    StapesError
        A model or a recording is broken, or no microphone can be opened.
    MissingExtraError
        The extra `listen` is not installed.

    Examples
    --------
    >>> listening = listen(["mine.json", "theirs.json"], "recordings")  # doctest: +SKIP
    >>> [(model.name, model.per_hour) for model in listening.models]  # doctest: +SKIP
    """
    settled = checked(ListenSettings, nested(ListenSettings, settings), called=settings)
    _require_place("keep", settled.keep, folder=True)
    _require_place("page", settled.page, folder=False)
    listener = listener or Listener()
    run = _session(
        [Path(path).expanduser() for path in _several(models)],
        None if sound is None else [os.fspath(path) for path in _several(sound)],
        settled,
        listener,
    )
    try:
        listening = run()
    finally:
        listener.ends()
    if settled.page is not None:
        from stapes.report.page.listening import listening_page

        write_text(settled.page, listening_page(listening))
    return listening


def _require_place(option: str, path: Path | None, *, folder: bool) -> None:
    """Raise UsageError if nothing can be written there: hours of listening would be lost."""
    if path is None:
        return
    if path.is_file() if folder else path.is_dir():
        kind = "a file; name a folder" if folder else "a folder; name a file"
        raise UsageError(f"--{option} {path}: is {kind}.")
    try:
        above = path.parents if path.is_file() else (path, *path.parents)
        with tempfile.TemporaryFile(dir=next(place for place in above if place.exists())):
            pass
    except OSError as error:
        raise UsageError(
            f"--{option} {path}: cannot be written ({error.strerror}); choose another place."
        ) from None


def _session(
    models: Sequence[Path],
    sound: Sequence[str] | None,
    settings: ListenSettings,
    listener: Listener,
) -> Callable[[], Listening]:
    """What listens when it is called; everything that can be wrong with the call is found here."""
    if not models:
        raise UsageError("models: name one, the folder of a run, a manifest (.json) or a .tflite.")
    if sound is not None and not sound:
        raise UsageError("sound: no recording is named; omit it for the microphone.")
    if settings.data is not None and sound:
        raise UsageError(f"--data {settings.data}: {sound[0]} names the sound already; omit one.")
    paths = [str(settings.data)] if settings.data is not None else list(sound or ())
    if "-" in paths and len(paths) > 1:
        raise UsageError("-: standard input is the only sound, or none; omit the other.")
    if settings.device is not None and paths:
        raise UsageError("--device: it is a microphone; omit it, or the recordings.")
    words = named(models, settings)
    if paths and paths != ["-"]:
        found = recordings([Path(path).expanduser() for path in paths])
        _require_place("labels", settings.labels, folder=not found.single)
        session = Session(words, settings, found.source, listener)
        run = partial(session.recordings, found)
    else:
        _require_place("labels", settings.labels, folder=False)
        source = STANDARD_INPUT if paths else MICROPHONE
        session = Session(words, settings, source, listener)
        chunks = of_standard_input() if paths else of_microphone(settings.device)
        run = partial(session.live, chunks, clock=not paths)
    listener.begins(words, session.source, live=paths in ([], ["-"]))
    return run


def named(paths: Sequence[Path], settings: ListenSettings) -> list[WakeWord]:
    """The models of some paths, with names that differ.

    Raises
    ------
    UsageError
        One is given twice, or --variant is of no run.
    """
    variant = settings.variant
    require_run(variant, paths)
    words = all_of(
        partial(
            WakeWord,
            path,
            variant=variant if path.is_dir() else None,
            cutoff=settings.cutoff,
            features=settings.features,
        )
        for path in paths
    )
    names = [word.name for word in words]
    for path, word in zip(paths, words, strict=True):
        if names.count(word.name) > 1:
            word.name = str(path)
    if len({word.name for word in words}) < len(words):
        raise UsageError(f"{words[0].name}: a model is given twice.")
    return words


def require_run(variant: str | None, paths: Sequence[Path]) -> None:
    """Raise UsageError if a variant is named and no run, which has them."""
    if variant is not None and not any(path.is_dir() for path in paths):
        raise UsageError(f"--variant {variant}: no folder of a run is given, which has variants.")


def _several(paths: PathLike | Sequence[PathLike]) -> Sequence[PathLike]:
    return [paths] if isinstance(paths, str | os.PathLike) else paths
