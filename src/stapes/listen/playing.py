"""Play a sound file, by the package sounddevice where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stapes.audio.read import decode
from stapes.errors import AudioError


def player() -> Callable[[Path], str]:
    """A function that plays a file to its end, and returns why it cannot; empty if it did."""
    try:
        import sounddevice
    except ModuleNotFoundError:
        return lambda path: "to hear it here, install stapes[listen]"
    except OSError:
        return lambda path: "to hear it here, install PortAudio (sudo apt install libportaudio2)"

    def play(path: Path) -> str:
        try:
            sounddevice.play(*decode(path))
            sounddevice.wait()
        except (AudioError, sounddevice.PortAudioError) as error:
            return f"it cannot be played: {str(error).splitlines()[0]}"
        return ""

    return play
