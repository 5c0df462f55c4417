"""Parts of a test are what a device hears: recordings from power-on, clips within other sound."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.stream.test_frames import noise, tapes

from stapes.data.sound.continuous import Sound
from stapes.data.stream import hearing
from stapes.data.stream.frames import HOP, LATE_SECONDS
from stapes.data.stream.hearing import LEAD, Hearing
from stapes.data.stream.mixing import RATE
from stapes.frontends.registry import STREAMS

pytest.importorskip("pymicro_features", reason="needs the extra `micro`")

TOLERANCE = 0.7
MICRO = STREAMS["micro"]


def sound(folder: Path, recordings: list[np.ndarray]) -> Sound:
    made = tapes(folder, background=recordings, words=[], noise=[noise(3, 99)])
    places = [(piece.begin, piece.samples) for piece in made.background.pieces]
    names = [f"source {number % 2}" for number in range(len(places))]
    return Sound(made.background, "radio", places, names, made.words, made.noise, "", [])


def write(made: Sound, clips: object, plan: Hearing, path: Path, **options: object) -> np.ndarray:
    hearing.write(made, clips, plan, path, **{"snr_db": None, "seed": 0, **options})  # type: ignore[arg-type]
    return np.asarray(np.load(path))


@pytest.fixture
def clips(tmp_path: Path):
    (tmp_path / "clips").mkdir()
    return tapes(tmp_path / "clips", words=[noise(0.5, 5), noise(0.803, 6)]).words


def test_recordings_are_heard_from_power_on(tmp_path: Path, clips) -> None:
    made = sound(tmp_path, [noise(3, 1), noise(2.005, 2)])
    plan = hearing.plan(made, clips, TOLERANCE, frontend=MICRO)
    x = write(made, clips, plan, tmp_path / "x.npy")
    assert x.shape == (plan.frames, 40)
    assert plan.recordings == 2
    for (begin, samples), (first, count) in zip(made.recordings, plan.parts, strict=False):
        alone = MICRO.stream(made.background.open()[begin : begin + samples])
        np.testing.assert_array_equal(x[first : first + count], alone)


def test_a_clip_begins_and_ends_where_the_plan_says(tmp_path: Path, clips) -> None:
    """Frames that hold samples of the clip are those between its begin and its end.

    The background is so much softer that each of them is louder than all others.
    """
    made = sound(tmp_path, [0.1 * noise(20, 1)])
    background = np.memmap(made.background.path, np.float32, "r+")
    background *= 1e-4
    background.flush()
    plan = hearing.plan(made, clips, TOLERANCE, frontend=MICRO)
    x = write(made, clips, plan, tmp_path / "x.npy").astype(float).mean(axis=1)
    for (first, count), (begin, end), piece in zip(
        plan.parts[1:], plan.clips, clips.pieces, strict=True
    ):
        part = x[first : first + count]
        loud = np.flatnonzero(part > part[: LEAD - 10].max() + 5)
        # Frame `f` is complete at (f + 1) * 10 ms in this clock.
        assert abs((loud[0] + 1) * 0.01 - begin) <= 0.03
        assert begin == pytest.approx(LEAD * 0.01 - LATE_SECONDS)
        assert end - begin == pytest.approx(piece.samples / RATE)
        # There is sound for each detection in time.
        assert count * 0.01 >= end + TOLERANCE


def test_the_first_frame_with_a_sample_of_the_clip_is_at_its_begin(tmp_path: Path, clips) -> None:
    """Two clips with the same sound before them differ from that frame on, not earlier."""
    made = sound(tmp_path, [noise(20, 1)])
    (tmp_path / "other").mkdir()
    others = tapes(tmp_path / "other", words=[noise(0.5, 7), noise(0.803, 8)]).words
    plan = hearing.plan(made, clips, TOLERANCE, frontend=MICRO)
    one = write(made, clips, plan, tmp_path / "x.npy")
    two = write(made, others, plan, tmp_path / "y.npy")
    for (first, _), (begin, _) in zip(plan.parts[1:], plan.clips, strict=True):
        differ = np.flatnonzero((one != two)[first:].any(axis=1))[0]
        assert differ == LEAD - 2
        assert (differ + 1) * HOP / RATE - begin == pytest.approx(0.01)


def test_more_noise_changes_the_sound_and_not_the_moments(tmp_path: Path, clips) -> None:
    made = sound(tmp_path, [noise(20, 1)])
    plan = hearing.plan(made, clips, TOLERANCE, frontend=MICRO)
    clean = write(made, clips, plan, tmp_path / "x.npy")
    hushed = write(made, clips, plan, tmp_path / "y.npy", snr_db=120.0)
    noisy = write(made, clips, plan, tmp_path / "z.npy", snr_db=0.0)
    again = write(made, clips, plan, tmp_path / "z2.npy", snr_db=0.0)
    assert np.abs(hushed.astype(int) - clean).mean() < 0.2
    assert np.abs(noisy.astype(int) - clean).mean() > 1
    np.testing.assert_array_equal(noisy, again)


def test_another_frontend_gets_the_same_sound_and_less_before_it(tmp_path: Path, clips) -> None:
    made = sound(tmp_path, [noise(20, 1)])
    logmel = STREAMS["logmel"]
    plans = [hearing.plan(made, clips, TOLERANCE, frontend=one) for one in (MICRO, logmel)]
    np.testing.assert_array_equal(plans[0].parts, plans[1].parts)
    assert [plan.warm_up for plan in plans] == [1_000, 0]
    heard = dataclasses.replace(made, words=clips)
    y, short = [hearing.part(heard, plan, 1, np.float32(0), 0) for plan in plans]
    np.testing.assert_array_equal(y[1_000 * HOP :], short)
    x = write(made, clips, plans[1], tmp_path / "x.npy")
    first, count = plans[1].parts[1]
    np.testing.assert_array_equal(x[first : first + count], logmel.stream(short)[:count])


@given(
    lengths=st.lists(st.integers(1, 40_000), min_size=1, max_size=4),
    most=st.one_of(st.none(), st.floats(0.1, 6)),
)
def test_a_plan_is_as_long_as_the_sound(tmp_path_factory, lengths, most) -> None:
    folder = tmp_path_factory.mktemp("plan")
    made = sound(folder, [noise(2, n)[: 100 + length] for n, length in enumerate(lengths)])
    plan = hearing.plan(made, made.words, TOLERANCE, frontend=MICRO, most_seconds=most)
    used = sum(100 + length for length in lengths)
    used = used if most is None else min(used, max(2 * RATE, round(most * RATE)))
    assert plan.frames <= used // HOP
    assert len(plan.sources) == plan.recordings == len(plan.parts)
    assert (plan.parts[:, 1] >= 0).all()
    assert plan.clips.shape == (0, 2)


def test_noise_levels_hear_fewer_clips_and_less_sound(tmp_path: Path, clips) -> None:
    made = sound(tmp_path, [noise(3, 1), noise(3, 2)])
    plan = hearing.plan(made, clips, TOLERANCE, frontend=MICRO, most_seconds=4.0, most_clips=1)
    assert plan.parts[:2, 1].tolist() == [298, 98]
    assert len(plan.clips) == 1
    assert write(made, clips, plan, tmp_path / "x.npy").shape == (plan.frames, 40)


def test_each_recording_has_its_source_and_its_sound(tmp_path: Path, clips) -> None:
    """Also after one that has no frame."""
    made = sound(tmp_path, [noise(3, 1), noise(0.02, 2), noise(3, 3)])
    plan = hearing.plan(made, clips, TOLERANCE, frontend=MICRO)
    assert plan.sources == ["source 0", "source 1", "source 0"]
    assert plan.parts[:3, 1].tolist() == [298, 0, 298]
    x = write(made, clips, plan, tmp_path / "x.npy")
    begin, samples = made.recordings[2]
    alone = MICRO.stream(made.background.open()[begin : begin + samples])
    np.testing.assert_array_equal(x[298 : 2 * 298], alone)
