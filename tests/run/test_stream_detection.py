"""Detectors in a stream are scored and counted as the device decides, whatever their integers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.tflite.windows import Layer, window_model

from stapes.data.stream.hearing import LEAD, Hearing
from stapes.frontends.numerics.stream import real
from stapes.frontends.registry import STREAMS
from stapes.measure.settings import DetectionSettings
from stapes.run import stream_detection
from stapes.run.settings import RunSettings
from stapes.targets.streams import outputs
from stapes.tflite.edit.streaming import streaming

STRIDE = 3
SETTINGS = RunSettings(
    detection=DetectionSettings(target_fa_per_hour=60.0, rates=(60.0,), tolerance_seconds=0.5)
)
RECORDING = 12_000
PART = LEAD + 100 + 60
BEGIN, END = LEAD / 100 - 0.02, LEAD / 100 + 0.98


def plan(clips: int) -> Hearing:
    counts = [RECORDING, *[PART] * clips]
    firsts = np.cumsum([0, *counts])[:-1]
    return Hearing(
        np.array([firsts, counts], np.int64).T,
        1,
        ["here"],
        np.array([[BEGIN, END]] * clips),
        STREAMS["micro"],
    )


def outputs_of(peaks: list[tuple[int, int]]) -> np.ndarray:
    """Five outputs of a height for each clip, from an output of its part on; else zeros."""
    parts = [np.zeros(RECORDING // STRIDE, np.uint8)]
    for at, height in peaks:
        part = np.zeros(PART // STRIDE, np.uint8)
        part[at : at + 5] = height
        parts.append(part)
    return np.concatenate(parts)


def count(tmp_path: Path, values: np.ndarray, y: list[int]) -> tuple[Any, np.ndarray]:
    path = tmp_path / "outputs.npy"
    np.save(path, values)
    return stream_detection.count_file(
        {None: path}, None, {None: plan(len(y))}, SETTINGS, STRIDE, np.array(y, np.uint8)
    )


PEAKS = [(110, 200), (125, 255), (110, 90), (40, 255)]
"""The last is before its clip, when the device listens, and scores nothing."""


def test_a_clips_score_is_its_highest_mean(tmp_path: Path) -> None:
    _, scores = count(tmp_path, outputs_of(PEAKS), [1, 1, 0, 0])
    assert scores == pytest.approx([200 / 255, 1.0, 90 / 255, 0.0])


@pytest.mark.parametrize("kind", ["int16", "float32"])
def test_other_outputs_give_the_same_figures(tmp_path: Path, kind: str) -> None:
    detection, scores = count(tmp_path, outputs_of(PEAKS), [1, 1, 0, 0])
    values = outputs_of(PEAKS) / 255
    if kind == "int16":
        values = np.minimum(np.rint(values * 32_768), 32_767)
    other, again = count(tmp_path, values.astype(kind), [1, 1, 0, 0])
    assert again == pytest.approx(scores, abs=1e-4)
    assert detection.chosen.frr == other.chosen.frr == 0
    assert other.chosen.cutoff is None


def test_the_delay_is_that_of_the_output_that_detects(tmp_path: Path) -> None:
    detection, _ = count(tmp_path, outputs_of([(130, 255)]), [1])
    # At the highest cutoffs all five must be 255; the lowest that is tried detects earlier.
    outputs_needed = int(np.ceil(5 * (detection.chosen.cutoff + 1e-9) / 255))
    moment = (130 + max(1, outputs_needed)) * 0.03
    assert detection.chosen.delay_seconds_p50 == pytest.approx(moment - END)


@pytest.mark.parametrize(("total", "decided"), [(501, True), (500, False)])
def test_a_mean_just_above_the_cutoff_is_a_detection(total: int, decided: bool) -> None:
    """Strictly above the cutoff, as in the device, though below the threshold between two."""
    point = SimpleNamespace(cutoff=100)
    row: Any = SimpleNamespace(detection=SimpleNamespace(threshold=100.5 / 255, chosen=point))
    stream_detection._fill(row, np.array([total / 5 / 255, 0.0]), np.array([1, 0], np.uint8))
    assert row.wrong == ([] if decided else [0])
    assert row.accuracy == (1.0 if decided else 0.5)
    assert row.n_test == 2


def test_without_a_threshold_a_half_decides() -> None:
    row: Any = SimpleNamespace(
        detection=SimpleNamespace(threshold=None, chosen=SimpleNamespace(cutoff=None))
    )
    stream_detection._fill(row, np.array([0.6, 0.4]), np.array([1, 1], np.uint8))
    assert row.wrong == [1]


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_a_file_hears_each_part_from_reset(tmp_path: Path, kind: str) -> None:
    content = streaming(window_model([Layer(6), Layer(None, 5, 3), Layer(1)], kind=kind, bins=40))
    (tmp_path / "model.tflite").write_bytes(content)
    frames = np.random.default_rng(0).integers(-128, 128, (100, 40)).astype(np.int8)
    np.save(tmp_path / "frames.npy", frames)
    parts = np.array([[0, 61], [61, 30]])
    target = tmp_path / "outputs.npy"
    stream_detection.outputs_file(tmp_path / "model.tflite", tmp_path / "frames.npy", parts, target)
    values = frames if kind == "int8" else real(frames)
    expected = [outputs(content, values[:61]), outputs(content, values[61:91])]
    np.testing.assert_array_equal(np.load(target), np.concatenate(expected))
    assert len(np.load(target)) == 20 + 10
