"""Draw, evaluate, store: with any engine the trials are the same, and none is lost."""

from __future__ import annotations

import random
import shutil
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Lock
from time import sleep

import pytest
from tests.search.by_hand import outcome

from stapes.contracts.results import Trial
from stapes.errors import ModelError, StapesError
from stapes.search import trials as search_trials
from stapes.search.candidate import Candidate
from stapes.search.engines import Engine
from stapes.search.evaluating import Outcome
from stapes.search.job import SearchFolder, SearchJob
from stapes.search.settings import SearchSettings
from stapes.search.space import chains
from stapes.search.study import open_study
from stapes.search.trials import line, run_trials
from stapes.search.under_way import trial_file

pytestmark = pytest.mark.slow

SETTINGS = SearchSettings(trials=9, together=4)


class AtOnce:
    """Evaluates a candidate in `submit`."""

    def __init__(self) -> None:
        self.evaluated: list[Candidate] = []

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        self.evaluated.append(candidate)
        try:
            future.set_result(self.outcome(candidate))
        except Exception as error:
            future.set_exception(error)
        return future

    def outcome(self, candidate: Candidate) -> Outcome:
        return outcome(candidate, SETTINGS)

    def renew(self) -> None:
        raise AssertionError("nothing died")


def _run(
    folder: Path, engine: Engine, settings: SearchSettings = SETTINGS, name: str = "a"
) -> list[Trial]:
    job = SearchJob(settings, SearchFolder(folder / name, settings))
    job.folder.trials.mkdir(parents=True, exist_ok=True)
    with open_study(job.folder.study, settings, chains("all")) as study:
        return run_trials(job, study, engine)


Finished = tuple[list[Trial], Path]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The trials of a search without workers, and its folder, which no test may change."""
    folder = tmp_path_factory.mktemp("finished")
    return _run(folder, AtOnce()), folder / "a"


def _copy(finished: Finished, folder: Path) -> list[Trial]:
    """The same search in a folder where it may continue."""
    shutil.copytree(finished[1], folder / "a")
    return finished[0]


def _without_place(trials: list[Trial]) -> list[Trial]:
    return [trial.model_copy(update={"file": None}) for trial in trials]


def test_the_order_in_which_workers_finish_changes_nothing(
    finished: Finished, tmp_path: Path
) -> None:
    rng = random.Random(1)

    class InThreads(AtOnce):
        def submit(self, candidate: Candidate) -> Future[Outcome]:
            def late() -> Outcome:
                sleep(rng.random() / 50)
                return outcome(candidate, SETTINGS)

            return threads.submit(late)

    with ThreadPoolExecutor(4) as threads:
        trials = _run(tmp_path, InThreads(), name="threads")
    assert _without_place(trials) == _without_place(finished[0])
    assert sum(trial.frr is not None for trial in trials) == SETTINGS.trials


def test_each_file_is_whole_and_refused_trials_have_none(finished: Finished) -> None:
    trials, folder = finished
    for trial in trials:
        path = trial_file(folder / "trials", trial.number)
        assert path.is_file() == (trial.frr is not None) == (trial.file is not None)
        if trial.file:
            stored = Candidate.model_validate_json(path.read_bytes())
            assert stored == Candidate.model_validate(trial.candidate)


def test_more_trials_continue_the_search_and_none_is_done_twice(
    finished: Finished, tmp_path: Path
) -> None:
    first = _copy(finished, tmp_path)
    engine = AtOnce()
    more = _run(tmp_path, engine, SETTINGS.model_copy(update={"trials": 12}))
    assert more[: len(first)] == first
    assert len(engine.evaluated) == len(more) - len(first)
    idle = AtOnce()
    assert _run(tmp_path, idle, SETTINGS.model_copy(update={"trials": 5})) == more
    assert idle.evaluated == []


def test_a_missing_or_damaged_file_is_made_again(finished: Finished, tmp_path: Path) -> None:
    trials = _copy(finished, tmp_path)
    first, second, *_ = (trial for trial in trials if trial.file)
    gone, damaged = (
        trial_file(tmp_path / "a" / "trials", trial.number) for trial in (first, second)
    )
    contents = gone.read_bytes(), damaged.read_bytes()
    gone.unlink()
    damaged.write_bytes(contents[1][:-1])
    engine = AtOnce()
    assert _run(tmp_path, engine) == trials
    assert (gone.read_bytes(), damaged.read_bytes()) == contents
    assert len(engine.evaluated) == 2


def test_the_error_for_a_file_that_changes_names_it(finished: Finished, tmp_path: Path) -> None:
    class Other(AtOnce):
        def outcome(self, candidate: Candidate) -> Outcome:
            return replace(super().outcome(candidate), tflite=b"another")

    trials = _copy(finished, tmp_path)
    path = trial_file(
        tmp_path / "a" / "trials", next(trial.number for trial in trials if trial.file)
    )
    path.unlink()
    with pytest.raises(StapesError, match=r"tflite: is missing or damaged, .* delete the search's"):
        _run(tmp_path, Other())


def test_a_stop_in_the_middle_loses_nothing(finished: Finished, tmp_path: Path) -> None:
    class Stops(AtOnce):
        def outcome(self, candidate: Candidate) -> Outcome:
            if len(self.evaluated) > 6:
                raise OSError(28, "No space left on device")
            return super().outcome(candidate)

    with pytest.raises(OSError, match="No space"):
        _run(tmp_path, Stops(), name="stopped")
    stopped = _run(tmp_path, AtOnce(), name="stopped")
    assert _without_place(stopped) == _without_place(finished[0])


class Dies(AtOnce):
    """Breaks like a pool whose worker dies, so many times, for the models of width 12."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.renewed = times, 0
        self.lock = Lock()

    def outcome(self, candidate: Candidate) -> Outcome:
        if candidate.sizes["width"] == 12 and self.times:
            self.times -= 1
            raise BrokenExecutor
        return super().outcome(candidate)

    def renew(self) -> None:
        self.renewed += 1


def test_a_worker_that_dies_loses_no_trial(finished: Finished, tmp_path: Path) -> None:
    engine = Dies(times=2)
    trials = _run(tmp_path, engine, name="died")
    assert engine.renewed == 2
    assert _without_place(trials) == _without_place(finished[0])


def test_a_trial_that_kills_every_worker_fails(tmp_path: Path) -> None:
    trials = _run(tmp_path, Dies(times=1000))
    failed = [trial for trial in trials if trial.failed]
    assert failed
    assert all(trial.candidate["sizes"]["width"] == 12 for trial in failed)  # type: ignore[index,call-overload]
    assert "its worker died" in (failed[0].failed or "")
    assert sum(trial.frr is not None for trial in trials) == SETTINGS.trials


def test_a_trial_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    class Fails(AtOnce):
        def outcome(self, candidate: Candidate) -> Outcome:
            if candidate.architecture == "ds_cnn":
                raise ModelError("No interpreter runs it.\nAnd more.")
            return super().outcome(candidate)

    trials = _run(tmp_path, Fails())
    failed = [trial for trial in trials if trial.failed]
    assert {trial.failed for trial in failed} == {"No interpreter runs it."}
    assert "failed (No interpreter runs it.)" in line(failed[0])
    assert sum(trial.frr is not None for trial in trials) == SETTINGS.trials


def test_a_hopeless_search_ends_and_names_the_nearest_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_trials, "_UNTRAINED_AT_FIRST", 12)

    class Refuses(AtOnce):
        def outcome(self, candidate: Candidate) -> Outcome:
            size = 2000 + candidate.sizes["width"]
            trial = candidate.trial(refused="too large", bytes=size, arena_bytes=9000)
            return Outcome(None, trial)

    small = SETTINGS.model_copy(update={"trials": 2})
    with pytest.raises(StapesError, match=r"No model of \d+ fits budget; the nearest has 2,0"):
        _run(tmp_path, Refuses(), small)
    many = SETTINGS.model_copy(update={"trials": 60})
    with pytest.raises(StapesError, match=r"No model of 1\d fits budget"):
        _run(tmp_path, Refuses(), many, "many")
