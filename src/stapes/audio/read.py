"""A sound file to one channel of float samples at a wanted rate, and the window that is used of it.

Decoding is libsndfile's (WAV, FLAC, OGG, MP3 and its other formats), resampling is soxr's HQ
setting: the pair that librosa uses by default.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from stapes.errors import AudioError

SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64"}
)
"""File name endings that are taken for sound when a folder is listed."""

SHORTEST_SECONDS = 0.1
"""A clip below this length holds no word; it is refused."""

LONGEST_SECONDS = 3600.0
"""A clip above this length is no clip; a recording for windows is read piece by piece instead."""

_PIECE = 1 << 20
_STREAMED = 0x7FFF_0000


def read(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """Decode a sound file, mix it to mono and resample it.

    Parameters
    ----------
    path : Path
        A file in any format and sample width that libsndfile decodes.
    sample_rate : int > 0 [Hz]
        The rate of the result.

    Returns
    -------
    y : np.ndarray [shape=(samples,)]
        float32 in [-1, 1] for files of integers. Float files keep their own scale.

    Raises
    ------
    AudioError
        The file is missing, empty, truncated, no sound, silent, too short or too long.

    Examples
    --------
    >>> y = read(Path("house/0a7c2a8d_nohash_0.wav"), 22_050)  # doctest: +SKIP
    """
    y, rate = decode(path)
    check(path, y, rate)
    return resample(y, rate, sample_rate)


def decode(path: Path) -> tuple[NDArray[np.float32], int]:
    """Decode a whole file to mono at its own rate.

    Returns
    -------
    y : np.ndarray [shape=(samples,)]
        float32, the mean of the channels.
    rate : int [Hz]

    Raises
    ------
    AudioError
        The file cannot be decoded from its first to its last sample.
    """
    with _opened(path) as file:
        longest = round(LONGEST_SECONDS * file.samplerate)
        if file.frames > longest:
            raise AudioError(
                path,
                f"longer than {LONGEST_SECONDS / 60:.0f} minutes, or its header does not say how "
                "long; cut it, or convert it anew",
            )
        y = _read_pieces(file, file.frames)
        if len(y) < file.frames and not _guesses_length(path, file):
            raise AudioError(path, f"truncated: {len(y)} of {file.frames} samples decode")
        return y, file.samplerate


def decode_part(path: Path, start: float, seconds: float) -> tuple[NDArray[np.float32], int]:
    """Decode a window of a file, which may be of any length, to mono at its own rate.

    Parameters
    ----------
    path : Path
    start : float >= 0 [s]
    seconds : float > 0 [s]

    Returns
    -------
    y : np.ndarray [shape=(samples,)]
        float32; shorter than `seconds` where the file ends before.
    rate : int [Hz]

    Raises
    ------
    AudioError
        The file cannot be decoded there.
    """
    with _opened(path) as file:
        file.seek(min(file.frames, round(start * file.samplerate)))
        return _read_pieces(file, round(seconds * file.samplerate)), file.samplerate


def check(path: Path, y: NDArray[np.float32], rate: int) -> None:
    """Raise AudioError if decoded samples hold no word: too few, not numbers, or all zero."""
    if len(y) < SHORTEST_SECONDS * rate:
        milliseconds = 1000 * len(y) / rate
        needed = 1000 * SHORTEST_SECONDS
        raise AudioError(path, f"too short ({milliseconds:.0f} ms; at least {needed:.0f} ms)")
    if not np.isfinite(y).all():
        raise AudioError(path, "holds samples that are not finite numbers")
    if not y.any():
        raise AudioError(path, "silent (every sample is zero)")


def resample(y: NDArray[np.float32], rate: int, sample_rate: int) -> NDArray[np.float32]:
    """Change the sample rate as librosa's default does (soxr HQ, length rounded up).

    Clips of one length are best converted together: soxr designs its filter once a call, which
    costs as much as converting a second of sound, and each clip comes out the same bits.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,) or (n, samples)]
    rate : int > 0 [Hz]
        The rate of `y`.
    sample_rate : int > 0 [Hz]
        The rate of the result.

    Returns
    -------
    y : np.ndarray [shape=(..., ceil(samples * sample_rate / rate))]
    """
    if rate == sample_rate:
        return y
    length = int(np.ceil(y.shape[-1] * sample_rate / rate))
    converted = soxr.resample(np.ascontiguousarray(y.T), rate, sample_rate, quality="HQ").T
    resampled = np.zeros((*y.shape[:-1], length), np.float32)
    there = min(length, converted.shape[-1])
    resampled[..., :there] = converted[..., :there]
    return resampled


def loudest_window(y: NDArray[np.float32], length: int, step: int) -> NDArray[np.float32]:
    """The stretch of `length` samples that holds the most energy: where the word is.

    The windows that start at 0, `step`, 2 `step`, ... and the last possible one are compared by
    the sum of their squared samples; the earliest of equal ones is taken. A clip that is not
    longer than the window is returned whole.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)]
    length : int > 0 [samples]
    step : int > 0 [samples]
    """
    if len(y) <= length:
        return y
    energy = np.concatenate([[0.0], np.cumsum(np.square(y, dtype=np.float64))])
    starts = np.append(np.arange(0, len(y) - length, step), len(y) - length)
    start = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return y[start : start + length]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """The file, open; what goes wrong in the block becomes an AudioError."""
    try:
        if path.stat().st_size == 0:
            raise AudioError(path, "the file is empty (0 bytes)")
        with soundfile.SoundFile(path) as file:
            _refuse_truncated(path, file)
            yield file
    except soundfile.LibsndfileError as error:
        raise AudioError(path, f"does not decode ({_said(error)})") from None
    except (OSError, MemoryError, TypeError, ValueError) as error:
        raise AudioError(path, f"cannot be read ({_reason(error)})") from None


def _read_pieces(file: soundfile.SoundFile, frames: int) -> NDArray[np.float32]:
    # A header may promise 2**36 samples: allocate as they are decoded, not as it says.
    pieces = []
    while frames > 0 and len(
        piece := file.read(min(frames, _PIECE), dtype="float32", always_2d=True)
    ):
        pieces.append(piece[:, 0] if piece.shape[1] == 1 else piece.mean(axis=1))
        frames -= len(piece)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _refuse_truncated(path: Path, file: soundfile.SoundFile) -> None:
    # libsndfile shortens a cut WAV, AIFF, AU or W64 silently and notes it only in its log, as
    # "data : 32000 (should be 15956)". A size of about 2**31 or 2**32 is what a program writes that
    # cannot know it, as it streams (espeak, arecord, sox, ffmpeg); such a file is whole.
    log = file.extra_info
    pattern = r"^\s*(?:data|SSND|Data Size|riff)\s*:\s*(\d+)\s*\(should be (\d+)\)"
    cut = re.search(pattern, log, re.MULTILINE)
    if cut and int(cut[2]) < int(cut[1]) < _STREAMED:
        raise AudioError(path, f"truncated: {cut[2]} of {cut[1]} bytes of sound are there")
    # The same of a cut Ogg. One that lacks its end but is whole to its last page was streamed.
    if "Junk after the last page" in log:
        raise AudioError(path, "truncated: its last page is not whole")


def _guesses_length(path: Path, file: soundfile.SoundFile) -> bool:
    # An MP3 without a Xing or Info header in its first frame, as speech services send it, tells no
    # length: libsndfile guesses one from the size of the file, tags and all.
    if file.format != "MP3":
        return False
    with path.open("rb") as raw:
        tag = raw.read(10)
        raw.seek(0)
        if tag.startswith(b"ID3"):
            # Its size is in four bytes of seven bits.
            raw.seek(10 + sum(part << 7 * place for place, part in enumerate(tag[:5:-1])))
        first_frame = raw.read(64)
    return b"Xing" not in first_frame and b"Info" not in first_frame


def _said(error: soundfile.LibsndfileError) -> str:
    said = str(error.error_string).strip(" .")
    # What it says of an MP3 with no sound in it; the file is there, or `stat` had failed.
    return "Format not recognised" if said.startswith("File does not exist") else said


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
