"""The storage of a search: the same trials whoever is quick, and where it was killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.search.by_hand import outcome

from stapes.contracts.results import Trial
from stapes.errors import StapesError
from stapes.models.settings import StreamSettings
from stapes.search.candidate import Candidate
from stapes.search.settings import SearchSettings
from stapes.search.space import chains
from stapes.search.study import Study, open_study

pytestmark = pytest.mark.slow

SETTINGS = SearchSettings(trials=20, together=4)


def _finished(number: int, candidate: Candidate) -> Trial:
    return outcome(candidate, SETTINGS).trial.model_copy(update={"number": number})


def _search(
    path: Path,
    until: int,
    stop: Callable[[Study], bool] = lambda _: False,
    settings: SearchSettings = SETTINGS,
) -> list[Trial]:
    """Draw and store trials, as a search does, until so many are finished."""
    root = "stream" if settings.in_streams else "baseline"
    with open_study(path, settings, chains("all", root=root)) as study:
        waiting = study.open()
        while len(study.finished()) < until:
            if len(waiting) < SETTINGS.together:
                number, candidate = study.ask()
                waiting[number] = candidate
                continue
            number = min(waiting)
            study.tell(_finished(number, waiting.pop(number)))
            if stop(study):
                break
        return study.finished()


def test_a_search_that_was_killed_continues_with_the_same_trials(tmp_path: Path) -> None:
    whole = _search(tmp_path / "whole.db", 18)
    _search(tmp_path / "killed.db", 12)
    assert _search(tmp_path / "killed.db", 18) == whole
    assert [trial.number for trial in whole] == list(range(18))
    assert any(trial.refused for trial in whole)


def test_a_search_in_streams_continues_with_the_same_trials(tmp_path: Path) -> None:
    stream = StreamSettings(frontend="logmel")
    streams = SearchSettings(trials=20, together=4, metric="frr@1/h", stream=stream)
    whole = _search(tmp_path / "whole.db", 16, settings=streams)
    assert {trial.candidate["frontend"] for trial in whole} == {"logmel"}
    _search(tmp_path / "killed.db", 11, settings=streams)
    assert _search(tmp_path / "killed.db", 16, settings=streams) == whole
    assert {trial.candidate["architecture"] for trial in whole} == {"stream_cnn"}
    assert [trial.candidate["sizes"] for trial in whole[:2]] == [
        {"width": 26, "blocks": 3, "kernel": 11, "stride": 3},
        {"width": 20, "blocks": 3, "kernel": 11, "stride": 3},
    ]


def test_drawn_trials_without_a_result_are_open(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    with open_study(path, SETTINGS, chains("all")) as study:
        drawn = dict(study.ask() for _ in range(3))
        study.tell(_finished(0, drawn.pop(0)))
    with open_study(path, SETTINGS, chains("all")) as study:
        assert study.open() == drawn


def test_a_trial_that_was_half_drawn_is_drawn_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    _search(path, 13)
    with open_study(path, SETTINGS, chains("all")) as study:
        waiting = study.open()
        if len(waiting) == SETTINGS.together:
            study.tell(_finished(min(waiting), waiting.pop(min(waiting))))
        number, candidate = study.ask()
    with sqlite3.connect(path) as file:
        row = file.execute("SELECT trial_id FROM trials WHERE number = ?", (number,)).fetchone()
        file.execute("DELETE FROM trial_user_attributes WHERE trial_id = ?", row)
        file.execute(
            "DELETE FROM trial_params WHERE trial_id = ? AND param_name NOT LIKE 'arch%'", row
        )
    file.close()
    with open_study(path, SETTINGS, chains("all")) as study:
        assert study.open()[number] == candidate


def test_a_trial_that_was_half_stored_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import optuna

    path = tmp_path / "study.db"
    with open_study(path, SETTINGS, chains("all")) as study, monkeypatch.context() as killed:
        number, candidate = study.ask()
        killed.delattr(optuna.study.Study, "tell")
        with pytest.raises(AttributeError):
            study.tell(_finished(number, candidate))
    with open_study(path, SETTINGS, chains("all")) as study:
        assert study.finished() == []
        assert study.open() == {number: candidate}
        study.tell(_finished(number, candidate))
        assert [trial.number for trial in study.finished()] == [number]
        assert study.open() == {}


def test_another_seed_draws_others(tmp_path: Path) -> None:
    other = SETTINGS.model_copy(update={"seed": 1})
    drawn = []
    for settings in (SETTINGS, other):
        with open_study(tmp_path / f"{settings.seed}.db", settings, chains("all")) as study:
            drawn.append([study.ask()[1] for _ in range(12)])
    first, second = drawn
    assert first[:5] == second[:5]  # The first trials are not drawn.
    assert first[8:] != second[8:]


def test_a_path_may_have_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a ?#% b"
    folder.mkdir()
    _search(folder / "study.db", 2)
    assert (folder / "study.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize("content", [b"no database, but as long as a header of one would be" * 40])
def test_the_error_for_a_damaged_file_names_it_and_the_fix(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(content)
    with pytest.raises(StapesError, match=r"study.db: cannot be used .* delete its folder"):
        _search(path, 2)


def test_a_file_that_is_damaged_during_a_search_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "study.db"

    def damage(study: Study) -> bool:
        with path.open("r+b") as file:
            file.truncate(30_000)
        return False

    with pytest.raises(StapesError, match=r"study.db: cannot be used .(database|disk|file)"):
        _search(path, 12, stop=damage)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trial_user_attributes SET value_json = '\"{}\"' WHERE key = 'trial'",
        "UPDATE trial_user_attributes SET value_json = '[[[' WHERE key = 'trial'",
        "UPDATE trial_user_attributes SET key = 'other' WHERE key = 'trial'",
        "UPDATE trials SET state = 'COMPLETE'",
        "UPDATE trial_params SET distribution_json = '{}'",
        "DELETE FROM trial_values",
        "DELETE FROM trials WHERE number = 3",
    ],
)
def test_a_study_that_was_changed_by_hand_is_used_or_refused(
    study_of_13: bytes, tmp_path: Path, change: str
) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(study_of_13)
    with sqlite3.connect(path) as file:
        file.execute(change)
    file.close()
    try:
        _search(path, 15)
    except StapesError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")


@pytest.fixture(scope="module")
def study_of_13(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("study") / "study.db"
    _search(path, 13)
    return path.read_bytes()
