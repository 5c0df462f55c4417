"""Sound for a page is a real MP3, and the same for the same samples."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile

from stapes.audio.write import mp3_base64


def sine(rate: int, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.float32)


def decoded(text):
    return soundfile.read(io.BytesIO(base64.b64decode(text)))


def test_a_second_of_sound_is_an_mp3_of_a_second():
    text = mp3_base64(sine(22_050), 22_050)
    y, rate = decoded(text)
    assert rate == 16_000
    assert 15_000 <= len(y) <= 19_000
    assert len(text) < 10_000
    spectrum = np.abs(np.fft.rfft(y[2_000:10_000]))
    assert np.argmax(spectrum) * rate / 8_000 == 440


def test_sound_above_full_scale_is_turned_down():
    y, _ = decoded(mp3_base64(sine(16_000, 4.0), 16_000))
    # Turned down, it is still a sine; clipped, it would be a square wave.
    assert np.sqrt(np.mean(np.square(y[2_000:10_000]))) < 0.75


def test_the_same_samples_give_the_same_text():
    assert mp3_base64(sine(16_000), 16_000) == mp3_base64(sine(16_000), 16_000)
