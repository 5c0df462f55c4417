"""`data check --where RUN` adds where the run found the word, in Python and as a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.recorded import Recorded
from typer.testing import CliRunner

import stapes
from stapes.cli.app import app
from stapes.contracts.evaluation import Place
from stapes.data.stream import where
from stapes.errors import UsageError


@pytest.fixture
def folders(tmp_path: Path, write_clip) -> tuple[Path, Path]:
    """Recordings, and a run that found the word in one of two clips."""
    for name in ("yes/a.wav", "yes/b.wav", "no/c.wav"):
        write_clip(tmp_path / "data" / name, seconds=0.5)
    places = [
        Place(clip="yes/a.wav", begin_seconds=0.1, end_seconds=0.4, score=0.9),
        Place(clip="yes/b.wav", begin_seconds=0.0, end_seconds=0.5, score=0.1),
    ]
    (tmp_path / "run").mkdir()
    where.write(places, tmp_path / "run" / where.FILE)
    return tmp_path / "data", tmp_path / "run"


def test_a_check_has_it_where_a_run_is_named(folders):
    data, run = folders
    check = stapes.data.check(data, word="yes", where=run)
    assert check.usable == 3
    assert check.where is not None
    assert (check.where.not_found, check.where.median_end_seconds) == (1, 0.4)
    assert [place.clip for place in check.where.clips] == ["yes/b.wav", "yes/a.wav"]
    assert stapes.data.check(data, word="yes").where is None


def test_the_command_prints_it(folders):
    data, run = folders
    call = ["data", "check", str(data), "--word", "yes", "--where", str(run)]
    text = CliRunner().invoke(app, call).output
    assert text.index("yes/b.wav") < text.index("yes/a.wav")
    assert "1 of 2 clips has a score below 0.5" in text
    document = json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)
    assert document["where"]["clips"][0] == {
        "clip": "yes/b.wav", "begin_seconds": 0.0, "end_seconds": 0.5, "score": 0.1,
    }  # fmt: skip


def test_a_run_without_it_is_refused_before_a_clip_is_decoded(folders):
    data, _ = folders
    progress = Recorded()
    with pytest.raises(UsageError, match=r"has no where\.csv"):
        stapes.data.check(data, where=data, progress=progress)
    assert progress.steps == {}
