"""Manifests of microWakeWord models: version 2 as ESPHome knows it, and version 1."""

from __future__ import annotations

import json

import pytest

from stapes.contracts.manifest import Manifest, Micro, read, write
from stapes.errors import StapesError, UsageError

# The keys of ESPHome's schema of version 2: with any other, it refuses a manifest.
KEYS = ["type", "wake_word", "author", "website", "model", "trained_languages", "version", "micro"]
MICRO = [
    "probability_cutoff",
    "sliding_window_size",
    "feature_step_size",
    "tensor_arena_size",
    "minimum_esphome_version",
]


def manifest(**changed):
    whole = {
        "type": "micro",
        "wake_word": "Hé, Computer",
        "author": "A. Person",
        "website": "https://example.org/words",
        "model": "he_computer.tflite",
        "trained_languages": ["fr", "en"],
        "version": 2,
        "micro": {
            "probability_cutoff": 247.5 / 255,
            "sliding_window_size": 5,
            "feature_step_size": 10,
            "tensor_arena_size": 26_080,
            "minimum_esphome_version": "2024.7.0",
        },
    }
    return {**whole, **changed}


@pytest.fixture
def file(tmp_path):
    """Writes a document into a file."""

    def written(document):
        path = tmp_path / "word.json"
        path.write_text(json.dumps(document), "utf-8")
        return path

    return written


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "word.json"
    first = Manifest.model_validate(manifest())
    write(first, path)
    assert read(path) == first
    document = json.loads(path.read_text("ascii"))
    assert document == manifest()
    assert list(document) == KEYS
    assert list(document["micro"]) == MICRO


def test_no_website_is_no_key(tmp_path):
    path = tmp_path / "word.json"
    write(Manifest.model_validate(manifest(website=None)), path)
    assert "website" not in json.loads(path.read_text())


def test_unknown_keys_are_left_out(file):
    assert read(file(manifest(stapes={"frr": 0.02}))) == Manifest.model_validate(manifest())


def test_version_1_has_frames_of_20_ms_and_a_fixed_arena(file):
    micro = {"probability_cutoff": 0.5, "sliding_window_average_size": 10}
    old = manifest(version=1, micro={**micro, "minimum_esphome_version": "2024.2.0"})
    del old["trained_languages"]
    result = read(file(old))
    assert result.version == 2
    assert result.trained_languages == ("en",)
    assert result.micro == Micro(
        probability_cutoff=0.5,
        sliding_window_size=10,
        feature_step_size=20,
        tensor_arena_size=45_672,
        minimum_esphome_version="2024.2.0",
    )


def test_pymicro_wakewords_few_keys_are_enough(file):
    few = {"type": "micro", "wake_word": "Alexa", "model": "alexa.tflite"}
    result = read(file({**few, "micro": {"probability_cutoff": 0.9, "sliding_window_size": 5}}))
    assert result.micro.feature_step_size == 10
    assert result.micro.tensor_arena_size is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"type": "openWakeWord"}, "type: Input should be 'micro'"),
        ({"version": 3}, "version: Input should be 2"),
        ({"wake_word": ""}, "wake_word: "),
        ({"micro": None}, "micro: "),
        ({"micro": {"sliding_window_size": 5}}, "micro.probability_cutoff: Field required"),
        ({"micro": {"probability_cutoff": 1.1, "sliding_window_size": 5}}, "less than or equal"),
        ({"micro": {"probability_cutoff": 0.9, "sliding_window_size": 0}}, "greater than 0"),
        ({"micro": {"probability_cutoff": float("nan"), "sliding_window_size": 5}}, "cutoff: "),
        ({"version": 1, "micro": {"probability_cutoff": 0.9}}, "sliding_window_size: "),
        ({"website": "kahrendt"}, "website: "),
        ({"model": "../../secret.tflite"}, "model: it must be the name of a file"),
        ({"model": "/etc/passwd"}, "model: it must be the name of a file"),
        ({"model": "C:\\x.tflite"}, "model: it must be the name of a file"),
        ({"model": ".."}, "model: it must be the name of a file"),
    ],
)
def test_another_document_is_refused_with_the_key(file, changed, reason):
    path = file(manifest(**changed))
    with pytest.raises(StapesError) as error:
        read(path)
    assert str(path) in str(error.value)
    assert reason in str(error.value)


def test_what_is_no_json_is_refused(tmp_path):
    path = tmp_path / "word.json"
    with pytest.raises(UsageError, match="cannot be read"):
        read(path)
    for content in (b"", b"[]", b"\xff\xfe", b"{" * 5_000, b"[" * 1_000_000):
        path.write_bytes(content)
        with pytest.raises(StapesError, match="is no manifest"):
            read(path)


def test_the_published_manifests_are_read(models):
    paths = sorted(models.glob("*.json"))
    assert {read(path).model for path in paths} >= {"alexa.tflite", "hey_jarvis.tflite"}
    for path in paths:
        assert (path.parent / read(path).model).is_file()
