"""A recorder that tells the labels apart is found, with the figure; clips alike are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stapes.data.shortcuts import FEWEST, Properties, by_header, properties, shortcuts

RATE = 16_000
PLAIN = Properties(RATE, 6_000.0, -26.0, -60.0, -6.0, -90.0, 1.0, 0.0)


def drawn(count: int, seed: int, **fixed: float) -> list[Properties]:
    rng = np.random.default_rng(seed)
    return [
        replace(
            PLAIN,
            bandwidth=float(rng.normal(6_000, 500)),
            level=float(rng.normal(-26, 4)),
            floor=float(rng.normal(-60, 5)),
            seconds=float(rng.uniform(0.7, 1.3)),
            **fixed,
        )
        for _ in range(count)
    ]


def test_clips_that_are_alike_are_not_told_apart() -> None:
    result = shortcuts(drawn(60, 0), drawn(90, 1))
    assert result is not None
    assert result.balanced_accuracy == pytest.approx(0.5, abs=0.12)
    assert not result.too_easy
    assert result.properties == []


@pytest.mark.parametrize(
    ("field", "value", "title"),
    [
        ("rate", 8_000.0, "the sample rate [Hz]"),
        ("compressed", 1.0, "a lossy format [1 if so]"),
        ("offset", -30.0, "the mean of the samples [dB]"),
    ],
)
def test_a_property_that_tells_the_word_is_named(field: str, value: float, title: str) -> None:
    result = shortcuts(drawn(30, 0, **{field: value}), drawn(40, 1))
    assert result is not None
    assert result.balanced_accuracy == 1.0
    assert result.too_easy
    [found] = result.properties
    assert (found.what, found.word, found.told_apart) == (title, value, 1.0)
    assert found.other == getattr(PLAIN, field)


def test_two_properties_that_tell_only_together_are_found() -> None:
    """Loud clips with little noise, or quiet ones with much: neither alone tells anything."""
    rng = np.random.default_rng(0)
    level, floor = rng.normal(0, 1, (2, 400))
    parts = [
        replace(PLAIN, level=float(a), floor=float(b)) for a, b in zip(level, floor, strict=True)
    ]
    words = [part for part in parts if part.level + part.floor > 0]
    others = [part for part in parts if part.level + part.floor <= 0]
    result = shortcuts(words, others)
    assert result is not None
    assert result.balanced_accuracy > 0.95
    assert result.properties == []
    assert result.too_easy


def test_few_clips_are_not_compared() -> None:
    assert shortcuts(drawn(FEWEST - 1, 0), drawn(50, 1)) is None


def test_properties_of_a_made_clip(tmp_path: Path) -> None:
    """A tone of 1 kHz at half of full scale, in the second half of a clip."""
    y = np.zeros(2 * RATE, np.float32)
    y[RATE:] = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(RATE) / RATE)
    soundfile.write(tmp_path / "a.wav", y, RATE)
    result = properties(tmp_path / "a.wav", y, RATE)
    assert (result.rate, result.seconds, result.compressed) == (RATE, 2.0, 0.0)
    assert result.peak == pytest.approx(10 * np.log10(0.25), abs=0.01)
    assert result.level == pytest.approx(10 * np.log10(0.125), abs=0.01)
    assert result.floor == -120.0
    assert result.bandwidth == pytest.approx(1_000, abs=20)
    soundfile.write(tmp_path / "a.ogg", y, RATE)
    assert properties(tmp_path / "a.ogg", y, RATE).compressed == 1.0
    assert np.isfinite(list(vars(properties(tmp_path / "none", 0 * y, RATE)).values())).all()


def test_headers_alone_tell_of_another_rate(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths: dict[int, list[Path]] = {8_000: [], 16_000: []}
    for rate, made in paths.items():
        for number in range(FEWEST):
            made.append(tmp_path / f"{rate}-{number}.wav")
            soundfile.write(made[-1], rng.normal(0, 0.1, int(rate * rng.uniform(0.8, 1.2))), rate)
    [sentence] = by_header(paths[8_000], paths[16_000])
    assert "the sample rate [Hz]: 8,000, and 16,000 for others" in sentence
    assert by_header(paths[8_000], paths[8_000]) == []
    assert by_header(paths[8_000], [tmp_path / "none.wav"]) == []
