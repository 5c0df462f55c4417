"""A column is one entry: the terminal, results.csv and the page draw from it."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console
from tests.report.results_by_hand import misses, results, row, searched, streamed, whole

from stapes.contracts.measurements import Difference, TargetResult
from stapes.contracts.results import CastFault, VariantResult
from stapes.report.column import Column, follow
from stapes.report.columns import COLUMNS, columns, csv_columns
from stapes.report.page.build import page
from stapes.report.page.comparison import KEYS as COMPARED
from stapes.report.page.table import MODELS as ON_PAGE
from stapes.report.page.table import rows, shown_columns
from stapes.report.page.words import KEYS as OF_WORDS
from stapes.report.target_columns import shown_figures
from stapes.report.terminal.tables import MODELS, table
from stapes.report.trial_columns import TRIALS
from stapes.report.writing import write_csv

WORSE = Difference(difference=0.0625, ci95=(0.0, 0.125), p=0.03125)


@pytest.fixture
def lines(tmp_path):
    """A function that reads the lines of results.csv of a run as mappings."""

    def read(run):
        write_csv(run, tmp_path / "results.csv")
        text = (tmp_path / "results.csv").read_bytes().decode("utf-8")
        assert "\r" not in text
        return list(csv.DictReader(io.StringIO(text)))

    return read


def text_of(renderable):
    file = io.StringIO()
    Console(file=file, width=200, color_system=None).print(renderable)
    return file.getvalue()


def test_a_toy_column_is_in_the_terminal_in_results_csv_and_on_the_page(monkeypatch, lines):
    toy: Column[VariantResult] = Column(
        "letters", "letters", "Letters of the name.", lambda row, _: len(row.name), str
    )
    monkeypatch.setitem(COLUMNS, "letters", toy)
    run = whole()
    terminal = text_of(table(run, (*MODELS, "letters")))
    assert "letters" in terminal
    assert [line["letters"] for line in lines(run)] == ["7", "4", "3", "5"]
    # The page has it among the details, where no list of keys has it.
    assert ("letters", "7") in rows(run, shown_columns(run))[0].details
    assert "Letters of the name." in page(run)
    shown = shown_columns(run, (*ON_PAGE, "letters"))
    assert [model.cells[-1].text for model in rows(run, shown)] == ["7", "4", "3", "5"]


def test_every_key_that_a_table_shows_is_a_column():
    shown = {*MODELS, *ON_PAGE, *COMPARED, *OF_WORDS, *shown_figures()}
    assert shown <= COLUMNS.keys()


def test_titles_are_unique_and_help_is_one_sentence():
    every = columns(whole())
    titles = [column.title for column in every]
    assert len(set(titles)) == len(titles)
    sentences = [column.help for column in every] + [column.help for column in TRIALS.values()]
    for sentence in sentences:
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence.endswith(".")
        assert sentence.count(". ") == 0


def test_each_rate_has_a_name_of_its_own():
    titles = {key: COLUMNS[key].title for key in ("false_negatives", "frr", "frr_at_fpr")}
    assert titles == {
        "false_negatives": "misses",
        "frr": "FRR in sound",
        "frr_at_fpr": "FRR of clips",
    }


def test_results_csv_has_every_value_with_all_its_digits(lines):
    fault = row("uint8").confusion
    run = results(
        row("float32", accuracy_ci95=(0.8012345678, 0.98)),
        row(
            "uint8",
            right=34,
            misses=misses(0.0625, WORSE),
            if_cast_unscaled=CastFault(accuracy=0.475, accuracy_ci95=(0.3, 0.6), confusion=fault),
        ),
    )
    first, second = lines(run)
    assert first["accuracy_low95"] == "0.8012345678"
    assert first["accuracy_if_cast_unscaled"] == first["frr"] == ""
    known = {key: value for key, value in second.items() if value}
    assert known == {
        "name": "uint8",
        "technique": "post-training, uint8",
        "bytes": "80000",
        "bytes_before_slim": "82000",
        "data_bytes": "79000",
        "gzip_bytes": "75000",
        "size_ratio": "1.0",
        "parameters": "20226",
        "nonzero_parameters": "20200",
        "accuracy": "0.85",
        "accuracy_low95": "0.75",
        "accuracy_high95": "0.9",
        "accuracy_against_float32": str(0.85 - 0.9),
        "n_test": "40",
        "true_positives": "17",
        "false_negatives": "3",
        "false_positives": "3",
        "true_negatives": "17",
        "accuracy_if_cast_unscaled": "0.475",
        "frr_at_fpr": "0.0625",
        "frr_at_fpr_low95": "0.03125",
        "frr_at_fpr_high95": "0.125",
        "frr_at_fpr_percent": "0.5",
        "frr_at_fpr_against_float32": "0.0625",
        "frr_at_fpr_against_float32_low95": "0.0",
        "frr_at_fpr_against_float32_high95": "0.125",
        "frr_at_fpr_against_float32_p": "0.03125",
        "sha256": "0" * 64,
    }


def test_results_csv_has_the_figures_of_continuous_sound(lines):
    line = lines(whole())[1]
    point = whole().variants[1].detection.chosen
    assert float(line["frr"]) == point.frr
    assert (float(line["frr_low95"]), float(line["frr_high95"])) == point.frr_ci95
    assert float(line["fa_per_hour"]) == point.fa_per_hour
    assert (line["threshold"], line["frr_against_float32_p"]) == ("0.8", "0.2")
    # Three hours do not resolve 0.1 false accepts per hour.
    assert (line["frr_at_0.1_fa_per_hour"], line["frr_at_2_fa_per_hour"]) == ("", "0.0")
    assert float(line["frr_at_0_db"]) > float(line["frr_at_20_db"])


def test_results_csv_has_the_figures_of_detectors_in_a_stream(lines):
    first, _, window = lines(streamed())
    known = {
        "frr": "0.05",
        "frr_at_10_db": "0.05",
        # The rate of the thresholds has its column too, for who compares runs.
        "frr_at_1_fa_per_hour": "0.05",
        "delay_seconds_p50": "0.125",
        "delay_seconds_p95": "0.5",
        "cutoff": "191",
        "probability_cutoff": "0.751",
        "steps_to_spare": "64",
        "step_ms": "30.0",
        "receptive_field_ms": "900.0",
        "step_macs": "",
        "esphome_runs": "yes",
        "tflm_agrees": "yes",
    }
    assert {key: first[key] for key in known} == known
    assert {window[key] for key in known} == {""}


def test_a_step_of_a_row_with_other_sizes_has_no_known_cost(lines):
    run = streamed()
    run.variants.append(
        run.variants[1].model_copy(update={"name": "stream_float32", "parameters": 20_226})
    )
    run.variants[1].parameters = 900
    assert [line["step_macs"] for line in lines(run)] == ["3552", "", "", "3552"]


def test_a_row_says_why_it_is_not_recommended(lines):
    run = streamed()
    run.recommendation.unfit = {"stream_qat": ["it misses 25.0 % of the words", "it is large"]}
    assert [line["unfit"] for line in lines(run)] == [
        *("", "it misses 25.0 % of the words; it is large", "")
    ]
    details = rows(run, shown_columns(run))[1].details
    assert ("not recommended", "it misses 25.0 % of the words; it is large") in details


def test_results_csv_begins_with_what_matters(lines):
    assert list(lines(streamed())[0])[:11] == [
        *("name", "bytes", "tflm_arena_bytes", "frr", "frr_low95", "frr_high95"),
        *("frr_at_10_db", "frr_at_10_db_low95", "frr_at_10_db_high95", "delay_seconds_p50"),
        "esphome_runs",
    ]


def test_the_title_of_frr_names_the_rate_that_all_rows_have():
    run = streamed()
    assert columns(run, ["frr"])[0].title == "FRR at 1 FA/h"
    assert len(columns(run)) == len(csv_columns(run)) - 1
    run.variants[0].detection.chosen.target_fa_per_hour = 2.5244
    assert columns(run, ["frr"])[0].title == "FRR in sound"
    for row_ in run.variants[:2]:
        row_.detection.chosen.target_fa_per_hour = 2.5244
    assert columns(run, ["frr"])[0].title == "FRR at 2.52 FA/h"
    assert len(columns(run)) == len(csv_columns(run))


def test_results_csv_has_the_figures_of_the_targets(lines):
    npu = TargetResult(runs=True, flash_bytes=26_264, inferences_per_second=11463.5)
    tflm = TargetResult(
        runs=True, arena_bytes=23_664, agrees=False, decisions_that_differ=1, n_compared=448
    )
    partly = npu.model_copy(update={"cpu_ops": ["X: y"]})
    targets = {"tflm": tflm, "ethos_u55": npu, "ethos_u85": partly}
    refused = {"tflm": TargetResult(runs=False, reason="hybrid")}
    first, second = lines(results(row("int8", targets=targets), row("float16", targets=refused)))
    figures = {key: first[key] for key in first if first[key] and key.startswith(("tflm", "ethos"))}
    assert figures == {
        "tflm_runs": "yes",
        "tflm_arena_bytes": "23664",
        "tflm_agrees": "no",
        "tflm_decisions_that_differ": "1",
        "tflm_n_compared": "448",
        "ethos_u55_runs": "yes",
        "ethos_u55_flash_bytes": "26264",
        "ethos_u55_inferences_per_second": "11463.5",
        "ethos_u85_runs": "in part",
        "ethos_u85_flash_bytes": "26264",
        "ethos_u85_inferences_per_second": "11463.5",
    }
    assert (second["tflm_runs"], second["tflm_arena_bytes"], second["litert_runs"]) == (
        "no",
        "",
        "",
    )


def test_a_cell_has_its_text_interval_and_note():
    run = results(row("float32"), row("int8", misses=misses(0.0625, WORSE)))
    cell = COLUMNS["frr_at_fpr"].cell(run.variants[1], run)
    assert str(cell) == "6.25 % (3.1 to 12.5)"
    assert cell.note == "at 0.5 % false positives, threshold 0.875"
    difference = COLUMNS["frr_at_fpr_against_float32"].cell(run.variants[1], run)
    assert str(difference) == "+6.25 (+0.0 to +12.5)"
    absent = COLUMNS["frr_at_fpr"].cell(run.variants[0], run)
    assert (str(absent), absent.value) == ("–", None)


def test_a_trial_has_the_columns_of_a_model_under_the_same_titles():
    run = searched()
    assert run.search is not None
    best = run.search.trials[12]
    cells = {key: column.cell(best, run).text for key, column in TRIALS.items()}
    assert (cells["bytes"], cells["macs"], cells["frr"]) == ("3,900", "117,000", "1.25 %")
    assert TRIALS["bytes"].title == COLUMNS["bytes"].title


def test_a_path_ends_at_the_first_part_that_is_absent_and_a_wrong_one_is_an_error():
    model = row("int8", targets={"tflm": TargetResult(runs=True, arena_bytes=5)})
    assert follow(model, "targets.tflm.arena_bytes") == 5
    assert follow(model, "targets.litert.arena_bytes") is None
    assert follow(model, "detection.chosen.frr") is None
    with pytest.raises(AttributeError, match="arena"):
        follow(model, "targets.tflm.arena")
