"""Labels of captures are folders, by hand or by `label`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.captures import keep

from stapes.data.captures import label, read_kept
from stapes.errors import UsageError


def names(folder: Path) -> dict[str, bool]:
    return {labelled.name: labelled.word for labelled in read_kept(folder).labelled}


def test_answers_move_captures_and_a_session_goes_on(tmp_path):
    for name in "abcd":
        keep(tmp_path, name)
    asked = []

    def first(path, capture, number, count):
        asked.append((path.name, capture.wake_word, number, count))
        return {"a.wav": "yes", "b.wav": "no"}.get(path.name)

    labels = label(tmp_path, first)
    assert asked == [(f"{name}.wav", "rise", at, 4) for at, name in enumerate("abcd", 1)]
    assert (labels.yes, labels.no, labels.unlabelled) == (1, 1, 2)
    assert names(tmp_path) == {"yes/a.wav": True, "no/b.wav": False}
    assert (tmp_path / "yes" / "a.json").is_file()

    def stops(path, capture, number, count):
        if path.name == "d.wav":
            raise KeyboardInterrupt
        return "no"

    with pytest.raises(KeyboardInterrupt):
        label(tmp_path, stops)
    labels = label(tmp_path)
    assert (labels.yes, labels.no, labels.unlabelled) == (1, 2, 1)


def test_a_file_manager_labels_with_the_sound_alone(tmp_path):
    path = keep(tmp_path, "a")
    (tmp_path / "no").mkdir()
    path.rename(tmp_path / "no" / "a.wav")
    assert names(tmp_path) == {"no/a.wav": False}
    [labelled] = read_kept(tmp_path).labelled
    assert labelled.capture.seconds == 3.0


def test_the_same_event_kept_again_is_not_asked_for_again(tmp_path):
    keep(tmp_path / "yes", "a")
    keep(tmp_path, "a")
    kept = read_kept(tmp_path)
    assert (len(kept.labelled), kept.unlabelled) == (1, [])


def test_what_cannot_be_used_is_listed_with_a_reason(tmp_path):
    keep(tmp_path / "yes", "both")
    keep(tmp_path / "no", "both")
    keep(tmp_path / "yes", "alone").with_suffix(".json").unlink()
    keep(tmp_path / "no", "broken").with_suffix(".json").write_text('{"schema": 2}')
    (tmp_path / "no" / ".half.wav").write_bytes(b"")
    kept = read_kept(tmp_path)
    reasons = {clip.file: clip.reason for clip in kept.skipped}
    assert not kept.labelled
    assert reasons["yes/both.wav"] == reasons["no/both.wav"] == "in yes/ and in no/: remove one"
    assert reasons["yes/alone.wav"] == "its sidecar alone.json is missing"
    assert "is no sidecar of schema 1" in reasons["no/broken.wav"]
    assert set(reasons) == {"yes/both.wav", "no/both.wav", "yes/alone.wav", "no/broken.wav"}


def test_wrong_folders_and_answers_are_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no such folder"):
        read_kept(tmp_path / "none")
    with pytest.raises(UsageError, match="no capture is in it; stapes listen keep"):
        read_kept(tmp_path)
    keep(tmp_path, "a")
    with pytest.raises(UsageError, match="it returned 'maybe'; return yes, no or None"):
        label(tmp_path, lambda *_: "maybe")
