"""A row has the figures of each target; notes below the table say why a model does not run."""

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
    targets = {
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
    return targets | changed


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


def test_a_row_shows_the_figures_of_each_target(results):
    text = shown(targets(results))
    assert cells(text, "int8") == [
        "int8", "15.8", "118", "23,664", "1", "12", "26,264", "25,520", "11,464",
        "26,264", "25,520", "11,464", "yes",
    ]  # fmt: skip
    # "no" would mean that no decision differs.
    assert cells(text, "int4")[3:6] == ["no", "–", "–"]
    assert cells(text, "int4")[-1] == "no"
    assert cells(text, "older")[1:] == ["–"] * 12


def test_both_tables_fit_into_160_columns(results):
    results.variants[0].name = "sparse_clustered"
    first = results.variants[0].targets
    first["litert"].latency_us_p99 = 123_456
    first["ethos_u85"].inferences_per_second = 109_685
    console = Console(file=io.StringIO(), width=200, color_system=None)
    for renderable in (table(results), targets(results)):
        assert console.measure(renderable).minimum <= 160
    assert "sparse_clustered" in shown(targets(results))


def test_differences_of_floats_are_powers_of_ten(results):
    tflm = results.variants[0].targets["tflm"]
    for value, text in ((0.0, "0"), (1.2e-7, "1e-07"), (24.0, "24")):
        tflm.largest_difference = value
        assert cells(shown(targets(results)), "int8")[5] == text


def test_models_with_the_same_reason_share_a_sentence(results):
    sentences = target_notes(results)
    assert f"Not in TFLite Micro: dynamic_range, int4 ({HYBRID})." in sentences
    assert "Ethos-U55: ethos-u55-128." in sentences
    assert "Ethos-U85, int8, dynamic_range, int4: 1 op is the CPU's." in sentences
    # Each of ESPHome's obstacles is reported once.
    assert [sentence for sentence in sentences if "ESPHome" in sentence] == [
        "Not in ESPHome: dynamic_range, int4 (SOFTMAX is not among its ops).",
        "Not in ESPHome: dynamic_range (its input is float32 [1], not int8).",
        "Not in ESPHome: int4 (its input is int4 [1], not int8).",
    ]


def test_a_reason_of_all_models_names_none():
    missing = TargetResult(runs=False, tried=False, reason="not tried: install stapes[npu]")
    rows = [row(name, targets={"ethos_u55": missing}) for name in ("a", "b")]
    results = results_of(*rows)
    assert target_notes(results) == [
        "Not in Ethos-U55: every model (not tried: install stapes[npu])."
    ]
    # It may run there: the column is missing, it does not show "no".
    assert cells(shown(targets(results)), "a") == ["a"]


def test_a_run_without_targets_has_no_notes_on_them():
    assert target_notes(results_of(row("float32"))) == []
