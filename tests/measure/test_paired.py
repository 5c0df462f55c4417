"""McNemar's test equals SciPy's sign test on the clips that one model alone gets wrong."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from stapes.measure import paired
from stapes.measure.paired import mcnemar

flags = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200)


@given(flags)
def test_equals_scipy(pairs):
    wrong, other = np.array(pairs, bool).T
    result = mcnemar(wrong, other)
    b, c = int((wrong & ~other).sum()), int((~wrong & other).sum())
    assert (result.n, result.only_this_wrong, result.only_other_wrong) == (len(pairs), b, c)
    expected = binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert result.p == pytest.approx(expected, abs=1e-12)


@given(flags)
def test_the_order_of_the_models_does_not_change_p(pairs):
    wrong, other = np.array(pairs, bool).T
    assert mcnemar(wrong, other).p == mcnemar(other, wrong).p


def test_a_known_answer():
    # One model alone is wrong on nine of ten such clips: 2 * (1 + 10) / 1024.
    wrong, other = np.zeros((2, 100), bool)
    wrong[:9] = True
    other[9] = True
    assert mcnemar(wrong, other).p == pytest.approx(22 / 1024)


def test_other_clips_are_refused():
    with pytest.raises(ValueError, match="decisions on"):
        mcnemar(np.zeros(3, bool), np.zeros(4, bool))


def test_examples_run():
    assert doctest.testmod(paired).failed == 0
