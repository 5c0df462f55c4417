"""The curve of results.json gives the points of the sweep that it was made from."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.contracts.measurements import Condition, OperatingPoint
from stapes.measure.device_rule import DeviceRule
from stapes.measure.kept_curve import KeptCurve
from stapes.measure.operating_points import at_rate, det
from stapes.measure.stream_curve import sweep
from stapes.measure.stream_outputs import StreamOutputs


def curve(seed):
    """A sweep of random outputs: 20 minutes without the word, and 30 words."""
    rng = np.random.default_rng(seed)

    def outputs(count, peaks):
        values = rng.integers(0, 30, count).astype(np.uint8)
        for place in peaks:
            values[place : place + 8] = rng.integers(90, 255)
        return values

    recordings = [outputs(20_000, rng.integers(100, 19_000, 40)) for _ in range(2)]
    words = [outputs(200, [120]) for _ in range(30)]
    clips = np.tile([3.4, 4.0], (30, 1))
    return sweep(StreamOutputs(recordings, ["a", "b"], words, clips), DeviceRule(), 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_a_rate_has_the_same_point_as_in_the_whole_curve(seed):
    whole = curve(seed)
    nothing = OperatingPoint()
    kept = KeptCurve(
        Condition(
            name="clean",
            snr_db=None,
            hours=whole.hours,
            words=whole.n_words,
            at_rates=[],
            at_clean_threshold=nothing,
            det=det(whole),
        )
    )
    for target in (3.5, 10.0, 30.0, 60.0, 100.0):
        expected, actual = at_rate(whole, target), at_rate(kept, target)
        assert (actual.false_accepts, actual.misses) == (expected.false_accepts, expected.misses)
        # The kept curve has the strictest of cutoffs with the same figures.
        assert actual.cutoff is not None
        assert expected.cutoff is not None
        assert actual.cutoff >= expected.cutoff
        assert actual.target_fa_per_hour == target
    assert at_rate(kept, 1.0).reason == at_rate(whole, 1.0).reason
    assert not at_rate(kept, 1.0).resolvable
