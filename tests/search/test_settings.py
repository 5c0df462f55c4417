"""Settings of a search: its own, and those of a run below them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stapes.errors import UsageError
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.run.settle import settle_as
from stapes.search.settings import QUICK, SearchSettings


def _settled(**options: Any) -> SearchSettings:
    return settle_as(SearchSettings, options, quick={})


def test_the_defaults_are_a_small_microcontrollers() -> None:
    settings = _settled()
    assert settings.budget == {"flash": 6000, "arena": 12_000}
    assert settings.false_positive_percent == 0.5
    assert [frontend.kind for frontend in settings.frontends] == ["mfcc", "logmel", "micro"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "accuracy"}, "metric: .*give frr@P"),
        ({"metric": "frr@100"}, "metric: .*give frr@P"),
        ({"metric": "frr@99.99999999999999"}, "metric: .*give frr@P"),
        ({"metric": "frr@-1"}, "metric: .*give frr@P"),
        ({"metric": "frr@0/h"}, "metric: .*give frr@P.* frr@R/h"),
        ({"metric": "frr@1/hour"}, "metric: .*frr@R/h"),
        ({"metric": "frr@1/h", "architectures": ["ds_cnn"]}, "architectures: .*stream_cnn; omit"),
        ({"metric": "frr@1/h", "frontends": ["mfcc"]}, "frontends: .*micro; omit"),
        (
            {"metric": "frr@1/h", "frontends": ["micro"], "stream": {"frontend": "logmel"}},
            "frontends: .*logmel; omit",
        ),
        ({"budget": {"latency": 5}}, "budget: .*leave latency out"),
        ({"budget": {"flash": 0}}, "budget.flash: .*greater than 0"),
        ({"architectures": ["transformer"]}, "architectures: transformer is unknown; known are"),
        ({"architectures": []}, "architectures"),
        ({"frontends": [{"kind": "mfcc"}, {"kind": "mfcc"}]}, "frontends: .*given once"),
        ({"frontends": [{"kind": "wavelet"}]}, "frontends.*known are mfcc, logmel, micro"),
        ({"trials": 0}, "trials"),
    ],
)
def test_wrong_settings_are_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _settled(**options)


def test_settings_are_the_same_after_yaml(tmp_path: Path) -> None:
    settings = _settled(word="alexa", metric="frr@1", frontends=["logmel", "mfcc"])
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({"settings": settings.model_dump(mode="json")}), "utf-8")
    loaded = settle_as(SearchSettings, {}, config=config, quick=QUICK)
    assert loaded == settings
    assert loaded.frontends == (LogMel(), Mfcc())


def test_a_rate_an_hour_makes_it_a_search_in_streams() -> None:
    settings = _settled(metric="frr@0.5/h", detection={"tolerance_seconds": 1.0})
    assert settings.in_streams
    assert settings.detection.target_fa_per_hour == 0.5
    assert settings.detection.tolerance_seconds == 1.0
    assert settings.budget == {"flash": 12_000, "arena": 12_000}
    assert not _settled(metric="frr@150/h", budget="flash=9k").budget.get("arena")
    clips = _settled(metric="frr@0.5")
    assert not clips.in_streams
    assert clips.detection.target_fa_per_hour == 1.0


def test_a_search_in_streams_is_the_same_after_yaml(tmp_path: Path) -> None:
    settings = _settled(word="alexa", metric="frr@2/h", rooms="rooms", max_frr=5)
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({"settings": settings.model_dump(mode="json")}), "utf-8")
    assert settle_as(SearchSettings, {}, config=config, quick={}) == settings
