"""Cut long recordings into clips of a word each: at an Audacity label track, or at silence.

A recording of a person who says the word again and again is no clip: a run would use its loudest
second. The clips of a recording keep its name before `_nohash_<n>`, so they stay in one split.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from stapes.audio.read import check, decode
from stapes.contracts.evaluation import Cut
from stapes.contracts.measurements import SkippedFile
from stapes.data.clip import Clip
from stapes.data.layouts import recording_seconds, sound_files
from stapes.data.slug import slug
from stapes.errors import AudioError, UsageError
from stapes.system.progress import SILENT, Progress
from stapes.system.text import plural

LONGEST_SECONDS = 5.0
"""Of a clip; a longer one holds more than a word and the sound around it."""
_MARGIN_SECONDS = 0.25
"""Of the sound around a word."""
_HOP_SECONDS = 0.01
_SMOOTHED = 5
_GAP_SECONDS = 0.3
"""The shortest silence between two words."""
_WORD_SECONDS = (0.15, 3.0)
"""Of sound between silences that is cut out."""
_ABOVE_DB = 12.0
"""Of a word above the noise."""
_BELOW_DB = 30.0
"""Of a word's quiet parts below the loudest words."""
_NOISE, _LOUD = 0.2, 0.95
"""The quantiles of the levels of noise, and of the loudest words."""


def cut(folder: Path, out: Path, label: str | None, progress: Progress = SILENT) -> Cut:
    """Cut every recording below a folder into FLAC files, and count them.

    Parameters
    ----------
    folder : Path
        A label track lies beside its recording, with the ending `.txt`. Without one, silence
        divides the words.
    out : Path
        A new folder, which gets a folder for each label.
    label : str or None
        Of what silence divides; by default, the name of the recording's folder.

    Raises
    ------
    UsageError
        There is no recording, `out` has files, or a label track is broken.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} has files already: name a new folder.")
    files, refused = sound_files(folder, "RECORDINGS")
    if not files:
        raise UsageError(f"{folder}: no sound file is in it.")
    skipped = [
        SkippedFile(file=part.file, reason=part.reason)
        for part in refused
        if not part.file.endswith(".txt")
    ]
    clips: dict[str, int] = {}
    used, seconds = 0, 0.0
    progress.begin("Cutting recordings")
    with _whole(out) as part:
        for number, (file, path) in enumerate(files, 1):
            try:
                y, rate = decode(path)
                check(path, y, rate)
            except AudioError as error:
                skipped.append(SkippedFile(file=file, reason=error.reason))
                continue
            plain = label or path.parent.name
            found = list(_labelled(path, len(y), rate)) or [
                (plain, begin, end) for begin, end in words(y, rate)
            ]
            if not found:
                skipped.append(SkippedFile(file=file, reason="no word is between silences in it"))
            stem = (
                slug(path.relative_to(folder).with_suffix("").as_posix()) or f"recording_{number}"
            )
            for count, (name, begin, end) in enumerate(found):
                target = part / (slug(name) or "word") / f"{stem}_nohash_{count}.flac"
                target.parent.mkdir(exist_ok=True)
                soundfile.write(target, np.clip(y[begin:end], -1, 1), rate, subtype="PCM_16")
                clips[name] = clips.get(name, 0) + 1
            used, seconds = used + bool(found), seconds + len(y) / rate
            progress.update(number, len(files), file)
    progress.end(f"{sum(clips.values()):,} clips of {used} recordings")
    return Cut(
        out=str(out), recordings=used, seconds=round(seconds, 1), clips=clips, skipped=skipped
    )


def too_long(clips: list[Clip]) -> int:
    """How many clips hold more than a word and the sound around it, by their headers."""
    seconds = [_seconds(clip.path) for clip in clips if clip.start is None]
    return sum(length > LONGEST_SECONDS for length in seconds)


def cut_advice(clips: list[Clip]) -> str | None:
    """What becomes of clips of the word that are too long for one, and what helps."""
    count = too_long(clips)
    if not count:
        return None
    return (
        f"Of {plural(count, 'clip')} of the word that last over {LONGEST_SECONDS:g} s, only the "
        "loudest part is used: `stapes data cut` makes a clip of each word."
    )


def _seconds(path: Path) -> float:
    try:
        return recording_seconds(path)
    except AudioError:
        return 0.0


def words(y: NDArray[np.float32], rate: int) -> list[tuple[int, int]]:
    """Where sound is between silences, with a margin [samples].

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)]
    rate : int [Hz]
    """
    hop = max(1, round(_HOP_SECONDS * rate))
    count = len(y) // hop
    if count < _SMOOTHED:
        return []
    power = np.square(y[: count * hop], dtype=np.float64).reshape(count, hop).mean(axis=1)
    level = 10 * np.log10(np.convolve(power, np.ones(_SMOOTHED) / _SMOOTHED, "same") + 1e-12)
    noise, loud = np.quantile(level, [_NOISE, _LOUD])
    active = level > max(noise + _ABOVE_DB, loud - _BELOW_DB)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    spans: list[list[int]] = []
    for begin, end in edges.reshape(-1, 2).tolist():
        if spans and begin - spans[-1][1] < _GAP_SECONDS / _HOP_SECONDS:
            spans[-1][1] = end
        else:
            spans.append([begin, end])
    shortest, longest = (seconds / _HOP_SECONDS for seconds in _WORD_SECONDS)
    margin = round(_MARGIN_SECONDS * rate)
    return [
        (max(0, begin * hop - margin), min(len(y), end * hop + margin))
        for begin, end in spans
        if shortest <= end - begin <= longest
    ]


def _labelled(path: Path, samples: int, rate: int) -> Iterator[tuple[str, int, int]]:
    """The labels of Audacity's track beside a recording: begin, end and label, with tabs."""
    track = path.with_suffix(".txt")
    if not track.is_file():
        return
    try:
        lines = track.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{track} cannot be read as UTF-8 text ({error}): fix it.") from None
    for number, line in enumerate(lines, 1):
        # A line that begins with a backslash has frequencies.
        if not line.strip() or line.startswith("\\"):
            continue
        cells = line.split("\t")
        try:
            begin, end = (float(cell.replace(",", ".")) for cell in cells[:2])
            name = cells[2].strip()
        except (ValueError, IndexError):
            raise UsageError(
                f"{track}, line {number}: a label track has begin, end and label, with tabs."
            ) from None
        within = 0 <= begin <= end and begin * rate < samples and end * rate <= samples + rate
        if not name or not within:
            raise UsageError(
                f"{track}, line {number}: its label or its times are not of {path.name}."
            )
        # Only now: what is infinite, or no number, cannot be rounded.
        first, last = round((begin - _MARGIN_SECONDS) * rate), round((end + _MARGIN_SECONDS) * rate)
        yield name, max(0, first), min(samples, last)


@contextlib.contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A folder beside `out` that gets its name at the end, or is deleted."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        yield part
        if out.exists():
            out.rmdir()
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
