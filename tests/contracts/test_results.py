"""results.json is read as it was written, and any other file is refused."""

from __future__ import annotations

import json
import math

import pytest
from pydantic import ValidationError

from stapes.contracts.layers import Layer
from stapes.contracts.measurements import SkippedFile, TargetResult
from stapes.contracts.results import (
    Baseline,
    CastFault,
    Confusion,
    Data,
    Results,
    Split,
    VariantResult,
    read,
    write,
)
from stapes.errors import StapesError


def row(**changed):
    return VariantResult(
        **{
            "name": "uint8",
            "technique": "post-training full integer",
            "settings": {"calibration_clips": 200, "scheme": "x", "per_channel": True, "cut": 0.5},
            "file": "models/uint8.tflite",
            "sha256": "ab" * 32,
            "bytes": 26_048,
            "data_bytes": 20_632,
            "gzip_bytes": 19_000,
            "parameters": 20_226,
            "nonzero_parameters": 20_100,
            "accuracy": 1 / 3,
            "accuracy_ci95": (0.1, 0.7),
            "n_test": 9,
            "confusion": confusion(1, 2, 4, 2),
            "layers": [
                Layer(
                    name="conv",
                    weights=288,
                    zeros=3,
                    distinct=120,
                    biases=32,
                    nonzero_biases=31,
                    compliance_2by4=1 / 3,
                    note="größer",
                )
            ],
            "notes": ["a note"],
            "targets": {
                "litert": TargetResult(runs=True),
                "tflm": TargetResult(runs=False, reason="no DENSIFY"),
            },
            **changed,
        }
    )


def confusion(*counts):
    names = ("true_positives", "false_negatives", "false_positives", "true_negatives")
    return Confusion(**dict(zip(names, counts, strict=True)))


@pytest.fixture
def results():
    return Results(
        word="höuse",
        seed=2**32 - 1,
        preset="default",
        versions={"python": "3.11.0"},
        data=Data(
            source="recordings",
            synthetic=False,
            split_rule="by speaker",
            shared_speakers=False,
            splits={
                "train": Split(positives=5, negatives=5, negatives_available=50, speakers=None),
                "test": Split(positives=3, negatives=6, negatives_available=6, speakers=4),
            },
            skipped=[SkippedFile(file="a.wav", reason="is empty")],
        ),
        baseline=Baseline(
            kept_epoch=1,
            parameters=20_226,
            macs=1_388_164,
            accuracy=0.5,
            history={"loss": [0.7, 0.1 + 0.2]},
        ),
        variants=[
            row(),
            row(
                name="float32",
                accuracy=None,
                if_cast_unscaled=CastFault(
                    accuracy=0.5, accuracy_ci95=(0.2, 0.8), confusion=confusion(0, 0, 0, 0)
                ),
            ),
        ],
    )


@pytest.fixture
def path(tmp_path, results):
    write(results, tmp_path / "results.json")
    return tmp_path / "results.json"


def changed(path, change):
    """The file after `change` of its document."""
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")
    return path


def refusal(path):
    with pytest.raises(StapesError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_reading_gives_the_written_results(path, results):
    assert read(path) == results


def test_the_same_results_are_the_same_bytes(path, results):
    before = path.read_bytes()
    write(read(path), path)
    assert path.read_bytes() == before
    assert before.endswith(b"}\n")


def test_the_key_of_the_schema_is_schema(path):
    document = json.loads(path.read_text("utf-8"))
    assert next(iter(document)) == "schema"
    assert document["schema"] == 1
    assert "schema_version" not in document


def test_the_file_has_the_keys_of_the_contract_and_no_other(path):
    document = json.loads(path.read_text("utf-8"))
    assert set(document) == {
        "schema", "word", "seed", "preset", "versions", "data", "baseline", "variants",
        "settings", "clips", "detection", "recommendation", "streams", "search",
        "before",
    }  # fmt: skip
    assert set(document["data"]["splits"]["test"]) == {
        "positives", "negatives", "negatives_available", "speakers",
    }  # fmt: skip
    assert {"name", "technique", "file", "sha256", "bytes", "data_bytes", "gzip_bytes",
            "parameters", "nonzero_parameters", "accuracy", "accuracy_ci95", "n_test",
            "confusion", "layers", "notes", "targets"} <= set(document["variants"][0])  # fmt: skip


def test_both_names_of_the_schema_are_accepted(results):
    fields = dict(vars(results))
    assert Results(**fields) == results
    fields["schema"] = fields.pop("schema_version")
    assert Results(**fields) == results


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_diverged_is_read_again_and_is_still_json(tmp_path, results, value):
    results.baseline.history["loss"] = [0.5, value]
    write(results, tmp_path / "results.json")

    def no_constant(name):
        raise AssertionError(f"{name} is not JSON")

    json.loads((tmp_path / "results.json").read_text("utf-8"), parse_constant=no_constant)
    again = read(tmp_path / "results.json").baseline.history["loss"]
    assert again == pytest.approx([0.5, value], nan_ok=True)


def test_an_absent_file_is_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "results.json")


def test_a_folder_is_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b'"text"'])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    assert "schema 1" in refusal(path)


def test_a_cut_file_is_refused(path):
    whole = path.read_bytes()
    for end in range(0, len(whole) - 2, 97):
        path.write_bytes(whole[:end])
        assert "schema 1" in refusal(path)


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_another_schema_is_refused(path, schema):
    assert "schema 1" in refusal(changed(path, lambda all_: all_.update(schema=schema)))


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(more=1),
        lambda document: document["data"].update(more=1),
        lambda document: document["variants"][0].update(latency=1),
        lambda document: document["variants"][0]["confusion"].update(more=1),
        lambda document: document["variants"][0]["layers"][0].update(more=1),
        lambda document: document["variants"][0]["targets"]["litert"].update(more=1),
        lambda document: document["baseline"].update(more=1),
    ],
)
def test_an_unknown_key_is_refused(path, change):
    assert "schema 1" in refusal(changed(path, change))


@pytest.mark.parametrize("key", ["word", "seed", "versions", "data", "baseline", "variants"])
def test_a_missing_key_is_refused(path, key):
    assert "schema 1" in refusal(changed(path, lambda document: document.pop(key)))


def test_a_row_with_wrong_types_is_refused():
    for wrong in ({"bytes": "many"}, {"accuracy_ci95": (0.1,)}, {"confusion": None}):
        with pytest.raises(ValidationError):
            row(**wrong)


def test_writing_leaves_one_file(path, results):
    write(results, path)
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]


def test_float32_is_the_row_of_that_name_or_none(results):
    reference = row(name="float32")
    results.variants = [row(), reference]
    assert results.float32 is reference
    results.variants = [row()]
    assert results.float32 is None
