"""The microphone, with a sounddevice of a test: this machine may have none."""

from __future__ import annotations

import builtins
import sys
from itertools import islice
from typing import Any

import numpy as np
import pytest

from stapes.errors import MissingExtraError, StapesError, UsageError
from stapes.listen.microphone import of_microphone

DEVICES = [
    {"name": "HDMI", "max_input_channels": 0, "default_samplerate": 48_000.0},
    {"name": "USB microphone", "max_input_channels": 1, "default_samplerate": 48_000.0},
]


class PortAudioError(Exception):
    pass


class Devices:
    """A sounddevice whose microphone gives a tone at some rates."""

    PortAudioError = PortAudioError

    def __init__(self, rates=(16_000, 48_000), blocks=1_000) -> None:
        self.rates, self.blocks = rates, blocks
        self.opened: list[tuple[Any, ...]] = []

    def query_devices(self, device=None, kind=None):
        return DEVICES if kind is None else DEVICES[1]

    def RawInputStream(self, *, samplerate, device, **options):
        if isinstance(device, str) and device not in "USB microphone":
            raise ValueError(f"No input device matching {device!r}")
        if not self.rates:
            raise PortAudioError("Error querying device -1")
        if samplerate not in self.rates:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")
        self.opened.append((device, samplerate, options["channels"], options["dtype"]))
        return Stream(samplerate, self.blocks)


class Stream:
    def __init__(self, rate: int, blocks: int) -> None:
        self.rate, self.blocks, self.read_samples, self.closed = rate, blocks, 0, False

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def read(self, count: int) -> tuple[bytes, bool]:
        if not self.blocks:
            raise PortAudioError("Device unavailable")
        self.blocks -= 1
        moments = (self.read_samples + np.arange(count)) / self.rate
        self.read_samples += count
        return (8_000 * np.sin(2 * np.pi * 440 * moments)).astype(np.int16).tobytes(), False


@pytest.fixture
def devices(monkeypatch) -> Any:
    def use(**options: Any) -> Devices:
        fake = Devices(**options)
        monkeypatch.setitem(sys.modules, "sounddevice", fake)
        return fake

    return use


def heard(device=None, chunks=25) -> np.ndarray:
    return np.concatenate(list(islice(of_microphone(device), chunks)))


def tone(y) -> float:
    """The strongest frequency [Hz]."""
    return float(np.argmax(np.abs(np.fft.rfft(y[4_000:20_000]))))


def test_a_microphone_gives_chunks_of_80_ms(devices):
    fake = devices()
    y = heard()
    assert (y.dtype.name, len(y)) == ("int16", 25 * 1_280)
    assert tone(y) == 440
    assert fake.opened == [(None, 16_000, 1, "int16")]


def test_a_microphone_of_another_rate_is_resampled(devices):
    fake = devices(rates=(48_000,))
    y = heard(chunks=30)
    assert len(y) == pytest.approx(30 * 1_280, abs=2_000)
    assert tone(y) == 440
    assert np.abs(y).max() == pytest.approx(8_000, rel=0.02)
    assert fake.opened == [(None, 48_000, 1, "int16")]


@pytest.mark.parametrize(("device", "chosen"), [("USB", "USB"), ("1", 1)])
def test_a_device_has_a_name_or_a_number(devices, device, chosen):
    fake = devices()
    heard(device, chunks=1)
    assert fake.opened[0][0] == chosen


def test_an_unknown_device_is_answered_with_those_that_there_are(devices):
    devices()
    with pytest.raises(UsageError, match=r"device Webcam: No input .* There are: 1 USB microphone"):
        of_microphone("Webcam")


def test_no_microphone_is_one_sentence(devices):
    devices(rates=())
    with pytest.raises(StapesError, match=r"No microphone can be opened \(Error querying device"):
        of_microphone()


def test_a_microphone_that_is_pulled_out_is_named(devices):
    devices(blocks=3)
    with pytest.raises(StapesError, match="The microphone stopped"):
        heard()


def test_without_portaudio_its_package_and_the_pipe_are_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    original = builtins.__import__

    def load(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", load)
    with pytest.raises(StapesError, match=r"apt install libportaudio2\), or pipe .* arecord"):
        of_microphone()


def test_without_sounddevice_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"install stapes\[listen\]"):
        of_microphone()


def test_the_fake_is_like_the_library():
    """The names that the code uses are those of the package, where PortAudio is installed."""
    try:
        library = pytest.importorskip("sounddevice")
    except OSError:
        pytest.skip("no PortAudio")
    assert callable(library.RawInputStream)
    assert callable(library.query_devices)
    assert issubclass(library.PortAudioError, Exception)
