"""A run on people's recordings, where they are present."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.end_to_end.command import stapes
from tests.extras import require

from stapes.targets.litert import LiteRT

require(train="tensorflow")

pytestmark = pytest.mark.slow


def run(*arguments: object, cache: Path) -> str:
    # Each worker imports TensorFlow.
    return stapes("run", "--quick", "--jobs", 1, *arguments, cache=cache).stdout


@pytest.fixture(scope="module")
def computer(
    speech: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> tuple[dict[str, Any], str]:
    """results.json and output of a run whose recordings were trained on in part."""
    folder = tmp_path_factory.mktemp("recordings")
    recordings = sorted((speech / "continuous").glob("*.flac"))
    for part, chosen in (("trained", recordings[:20]), ("measured", recordings[10:40])):
        (folder / part).mkdir()
        for path in chosen:
            (folder / part / path.name).symlink_to(path)
    out = folder / "computer"
    output = run(
        *("--data", speech / "wakewords", "--word", "computer", "--out", out),
        *("--negatives", folder / "trained", "--continuous", folder / "measured"),
        *("--techniques", "int8", "--target-fa-per-hour", 20, "--detect", "all"),
        cache=cache,
    )
    return json.loads((out / "results.json").read_text()), output


def test_wake_words_train_and_the_14_undecodable_files_are_named(computer):
    results, output = computer
    skipped = results["data"]["skipped"]
    assert len(skipped) == 14
    assert all(row["file"].startswith("alexa/") for row in skipped)
    assert all(row["file"] in output for row in skipped)
    assert results["data"]["shared_speakers"] is True
    assert "speakers may be shared" in output
    # Three epochs are enough; a model that learned nothing is right half of the time.
    assert all(row["accuracy"] > 0.8 for row in results["variants"])


def test_recordings_that_were_trained_on_are_not_measured(computer):
    results, output = computer
    setup = results["detection"]
    trained = [row for row in setup["skipped"] if row["reason"] == "its sound was trained on"]
    # Ten are in both folders; those with windows in the test split were not trained on.
    assert 0 < len(trained) <= 10
    assert setup["files"] == 30 - len(trained)
    # Each is read for 12 s and more.
    assert setup["hours"] > setup["files"] * 10 / 3600
    for row in results["variants"]:
        detection = row["detection"]
        assert detection["chosen"]["target_fa_per_hour"] == 20
        assert detection["chosen"]["fa_per_hour"] <= 20
        assert detection["conditions"][0]["words"] == results["data"]["splits"]["test"]["positives"]
        # Fewer words are found at fewer false accepts.
        frr = detection["conditions"][0]["det"]["frr"]
        assert frr == sorted(frr, reverse=True)
    assert "Ship " in output or "None is fit to ship" in output


def test_the_split_of_csv_files_is_used_and_long_negatives_are_cut(speech, cache, tmp_path):
    out = tmp_path / "yes"
    for part, chosen in (("long", slice(30)), ("measured", slice(30, 40))):
        (tmp_path / part).mkdir()
        for path in sorted((speech / "continuous").glob("*.flac"))[chosen]:
            (tmp_path / part / path.name).symlink_to(path)
    run(
        *("--data", speech / "commands", "--word", "yes", "--out", out),
        *("--negatives", tmp_path / "long", "--techniques", "uint8", "--window", 1.5),
        *("--continuous", tmp_path / "measured", "--detect", "all"),
        cache=cache,
    )
    results = json.loads((out / "results.json").read_text())
    splits = results["data"]["splits"]
    assert [splits[name]["positives"] for name in ("train", "validation", "test")] == [180, 60, 60]
    assert [row["name"] for row in results["variants"]] == ["float32", "uint8"]
    # 540 other words, and the windows of the recordings in the test split.
    assert splits["test"]["negatives_available"] > 540
    # Every step has the window: settings, models, and the windows of continuous sound.
    frontend = yaml.safe_load((out / "run.yaml").read_text())["settings"]["frontend"]
    assert (frontend["window_seconds"], frontend["frames"]) == (1.5, 70)
    for row in results["variants"]:
        content = (out / row["file"]).read_bytes()
        assert LiteRT(content).signature.input_shape == (1, 70, 13, 1)
        assert row["detection"]["conditions"][0]["words"] == 60
    assert 0.2 < results["data"]["word_seconds"] < 1
