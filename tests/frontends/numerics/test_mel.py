"""Filters and window are librosa's; each frame is computed alone."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.frontends.logmel import LogMel
from stapes.frontends.numerics.mel import hann, mel_decibels, mel_filters


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels"),
    [
        (22_050, 2048, 128),
        (16_000, 512, 40),
        (16_000, 480, 40),
        (8_000, 256, 20),
        (44_100, 1024, 80),
        (16_000, 401, 10),
        (1_500, 64, 5),
        (16_000, 64, 60),
    ],
)
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mel_filters_are_librosas(sample_rate: int, n_fft: int, n_mels: int) -> None:
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, norm="slaney").T
    filters = mel_filters(sample_rate, n_fft, n_mels)
    assert filters.dtype == np.float32
    assert filters.shape == (1 + n_fft // 2, n_mels)
    np.testing.assert_allclose(filters, expected, atol=1e-6)


def test_each_mel_filter_has_unit_area_and_ends_at_its_neighbours_peaks() -> None:
    filters = mel_filters(16_000, 4096, 20).astype(np.float64)
    np.testing.assert_allclose(filters.sum(axis=0) * 16_000 / 4096, 1.0, rtol=0.01)
    peaks = filters.argmax(axis=0)
    assert (np.diff(peaks) > 0).all()
    for middle in range(1, 19):
        bins = np.flatnonzero(filters[:, middle])
        assert bins[0] > peaks[middle - 1] - 1
        assert bins[-1] < peaks[middle + 1] + 1


def test_the_window_is_scipys_periodic_one() -> None:
    signal = pytest.importorskip("scipy.signal")
    for length in (16, 480, 2048):
        np.testing.assert_allclose(hann(length), signal.get_window("hann", length), atol=1e-7)


def test_decibels_are_those_of_the_filtered_spectrum_of_each_frame_alone() -> None:
    frames = np.random.default_rng(0).standard_normal((3, 5, 480)).astype(np.float32)
    frames[0] = 0
    decibels = mel_decibels(frames, LogMel(), 1e-9)
    assert decibels.shape == (3, 5, 40)
    spectrum = np.abs(np.fft.rfft(frames, 512)) ** 2
    power = np.maximum(spectrum @ mel_filters(16_000, 512, 40), 1e-9)
    np.testing.assert_allclose(10 ** (decibels / 10), power, rtol=1e-4)
    alone = mel_decibels(frames[1, 2], LogMel(), 1e-9)
    assert alone.tobytes() == decibels[1, 2].tobytes()
