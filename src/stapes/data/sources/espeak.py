"""espeak-ng as a function from text to samples; the library comes with espeakng-loader.

espeak-ng keeps much of itself in static variables that nothing resets: the phase of its pitch
flutter, the count of glottal cycles, filter memories, and a random state that it seeds from the
clock. The same words after other words are other samples. So every utterance here is spoken by a
library that was loaded for it, is seeded, and is unloaded again (2 ms): what comes out depends on
the arguments alone. (A system that does not unload libraries still speaks, but not the same
samples each time.) It also sets the process's locale: call it in a worker process.
"""

from __future__ import annotations

import _ctypes
import contextlib
import ctypes
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stapes.errors import MissingExtraError, StapesError

SAMPLE_RATE = 22_050  # Hz, espeak-ng's own

# Shavian is another alphabet, not another accent; the New Yorker says most words as en-us does,
# to the sample.
_DROPPED_ACCENTS = {"en-shaw", "en-us-nyc"}

# Measured over "house", "computer" and eight more words, all variants are understood and last
# 0.25 to 0.8 s, whispers and robots too. Out are those that are hardly another voice (a distance
# of their cepstra below 10, where the median pair has 68): the plain accent, adam, klatt4,
# benjamin and klatt stand for them; and those that draw on the C library's random numbers, which
# differ from system to system.
_DROPPED_VARIANTS = {
    *("fast", "klatt6", "klatt5", "edward2", "klatt2"),
    *("Reed", "caleb"),
}

# Of speak_lib.h
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_BY_CHARACTER = 1
_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def _files() -> tuple[str, Path]:
    """Where the library and its data are."""
    try:
        import espeakng_loader
    except ImportError:
        raise MissingExtraError("Synthetic speech", "synth") from None
    return espeakng_loader.get_library_path(), Path(espeakng_loader.get_data_path())


def engine() -> str:
    """Name and version of what speaks, such as "espeak-ng 1.52.0 (espeakng-loader 0.2.4)"."""
    with _library() as library:
        library.espeak_Info.restype = ctypes.c_char_p
        version = library.espeak_Info(None).decode()
    return f"espeak-ng {version} (espeakng-loader {metadata.version('espeakng-loader')})"


def accents() -> list[str]:
    """The English accents, as espeak-ng calls them, sorted."""
    names = {file.name.lower() for file in (_files()[1] / "lang" / "gmw").glob("en*")}
    return sorted(names - _DROPPED_ACCENTS)


def variants() -> list[str]:
    """The voices that can have any accent, sorted."""
    names = {file.name for file in (_files()[1] / "voices" / "!v").iterdir()}
    return sorted(names - _DROPPED_VARIANTS)


def speak(
    text: str, accent: str, variant: str, *, rate: int = 175, pitch: int = 50, pitch_range: int = 50
) -> npt.NDArray[np.int16]:
    """Say `text`.

    Parameters
    ----------
    text : str
        words, not markup
    accent, variant : str
        one of `accents()` and one of `variants()`
    rate : int [words per minute]
        80 to 450
    pitch, pitch_range : int
        0 to 99, where 50 is the variant's own

    Returns
    -------
    np.ndarray [shape=(samples,)] int16
        at 22,050 Hz, with no more than 0.05 s of silence at either end; empty or all zero where
        there is nothing to say. The same arguments give the same samples.

    Raises
    ------
    StapesError
        if espeak-ng does not know the voice
    """
    data = _files()[1]
    pieces: list[bytes] = []

    def keep(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _Callback(keep)

    with _library() as library:
        if library.espeak_Initialize(_SYNCHRONOUS, 0, bytes(data), _DONT_EXIT) != SAMPLE_RATE:
            raise StapesError(f"espeak-ng cannot read {data}: install espeakng-loader again.")
        # After Initialize, which seeds from the clock.
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(f"{accent}+{variant}".encode()) != 0:
            raise StapesError(f"espeak-ng has no voice {accent}+{variant}: choose another accent.")
        settings = {_RATE: rate, _VOLUME: 100, _PITCH: pitch, _RANGE: pitch_range}
        for parameter, value in settings.items():
            library.espeak_SetParameter(parameter, value, 0)
        said = text.encode()
        size = ctypes.c_size_t(len(said) + 1)
        library.espeak_Synth(said, size, 0, _BY_CHARACTER, 0, _UTF8, None, None)
        library.espeak_Terminate()
    return np.frombuffer(b"".join(pieces), dtype=np.int16)


@contextlib.contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """Load libespeak-ng, and unload it after the block, its static variables with it."""
    library = ctypes.CDLL(_files()[0])
    try:
        yield library
    finally:
        if sys.platform == "win32":
            _ctypes.FreeLibrary(library._handle)
        else:
            _ctypes.dlclose(library._handle)
