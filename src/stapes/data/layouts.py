"""Read the layouts that a corpus comes in: CSV files, lists, label folders, long recordings.

Each reader gives clips and the split that the layout itself says, where it says one.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import soundfile

from stapes.audio.read import SUFFIXES
from stapes.data.clip import Clip, Skipped
from stapes.errors import UsageError

CSV_FILES = {
    "train": ("train.csv",),
    "validation": ("val.csv", "validation.csv"),
    "test": ("test.csv",),
}
LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}

_SPEAKER = re.compile(r"(.+)_nohash_\d+")
_LONGEST_RECORDING_SECONDS = 24 * 3600.0


def csv_clips(root: Path) -> tuple[dict[str, list[Clip]], list[Skipped]]:
    """The clips that train.csv, val.csv and test.csv list, by split.

    Raises
    ------
    UsageError
        A file is missing, is not UTF-8, or lacks the columns `file` and `label`.
    """
    splits: dict[str, list[Clip]] = {}
    skipped: list[Skipped] = []
    for split, names in CSV_FILES.items():
        found = [root / name for name in names if (root / name).is_file()]
        if not found and split != "validation":
            raise UsageError(
                f"{root} has CSV files but no {names[0]}: add it, or remove the others."
            )
        splits[split] = []
        for path in found[:1]:
            for row in _rows(path):
                clip = _listed(root, row["file"], row["label"], row.get("speaker") or None)
                (splits[split] if isinstance(clip, Clip) else skipped).append(clip)  # type: ignore[arg-type]
    return splits, skipped


def has_csv(root: Path) -> bool:
    """Whether any CSV file of the layout is there."""
    return any((root / name).is_file() for names in CSV_FILES.values() for name in names)


def folder_clips(root: Path) -> tuple[list[Clip], list[Skipped]]:
    """Every sound file below a label folder; the label is the folder's name.

    The speaker is what stands before `_nohash_<n>` in a file's name, as in Speech Commands.
    """
    clips: list[Clip] = []
    skipped: list[Skipped] = []
    for label in sorted(entry.name for entry in os.scandir(root) if entry.is_dir()):
        if label.startswith(("_", ".")):
            continue
        for path in _files(root / label):
            file = path.relative_to(root).as_posix()
            if refused := _refused(file, path):
                skipped.append(refused)
            else:
                clips.append(Clip(file, path, label, _speaker(path)))
    return clips, skipped


def lists(root: Path) -> dict[str, str]:
    """What Speech Commands' lists say: {file: split}; empty where there is no testing list.

    Raises
    ------
    UsageError
        There is a validation list and no testing list, or one is not UTF-8.
    """
    if not (root / LISTS["test"]).is_file():
        if (root / LISTS["validation"]).is_file():
            raise UsageError(f"{root} has {LISTS['validation']} but no {LISTS['test']}: add it.")
        return {}
    said: dict[str, str] = {}
    for split, name in LISTS.items():
        if (root / name).is_file():
            lines = _text(root / name).splitlines()
            said.update({line.strip(): split for line in lines if line.strip()})
    return said


def recording_clips(folder: Path, window_seconds: float) -> tuple[list[Clip], list[Skipped]]:
    """Windows that lie side by side in every sound file below a folder of negative speech.

    A file shorter than the window is one clip; a rest shorter than the window is left out. The
    windows of one file share its name as their speaker, so that a split never cuts a file.

    Raises
    ------
    UsageError
        The folder is missing or holds no sound file.
    """
    clips: list[Clip] = []
    files, skipped = sound_files(folder, "--negatives")
    for file, path in files:
        try:
            seconds = soundfile.info(path).duration
        except (soundfile.LibsndfileError, OSError):
            # The reader says what is wrong with it when its turn comes.
            seconds = 0.0
        if seconds > _LONGEST_RECORDING_SECONDS:
            reason = "longer than 24 hours, or its header does not say how long"
            skipped.append(Skipped(file, f"{reason}; cut it, or convert it anew"))
            continue
        count = int(seconds / window_seconds)
        starts = [i * window_seconds for i in range(count)] if count else [None]
        clips += [Clip(file, path, f"{folder.name}/", file, start) for start in starts]
    if not clips:
        raise UsageError(f"--negatives {folder}: no sound file is in it.")
    return clips, skipped


def sound_files(folder: Path, option: str) -> tuple[list[tuple[str, Path]], list[Skipped]]:
    """Every sound file below a folder of recordings: its name in messages, and its path.

    Raises
    ------
    UsageError
        The folder is missing; `option` names what asked for it.
    """
    if not folder.is_dir():
        raise UsageError(f"{option} {folder}: there is no such folder.")
    files = []
    skipped = []
    for path in _files(folder):
        file = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        if refused := _refused(file, path):
            skipped.append(refused)
        else:
            files.append((file, path))
    return files, skipped


def _rows(path: Path) -> Iterator[dict[str, str]]:
    reader = csv.DictReader(_text(path).splitlines())
    if not {"file", "label"} <= set(reader.fieldnames or ()):
        raise UsageError(f"{path}: the first line must name the columns file,label,speaker.")
    for row in reader:
        if row["file"] and row["label"]:
            yield row


def _listed(root: Path, file: str, label: str, speaker: str | None) -> Clip | Skipped:
    name = PurePosixPath(file)
    if name.is_absolute() or ".." in name.parts:
        return Skipped(file, "its path leaves the folder")
    path = root / name
    if not path.is_file():
        return Skipped(file, "missing: the CSV lists it and it is not there")
    return Clip(name.as_posix(), path, label, speaker or _speaker(path))


def _speaker(path: Path) -> str | None:
    match = _SPEAKER.fullmatch(path.stem)
    return match[1] if match else None


def _refused(file: str, path: Path) -> Skipped | None:
    """Why a file that was found in a folder is no clip; None where it is one."""
    shown = file.encode("utf-8", "replace").decode()
    if shown != file:
        return Skipped(shown, "its name is not UTF-8; rename it")
    if path.suffix.lower() not in SUFFIXES:
        return Skipped(file, f"not a sound file ({path.suffix or 'no ending'})")
    if path.exists() and not path.is_file():
        # To open a pipe would wait for ever.
        return Skipped(file, "a pipe or device, not a file")
    return None


def _files(folder: Path) -> list[Path]:
    """All files below a folder, sorted, without hidden ones; links to folders are not followed."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(found)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as UTF-8 text ({error}): mend it.") from None
