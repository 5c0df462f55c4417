"""Settings come in layers, and a wrong one is named."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from stapes.errors import UsageError
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro
from stapes.models.settings import TrainSettings
from stapes.run.settings import PRESETS, QUICK, RunSettings
from stapes.run.settle import settle, settle_as
from stapes.run.synthetic_settings import SyntheticSettings
from stapes.search.settings import SearchSettings


@pytest.fixture
def config(tmp_path):
    """Writes a run.yaml of these settings."""

    def write(**settings):
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump({"settings": settings}))
        return path

    return write


def refusal(*arguments, **named):
    """The message of the UsageError, of one line."""
    with pytest.raises(UsageError) as caught:
        settle(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_no_options_give_the_default_preset():
    assert settle({}) == RunSettings() == settle({"preset": "default"})
    assert settle({}).data is None


def test_none_is_not_an_option(config):
    path = config(word="go", seed=3)
    assert settle({"word": None, "seed": None}, config=path) == settle({}, config=path)
    assert settle({"word": None}, config=path).word == "go"


def test_the_reference_preset_is_the_published_projects():
    settings = settle({"preset": "reference"})
    assert settings.word == "house"
    assert settings.frontend == Mfcc(
        sample_rate=22_050, n_fft=2048, hop_length=512, n_mels=128, n_mfcc=13, top_db=80, frames=50
    )
    assert settings.frontend.shape == (50, 13, 1)
    assert (settings.validation, settings.test) == (0.0, 0.2)
    assert settings.ratio == 1.0
    assert settings.architecture == "reference_cnn"
    assert settings.train.learning_rate == 1e-3
    assert settings.train.batch == 32
    assert 12 <= settings.train.epochs <= 15
    assert settings.train.keep_best is False
    assert settings.calibration_clips == 100
    assert settings.techniques == "all"


def test_the_reference_presets_recipes_are_the_published_ones():
    recipes = settle({"preset": "reference"}).recipes
    pruning = recipes.pruning
    assert (pruning.initial_sparsity, pruning.final_sparsity) == (0.5, 0.8)
    assert (pruning.epochs, pruning.ramp) == (5, 1.0)
    assert recipes.two_by_four.epochs == 20
    assert recipes.quantization_aware.epochs == 1
    clustering = recipes.clustering
    assert (clustering.clusters, clustering.centroids) == (16, "LINEAR")
    assert (clustering.learning_rate, clustering.epochs) == (1e-5, 1)
    published = (pruning, recipes.two_by_four, recipes.quantization_aware, clustering)
    assert all(recipe.teacher == 0 for recipe in published)


def test_each_layer_overrides_those_below(config):
    options = {"train": {"epochs": 9}}
    path = config(preset="reference", calibration_clips=60, train={"epochs": 7, "batch": 16})

    def epochs(options, **layers):
        return settle(options, **layers).train.epochs

    assert epochs({}) == TrainSettings().epochs
    assert epochs({"preset": "reference"}) == 15
    assert epochs({"preset": "reference"}, quick=True) == QUICK["train"]["epochs"]
    assert epochs({}, config=path, quick=True) == 7
    assert epochs(options, config=path, quick=True) == 9

    settled = settle(options, config=path, quick=True)
    # Each of these comes from another layer: the options, the file, quick and the preset.
    assert settled.train.epochs == 9
    assert settled.train.batch == 16
    assert settled.calibration_clips == 60
    assert settled.synthetic == SyntheticSettings(**QUICK["synthetic"])
    assert settled.train.keep_best is False
    assert settled.preset == "reference"


def test_quick_overrides_the_preset_and_no_option():
    quick = settle({"preset": "reference", "calibration_clips": 50}, quick=True)
    assert quick.train.epochs == QUICK["train"]["epochs"]
    assert quick.calibration_clips == 50
    assert quick.train.keep_best is False


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "7", "1.5"])
def test_a_word_that_yaml_reads_as_something_else_needs_quotes(tmp_path, word):
    path = tmp_path / "run.yaml"
    path.write_text(f"settings: {{word: {word}}}\n")
    with pytest.raises(UsageError, match=r"run\.yaml: word: put it in quotes"):
        settle({}, config=path)
    path.write_text(f"settings: {{word: '{word}'}}\n")
    assert settle({}, config=path).word == word


def test_a_preset_of_the_call_overrides_the_files(config):
    path = config(preset="reference", word="go")
    settled = settle({"preset": "default"}, config=path)
    assert settled.preset == "default"
    assert settled.train.keep_best is True
    assert settled.word == "go"


def test_one_setting_of_a_group_leaves_the_others(config):
    path = config(train={"batch": 64})
    assert settle({}, config=path).train.model_dump() == {
        **settle({}).train.model_dump(),
        "batch": 64,
    }


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("quick", [False, True])
def test_a_run_yaml_settles_to_its_own_settings(config, preset, quick):
    options = {"preset": preset, "word": "hey you", "data": Path("/a/b"), "seed": 5}
    first = settle(options, quick=quick)
    path = config(**first.model_dump(mode="json"))
    assert settle({}, config=path) == first


def test_settling_changes_no_preset():
    before = repr(PRESETS)
    settle({"preset": "reference", "train": {"epochs": 1}}, quick=True)
    assert repr(PRESETS) == before


@pytest.mark.parametrize("preset", ["fast", "", "Default", ["default"], 3])
def test_an_unknown_preset_is_named_with_those_that_are_known(preset, config):
    for message in (refusal({"preset": preset}), refusal({}, config=config(preset=preset))):
        assert message.startswith(f"preset: {preset} is unknown")
        assert "default, reference" in message


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"wrod": "go"}, "wrod"),
        ({"train": {"epoch": 3}}, "train.epoch"),
        ({"frontend": {"mels": 3}}, "frontend.mels"),
        ({"synthetic": {"voice": 3}}, "synthetic.voice"),
        ({3: "x"}, "3"),
    ],
)
def test_an_unknown_setting_is_named(tmp_path, wrong, name):
    assert refusal(wrong).startswith(f"{name}: ")
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({"settings": wrong}))
    message = refusal({}, config=path)
    assert message.startswith(f"{path}: {name}: ")


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"word": ""}, "word"),
        ({"word": True}, "word"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"ratio": 0}, "ratio"),
        ({"ratio": math.inf}, "ratio"),
        ({"ratio": math.nan}, "ratio"),
        ({"validation": 1}, "validation"),
        ({"test": 0}, "test"),
        ({"calibration_clips": 1}, "calibration_clips"),
        ({"architecture": "resnet"}, "architecture"),
        ({"sizes": {"width": "wide"}}, "sizes.width"),
        ({"train": {"epochs": 0}}, "train.epochs"),
        ({"train": {"learning_rate": math.inf}}, "train.learning_rate"),
        ({"train": {"keep_by": "accuracy"}}, "train.keep_by"),
        ({"train": {"false_positive_percent": 100}}, "train.false_positive_percent"),
        ({"train": {"patience": 0}}, "train.patience"),
        ({"train": {"decay": "cosine"}}, "train.decay"),
        ({"train": {"label_smoothing": 1}}, "train.label_smoothing"),
        ({"train": {"time_mask": -1}}, "train.time_mask"),
        ({"train": {"frequency_mask": 1.5}}, "train.frequency_mask"),
        ({"train": 5}, "train"),
        ({"frontend": {"n_fft": 2}}, "frontend.n_fft"),
        ({"frontend": {"n_mfcc": 200}}, "frontend"),
        ({"frontend": {"kind": "mel"}}, "frontend"),
        ({"frontend": "mel"}, "frontend"),
        ({"frontend": {"kind": "logmel", "n_mfcc": 13}}, "frontend.n_mfcc"),
        ({"frontend": {"kind": "logmel", "frame_length": 600}}, "frontend"),
        ({"frontend": {"kind": "micro", "sample_rate": 8_000}}, "frontend.sample_rate"),
        ({"synthetic": {"voices": 2}}, "synthetic.voices"),
    ],
)
def test_a_bad_value_is_named(config, wrong, name):
    assert refusal(wrong).startswith(f"{name}: ")
    assert f": {name}: " in refusal({}, config=config(**wrong))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"architecture": "resnet"},
            "resnet is unknown (did you mean bc_resnet?); known are reference_cnn, temporal_cnn, "
            "ds_cnn, bc_resnet.",
        ),
        (
            {"architecture": "ds_cnn", "sizes": {"kernel": 3}},
            "sizes: ds_cnn has no kernel; its sizes are width, blocks.",
        ),
        ({"sizes": {"width": 3}}, "sizes: reference_cnn has no width; it has no sizes to set."),
        (
            {"architecture": "temporal_cnn", "sizes": {"outputs": 3}},
            "sizes: temporal_cnn has no outputs; its sizes are width, blocks, kernel.",
        ),
        (
            {"architecture": "temporal_cnn", "sizes": {"width": 0}},
            "sizes: width must be from 1 to 512.",
        ),
        (
            {"architecture": "temporal_cnn", "sizes": {"blocks": 513}},
            "sizes: blocks must be from 1 to 512.",
        ),
    ],
)
def test_an_architecture_has_sizes_of_its_own(options, message):
    assert refusal(options).endswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_mask": 50}, "train: time_mask must be below the frontend's 50 frames."),
        ({"frequency_mask": 13}, "train: frequency_mask must be below the frontend's 13 bins."),
    ],
)
def test_a_mask_of_all_frames_or_bins_is_refused(options, message):
    assert refusal({"train": options}).endswith(message)


def test_the_settings_of_training_come_back_from_run_yaml(config):
    options = {
        "keep_by": "frr",
        "patience": 5,
        "decay": True,
        "time_mask": 49,
        "frequency_mask": 12,
    }
    first = settle({"train": options})
    assert first.train.model_dump().items() >= options.items()
    assert settle({}, config=config(**first.model_dump(mode="json"))) == first


def test_an_architecture_and_its_sizes_come_back_from_run_yaml(config):
    options = {"architecture": "temporal_cnn", "sizes": {"width": 6, "blocks": 2}}
    first = settle(options)
    assert (first.architecture, first.sizes) == ("temporal_cnn", {"width": 6, "blocks": 2})
    assert settle({}, config=config(**first.model_dump(mode="json"))) == first


@pytest.mark.parametrize(
    "frontend", [Mfcc(n_mfcc=10), LogMel(), LogMel(top_db=60.0), Micro(hops_per_frame=3)]
)
def test_a_frontend_comes_back_from_run_yaml(config, frontend):
    for options in (frontend, frontend.model_dump()):
        first = settle({"frontend": options})
        assert first.frontend == frontend
        path = config(**first.model_dump(mode="json"))
        assert settle({}, config=path) == first


def test_the_frontend_of_streams_is_apart_from_that_of_windows(config):
    settings = settle({"stream_frontend": "logmel"})
    assert (settings.stream.frontend, settings.frontend.kind) == ("logmel", "mfcc")
    again = config(**settings.model_dump(mode="json"))
    assert settle({"frontend": "micro"}, config=again).stream.frontend == "logmel"
    assert settle({"stream_frontend": "micro"}, config=again) == settle({})
    # Runs from before there was a choice.
    assert settle({}, config=config(stream={"width": 8})).stream.frontend == "micro"


def test_an_older_run_yaml_without_a_kind_is_of_mfcc(config):
    older = Mfcc(n_mfcc=10).model_dump(mode="json", exclude={"kind"})
    assert settle({}, config=config(frontend=older)).frontend == Mfcc(n_mfcc=10)
    # The sizes in the file are those of another frontend.
    options = {"frontend": {"kind": "logmel", "n_mels": 32}}
    assert settle(options, config=config(frontend=older)).frontend == LogMel(n_mels=32)


def test_the_same_frontend_keeps_the_files_sizes(config):
    path = config(frontend={"kind": "logmel", "n_mels": 32})
    for options in ({"kind": "logmel", "top_db": 60.0}, {"top_db": 60.0}):
        settled = settle({"frontend": options}, config=path)
        assert settled.frontend == LogMel(n_mels=32, top_db=60.0)


def test_the_error_for_an_unknown_frontend_names_the_known_ones():
    message = "frontend: mel is unknown (did you mean logmel?); known are mfcc, logmel, micro."
    assert refusal({"frontend": {"kind": "mel"}}) == message
    assert refusal({"frontend": "mel"}) == message
    assert refusal({"frontend": 5}).startswith("frontend: 5 is unknown; known are mfcc")
    slow = {"kind": "micro", "sample_rate": 8_000}
    assert refusal({"frontend": slow}).endswith("; known are 16000.")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"- a\n- b\n",
        b"word: go\n",
        b"settings:\n",
        b"settings: [1]\n",
        b"a: b: c",
        b"settings: {word: 2024-13-45}",
        b"\xff\xfe\x00",
        b"settings: !!python/object/apply:os.getcwd []",
    ],
)
def test_a_file_that_is_no_run_yaml_is_refused(tmp_path, content):
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    assert refusal({}, config=path).startswith(f"config {path}: ")


def test_an_absent_file_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "absent.yaml", tmp_path):
        assert refusal({}, config=path).startswith(f"config {path}: cannot be read")


@pytest.mark.parametrize("word", ["", "!?", "  "])
def test_a_word_without_a_letter_or_digit_is_refused(word):
    with pytest.raises(UsageError, match="word"):
        settle({"word": word})


def test_a_split_that_leaves_no_training_clips_is_refused():
    with pytest.raises(UsageError, match="train"):
        settle({"validation": 0.5, "test": 0.5})


def test_a_run_takes_what_it_knows_of_a_searchs_file(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    content = {"command": "search", "settings": {"seed": 3, "metric": "frr@0.5", "trials": 9}}
    path.write_text(yaml.safe_dump(content), "utf-8")
    assert settle({}, config=path).seed == 3
    assert settle_as(SearchSettings, {}, config=path, quick={}).trials == 9
    path.write_text(yaml.safe_dump({**content, "command": "run"}), "utf-8")
    with pytest.raises(UsageError, match="metric: there is no such setting"):
        settle({}, config=path)
