"""The table of a terminal has the figures of results.json."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.report.results_by_hand import misses, streamed

from stapes.contracts.evaluation import Check, Evaluation, LabelCount
from stapes.contracts.measurements import SkippedFile
from stapes.contracts.results import (
    Baseline,
    CastFault,
    Confusion,
    Data,
    Results,
    Split,
    VariantResult,
)
from stapes.contracts.streams import StreamForm
from stapes.model_files.lookup_tables import LookUpTables
from stapes.model_files.slimming import Slimmed
from stapes.report.terminal.tables import (
    check_lines,
    evaluation_lines,
    line,
    notes,
    skipped,
    slim_lines,
    table,
)
from stapes.targets.proof import Proof


def confusion(*counts):
    names = ("true_positives", "false_negatives", "false_positives", "true_negatives")
    return Confusion(**dict(zip(names, counts, strict=True)))


def row(name, **changed):
    return VariantResult(
        **{
            "name": name,
            "technique": f"post-training, {name}",
            "file": f"models/{name}.tflite",
            "sha256": name[0] * 64,
            "bytes": 80_000,
            "data_bytes": 79_000,
            "gzip_bytes": 70_000,
            "parameters": 20_226,
            "nonzero_parameters": 20_200,
            "accuracy": 0.925,
            "accuracy_ci95": (0.8012345678, 0.98),
            "n_test": 40,
            "confusion": confusion(18, 2, 1, 19),
            "layers": [],
            "notes": [],
            "targets": {},
            **changed,
        }
    )


def results_of(*rows, word="house", speakers=7, synthetic=False):
    return Results(
        word=word,
        seed=0,
        preset="default",
        versions={},
        data=Data(
            source="x",
            synthetic=synthetic,
            split_rule="by the speaker's name",
            shared_speakers=False,
            splits={
                "test": Split(positives=20, negatives=20, negatives_available=20, speakers=speakers)
            },
            skipped=[],
        ),
        baseline=Baseline(parameters=20_226, macs=1_388_164, kept_epoch=3),
        variants=list(rows),
    )


@pytest.fixture
def results():
    return results_of(
        row("float32"),
        row(
            "uint8",
            bytes=26_000,
            bytes_before_slim=28_000,
            data_bytes=20_632,
            gzip_bytes=19_000,
            accuracy=0.9,
            accuracy_ci95=(0.77, 0.96),
            confusion=confusion(17, 3, 1, 19),
            if_cast_unscaled=CastFault(
                accuracy=0.475, accuracy_ci95=(0.3, 0.6), confusion=confusion(19, 1, 20, 0)
            ),
            notes=["whoever casts gets 47.5 %"],
        ),
    )


def shown(*renderables):
    console = Console(file=io.StringIO(), width=160, color_system=None)
    for renderable in renderables:
        console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(text, name):
    """The cells of the line that begins with `name`."""
    [line] = [line for line in text.splitlines() if line.startswith(f"│ {name} ")]
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_the_table_shows_sizes_accuracy_and_errors(results):
    text = shown(table(results))
    assert cells(text, "float32") == [
        "float32", "80,000", "1.000", "70,000", "92.50 % (80.1 to 98.0)", "–", "2", "1",
    ]  # fmt: skip
    assert cells(text, "uint8") == [
        "uint8", "26,000", "0.325", "19,000", "90.00 % (77.0 to 96.0)", "-2.50", "3", "1",
    ]  # fmt: skip


def test_a_column_without_any_value_is_left_out():
    text = shown(table(results_of(row("float32", misses=misses(0.0625)), row("uint8"))))
    assert cells(text, "float32")[-1] == "6.25 % (3.1 to 12.5)"
    assert cells(text, "uint8")[-1] == "–"
    assert "FRR" not in shown(table(results_of(row("uint8"))))


def test_a_note_has_the_rate_of_frr_of_clips():
    run = results_of(row("float32", misses=misses(0.0625)))
    assert notes(run)[-1] == (
        "FRR of clips is at 0.5 % false positives: on 200 test clips of the word, with at most 2 "
        "of 400 other test clips above the threshold."
    )


def test_the_title_counts_the_test_clips(results):
    assert '"house": 40 test clips of 7 speakers, 20 of the word; x; each .tflite' in shown(
        table(results)
    )


@pytest.mark.parametrize("word", ["[red]go", "a [/b] c", "[bold]", "[link=x]"])
def test_brackets_in_a_word_are_no_markup(word):
    assert f'"{word}": 40 test clips' in shown(table(results_of(row("float32"), word=word)))


def test_rows_have_no_change_where_there_is_no_reference():
    assert len(cells(shown(table(results_of(row("uint8")))), "uint8")) == 6
    unmeasured = results_of(row("float32"), row("uint8", accuracy=None))
    assert cells(shown(table(unmeasured)), "uint8")[4:] == ["–", "2", "1"]


def test_a_new_row_is_one_line():
    assert line(row("float32")) == (
        "  float32: 80,000 bytes, accuracy 92.50 % (95 %: 80.1 to 98.0)"
    )
    refused = row("sparse", accuracy=None, accuracy_ci95=(0.0, 1.0))
    assert line(refused).startswith("  sparse: 80,000 bytes, accuracy –")


def test_a_new_detector_in_a_stream_has_no_figures_of_clips_yet():
    form = StreamForm(stride=3, step_ms=30.0, receptive_field=90)
    new = row("stream", bytes=8_000, accuracy=None, accuracy_ci95=(0.0, 1.0), stream=form)
    assert line(new) == "  stream: 8,000 bytes"


def test_in_continuous_sound_false_rejects_come_before_accuracy():
    text = shown(table(streamed()))
    assert cells(text, "stream") == [
        *("stream", "8,000", "11,000", "5.00 % (2.5 to 10.0)", "5.00 %", "0.12", "yes", "yes"),
        *("90.00 % (80.0 to 95.0)", "6.0"),
    ]
    assert cells(text, "float32")[2:8] == ["–"] * 6


def test_notes_name_their_model_and_the_split(results):
    assert notes(results)[0] == "Split by the speaker's name."
    assert notes(results)[-1] == "uint8: whoever casts gets 47.5 %."


def test_synthetic_speech_comes_first():
    assert "synthetic" in notes(results_of(row("float32"), synthetic=True))[0]


def files(n):
    return [SkippedFile(file=f"{number}.wav", reason="is empty") for number in range(n)]


def test_skipped_files_are_listed_with_their_reasons_up_to_a_limit():
    assert skipped([]) == []
    assert skipped(files(2)) == ["Skipped 2 files:", "  0.wav: is empty", "  1.wav: is empty"]
    assert len(skipped(files(20))) == 21
    many = skipped(files(21))
    assert many[0] == "Skipped 21 files:"
    assert len(many) == 22
    assert many[-1].startswith("  ... and 1 more")
    assert len(skipped(files(1001), most=1000)) == 1002


def test_an_evaluation_is_a_few_lines():
    evaluation = Evaluation(
        model="m.tflite",
        word="house",
        data="recordings",
        synthetic=False,
        split="test",
        split_rule="by the speaker's name",
        bytes=26_408,
        data_bytes=20_640,
        gzip_bytes=19_000,
        accuracy=0.9,
        accuracy_ci95=(0.77, 0.9612),
        n=40,
        positives=20,
        negatives=20,
        confusion=confusion(17, 3, 1, 19),
        skipped=files(1),
    )
    assert evaluation_lines(evaluation) == [
        "m.tflite: 26,408 bytes (20,640 of data, 19,000 gzipped)",
        "accuracy 90.00 % (95 %: 77.0 to 96.1) on 40 clips of the test split: 20 of the word, "
        "20 others",
        "misses 3 of 20; false positives 1 of 20",
        "Split by the speaker's name.",
        "Skipped 1 file:",
        "  0.wav: is empty",
    ]


def check_of(**changed):
    return Check(
        **{
            "data": "recordings[old]",
            "split_rule": "by the speaker's name",
            "synthetic": False,
            "usable": 12,
            "labels": [
                LabelCount(label="[noise]", train=1, validation=2, test=3),
                LabelCount(label="[/b]", train=4, validation=0, test=2),
            ],
            "speakers": {"train": 3, "validation": None, "test": 2},
            "skipped": files(30),
            **changed,
        }
    )


def test_a_corpus_is_listed_by_label_whatever_their_names():
    text = shown(*check_lines(check_of())[:1])
    assert "recordings[old]: 12 usable clips" in text
    assert cells(text, "[noise]") == ["[noise]", "1", "2", "3"]
    assert cells(text, "[/b]") == ["[/b]", "4", "0", "2"]


def test_known_speakers_are_counted():
    assert "Speakers: train 3, test 2." in check_lines(check_of())
    unknown = {"train": None, "validation": None, "test": None}
    assert "The speakers are unknown." in check_lines(check_of(speakers=unknown))


def test_a_check_lists_every_skipped_file():
    assert check_lines(check_of())[-1] == "  29.wav: is empty"


def test_a_file_for_tflite_micro_alone_says_so_without_tables():
    proof = Proof(("tflm",), {}, 8, 8, None)
    tables = LookUpTables([], [], 900, 5000, 5000, None)
    lines = slim_lines(Slimmed("a.tflite", "b.tflite", "tflm", 1000, 900, proof, tables))
    assert lines[0].startswith("b.tflite: 900 bytes, 100 (10 %) less than a.tflite with 1,000")
    assert "for TFLite Micro alone" in lines[-1]
