"""What is wrong with the sound of a microphone or a pipe."""

from __future__ import annotations

import numpy as np

from stapes.listen.engine import RATE
from stapes.listen.health import Health


def messages(y, chunk=1_280) -> list[str]:
    health = Health("microphone")
    parts = (y[begin : begin + chunk] for begin in range(0, len(y), chunk))
    return [message for part in parts if (message := health.take(part))]


def test_silence_is_reported_once():
    [message] = messages(np.zeros(20 * RATE, np.int16))
    assert message.startswith("Microphone gives silence")
    assert "--device" in message
    assert messages(np.full(4 * RATE, -7, np.int16)) == [message]


def test_bytes_that_are_no_samples_are_reported_once():
    noise = np.random.default_rng(0).bytes(2 * 20 * RATE)
    [message] = messages(np.frombuffer(noise, "<i2"))
    assert "full scale" in message
    assert "S16_LE" in message


def test_speech_is_fine():
    rng = np.random.default_rng(0)
    assert messages((rng.normal(0, 0.2, 10 * RATE).clip(-1, 1) * 32_767).astype(np.int16)) == []
    assert messages(np.zeros(2 * RATE, np.int16)) == []
