"""Samples of any rate, width and number of channels become mono sound at 16 kHz."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from stapes.errors import UsageError
from stapes.listen.pcm import PcmFormat, PcmStream

Y = np.random.default_rng(4).uniform(-0.9, 0.9, 4_000)


def as_bytes(y, width):
    """Samples from -1 to 1 as a WAV file has them."""
    if width == 1:
        return np.rint(y * 128 + 128).astype(np.uint8).tobytes()
    whole = np.rint(y * 2 ** (8 * width - 1)).astype("<i4")
    return b"".join(int(value).to_bytes(4, "little", signed=True)[:width] for value in whole.flat)


def test_what_is_right_already_passes_bit_for_bit():
    integers = np.arange(-32_768, 32_768, 7, dtype=np.int16)
    samples = PcmStream(PcmFormat(16_000, 2, 1)).process(integers.astype("<i2").tobytes())
    assert samples.dtype == np.int16
    assert np.array_equal(samples, integers)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_of_any_width_are_parts_of_full_scale(width):
    samples = PcmStream(PcmFormat(16_000, width, 2)).process(as_bytes(np.repeat(Y, 2), width))
    assert samples.dtype == np.float32
    assert np.abs(samples - Y).max() < 0.6 * 2.0 ** -min(8 * width - 1, 22)


def test_channels_become_their_mean():
    y = np.stack([Y, -Y, Y / 2], axis=1)
    samples = PcmStream(PcmFormat(16_000, 4, 3)).process(as_bytes(y, 4))
    assert np.allclose(samples, Y / 6, atol=1e-6)


@given(
    st.sampled_from([8_000, 11_025, 44_100, 48_000]),
    st.sampled_from([1, 2, 3, 4]),
    st.sampled_from([1, 2]),
    st.lists(st.integers(0, 900), max_size=25),
)
@settings(deadline=None, max_examples=40)
def test_chunks_leave_no_seam(rate, width, channels, lengths):
    content = as_bytes(np.repeat(Y, channels), width)
    stream, parts = PcmStream(PcmFormat(rate, width, channels)), []
    ends = [0, *np.minimum(np.cumsum(lengths, dtype=int), len(content)).tolist(), len(content)]
    for begin, end in pairwise(ends):
        parts.append(stream.process(content[begin:end]))
    parts.append(stream.process(b"", last=True))
    samples = np.concatenate(parts)
    expected = soxr.resample(Y.astype(np.float32), rate, 16_000, quality="HQ")
    assert len(samples) == pytest.approx(len(expected), abs=1)
    count = min(len(samples), len(expected))
    assert np.abs(samples[:count] - expected[:count]).max() < 2 * 2.0 ** -min(8 * width - 1, 15)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((999, 2, 1), "rate: give 1,000 to 384,000 Hz, not 999"),
        ((384_001, 2, 1), "rate"),
        (("16000", 2, 1), "rate: .* not '16000'"),
        ((True, 2, 1), "rate"),
        ((16_000, 0, 1), "width: give 1 to 4 bytes a sample, not 0"),
        ((16_000, 5, 1), "width"),
        ((16_000, None, 1), "width"),
        ((16_000, 2, 0), "channels: give 1 to 16, not 0"),
        ((16_000, 2, 10**30), "channels"),
    ],
)
def test_what_nothing_records_is_refused(parts, message):
    with pytest.raises(UsageError, match=message):
        PcmFormat(*parts)
