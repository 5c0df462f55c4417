"""Each figure has the values of results.json."""

from __future__ import annotations

import math

import pytest
from tests.report.results_by_hand import (
    LEVELS,
    in_stream,
    known,
    measured,
    results,
    row,
    streamed,
    streams,
    whole,
)

from stapes.contracts.layers import Layer
from stapes.contracts.results import Baseline
from stapes.report.figures.results import conditions, det, noise, training
from stapes.report.page import weights as page_weights
from stapes.report.style import looks


@pytest.fixture(scope="module")
def run():
    return whole()


def by_name(chart):
    return {series.name: series for series in chart.series}


def test_the_recommended_variant_float32_and_the_front_are_in_colour(run):
    look_of = looks(run)
    assert run.recommendation.variant == "int8"
    assert [name for name, its in look_of.items() if its.chosen] == ["int8", "float32", "small"]
    assert look_of["int8"].colour == 0
    assert [look_of[row.name].variant for row in run.variants] == [0, 1, 2, 3]


def test_the_float_model_in_colour_is_that_of_the_rows_that_sound_decides():
    run = streamed()
    run.variants.append(in_stream("stream_float32", 14_000, 0.25))
    chosen = [name for name, its in looks(run).items() if its.chosen]
    assert chosen == ["stream", "stream_float32"]


def test_no_more_are_in_colour_than_there_are_colours():
    rows = [row(f"m{n}", 1_000 * (n + 1), 10 + n) for n in range(20)]
    assert sum(its.chosen for its in looks(results(*rows)).values()) == 7


def test_curves_in_each_condition(run):
    assert conditions(run) == ["clean", "20 dB", "10 dB", "5 dB", "0 dB"]
    clean, loud = known(det(run, "clean")), known(det(run, "0 dB"))
    assert [series.name for series in clean.series] == ["float32", "int8", "qat", "small"]
    assert max(by_name(loud)["int8"].y[:-1]) > max(by_name(clean)["int8"].y[1:-1])
    assert det(run, "no such") is None


def test_zero_is_at_half_of_one_false_accept_or_miss(run):
    chart = known(det(run, "clean"))
    # 3 hours and 20 words.
    assert chart.x.ticks[0] == (pytest.approx(1 / 6), "0")
    assert chart.y.ticks[0] == (pytest.approx(2.5), "0")
    for series in chart.series:
        assert min(series.x) >= 1 / 6
        assert min(series.y) >= 2.5
        assert len(series.x) == len(series.values) <= 150


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    bare = measured(results(row("float32")))
    first = bare.variants[0].detection.conditions[0]
    first.det.threshold[:] = [1 - n / 999 for n in range(1_000)]
    first.det.fa_per_hour[:] = [float(n) for n in range(1_000)]
    first.det.frr[:] = [1 - n / 999 for n in range(1_000)]
    [series] = known(det(bare, "clean")).series
    assert len(series.x) == 150
    assert (series.values[0][2], series.values[-1][2]) == ("1.000", "0.000")
    assert series.x[-1] == 999


def test_noise_keeps_the_clean_threshold(run):
    chart = known(noise(run))
    assert [text for _, text in chart.x.ticks] == conditions(run)
    int8 = by_name(chart)["int8"]
    conditions_of_int8 = run.variants[1].detection.conditions
    assert int8.y == [100 * condition.at_clean_threshold.frr for condition in conditions_of_int8]
    assert len(int8.y) == len(LEVELS)
    assert "FRR 5.00 % of 20 words" in int8.hover[0]


def test_training_has_a_chart_for_each_measure(run):
    [chart] = training(run)
    series = by_name(chart)
    assert series["training"].y == [1.0, 0.5, 0.25]
    assert series["validation"].x == [1, 2, 3]
    assert chart.mark == (3.0, "kept: epoch 3")


def test_a_metric_of_validation_alone_has_a_chart():
    history = {"loss": [1.0, 0.5], "val_loss": [0.9, 0.6], "val_frr": [0.5, 0.25]}
    charts = training(results(baseline=Baseline(parameters=1, macs=1, history=history)))
    assert [chart.key for chart in charts] == ["training-0", "training-1"]
    assert charts[1].title == "FRR of the baseline"
    [series] = charts[1].series
    assert (series.name, series.y) == ("validation", [0.5, 0.25])


def test_the_detectors_in_a_stream_have_their_own_training(run):
    later = streams(history={"loss": [1.5, 0.75], "val_frr": [0.5, 0.125]}, kept_epoch=2)
    charts = training(run.model_copy(update={"streams": later}))
    assert [chart.title for chart in charts] == [
        "loss of the baseline",
        "loss of the detectors in a stream",
        "FRR of the detectors in a stream",
    ]
    assert len({chart.key for chart in charts}) == 3
    assert by_name(charts[2])["validation"].y == [0.5, 0.125]
    assert charts[2].mark == (2.0, "kept: epoch 2")


def test_detectors_in_a_stream_alone_are_the_baseline_and_have_one_chart(run):
    alone = streams(history=run.baseline.history)
    [chart] = training(run.model_copy(update={"streams": alone}))
    assert chart.title == "loss of the detectors in a stream"


def test_a_loss_that_diverged_is_left_out():
    baseline = Baseline(parameters=1, macs=1, history={"loss": [1.0, math.nan, math.inf]})
    [chart] = training(results(baseline=baseline))
    assert chart.series[0].x == [1]


def test_bytes_add_up_to_the_files(run):
    bars = known(page_weights.bytes_by_kind(run))
    sums = [sum(values[n] for _, values in bars.parts) for n in range(len(bars.rows))]
    assert sums == [row.bytes for row in run.variants]
    assert bars.parts[0][0] == "weights"


def test_kinds_beyond_the_colours_are_one():
    kinds = {f"kind{n}": 100 - n for n in range(12)}
    bars = known(page_weights.bytes_by_kind(results(row("float32", bytes_by_kind=kinds))))
    assert [name for name, _ in bars.parts] == [f"kind{n}" for n in range(6)] + ["other"]
    assert sum(values[0] for _, values in bars.parts) == sum(kinds.values())


def test_sparsity_by_layer_where_models_have_other_layers():
    def layer(name, zeros):
        return Layer(
            name=name,
            weights=10,
            zeros=zeros,
            distinct=3,
            biases=1,
            nonzero_biases=1,
            compliance_2by4=0.5,
            note="kept",
        )

    table = known(
        page_weights.sparsity(
            results(row("float32", layers=[layer("a", 0)]), row("int8", layers=[layer("b", 5)]))
        )
    )
    assert table.layers == ["a", "b"]
    [(_, first), (_, second)] = table.rows
    assert (first[0].zero, first[1]) == (0, None)
    assert (second[0], second[1].zero) == (None, 0.5)
    assert (
        second[1].title == "5 of 10 weights are zero; 50 % of the groups of four have two "
        "zeros or more; kept"
    )


def test_distributions_by_variant(run):
    panels = page_weights.distributions(run)
    assert list(panels) == ["float32", "int8", "qat", "small"]
    assert panels["int8"][1].detail == "1,000 weights, 80.0 % zero, 16 distinct"
    assert page_weights.first_shown(run, panels) == "int8"


def test_an_older_run_has_no_such_figures():
    bare = results(row("float32"), baseline=Baseline(parameters=1, macs=1))
    assert conditions(bare) == []
    assert noise(bare) is None
    assert training(bare) == []
    assert page_weights.bytes_by_kind(bare) is None
    assert page_weights.sparsity(bare) is None
    assert page_weights.distributions(bare) == {}
