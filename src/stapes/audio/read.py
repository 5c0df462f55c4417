"""Read a sound file as mono float samples at one rate, and choose the window to use.

As in librosa, libsndfile decodes (WAV, FLAC, OGG, MP3 and others), and soxr resamples (HQ).
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

from stapes.audio.kinds import kind_of
from stapes.errors import AudioError

SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64"}
)
"""File name endings of the sound files in a folder."""

SHORTEST_SECONDS = 0.1
"""A shorter clip contains no word; it is refused."""

LONGEST_SECONDS = 3600.0
"""A longer file is not a clip; `decode_part` reads windows of long recordings."""

MOST_SAMPLES = 1 << 27
"""Samples of all channels. A longer file is not a clip either; decoded, they take 1 GiB."""

_LOUDEST = 2.0**31
"""Of a float sample. Some programs write integers as floats; a greater one is no sound, and its
square would not be finite."""

_PIECE = 1 << 20
"""Samples of all channels that are decoded at a time."""
_STREAMED = 0x7FFF_0000


def read(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """Decode a sound file, mix it to mono and resample it.

    Returns
    -------
    y : np.ndarray [shape=(samples,)]
        float32 in [-1, 1] for files of integers; files of floats keep their scale.

    Raises
    ------
    AudioError
        The file is missing, empty, truncated, not sound, silent, too short or too long.

    Examples
    --------
    >>> y = read(Path("house/0a7c2a8d_nohash_0.wav"), 22_050)  # doctest: +SKIP
    """
    y, rate = decode(path)
    check(path, y, rate)
    return resample(y, rate, sample_rate)


def decode(path: Path) -> tuple[NDArray[np.float32], int]:
    """Decode a whole file: the mean of its channels, [samples], and its rate.

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
                "long; cut it, or convert it again",
            )
        if file.frames * file.channels > MOST_SAMPLES:
            raise AudioError(
                path,
                f"longer than {MOST_SAMPLES:,} samples, all {file.channels} channels together; cut "
                "it, or convert it to one channel of 16 kHz",
            )
        y = _read_pieces(path, file, file.frames)
        if len(y) < file.frames and not _guesses_length(path, file):
            raise AudioError(path, f"truncated: {len(y)} of {file.frames} samples decode")
        return y, file.samplerate


def decode_part(path: Path, start: float, seconds: float) -> tuple[NDArray[np.float32], int]:
    """Decode a window of a file of any length: the mean of its channels, and its rate.

    There are fewer samples if the file ends before the window does.

    Raises
    ------
    AudioError
        The file cannot be decoded there.
    """
    with _opened(path) as file:
        file.seek(min(file.frames, round(start * file.samplerate)))
        return _read_pieces(path, file, round(seconds * file.samplerate)), file.samplerate


def check(path: Path, y: NDArray[np.float32], rate: int) -> None:
    """Raise AudioError if samples contain no word: too few, not finite, or all zero."""
    if len(y) < SHORTEST_SECONDS * rate:
        milliseconds = 1000 * len(y) / rate
        needed = 1000 * SHORTEST_SECONDS
        raise AudioError(path, f"too short ({milliseconds:.0f} ms; at least {needed:.0f} ms)")
    if not np.isfinite(y).all():
        raise AudioError(path, "contains samples that are not finite numbers")
    if not y.any():
        raise AudioError(path, "silent (every sample is zero)")


def resample(y: NDArray[np.float32], rate: int, sample_rate: int) -> NDArray[np.float32]:
    """Change the sample rate as librosa does by default (soxr HQ, length rounded up).

    It is faster to resample clips of one length together, and each clip has the same bits: soxr
    designs its filter once per call, which takes as long as a second of sound.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,) or (n, samples)]
    rate, sample_rate : int > 0 [Hz]
        The rate of `y`, and that of the result.

    Returns
    -------
    y : np.ndarray [shape=(..., ceil(samples * sample_rate / rate))]
    """
    if rate == sample_rate:
        return y
    length = int(np.ceil(y.shape[-1] * sample_rate / rate))
    converted = soxr.resample(np.ascontiguousarray(y.T), rate, sample_rate, quality="HQ").T
    resampled = np.zeros((*y.shape[:-1], length), np.float32)
    count = min(length, converted.shape[-1])
    resampled[..., :count] = converted[..., :count]
    return resampled


def loudest_window(y: NDArray[np.float32], length: int, step: int) -> NDArray[np.float32]:
    """The `length` samples with the most energy, where the word is.

    Compares windows at 0, `step`, 2 `step`, ... and the last possible one by the sum of squared
    samples. The earliest of equal windows is returned, and a clip of at most `length` whole.
    """
    if len(y) <= length:
        return y
    energy = np.concatenate([[0.0], np.cumsum(np.square(y, dtype=np.float64))])
    starts = np.append(np.arange(0, len(y) - length, step), len(y) - length)
    start = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return y[start : start + length]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """The open file; errors in the block become an AudioError."""
    if path.suffix.lower() == ".raw":
        raise AudioError(
            path,
            "no header says what its samples are; convert it to WAV, or pipe it into `stapes "
            "listen MODEL -`",
        )
    try:
        if path.stat().st_size == 0:
            raise AudioError(path, "the file is empty (0 bytes)")
        with soundfile.SoundFile(path) as file:
            _refuse_truncated(path, file)
            yield file
    except soundfile.LibsndfileError as error:
        kind = kind_of(path)
        reason = f"it is {kind}" if kind else f"does not decode ({_decoder_message(error)})"
        raise AudioError(path, reason) from None
    except (OSError, MemoryError, TypeError, ValueError) as error:
        raise AudioError(path, f"cannot be read ({_reason(error)})") from None


def _read_pieces(path: Path, file: soundfile.SoundFile, frames: int) -> NDArray[np.float32]:
    # Allocate as samples are decoded, as a header may promise 2**36 of them.
    pieces = []
    most = max(1, _PIECE // file.channels)
    while frames > 0 and len(
        piece := file.read(min(frames, most), dtype="float32", always_2d=True)
    ):
        loudest = float(np.abs(piece).max())
        if _LOUDEST < loudest < np.inf:
            raise AudioError(path, f"its loudest sample is {loudest:.3g}, and full scale is 1")
        pieces.append(piece[:, 0] if piece.shape[1] == 1 else piece.mean(axis=1))
        frames -= len(piece)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _refuse_truncated(path: Path, file: soundfile.SoundFile) -> None:
    # libsndfile shortens a cut WAV, AIFF, AU or W64 silently. Only its log has a line such as
    # "data : 32000 (should be 15956)". Programs that stream (espeak, arecord, sox, ffmpeg) write
    # sizes of about 2**31 or 2**32; such a file is whole.
    log = file.extra_info
    pattern = r"^\s*(?:data|SSND|Data Size|riff)\s*:\s*(\d+)\s*\(should be (\d+)\)"
    cut = re.search(pattern, log, re.MULTILINE)
    if cut and int(cut[2]) < int(cut[1]) < _STREAMED:
        raise AudioError(path, f"truncated: {cut[2]} of {cut[1]} bytes of sound are there")
    # An Ogg without an end was streamed if its last page is whole; else it was cut.
    if "Junk after the last page" in log:
        raise AudioError(path, "truncated: its last page is not whole")


def _guesses_length(path: Path, file: soundfile.SoundFile) -> bool:
    # Speech services send MP3 without a Xing or Info header in its first frame, thus without a
    # length: libsndfile estimates it from the size of the file, including tags.
    if file.format != "MP3":
        return False
    with path.open("rb") as raw:
        tag = raw.read(10)
        raw.seek(0)
        if tag.startswith(b"ID3"):
            # The size of the tag has four bytes of seven bits.
            raw.seek(10 + sum(part << 7 * place for place, part in enumerate(tag[:5:-1])))
        first_frame = raw.read(64)
    return b"Xing" not in first_frame and b"Info" not in first_frame


def _decoder_message(error: soundfile.LibsndfileError) -> str:
    message = str(error.error_string).strip(" .")
    # The message for an MP3 without sound is wrong: `stat` has found the file.
    return "Format not recognised" if message.startswith("File does not exist") else message


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
