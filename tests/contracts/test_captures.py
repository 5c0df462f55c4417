"""The sidecar of a capture is written and read again."""

from __future__ import annotations

import json

import pytest

from stapes.contracts.captures import Capture, read, write
from stapes.errors import StapesError, UsageError

CAPTURE = Capture(
    model="computer",
    wake_word="Computer",
    kind="near miss",
    recorded="2026-11-27T20:15:03.120+00:00",
    source="microphone",
    seconds=2.97,
    score=0.91,
    threshold=0.97,
    step_seconds=0.03,
    scores=[0.0, 0.5, 0.91],
)


def test_a_sidecar_is_read_as_it_was_written(tmp_path):
    write(CAPTURE, tmp_path / "a.json")
    assert read(tmp_path / "a.json") == CAPTURE
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["schema"] == 1
    assert set(content) == {
        *("schema", "model", "wake_word", "kind", "recorded", "source", "seconds"),
        *("score", "threshold", "step_seconds", "scores", "source_sha256"),
    }


@pytest.mark.parametrize(
    "change", [{"schema": 2}, {"kind": "maybe"}, {"extra": 1}, {"seconds": -1}]
)
def test_another_content_is_refused(tmp_path, change):
    content = json.loads(CAPTURE.model_dump_json(by_alias=True))
    (tmp_path / "a.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(StapesError, match=r"a\.json is no sidecar of schema 1"):
        read(tmp_path / "a.json")


def test_an_absent_sidecar_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"a\.json cannot be read"):
        read(tmp_path / "a.json")
