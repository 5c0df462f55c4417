"""Files of a corpus: what is a clip, who speaks, lists of splits, long recordings."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import soundfile

from stapes.audio.kinds import MEDIA, convert
from stapes.audio.read import SUFFIXES
from stapes.data.clip import Clip, Skipped
from stapes.errors import AudioError, UsageError
from stapes.system.files import sha256

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}

_SPEAKERS = [
    re.compile(pattern)
    for pattern in (
        r"(.+)_nohash_\d+",  # Speech Commands
        r"(\d+)-\d{3,}-\d{4}",  # LibriSpeech: speaker, chapter, sentence; no date is like it
        r"(spk\d+)_.+",
        r"(R_[0-9A-Za-z]{10,})_.+",  # Qualtrics: a participant
    )
]
"""Names of files [without ending] that tell the speaker."""
LONGEST_SECONDS = 24 * 3600.0
"""Of one recording."""


def lists(root: Path) -> dict[str, str]:
    """Speech Commands' lists as {file: split}; empty where there is no testing list.

    Raises
    ------
    UsageError
        There is a validation list and no testing list, or one is not UTF-8.
    """
    if not (root / LISTS["test"]).is_file():
        if (root / LISTS["validation"]).is_file():
            raise UsageError(f"{root} has {LISTS['validation']} but no {LISTS['test']}: add it.")
        return {}
    splits: dict[str, str] = {}
    for split, name in LISTS.items():
        if (root / name).is_file():
            lines = text(root / name).splitlines()
            names = (line.strip().replace("\\", "/") for line in lines)
            splits.update({name: split for name in names if name})
    return splits


def recording_clips(folder: Path, window_seconds: float) -> tuple[list[Clip], list[Skipped]]:
    """Windows without gaps of every sound file below a folder of negative speech.

    A file shorter than the window is one clip; a shorter rest is omitted. The speaker is that of
    the file's name, or the file itself: a split never cuts a file. Of equal files, one is used.

    Raises
    ------
    UsageError
        The folder is missing or holds no sound file.
    """
    clips: list[Clip] = []
    files, skipped = sound_files(folder, "--negatives")
    files, copies = _without_copies(files)
    skipped += copies
    for file, path in files:
        try:
            seconds = recording_seconds(path)
        except AudioError as error:
            skipped.append(Skipped(file, error.reason))
            continue
        speaker = speaker_of(path) or file
        count = int(seconds / window_seconds)
        starts = [i * window_seconds for i in range(count)] if count else [None]
        clips += [Clip(file, path, f"{folder.name}/", speaker, start) for start in starts]
    if not clips:
        raise UsageError(f"--negatives {folder}: no sound file is in it.")
    return clips, skipped


def recording_seconds(path: Path) -> float:
    """The length of a recording by its header; 0 where it has none that can be read.

    Raises
    ------
    AudioError
        It is longer than 24 hours.
    """
    try:
        seconds = float(soundfile.info(path).duration)
    except (soundfile.LibsndfileError, OSError, TypeError):
        return 0.0  # Decoding will report the reason.
    if seconds > LONGEST_SECONDS:
        reason = "longer than 24 hours, or its header does not say how long"
        raise AudioError(path, f"{reason}; cut it, or convert it again")
    return seconds


def sound_files(folder: Path, option: str) -> tuple[list[tuple[str, Path]], list[Skipped]]:
    """Every sound file below a folder of recordings: its name in messages, and its path.

    Raises
    ------
    UsageError
        The folder is missing; the message names the option.
    """
    if not folder.is_dir():
        raise UsageError(f"{option} {folder}: there is no such folder.")
    files = []
    skipped = []
    for path in _files(folder):
        file = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        if reason := refused(file, path):
            skipped.append(reason)
        else:
            files.append((file, path))
    return files, skipped


def speaker_of(path: Path) -> str | None:
    """The speaker whom the name of a file tells."""
    matches = [match for pattern in _SPEAKERS if (match := pattern.fullmatch(path.stem))]
    return matches[0][1] if matches else None


def _without_copies(
    files: list[tuple[str, Path]],
) -> tuple[list[tuple[str, Path]], list[Skipped]]:
    """The files without those whose content an earlier one has; contents of one size are read."""
    sizes = Counter(_size(path) for _, path in files)
    first: dict[str, str] = {}
    used, copies = [], []
    for file, path in files:
        content = _content(path) if sizes[_size(path)] > 1 else file
        if first.setdefault(content, file) == file:
            used.append((file, path))
        else:
            copies.append(Skipped(file, f"the same as {first[content]}"))
    return used, copies


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _content(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:
        return path.as_posix()  # Decoding will report the reason.


def refused(file: str, path: Path) -> Skipped | None:
    """Why a file of a folder is no clip; None where it is one."""
    printable = file.encode("utf-8", "replace").decode()
    if printable != file:
        return Skipped(printable, "its name is not UTF-8; rename it")
    if path.suffix.lower() in MEDIA:
        return Skipped(file, f"{path.suffix} is not read; {convert(path)}")
    if path.suffix.lower() not in SUFFIXES:
        return Skipped(file, f"not a sound file ({path.suffix or 'no ending'})")
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for ever.
        return Skipped(file, "a pipe or device, not a file")
    return None


def _files(folder: Path) -> list[Path]:
    """All files below a folder, sorted, except hidden ones and those behind links to folders."""
    paths: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(paths)


def text(path: Path) -> str:
    """The text of a list or table, or a UsageError."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as UTF-8 text ({error}): fix it.") from None
