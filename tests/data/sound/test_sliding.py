"""The windows that are scored follow the rules at every level of noise."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.audio.levels import active_power, block_powers
from stapes.data.clip import Clip
from stapes.data.sound import sliding
from stapes.data.sound.continuous import cyclic, embed, gather_sound
from stapes.data.sound.sliding import plan, write_features
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro

RATE = 8_000
SETTINGS = Mfcc(sample_rate=RATE, n_fft=256, hop_length=100, n_mels=20, n_mfcc=10, frames=81)
STEP = 4 * 100


@pytest.fixture
def sound(tmp_path, write_clip):
    for number, seconds in enumerate((3.0, 1.0, 2.21)):
        write_clip(tmp_path / "speech" / f"{number}.wav", rate=RATE, seconds=seconds)
    words = [
        Clip(f"{n}", write_clip(tmp_path / "word" / f"{n}.wav", rate=RATE, seconds=s), "word")
        for n, s in enumerate((0.8, 1.3))
    ]
    (tmp_path / "out").mkdir()
    return gather_sound(
        tmp_path / "out",
        SETTINGS,
        continuous=tmp_path / "speech",
        negatives=[],
        positives=words,
        noise=None,
        known={},
        seed=0,
    )


def chosen(sound, **options):
    usual = {"hop": 4, "smoothing": 3, "tolerance_seconds": 0.5}
    return plan(sound, SETTINGS, **{**usual, **options})


def features(sound, some, path, snr_db=None, seed=0):
    write_features(sound, some, SETTINGS, path, snr_db=snr_db, seed=seed)
    return np.load(path)


def test_no_window_is_in_two_recordings(sound):
    some = chosen(sound)
    # The second recording is one window long: no average of three is in it.
    assert [count for _, _, count in some.recordings] == [41, 25]
    assert [row for _, row, _ in some.recordings] == [0, 41]
    long = [sound.recordings[0], sound.recordings[2]]
    for (begin, _, count), (start, samples) in zip(some.recordings, long, strict=True):
        assert begin == start
        assert (count - 1) * STEP + SETTINGS.window <= samples


def test_the_hours_are_those_in_which_something_can_be_detected(sound):
    # 39 and 23 averages, each for a hop of 50 ms.
    assert chosen(sound).seconds == pytest.approx(62 * 0.05)
    assert chosen(sound, smoothing=1).seconds == pytest.approx((41 + 1 + 25) * 0.05)


def test_the_first_average_at_a_word_ends_where_its_clip_begins(sound):
    some = chosen(sound)
    assert some.before == SETTINGS.window + 2 * STEP
    # Windows that end at 0, 0.05, ... 0.8 + 0.5 seconds into the word, and two before.
    assert [count for _, count in some.words] == [2 + 27, 2 + 37]
    assert some.rows == 66 + 29 + 39


def test_most_seconds_cut_the_recordings_and_not_the_words(sound):
    some = chosen(sound, most_seconds=3.5)
    assert [count for _, _, count in some.recordings] == [41]
    assert some.seconds == pytest.approx(39 * 0.05)
    assert len(some.words) == 2
    # Never so little that nothing could be detected in it.
    least = chosen(sound, most_seconds=0.1)
    assert [count for _, _, count in least.recordings] == [3]
    assert chosen(sound, most_seconds=100.0).recordings == chosen(sound).recordings


def test_rows_are_the_features_of_their_windows(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(sliding, "_SECTION", 7)
    some = chosen(sound)
    x = features(sound, some, tmp_path / "x.npy")
    assert x.shape == (some.rows, *SETTINGS.shape)
    background = np.asarray(sound.background.open())
    for begin, row, count in some.recordings:
        for k in range(count):
            y = background[begin + k * STEP : begin + k * STEP + SETTINGS.window]
            np.testing.assert_allclose(x[row + k], SETTINGS.features(y[None])[0], atol=5e-3)
    row, count = some.words[1]
    y = embed(sound, 1, some.before, some.after, np.random.default_rng([0, 3, 1]))
    for k in range(count):
        window = y[k * STEP : k * STEP + SETTINGS.window]
        np.testing.assert_allclose(x[row + k], SETTINGS.features(window[None])[0], atol=5e-3)


def test_noise_has_its_level_and_continues_across_sections(sound, monkeypatch):
    monkeypatch.setattr(sliding, "_SECTION", 7)
    some = chosen(sound)
    stretches = list(sliding._stretches(sound, some, SETTINGS, 0))
    noise = sound.noise.open()
    first, second = stretches[:2]
    # The second section begins seven windows on, and so does its noise.
    assert second.begin - first.begin == second.noise - first.noise == 7 * STEP
    gain = np.float32(10 ** (-10 / 20))
    noisy = sliding._samples(sound, first, gain)
    plain = sliding._samples(sound, first, np.float32(0))
    added = noisy - plain
    np.testing.assert_allclose(added, gain * cyclic(noise, first.noise, len(added)), atol=1e-6)
    whole = np.asarray(sound.background.open())[: sound.recordings[0][1]]
    speech = active_power(block_powers(whole, RATE))
    ratio = 10 * np.log10(speech / np.mean(np.square(gain * np.asarray(noise), dtype=float)))
    assert ratio == pytest.approx(10, abs=0.3)


def test_the_seed_decides_only_moments_and_noise(sound, tmp_path):
    some = chosen(sound)
    first = features(sound, some, tmp_path / "a.npy", snr_db=5.0)
    np.testing.assert_array_equal(first, features(sound, some, tmp_path / "b.npy", snr_db=5.0))
    other = features(sound, some, tmp_path / "c.npy", snr_db=5.0, seed=1)
    assert not np.array_equal(first, other)
    clean, clean_other = (
        features(sound, some, tmp_path / f"d{seed}.npy", seed=seed) for seed in (0, 1)
    )
    recordings = slice(0, 66)
    np.testing.assert_array_equal(clean[recordings], clean_other[recordings])
    assert not np.array_equal(clean[66:], clean_other[66:])


# Other frontends


@pytest.fixture
def sound_at_16_khz(tmp_path, write_clip):
    """A recording of 25 s and a word."""
    write_clip(tmp_path / "speech" / "a.wav", seconds=25.0)
    word = Clip("w", write_clip(tmp_path / "word" / "w.wav", seconds=0.8), "word")
    (tmp_path / "out").mkdir()
    options = {"continuous": tmp_path / "speech", "negatives": [], "noise": None, "known": {}}
    return gather_sound(tmp_path / "out", LogMel(), positives=[word], seed=0, **options)


def rows(sound, settings, path):
    some = plan(sound, settings, hop=4, smoothing=3, tolerance_seconds=0.5)
    write_features(sound, some, settings, path, snr_db=10.0, seed=0)
    return some, np.load(path)


def test_rows_of_logmel_are_the_features_of_their_windows(sound_at_16_khz, tmp_path):
    settings = LogMel()
    some = plan(sound_at_16_khz, settings, hop=4, smoothing=3, tolerance_seconds=0.5)
    write_features(sound_at_16_khz, some, settings, tmp_path / "x.npy", snr_db=None, seed=0)
    x = np.load(tmp_path / "x.npy")
    y = np.asarray(sound_at_16_khz.background.open())
    assert some.recordings[0][2] == 301
    for row in (0, 150, 300):
        window = y[row * 1_280 : row * 1_280 + 16_000]
        np.testing.assert_allclose(x[row], settings.features(window[None])[0], atol=1e-5)


def test_the_state_of_micro_continues_across_sections(sound_at_16_khz, tmp_path, monkeypatch):
    pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    sound, settings = sound_at_16_khz, Micro()
    _, once = rows(sound, settings, tmp_path / "once.npy")
    monkeypatch.setattr(sliding, "_SECTION", 50)
    _, cut = rows(sound, settings, tmp_path / "cut.npy")
    np.testing.assert_array_equal(cut, once)
    # Without a warm-up, each section would begin like a device at power-on.
    monkeypatch.setattr(Micro, "warm_up", 0)
    _, cold = rows(sound, settings, tmp_path / "cold.npy")
    assert not np.array_equal(cold[50], once[50])
    np.testing.assert_array_equal(cold[:50], once[:50])


def test_micro_has_the_state_of_a_running_device_at_a_word(sound_at_16_khz, tmp_path):
    pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    sound, settings = sound_at_16_khz, Micro()
    some = plan(sound, settings, hop=4, smoothing=3, tolerance_seconds=0.5)
    write_features(sound, some, settings, tmp_path / "x.npy", snr_db=None, seed=0)
    row, count = some.words[0]
    # 125 windows of 80 ms are 10 s.
    before = some.before + 125 * 1_280
    y = embed(sound, 0, before, some.after, np.random.default_rng([0, 3, 0]))
    x = np.load(tmp_path / "x.npy")[row : row + count]
    np.testing.assert_array_equal(x, settings.sliding(y, 4)[125:])
