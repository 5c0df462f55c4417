"""Sound from a microphone, by the package sounddevice, which is imported here alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import MissingExtraError, StapesError, UsageError
from stapes.listen.engine import RATE

_SECONDS = 0.08
"""Of a chunk."""
_NO_PORTAUDIO = (
    "A microphone needs the system library PortAudio: install it (sudo apt install "
    "libportaudio2), or pipe sound in: arecord -f S16_LE -r 16000 -c 1 -t raw | stapes listen "
    "MODEL -."
)


def of_microphone(device: str | None = None) -> Iterator[NDArray[np.int16]]:
    """Samples from a microphone, mono at 16 kHz, until the caller stops.

    A microphone that cannot give 16 kHz is resampled.

    Parameters
    ----------
    device : str, optional
        A part of its name, or its number; by default the system's.

    Raises
    ------
    MissingExtraError
        sounddevice is not installed.
    StapesError
        PortAudio is missing, or no microphone can be opened.
    """
    sounddevice = _sounddevice()
    try:
        stream, rate = _opened(sounddevice, device)
    except ValueError as error:  # No device has the name, or several have.
        raise UsageError(f"--device {device}: {_line(error)}.{_listed(sounddevice)}") from None
    except sounddevice.PortAudioError as error:
        raise StapesError(
            f"No microphone can be opened ({_line(error)}): connect one, or choose another with "
            f"--device.{_listed(sounddevice)}"
        ) from None
    return _samples(sounddevice, stream, rate)


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise MissingExtraError("A microphone", "listen") from None
    except OSError:
        raise StapesError(_NO_PORTAUDIO) from None
    return sounddevice


def _opened(sounddevice: Any, device: str | None) -> tuple[Any, int]:
    """The stream and its rate [Hz]: 16 kHz or, where the microphone has not, its own."""
    chosen = int(device) if device is not None and device.isdecimal() else device
    options = {"device": chosen, "channels": 1, "dtype": "int16", "latency": "high"}
    try:
        return sounddevice.RawInputStream(samplerate=RATE, **options), RATE
    except sounddevice.PortAudioError:
        own = round(sounddevice.query_devices(chosen, "input")["default_samplerate"])
        return sounddevice.RawInputStream(samplerate=own, **options), own


def _samples(sounddevice: Any, stream: Any, rate: int) -> Iterator[NDArray[np.int16]]:
    resampler = None
    if rate != RATE:
        import soxr

        resampler = soxr.ResampleStream(rate, RATE, 1, dtype="int16")
    try:
        with stream:
            while True:
                content, _ = stream.read(round(_SECONDS * rate))
                samples = np.frombuffer(bytes(content), np.int16)
                yield samples if resampler is None else resampler.resample_chunk(samples)
    except sounddevice.PortAudioError as error:
        raise StapesError(f"The microphone stopped ({_line(error)}): connect it again.") from None


def _listed(sounddevice: Any) -> str:
    """A sentence with the microphones that there are."""
    try:
        devices = list(sounddevice.query_devices())
    except sounddevice.PortAudioError:
        return ""
    inputs = [
        f"{number} {device['name']}"
        for number, device in enumerate(devices)
        if device["max_input_channels"] > 0
    ]
    return f" There are: {', '.join(inputs)}." if inputs else " The system has no microphone."


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
