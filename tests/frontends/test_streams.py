"""The frontends of detectors in a stream: the same frames at the same times, by either."""

from __future__ import annotations

import doctest
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from stapes.errors import MissingExtraError
from stapes.frontends import registry
from stapes.frontends.numerics import stream
from stapes.frontends.numerics.stream import HOP
from stapes.frontends.registry import DEFAULT_STREAM, FRONTENDS, STREAMS
from stapes.frontends.stream import StreamFrontend
from stapes.models.settings import StreamSettings


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)


def opened(kind: str) -> StreamFrontend:
    frontend = STREAMS[kind]
    if frontend.missing:
        pytest.skip(f"needs the extra `{frontend.extra}`")
    return frontend


def test_each_is_one_of_the_frontends() -> None:
    assert DEFAULT_STREAM == "micro"
    for kind, frontend in STREAMS.items():
        assert type(frontend) is FRONTENDS[kind]
        assert (frontend.sample_rate, frontend.hop_length, frontend.bins) == (16_000, HOP, 40)
        assert frontend.in_stream


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("samples", [0, 1, 479, 480, 639, 640, 641, 16_000])
def test_a_frame_comes_after_30_ms_and_then_every_10_ms(kind: str, samples: int) -> None:
    steps = opened(kind).stream(noise(16_000)[:samples])
    assert steps.shape == (max(0, samples // 160 - 2), 40)
    assert steps.dtype == np.int8


@pytest.mark.parametrize("kind", STREAMS)
def test_long_sound_has_the_frames_of_the_whole(kind: str, monkeypatch) -> None:
    y = noise(40_000)
    whole = opened(kind).stream(y)
    monkeypatch.setattr(stream, "_TOGETHER", 7)
    np.testing.assert_array_equal(STREAMS[kind].stream(y), whole)


def test_a_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_features", None)
    with pytest.raises(MissingExtraError, match=r"frontend micro .*stapes\[micro\]"):
        STREAMS["micro"].stream(noise(1_000))
    assert len(STREAMS["logmel"].stream(noise(1_000))) == 4


def test_another_name_is_refused_with_the_known_ones() -> None:
    assert StreamSettings().frontend == "micro"
    with pytest.raises(ValidationError, match="known are micro, logmel"):
        StreamSettings(frontend="mfcc")


@pytest.mark.parametrize("module", [registry, stream])
def test_the_examples_in_the_source_run(module) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
