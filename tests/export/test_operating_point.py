"""A device compares with the integer that was measured, and no cutoff is invented."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.export.by_hand import in_stream, known, row

from stapes.contracts.manifest import Manifest
from stapes.errors import UsageError
from stapes.export.operating_point import device_integer, of_manifest, of_row, probability
from stapes.export.settings import ExportSettings


def settings(**changed):
    return ExportSettings(**changed)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_every_cutoff_comes_back_as_the_same_integer(kind):
    for cutoff in range(256):
        written = json.loads(json.dumps(probability(cutoff)))
        # The device may compute in single precision, with a value that was rounded to it.
        assert int(kind(written) * kind(255)) == cutoff
        assert device_integer(written) == cutoff


def test_an_integer_over_255_in_six_digits_would_not():
    # The trap that `probability` avoids.
    assert any(device_integer(round(cutoff / 255, 6)) != cutoff for cutoff in range(256))


def test_a_row_has_the_point_that_the_run_chose():
    point = of_row(in_stream("stream", 8_000, 0.05), settings())
    assert (point.cutoff, point.sliding_window) == (191, 5)
    assert known(point.point).frr == 0.05


def test_a_rate_that_the_run_lists_has_its_point():
    one = in_stream("stream", 8_000, 0.05)
    listed = known(one.detection).conditions[0].at_rates[1]
    listed.cutoff, listed.misses = 180, 1
    point = of_row(one, settings(cutoff_for=2.0))
    assert point.cutoff == 180
    assert point.point == listed


@pytest.mark.parametrize("cutoff", [-1, 255, 300, 10**40])
def test_a_cutoff_that_no_device_has_is_refused(cutoff):
    one = in_stream("stream", 8_000, 0.05)
    known(one.detection).chosen.cutoff = cutoff
    with pytest.raises(UsageError, match=rf"stream has the cutoff {cutoff}, .* with 0 to 254: "):
        of_row(one, settings())


def test_a_cutoff_without_a_sliding_window_is_refused():
    one = in_stream("stream", 8_000, 0.05)
    known(one.detection).sliding_window = None
    with pytest.raises(UsageError, match="stream has a cutoff without a sliding window: "):
        of_row(one, settings())


def test_another_rate_is_looked_up_in_the_curve():
    one = in_stream("stream", 8_000, 0.05)
    curve = known(one.detection).conditions[0].det
    point = of_row(one, settings(cutoff_for=10.0))
    chosen = curve.threshold.index(known(point.point).threshold)
    assert curve.fa_per_hour[chosen] <= 10.0 < curve.fa_per_hour[chosen + 1]
    assert known(point.point).frr == pytest.approx(curve.frr[chosen], abs=0.5 / 40)
    assert point.cutoff == int(curve.threshold[chosen] * 255)


def test_a_rate_that_the_hours_do_not_resolve_is_refused():
    # Five hours.
    with pytest.raises(UsageError, match=r"cutoff_for: .* needs 10 hours .* resolve 0.2 an") as e:
        of_row(in_stream("stream", 8_000, 0.05), settings(cutoff_for=0.1))
    assert e.value.typed.startswith("--cutoff-for: ")


def test_a_cutoff_of_the_user_has_figures_only_where_it_was_measured():
    one = in_stream("stream", 8_000, 0.05)
    same = of_row(one, settings(cutoff=0.75))
    assert (same.probability_cutoff, same.cutoff) == (0.75, 191)
    assert known(same.point).frr == 0.05
    assert of_row(one, settings(cutoff=0.75, window=3)).point is None
    clean = known(one.detection).conditions[0]
    cutoffs = {int(threshold * 255) for threshold in clean.det.threshold}
    other = next(cutoff for cutoff in range(100, 250) if cutoff not in cutoffs | {191})
    assert of_row(one, settings(cutoff=probability(other))).point is None
    listed = of_row(one, settings(cutoff=clean.det.threshold[20]))
    assert known(listed.point).frr == pytest.approx(clean.det.frr[20])


def test_what_was_not_measured_has_no_cutoff():
    silent = in_stream("stream", 8_000, 0.05, detection=None)
    with pytest.raises(UsageError, match="was not measured in continuous sound"):
        of_row(silent, settings())
    with pytest.raises(UsageError, match="window") as error:
        of_row(silent, settings(cutoff=0.9))
    assert "measured no sliding window" in error.value.typed
    point = of_row(silent, settings(cutoff=0.9, window=4))
    assert (point.probability_cutoff, point.sliding_window, point.point) == (0.9, 4, None)


def test_a_cutoff_of_another_window_is_refused():
    with pytest.raises(UsageError, match="was measured with 5 outputs"):
        of_row(in_stream("stream", 8_000, 0.05), settings(window=6))


def test_a_row_without_a_threshold_is_refused_with_its_reason():
    one = in_stream("stream", 8_000, 0.05)
    chosen = known(one.detection).chosen
    chosen.cutoff, chosen.reason = None, "no threshold is strict enough"
    with pytest.raises(UsageError, match="no threshold is strict enough"):
        of_row(one, settings())


def test_a_file_of_others_has_the_cutoff_of_its_manifest_or_of_the_user():
    micro = {"probability_cutoff": 0.97, "sliding_window_size": 5}
    document = {"type": "micro", "wake_word": "x", "model": "x.tflite", "micro": micro}
    manifest = Manifest.model_validate(document)
    point = of_manifest(manifest, settings())
    assert (point.probability_cutoff, point.cutoff, point.sliding_window) == (0.97, 247, 5)
    changed = of_manifest(manifest, settings(cutoff=0.5))
    assert (changed.probability_cutoff, changed.sliding_window) == (0.5, 5)
    assert of_manifest(None, settings(cutoff=0.5, window=7)).sliding_window == 7
    for given in ({}, {"cutoff": 0.5}, {"window": 3}):
        with pytest.raises(UsageError, match="no manifest is beside it"):
            of_manifest(None, settings(**given))
    with pytest.raises(UsageError, match="a file has no measured curve"):
        of_manifest(manifest, settings(cutoff_for=1.0))


def test_a_model_of_windows_was_not_measured():
    with pytest.raises(UsageError, match="int8 was not measured"):
        of_row(row("int8"), settings())
