"""Two models in the same sound: the counts are those of the words that only one misses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.export.by_hand import run_folder, streamed

from stapes.errors import UsageError
from stapes.measure.device_rule import DeviceRule
from stapes.measure.operating_points import at_rate, at_threshold
from stapes.measure.stream_curve import StreamCurve, sweep
from stapes.measure.stream_outputs import StreamOutputs
from stapes.run.before import check, compared
from stapes.run.settings import RunSettings

STEP = 0.03
LOUD = np.array([0] * 100 + [250] * 10 + [0] * 40, np.uint8)
SOFT = np.array([0] * 100 + [90] * 10 + [0] * 40, np.uint8)


def curve(words: str, accepts: int = 0) -> StreamCurve:
    """A model that detects loud words `+`, soft ones `-` at a low cutoff, and so many others."""
    quiet = np.zeros(2000, np.uint8)
    for number in range(accepts):
        quiet[200 + 300 * number : 210 + 300 * number] = 200
    outputs = StreamOutputs(
        [quiet],
        ["radio"],
        [LOUD if word == "+" else SOFT for word in words],
        np.tile([90 * STEP, 110 * STEP], (len(words), 1)),
    )
    return sweep(outputs, DeviceRule(STEP, 3, 5), 0.5)


def test_each_model_is_at_its_own_cutoff() -> None:
    curves = {"before": curve("+++---", accepts=2), "after": curve("++-+++")}
    points = {name: at_threshold(curve, 150.5 / 255) for name, curve in curves.items()}
    pair = compared(curves, points)
    assert pair is not None
    assert (pair.before.cutoff, pair.after.cutoff) == (150, 150)
    assert (pair.before.misses, pair.after.misses) == (3, 1)
    assert (pair.before.false_accepts, pair.after.false_accepts) == (2, 0)
    assert pair.before.fa_per_hour_ci95 is not None
    words = pair.words
    assert (words.n, words.only_this_wrong, words.only_other_wrong) == (6, 1, 3)
    assert words.p == pytest.approx(2 * (1 + 4) / 16)


def test_at_one_rate_a_model_pays_for_its_false_accepts() -> None:
    # Above its false accepts, the model before detects only what is louder.
    curves = {"before": curve("++--", accepts=3), "after": curve("++--")}
    rate = 1 / curves["after"].hours
    pair = compared(curves, {name: at_rate(curve, rate) for name, curve in curves.items()})
    assert pair is not None
    assert pair.before.target_fa_per_hour == rate
    assert (pair.before.misses, pair.after.misses) == (2, 0)
    assert (pair.words.only_this_wrong, pair.words.only_other_wrong) == (0, 2)


def test_a_frontend_of_a_newer_version_is_named(tmp_path: Path) -> None:
    document = streamed()
    for row in document.variants:
        if row.stream is not None:
            row.stream.frontend = "wavelet"
    run = run_folder(tmp_path / "earlier", document)
    with pytest.raises(UsageError, match="the frontend wavelet is unknown; known are micro, log"):
        check(RunSettings(word=document.word, before=run), tmp_path / "run")


def test_without_a_threshold_nothing_is_compared() -> None:
    curves = {"before": curve("++"), "after": curve("++")}
    points = {"before": at_threshold(curves["before"], None), "after": at_rate(curves["after"], 60)}
    assert compared(curves, points) is None
