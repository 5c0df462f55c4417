"""espeak-ng as a function from text to samples; the library comes with espeakng-loader.

espeak-ng has static variables that nothing resets: the phase of its pitch flutter, the count of
glottal cycles, filter memories, and a random state that it seeds from the clock. The same words
after other words are other samples. So each utterance loads the library, seeds it, and unloads it
again (2 ms): the samples depend on the arguments alone. (Where a system does not unload libraries,
they differ from call to call.) espeak-ng also sets the process's locale: call it in a worker.
"""

from __future__ import annotations

import _ctypes
import contextlib
import ctypes
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stapes.errors import MissingExtraError, StapesError

SAMPLE_RATE = 22_050  # Hz, espeak-ng's own

# Shavian is another alphabet, not an accent; en-us-nyc speaks most words exactly like en-us.
_DROPPED_ACCENTS = {"en-shaw", "en-us-nyc"}

# Measured with "house", "computer" and eight more words, all variants are clear and last 0.25 to
# 0.8 s, whispers and robots too. The first row is almost another voice (a distance of their cepstra
# below 10; the median pair has 68): the plain accent, adam, klatt4, benjamin, klatt. The second row
# uses the C library's random numbers, which differ from system to system.
_DROPPED_VARIANTS = {
    *("fast", "klatt6", "klatt5", "edward2", "klatt2"),
    *("Reed", "caleb"),
}

# Of speak_lib.h
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_BY_CHARACTER = 1
_UTF8 = 1
_IPA = 2
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def _files() -> tuple[str, Path]:
    """The paths of the library and its data."""
    try:
        import espeakng_loader
    except ImportError:
        raise MissingExtraError("Synthetic speech", "synth") from None
    return espeakng_loader.get_library_path(), Path(espeakng_loader.get_data_path())


def engine() -> str:
    """Name and version, such as "espeak-ng 1.52.0 (espeakng-loader 0.2.4)"."""
    with _library() as library:
        library.espeak_Info.restype = ctypes.c_char_p
        version = library.espeak_Info(None).decode()
    return f"espeak-ng {version} (espeakng-loader {metadata.version('espeakng-loader')})"


def accents() -> list[str]:
    """espeak-ng's names of the English accents, sorted."""
    names = {file.name.lower() for file in (_files()[1] / "lang" / "gmw").glob("en*")}
    return sorted(names - _DROPPED_ACCENTS)


def variants() -> list[str]:
    """The voices that can have any accent, sorted."""
    names = {file.name for file in (_files()[1] / "voices" / "!v").iterdir()}
    return sorted(names - _DROPPED_VARIANTS)


def speak(
    text: str, accent: str, variant: str, *, rate: int = 175, pitch: int = 50, pitch_range: int = 50
) -> npt.NDArray[np.int16]:
    """Speak `text`; the same arguments give the same samples.

    Parameters
    ----------
    accent, variant : str
        One of `accents()` and one of `variants()`.
    rate : int [words per minute]
        80 to 450.
    pitch, pitch_range : int
        0 to 99; 50 is the variant's own.

    Returns
    -------
    np.ndarray [shape=(samples,)] int16
        At 22,050 Hz, with at most 0.05 s of silence at each end; empty or all zero where nothing
        can be spoken.
    """
    pieces: list[bytes] = []

    def keep(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _Callback(keep)

    with _library() as library:
        _begin(library, f"{accent}+{variant}")
        # After its begin, which seeds from the clock.
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        library.espeak_SetSynthCallback(callback)
        settings = {_RATE: rate, _VOLUME: 100, _PITCH: pitch, _RANGE: pitch_range}
        for parameter, value in settings.items():
            library.espeak_SetParameter(parameter, value, 0)
        content = text.encode()
        size = ctypes.c_size_t(len(content) + 1)
        library.espeak_Synth(content, size, 0, _BY_CHARACTER, 0, _UTF8, None, None)
        library.espeak_Terminate()
    return np.frombuffer(b"".join(pieces), dtype=np.int16)


def phonemes(texts: Iterable[str], accent: str = "en") -> list[str]:
    """How each text is spoken, in the International Phonetic Alphabet without stress.

    A phoneme has one or more letters, and words have spaces between them.
    """
    spoken = []
    with _library() as library:
        _begin(library, accent)
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        for text in texts:
            left = ctypes.c_char_p(text.encode())
            clauses = []
            while left.value:
                clause = library.espeak_TextToPhonemes(ctypes.byref(left), _UTF8, _IPA)
                clauses.append((clause or b"").decode())
            spoken.append(" ".join(clauses).replace("ˈ", "").replace("ˌ", "").strip())
        library.espeak_Terminate()
    return spoken


def _begin(library: ctypes.CDLL, voice: str) -> None:
    data = _files()[1]
    if library.espeak_Initialize(_SYNCHRONOUS, 0, bytes(data), _DONT_EXIT) != SAMPLE_RATE:
        raise StapesError(f"espeak-ng cannot read {data}: install espeakng-loader again.")
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise StapesError(f"espeak-ng has no voice {voice}: choose another accent.")


@contextlib.contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """Load libespeak-ng, and unload it with its static variables after the block."""
    library = ctypes.CDLL(_files()[0])
    try:
        yield library
    finally:
        if sys.platform == "win32":
            _ctypes.FreeLibrary(library._handle)
        else:
            _ctypes.dlclose(library._handle)
