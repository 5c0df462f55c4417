"""The sound that detection is measured in: hours without the word, the words, and noise.

Three tapes, all at the frontend's rate, with one level of speech (`audio.levels`):

- `background`, without the word: a folder of recordings, or synthetic sentences, or the negative
  test clips, joined. Clips of the training are omitted.
- `words`: the positive test clips, whole (of one that is longer than 5 s, the loudest 5 s).
- `noise`: a folder of it, or a minute of pink noise. Its level is that of speech; the
  signal-to-noise ratio is applied when it is added.

`embed` inserts a word at a random moment of the background, which continues after it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.audio.levels import SPEECH_DB, active_power, power
from stapes.audio.read import decode, decode_part, loudest_window, resample
from stapes.data.augmentation import coloured_noise
from stapes.data.clip import Clip, Skipped
from stapes.data.layouts import sound_files
from stapes.data.sound.tape import Level, Tape, decoded
from stapes.errors import AudioError, UsageError
from stapes.frontends.frontend import Frontend
from stapes.system.files import sha256
from stapes.system.progress import SILENT, Progress

LONGEST_WORD_SECONDS = 5.0
JOINED, SPOKEN = "negative test clips", "spoken sentences"
"""Names of kinds of sound without the word."""
_NOISE_SECONDS = 60.0
_NOISE_NAME = "generated pink noise"
_STEP_SECONDS = 0.01


@dataclass(frozen=True)
class Sound:
    """The sound that detection is measured in."""

    background: Tape
    source: str
    """Of the background, in words."""
    recordings: list[tuple[int, int]]
    """Begin and length [samples] of each recording of the background; no window is in two."""
    sources: list[str]
    """Of each recording: its folder, or a name of its kind."""
    words: Tape
    noise: Tape
    noise_source: str
    skipped: list[Skipped]


def gather_sound(
    folder: Path,
    settings: Frontend,
    *,
    continuous: Path | None,
    negatives: list[Clip],
    positives: list[Clip],
    noise: Path | None,
    known: Mapping[str, list[Clip]],
    seed: int,
    spoken: Sequence[Path] = (),
    shortest: int | None = None,
    progress: Progress = SILENT,
) -> Sound:
    """Decode all of it onto tapes in a folder, which exists.

    Parameters
    ----------
    continuous : Path, optional
        A folder of recordings without the word.
    negatives, positives : list of Clip
        Test clips without the word, and with it.
    noise : Path, optional
        A folder of noise; by default noise is generated.
    known : mapping of str to list of Clip
        Clips that are no background, by the reason: trained on, or with the word.
    seed : int
        Of generated noise.
    spoken : sequence of Path
        Recordings of synthetic sentences without the word; used without `continuous`. Where there
        are none either, `negatives` are joined.
    shortest : int, optional [samples]
        Of a recording in which something can be detected [the window].

    Raises
    ------
    UsageError
        A folder is missing, or nothing in it can be used.
    """
    skipped: list[Skipped] = []
    background = Tape(folder / "background.f32", settings.sample_rate)
    shortest = shortest or settings.window
    if continuous is not None:
        source = str(continuous)
        append_folder(
            background,
            continuous,
            "--continuous",
            skipped,
            level=active_power,
            shortest=shortest,
            known=known,
            progress=progress,
        )
        recordings = [(piece.begin, piece.samples) for piece in background.pieces]
        sources = [Path(piece.name).parent.as_posix() for piece in background.pieces]
    else:
        # Clips of similar words, joined, are not what a device gets in an hour: they only stand in.
        for path in spoken:
            append_file(background, path.name, path, skipped, shortest=shortest)
        source, sources = f"{SPOKEN} (synthetic)", [SPOKEN for _ in background.pieces]
        recordings = [(piece.begin, piece.samples) for piece in background.pieces]
        if not recordings:
            source = "the negative test clips, joined"
            append_clips(background, negatives, settings.window_seconds, skipped)
            # One recording: windows cross the joins.
            recordings = [(0, background.samples)] if background.samples >= shortest else []
            sources = [JOINED for _ in recordings]
    words = Tape(folder / "words.f32", settings.sample_rate)
    append_clips(words, positives, settings.window_seconds, skipped)
    tape, noise_source = _noise_tape(folder / "noise.f32", noise, settings, seed, skipped, known)
    return Sound(background, source, recordings, sources, words, tape, noise_source, skipped)


def embed(
    sound: Sound, word: int, before: int, after: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A word with the background around it [shape=(before + samples of the word + after,)].

    Parameters
    ----------
    sound : Sound
        Its background is not empty.
    word : int
        The index of a piece of `sound.words`.
    before, after : int >= 0 [samples]
        Of the background on each side; at its end it starts again.
    rng : np.random.Generator
        Draws the moment.
    """
    background = sound.background.open()
    piece = sound.words.pieces[word]
    moment = int(rng.integers(len(background)))
    return np.concatenate(
        [
            cyclic(background, moment - before, before),
            sound.words.open()[piece.begin : piece.begin + piece.samples],
            cyclic(background, moment, after),
        ]
    )


def cyclic(samples: NDArray[np.float32], begin: int, count: int) -> NDArray[np.float32]:
    """`count` samples from `begin` on, where the end is followed by the start.

    Examples
    --------
    >>> cyclic(np.array([1, 2, 3], np.float32), -1, 4)
    array([3., 1., 2., 3.], dtype=float32)
    """
    begin %= len(samples)
    if begin + count <= len(samples):
        return np.asarray(samples[begin : begin + count])
    return np.take(samples, np.arange(begin, begin + count), mode="wrap")


def append_folder(
    tape: Tape,
    folder: Path,
    option: str,
    skipped: list[Skipped],
    *,
    level: Level,
    shortest: int,
    known: Mapping[str, list[Clip]],
    progress: Progress = SILENT,
) -> None:
    """Add every usable file of a folder, or raise a UsageError if there is none."""
    files, refused = sound_files(folder, option)
    skipped += refused
    reason_of = _known(known)
    failed: list[Skipped] = []
    for number, (name, path) in enumerate(files):
        progress.update(number, len(files))
        if (reason := reason_of(path)) is not None:
            failed.append(Skipped(name, reason))
            continue
        append_file(tape, name, path, failed, level=level, shortest=shortest)
    skipped += failed
    if not tape.samples:
        first = f" ({failed[0].file}: {failed[0].reason})" if failed else ""
        raise UsageError(f"{option} {folder}: no sound file in it can be used{first}.")


def append_file(
    tape: Tape,
    name: str,
    path: Path,
    skipped: list[Skipped],
    *,
    level: Level = active_power,
    shortest: int = 1,
) -> None:
    """Add a file that can be used; else `skipped` gets it."""
    try:
        sound = decoded(path, tape.sample_rate)
        tape.append(name, sound, power=power(SPEECH_DB), level=level, shortest=shortest)
    except AudioError as error:
        skipped.append(Skipped(name, error.reason))


def _known(clips: Mapping[str, list[Clip]]) -> Callable[[Path], str | None]:
    """A function from a file to the reason why it is known, by its path or content."""
    # Not `resolve`, which raises an error at a link that loops.
    paths = {
        Path(os.path.realpath(clip.path)): reason
        for reason, members in clips.items()
        for clip in members
    }
    sizes: dict[int, list[Path]] = {}
    for path in sorted(paths):
        if path.is_file():
            sizes.setdefault(path.stat().st_size, []).append(path)
    # Files are read once, and only where sizes agree.
    contents: dict[int, dict[str, str]] = {}

    def reason_of(path: Path) -> str | None:
        if (resolved := Path(os.path.realpath(path))) in paths:
            return paths[resolved]
        size = path.stat().st_size if path.is_file() else -1
        if size not in sizes:
            return None
        if size not in contents:
            contents[size] = {sha256(other): paths[other] for other in sizes[size]}
        return contents[size].get(sha256(path))

    return reason_of


def append_clips(
    tape: Tape, clips: Iterable[Clip], window_seconds: float, skipped: list[Skipped]
) -> None:
    """Add the clips that can be used; `skipped` gets the others."""
    for clip in clips:
        try:
            sound = iter([whole(clip, tape.sample_rate, window_seconds)])
            tape.append(clip.name, sound, power=power(SPEECH_DB))
        except AudioError as error:
            skipped.append(Skipped(clip.name, error.reason))


def whole(clip: Clip, sample_rate: int, window_seconds: float) -> NDArray[np.float32]:
    """A clip [samples], or the loudest 5 s of it, or its window of a recording."""
    return resample(*excerpt(clip, window_seconds), sample_rate)


def excerpt(clip: Clip, window_seconds: float) -> tuple[NDArray[np.float32], int]:
    """`whole` at the file's own rate, and that rate [Hz]."""
    if clip.start is not None:
        return decode_part(clip.path, clip.start, window_seconds)
    y, rate = decode(clip.path)
    length, step = round(LONGEST_WORD_SECONDS * rate), max(1, round(_STEP_SECONDS * rate))
    return loudest_window(y, length, step), rate


def _noise_tape(
    path: Path,
    folder: Path | None,
    settings: Frontend,
    seed: int,
    skipped: list[Skipped],
    known: Mapping[str, list[Clip]],
) -> tuple[Tape, str]:
    """The tape of noise, and its name. Noise has no pauses: its level is the mean of all."""
    tape = Tape(path, settings.sample_rate)
    if folder is not None:
        options = {"level": mean_power, "shortest": 1, "known": known}
        append_folder(tape, folder, "--noise", skipped, **options)  # type: ignore[arg-type]
        return tape, str(folder)
    rng = np.random.default_rng([seed, 4])
    length = round(_NOISE_SECONDS * settings.sample_rate)
    y = coloured_noise(length, "pink", settings.sample_rate, rng).astype(np.float32)
    tape.append(_NOISE_NAME, iter([y]), power=power(SPEECH_DB), level=mean_power)
    return tape, _NOISE_NAME


def mean_power(powers: NDArray[np.float64]) -> float:
    """The level of noise, which has no pauses."""
    return float(powers.mean())
