"""Write sound: for a browser, and as a file."""

from __future__ import annotations

import base64
import errno
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from stapes.audio.read import resample
from stapes.system.files import atomic_path

_RATE = 16_000


def mp3_base64(y: NDArray[np.float32], rate: int) -> str:
    """Mono samples as an MP3 in base64, for a data URL: about 5 KB a second.

    Sound above full scale is turned down. Equal samples give equal text.
    """
    samples = resample(y, rate, _RATE)
    samples = samples / max(1.0, float(np.abs(samples).max(initial=0.0)))
    # Not to a BytesIO, whose callbacks from C would ignore Ctrl-C.
    with tempfile.TemporaryDirectory(prefix="stapes-") as folder:
        path = Path(folder) / "clip.mp3"
        soundfile.write(path, samples, _RATE, format="MP3", compression_level=0.9)
        return base64.b64encode(path.read_bytes()).decode("ascii")


def write_wav(path: Path, samples: NDArray[np.int16], rate: int) -> None:
    """Write mono samples as a WAV file of 16 bits, in one step."""
    with atomic_path(path) as temporary:
        write_sound(temporary, samples, rate)


def write_sound(path: Path, samples: NDArray[np.int16], rate: int) -> None:
    """Write mono samples of 16 bits as the kind of file that the name tells, WAV or FLAC.

    Raises
    ------
    OSError
        It cannot be written; it names the file. libsndfile knows no reason, such as a full disk.
    """
    try:
        soundfile.write(path, samples, rate, subtype="PCM_16")
    except (soundfile.LibsndfileError, AssertionError) as error:
        # soundfile asserts that all samples were written.
        reason = getattr(error, "error_string", "").strip(" .") or "is the disk full?"
        raise OSError(errno.EIO, f"cannot be written ({reason})", str(path)) from None
