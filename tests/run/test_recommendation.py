"""The recommended variant fits and is on the front; if none fits, the sentence says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.run.rows_by_hand import N, results, variant

from stapes.contracts.measurements import Paired, TargetResult
from stapes.run.recommendation import front, recommend


def row(name, size, errors=0, **figures):
    """A variant of so many errors."""
    return variant(name, size, range(errors), **figures)


ROWS = (
    row("float32", 82_000, errors=2, arena=86_000, latency_us=40),
    row("int8", 23_000, errors=2, arena=24_000, latency_us=20),
    row("dynamic", 22_000, errors=2, latency_us=15, tflm=False),
    row("lut", 14_000, errors=3, arena=30_000, latency_us=None, litert=False),
    row("student", 5_000, errors=8, arena=7_000, latency_us=10),
)


@pytest.mark.parametrize(
    ("budget", "max_drop", "expected"),
    [
        ({}, 0.5, "lut"),
        ({}, 0.4, "int8"),
        ({}, 3.0, "student"),
        ({"flash": 20_000.0}, 0.5, "lut"),
        ({"flash": 24_000.0, "arena": 24_000.0}, 0.5, "int8"),
        ({"latency": 1.0}, 0.5, "dynamic"),
        ({"flash": 30_000.0, "latency": 1.0}, 0.5, "int8"),
    ],
)
def test_the_smallest_that_fits_is_recommended(budget, max_drop, expected):
    recommendation = recommend(results(*ROWS), budget, max_drop)
    assert recommendation.variant == expected
    assert recommendation.sentence.startswith(f"By test clips alone, {expected}, ")
    assert recommendation.budget == budget


def test_the_sentence_says_why_and_what_it_costs():
    rows = list(ROWS)
    paired = Paired(n=N, only_this_wrong=3, only_other_wrong=2, p=0.625)
    rows[3] = rows[3].model_copy(update={"against_float32": paired})
    recommendation = recommend(results(*rows), {"flash": 20_000.0}, 0.5)
    assert recommendation.sentence == (
        "By test clips alone, lut, 14,000 bytes. Of 5 variants it alone runs in TFLite Micro, fits "
        "flash 20,000 bytes and loses at most 0.5 points of accuracy. It has 98.50 % of 200 test "
        "clips right, 0.50 points below float32, McNemar p = 0.62 and an arena of 30,000 bytes. "
        "What serves in continuous sound was not measured: name recordings with "
        "--continuous, and measure with --detect all."
    )
    assert recommendation.max_frr is None
    assert recommendation.unfit["dynamic"] == [
        "it does not run in TFLite Micro",
        "flash is 2,000 bytes over",
    ]
    assert "lut" not in recommendation.unfit


def test_a_variant_that_decides_at_chance_is_not_recommended():
    # 90 of 200 clips wrong: always "no" has 100 right.
    guess = variant("guess", 100, range(55, 145))
    recommendation = recommend(results(variant("float32", 9_000), guess), {}, 99.0)
    assert recommendation.variant == "float32"
    assert recommendation.unfit == {"guess": ["it decides at chance"]}


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"arena": 1_000.0}, "its arena was not measured"),
        ({"latency": 0.001}, "its latency was not measured"),
    ],
)
def test_a_limit_that_nothing_was_measured_for_is_exceeded(budget, reason):
    alone = {"litert": TargetResult(runs=True)}
    rows = [
        variant(name, 100).model_copy(update={"targets": alone}) for name in ("float32", "int8")
    ]
    recommendation = recommend(results(*rows), budget, 0.5)
    assert recommendation.variant is None
    assert reason in recommendation.sentence


def test_latencies_that_differ_in_the_third_digit_are_the_same():
    rows = [variant("float32", 9, latency_us=40.0), variant("int8", 5, latency_us=15.764)]
    rows.append(variant("pruned_int8", 5, latency_us=15.763))
    assert front(rows) == ["int8", "pruned_int8"]


@pytest.mark.parametrize(
    ("budget", "max_drop", "parts"),
    [
        ({"flash": 4_000.0}, 5.0, ["Nearest: student (flash is 1,000 bytes over"]),
        (
            {"flash": 13_000.0, "arena": 24_000.0},
            0.5,
            ["Nearest: lut (flash is 1,000 bytes over and arena is 6,000 bytes over"],
        ),
        (
            {"flash": 6_000.0},
            1.0,
            [
                "Nearest: lut (flash is 8,000 bytes over); student (accuracy is 3.00 points",
                "below float32, 2.00 too many)",
            ],
        ),
        ({"latency": 0.012}, 0.5, ["Nearest: dynamic (latency is 0.003 ms over"]),
    ],
)
def test_if_none_fits_the_sentence_names_the_limit_and_the_excess(budget, max_drop, parts):
    recommendation = recommend(results(*ROWS), budget, max_drop)
    assert recommendation.variant is None
    assert recommendation.sentence.startswith("No variant fits ")
    for part in parts:
        assert part in recommendation.sentence


def test_without_tflite_micro_litert_decides():
    rows = [row.model_copy(update={"targets": {"litert": row.targets["litert"]}}) for row in ROWS]
    recommendation = recommend(results(*rows), {"flash": 22_500.0}, 0.5)
    assert recommendation.variant == "dynamic"
    assert "runs in LiteRT" in recommendation.sentence


def test_without_float32_nothing_is_recommended():
    recommendation = recommend(results(*ROWS[1:]), {}, 0.5)
    assert recommendation.variant is None
    assert "Nothing can be recommended" in recommendation.sentence


def test_the_front_is_what_no_other_beats():
    # float32 costs more in everything than int8; dynamic has no arena, but is smaller and faster.
    assert front(list(ROWS)) == ["student", "lut", "dynamic", "int8"]


drawn_variants = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.integers(0, 4),
        st.one_of(st.none(), st.integers(1, 4)),
        st.one_of(st.none(), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=12,
)


@given(drawn_variants, st.integers(1, 6), st.floats(0, 3))
def test_what_is_recommended_fits_and_is_on_the_front(drawn, flash, max_drop):
    rows = [row("float32", 6, errors=1, arena=5, latency_us=5)]
    rows += [
        row(f"v{n}", size, errors, arena=arena, latency_us=latency, tflm=arena is not None)
        for n, (size, errors, arena, latency) in enumerate(drawn)
    ]
    recommendation = recommend(results(*rows), {"flash": float(flash)}, max_drop)
    fitting = [
        candidate
        for candidate in rows
        if candidate.targets["tflm"].runs
        and candidate.bytes <= flash
        and round(100 * ((1 - 1 / N) - candidate.accuracy) - max_drop, 9) <= 0
    ]
    if not fitting:
        assert recommendation.variant is None
        return
    best = next(row for row in rows if row.name == recommendation.variant)
    assert best in fitting
    assert best.bytes == min(row.bytes for row in fitting)
    equal = {cost(row) for row in rows if row.name in recommendation.front}
    assert cost(best) in equal


def cost(row):
    return (
        row.bytes,
        row.targets["tflm"].arena_bytes,
        row.targets["litert"].latency_us_p50,
        row.accuracy,
    )
