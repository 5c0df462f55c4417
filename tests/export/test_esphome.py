"""The files that ESPHome takes: the manifest's keys, the example, and what README.md says."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.export.by_hand import device_model, known, run_folder, streamed

from stapes.errors import UsageError
from stapes.export.esphome import files
from stapes.export.names import ascii_slug, file_id
from stapes.export.settings import ExportSettings
from stapes.export.source import arena_size, source
from stapes.measure.stream import device_cutoff

MARK = "<!-- mark -->"


def texts(run, stem="house", **options):
    result = files(source(run, ExportSettings(**options), "esphome"), stem, MARK)
    return {name: content.decode() for name, content in result.items() if "tflite" not in name}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("export") / "run")


@given(st.integers(1, 1 << 20))
def test_the_arena_is_125_percent_rounded_up_to_16(smallest):
    size = arena_size(smallest)
    assert size % 16 == 0
    assert 1.25 * smallest <= size < 1.25 * smallest + 16


def test_it_is_over_every_published_margin():
    # Of tflite-micro's reference kernels, and of the manifest: docs/devices.md.
    published = [(20_720, 22_348), (20_320, 22_860), (21_728, 23_628), (24_512, 26_080)]
    assert all(arena_size(smallest) > manifest for smallest, manifest in published)


def test_the_names_have_one_stem_and_the_manifest_comes_last(run):
    result = files(source(run, ExportSettings(), "esphome"), "house", MARK)
    assert list(result) == ["house.tflite", "README.md", "house.yaml", "house.json"]
    assert result["house.tflite"] == device_model()


def test_the_manifest_has_the_measured_point_and_no_key_of_ours(run):
    document = json.loads(texts(run, languages="en,de", author="I")["house.json"])
    assert document == {
        "type": "micro",
        "wake_word": "house",
        "author": "I",
        "model": "house.tflite",
        "trained_languages": ["en", "de"],
        "version": 2,
        "micro": {
            "probability_cutoff": 0.75098,
            "sliding_window_size": 5,
            "feature_step_size": 10,
            "tensor_arena_size": 13_760,
            "minimum_esphome_version": "2024.7.0",
        },
    }
    assert int(document["micro"]["probability_cutoff"] * 255) == 191


class Loader(yaml.SafeLoader):
    """Reads ESPHome's tags as text."""


Loader.add_constructor("!lambda", lambda loader, node: str(node.value))


def test_the_example_names_the_manifest_and_a_device(run):
    example = yaml.load(texts(run)["house.yaml"], Loader)  # noqa: S506  # A SafeLoader.
    assert example["esphome"]["name"] == "house"
    [model] = example["micro_wake_word"]["models"]
    assert model == {"id": "wake_word_house", "model": "house.json"}


@pytest.mark.parametrize(
    ("stem", "device"),
    [
        ("Hey_You", "hey-you"),
        ("grüße", "grusse"),
        ("привет", "wake-word"),
        ("a" * 64, "a" * 31),
        ("_", "wake-word"),
        # YAML reads these as other than text, and each may be a word of a corpus.
        *((word, word) for word in ("yes", "no", "on", "off", "null", "7", "0x1f", "1e5")),
    ],
)
def test_a_device_has_a_name_that_a_network_takes(run, stem, device):
    example = yaml.load(texts(run, stem)[f"{stem}.yaml"], Loader)  # noqa: S506
    assert example["esphome"]["name"] == device
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?", device)
    assert example["micro_wake_word"]["models"][0]["model"] == f"{stem}.json"


@pytest.mark.parametrize(
    "word", ["${7 * 7}", "a: b # c", "- x", "`<img src=x>`", "*a* [b](c)", "!lambda |"]
)
def test_a_hostile_word_is_text_everywhere(run, word):
    parts = texts(run, name=word)
    assert json.loads(parts["house.json"])["wake_word"] == word
    plain = texts(run)["house.yaml"]
    assert yaml.load(parts["house.yaml"], Loader) == yaml.load(plain, Loader)  # noqa: S506
    assert "<img" not in parts["README.md"].replace(r"\<img", "")


def test_the_word_of_a_hostile_run_is_one_line(tmp_path):
    document = streamed()
    document.word = "a\nesphome:\n  name: b\x1b[0m"
    parts = texts(run_folder(tmp_path / "run", document))
    first = parts["house.yaml"].splitlines()[0]
    assert first.startswith("# a·esphome:·  name: b·[0m: a complete")


def test_the_readme_has_the_measured_figures(run):
    readme = texts(run)["README.md"]
    assert readme.startswith(f"{MARK}\n# house\n")
    for part in (
        "In 5 hours of sound without the word",
        "| false accepts | 5 | |",
        "| false accepts an hour | 1 | 0.3 to 2.3 |",
        "| missed words, of 40 | 2 | |",
        "| false reject rate | 5.0 % | 2.5 to 10.0 % |",
        "| read speech | 3 | 1 | 0.333 |",
        "| 10 dB | 5.0 % |",
        "| `tensor_arena_size` | 13,760 |",
        "compares with 191",
        "`custom_wake_words`",
        "`--custom-model-dir`",
        "Linux Voice Assistant",
    ):
        assert part in readme


def test_the_readme_says_what_the_cutoff_means_in_pymicro_wakeword(run):
    readme = texts(run)["README.md"]
    # A mean over 191.5 / 255 of 256.
    assert f"above {256 * 191.5 / 255:.2f}" in readme
    assert f"{device_cutoff(191).pymicro_cutoff:.6f}" in readme
    # The next stricter cutoff of the curve by hand.
    clean = known(streamed()["stream"].detection).conditions[0].det
    place = max(n for n, t in enumerate(clean.threshold) if int(t * 255) >= 192.25)
    assert f"at most {100 * clean.frr[place]:.1f} % of the words are missed" in readme


def test_the_readme_of_an_unmeasured_cutoff_has_no_figures(run):
    readme = texts(run, cutoff=0.9, window=3)["README.md"]
    assert "Nothing was measured at this cutoff." in readme
    assert "false reject rate" not in readme


def test_the_figures_in_noise_are_of_the_run_s_own_cutoff(run):
    clean = known(streamed()["stream"].detection).conditions[0].det
    readme = texts(run, cutoff=clean.threshold[20])["README.md"]
    assert "In 5 hours of sound" in readme
    assert "with noise at" not in readme


@pytest.mark.parametrize(
    ("phrase", "slug"),
    [
        ("Hey, Computer!", "hey_computer"),
        ("Hé, Größe", "he_grosse"),
        ("Привет", "привет"),
        ("電脳", "電脳"),
        ("ｈｅｙ", "hey"),
        ("Ålesund 2", "alesund_2"),
    ],
)
def test_the_stem_is_the_word_in_ascii_where_it_can_be(phrase, slug):
    assert ascii_slug(phrase) == slug


def test_a_word_without_letters_needs_an_id():
    with pytest.raises(UsageError, match="id: give a name"):
        file_id("!?", None)
    assert file_id("!?", "what") == "what"
    assert file_id("Hey " * 40, None) == ("hey_" * 40)[:64]


def test_a_voice_detector_is_no_wake_word(tmp_path):
    document = streamed()
    document.word = "vad"
    with pytest.raises(UsageError, match="name"):
        texts(run_folder(tmp_path / "run", document))
