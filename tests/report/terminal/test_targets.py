"""What targets make of a variant stands in its row, and why it does not run below the table."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.report.terminal.test_tables import cells, results_of, row, shown

from stapes.contracts.measurements import TargetResult
from stapes.report.terminal.tables import table
from stapes.report.terminal.targets import target_notes, targets

HYBRID = "Hybrid models are not supported on TFLite Micro (CONV_2D)"
NPU = TargetResult(
    runs=True,
    configuration="ethos-u55-128",
    flash_bytes=26_264,
    sram_bytes=25_520,
    weight_bytes=20_912,
    cycles=43_616,
    inferences_per_second=11463.683052,
)


def measured(**changed):
    """The targets of a row that runs on all."""
    found = {
        "litert": TargetResult(
            runs=True, latency_us_p50=15.84, latency_us_p99=118.4, configuration="one thread"
        ),
        "tflm": TargetResult(
            runs=True,
            arena_bytes=23_664,
            agrees=False,
            largest_difference=12.0,
            decisions_that_differ=1,
            n_compared=448,
        ),
        "ethos_u55": NPU,
        "ethos_u85": NPU.model_copy(update={"cpu_ops": ["X: y"], "reason": "1 op is the CPU's"}),
        "esphome": TargetResult(runs=True),
    }
    return found | changed


def no(reason):
    return TargetResult(runs=False, reason=reason)


@pytest.fixture
def results():
    esphome = "SOFTMAX is not among its ops; its input is {} [1], not int8"
    return results_of(
        row("int8", targets=measured()),
        row(
            "dynamic_range",
            targets=measured(tflm=no(HYBRID), esphome=no(esphome.format("float32"))),
        ),
        row("int4", targets=measured(tflm=no(HYBRID), esphome=no(esphome.format("int4")))),
        row("older", targets={"litert": TargetResult(runs=True)}),
    )


def test_the_main_table_shows_latency_and_arena(results):
    text = shown(table(results))
    assert cells(text, "int8")[-2:] == ["23,664", "15.8"]
    assert cells(text, "dynamic_range")[-2:] == ["no", "15.8"]
    assert cells(text, "older")[-2:] == ["–", "–"]


def test_a_row_shows_what_each_target_makes_of_it(results):
    text = shown(targets(results))
    assert cells(text, "int8") == [
        "int8", "15.8", "118", "23,664", "1", "12", "26,264", "25,520", "11,464",
        "26,264", "25,520", "11,464", "yes",
    ]  # fmt: skip
    # "no" would be read as "no decision differs".
    assert cells(text, "int4")[3:6] == ["no", "–", "–"]
    assert cells(text, "int4")[-1] == "no"
    assert cells(text, "older")[1:] == ["–"] * 12


def test_both_tables_fit_into_160_columns(results):
    results.variants[0].name = "sparse_clustered"
    found = results.variants[0].targets
    found["litert"].latency_us_p99 = 123_456
    found["ethos_u85"].inferences_per_second = 109_685
    console = Console(file=io.StringIO(), width=200, color_system=None)
    for each in (table(results), targets(results)):
        assert console.measure(each).minimum <= 160
    assert "sparse_clustered" in shown(targets(results))


def test_figures_of_floats_are_told_by_their_size(results):
    tflm = results.variants[0].targets["tflm"]
    for value, text in ((0.0, "0"), (1.2e-7, "1e-07"), (24.0, "24")):
        tflm.largest_difference = value
        assert cells(shown(targets(results)), "int8")[5] == text


def test_models_with_the_same_reason_stand_in_one_sentence(results):
    said = target_notes(results)
    assert f"Not in TFLite Micro: dynamic_range, int4 ({HYBRID})." in said
    assert "Ethos-U55: ethos-u55-128." in said
    assert "Ethos-U85, int8, dynamic_range, int4: 1 op is the CPU's." in said
    # Of what stands in ESPHome's way, each part is told once.
    assert [each for each in said if "ESPHome" in each] == [
        "Not in ESPHome: dynamic_range, int4 (SOFTMAX is not among its ops).",
        "Not in ESPHome: dynamic_range (its input is float32 [1], not int8).",
        "Not in ESPHome: int4 (its input is int4 [1], not int8).",
    ]


def test_what_holds_for_all_models_names_none():
    missing = TargetResult(runs=False, tried=False, reason="not tried: install stapes[npu]")
    rows = [row(name, targets={"ethos_u55": missing}) for name in ("a", "b")]
    results = results_of(*rows)
    assert target_notes(results) == [
        "Not in Ethos-U55: every model (not tried: install stapes[npu])."
    ]
    # It may well run there: there is no column of it, rather than "no".
    assert cells(shown(targets(results)), "a") == ["a"]


def test_a_run_of_before_there_were_targets_has_nothing_to_say():
    assert target_notes(results_of(row("float32"))) == []
