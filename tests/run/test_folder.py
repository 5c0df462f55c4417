"""A run folder belongs to one run: the run continues in it, and any other is refused."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from stapes.errors import StapesError, UsageError
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro
from stapes.run.folder import RunFolder
from stapes.run.settings import RunSettings
from stapes.run.settle import settle
from stapes.run.versions import versions

SETTINGS = RunSettings(word="go", seed=3)
DATA = "ab" * 32

OPEN = """
import sys
from pathlib import Path
from stapes.run.folder import RunFolder
from stapes.run.settings import RunSettings
with RunFolder(Path(sys.argv[1]), RunSettings(word="go", seed=3)).open(sys.argv[2]):
    print("open", flush=True)
    sys.stdin.read()
"""


def folder(path, **changed):
    return RunFolder(path, SETTINGS.model_copy(update=changed))


def begin(path, data=DATA, **changed):
    """A run that began and was stopped before it was finished."""
    run = folder(path, **changed)
    with run.open(data):
        pass
    return run


def refusal(path, **changed):
    """The message of the check's UsageError; the folder must be left as it was."""
    before = content(path)
    with pytest.raises(UsageError) as caught:
        folder(path, **changed).check()
    assert content(path) == before
    message = str(caught.value)
    assert message.startswith((f"out {path}: ", str(path)))
    assert "\n" not in message
    return message


def content(path):
    if not path.is_dir():
        return path.read_bytes() if path.exists() else None
    files = [file for file in path.rglob("*") if file.is_file()]
    return {file.relative_to(path): file.read_bytes() for file in files}


def test_a_new_folder_is_taken(tmp_path):
    run = folder(tmp_path / "runs" / "go")
    run.check()
    assert not (tmp_path / "runs").exists(), "checking must write nothing"
    with run.open(DATA):
        assert run.models.is_dir()
        assert run.work.is_dir()
        assert run.config.is_file()


def test_an_empty_folder_is_taken(tmp_path):
    folder(tmp_path).check()
    assert list(tmp_path.iterdir()) == []
    begin(tmp_path)


def test_hidden_files_of_the_user_stay(tmp_path):
    names = (".gitignore", ".pre-commit-config.yaml", ".my-notes.txt", ".results-2024.json")
    for name in names:
        (tmp_path / name).write_text(name)
    folder(tmp_path).check()
    begin(tmp_path).finish()
    for name in names:
        assert (tmp_path / name).read_text() == name


def test_a_run_continues_in_its_own_folder(tmp_path):
    first = begin(tmp_path)
    (first.models / "float32.tflite").write_bytes(b"done")
    config = first.config.read_bytes()
    folder(tmp_path).check()
    again = begin(tmp_path)
    assert again.config.read_bytes() == config
    assert (again.models / "float32.tflite").read_bytes() == b"done"


def test_a_finished_run_may_open_its_folder_again(tmp_path):
    begin(tmp_path).finish()
    folder(tmp_path).check()


def test_run_yaml_is_enough_to_run_it_again(tmp_path):
    run = begin(tmp_path)
    document = yaml.safe_load(run.config.read_text("utf-8"))
    assert document["versions"] == versions()
    assert document["data_sha256"] == DATA
    assert settle({}, config=run.config) == SETTINGS


def test_versions_has_the_packages_that_decide():
    by_package = versions()
    assert {"python", "stapes", "numpy", "scipy", "ai-edge-litert"} <= set(by_package)
    assert all(by_package.values())


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"word": "stop"}, "its settings.word is go, not stop"),
        ({"seed": 4}, "its settings.seed is 3, not 4"),
        ({"data": Path("/x")}, "its settings.data is None, not /x"),
        ({"train": SETTINGS.train.model_copy(update={"epochs": 1})}, "its settings.train.epochs"),
    ],
)
def test_another_run_is_refused_and_its_difference_named(tmp_path, changed, difference):
    begin(tmp_path)
    assert difference in refusal(tmp_path, **changed)


def test_a_run_in_recordings_is_not_measured_without_them(tmp_path):
    begin(tmp_path, continuous=Path("/speech"))
    assert "its run has continuous /speech; give it again" in refusal(tmp_path)
    folder(tmp_path, continuous=Path("/more")).check()


def test_a_run_with_other_noise_is_another_run(tmp_path):
    # Detectors in a stream train in it.
    begin(tmp_path, noise=Path("/speech"))
    assert "its settings.noise is /speech, not None" in refusal(tmp_path)


def test_a_run_without_recordings_may_get_them(tmp_path):
    begin(tmp_path)
    folder(tmp_path, continuous=Path("/speech")).check()


@pytest.mark.parametrize("frontend", [Mfcc(), Micro()])
def test_the_package_of_micro_decides_where_it_computes_the_features(tmp_path, frontend):
    run = begin(tmp_path, frontend=frontend)
    document = yaml.safe_load(run.config.read_text("utf-8"))
    document["versions"]["pymicro-features"] = "2.0.0"
    run.config.write_text(yaml.safe_dump(document))
    if isinstance(frontend, Mfcc) or "pymicro-features" not in versions():
        folder(tmp_path, frontend=frontend).check()
    else:
        assert "its versions.pymicro-features is 2.0.0" in refusal(tmp_path, frontend=frontend)


def test_another_version_is_another_run(tmp_path):
    run = begin(tmp_path)
    document = yaml.safe_load(run.config.read_text("utf-8"))
    document["versions"]["numpy"] = "1.0"
    run.config.write_text(yaml.safe_dump(document))
    assert f"its versions.numpy is 1.0, not {versions()['numpy']}" in refusal(tmp_path)


def test_files_of_no_run_are_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    assert "holds files and no run" in refusal(tmp_path)


@pytest.mark.parametrize(
    "broken", [b"", b"a: b: c", b"- x", b"\xff\xfe", b"a: 2024-13-45", b"{", b"text"]
)
def test_a_broken_run_yaml_is_refused(tmp_path, broken):
    (tmp_path / "run.yaml").write_bytes(broken)
    assert "broken" in refusal(tmp_path)


def test_a_run_yaml_of_another_kind_is_refused(tmp_path):
    (tmp_path / "run.yaml").write_text("settings: 3\n")
    assert "holds another run" in refusal(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    assert "is a file" in refusal(tmp_path / "out")


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in refusal(tmp_path / "file" / "out")
    with (
        pytest.raises(UsageError, match="cannot be made"),
        folder(tmp_path / "file" / "o").open(DATA),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    for path in (tmp_path, tmp_path / "new" / "out"):
        assert "cannot be written (No space left on device)" in refusal(path)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    assert "cannot be written" in refusal(tmp_path / "out")


def test_clips_that_changed_are_refused(tmp_path):
    begin(tmp_path)
    before = content(tmp_path)
    with pytest.raises(UsageError, match="other clips"), folder(tmp_path).open("cd" * 32):
        pass
    assert content(tmp_path) == before


def test_an_owner_that_came_after_the_check_is_found(tmp_path):
    late = folder(tmp_path, seed=4)
    late.check()
    begin(tmp_path)
    with pytest.raises(UsageError, match=r"settings\.seed"), late.open(DATA):
        pass


def test_a_folder_at_work_is_refused_until_that_process_ends(tmp_path):
    command = [sys.executable, "-c", OPEN, str(tmp_path), DATA]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == b"open"
            folder(tmp_path).check()
            with (
                pytest.raises(StapesError, match="another run is at work"),
                folder(tmp_path).open(DATA),
            ):
                pass
            assert (tmp_path / ".work").is_dir(), "the other's files must be left alone"
        finally:
            process.kill()
    # A killed process no longer locks the folder.
    begin(tmp_path)


def test_a_folder_is_free_again_after_a_failure(tmp_path):
    with pytest.raises(StapesError, match="in the middle"), folder(tmp_path).open(DATA):
        raise StapesError("in the middle")
    begin(tmp_path)


def test_temporary_files_of_a_killed_run_are_removed(tmp_path):
    run = begin(tmp_path)
    temporary = [
        tmp_path / ".baseline-ab12_x9z.keras",
        tmp_path / ".results-qwertyui.json",
        tmp_path / ".results-qwertyui.csv",
        tmp_path / ".run-01234567.yaml",
        run.models / ".uint8-abcdefgh.tflite",
        run.work / ".pruned-abcdefgh.keras",
        run.work / ".training-abcdefgh.json",
    ]
    others = [
        run.baseline,
        run.models / "uint8.tflite",
        run.work / "pruned.keras",
        tmp_path / "notes.txt",
    ]
    for path in temporary + others:
        path.write_bytes(b"x")
    begin(tmp_path)
    assert [path.name for path in temporary if path.exists()] == []
    assert all(path.exists() for path in others)


def test_work_of_a_deleted_run_is_neither_used_nor_deleted(tmp_path):
    run = begin(tmp_path)
    (run.work / "pruned.keras").write_bytes(b"of another run")
    run.log.unlink()
    run.config.unlink()
    run.models.rmdir()
    assert "holds .work and no run" in refusal(tmp_path, seed=4)
    (run.work / "pruned.keras").unlink()
    begin(tmp_path, seed=4)


def test_somebodys_hidden_file_of_that_name_stays(tmp_path):
    (tmp_path / ".work").write_text("mine")
    assert "holds .work and no run" in refusal(tmp_path)
    assert (tmp_path / ".work").read_text() == "mine"


@pytest.mark.parametrize("name", ["report.html", "results.json", "models", ".work", "run.yaml"])
@pytest.mark.parametrize("finished", [True, False])
def test_a_run_does_not_write_through_a_link(tmp_path, name, finished):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    run.mkdir()
    if finished:
        begin(run).finish()
        own = run / name
        if own.is_dir():
            own.rmdir()
        own.unlink(missing_ok=True)
    (run / name).symlink_to(elsewhere)
    with pytest.raises(UsageError, match=f"its {re.escape(name)} is a link"):
        folder(run).check()
    assert elsewhere.read_text() == "mine"


def test_temporary_files_of_atomic_path_are_removed(tmp_path):
    run = begin(tmp_path)
    program = (
        "import os, sys; from pathlib import Path; from stapes.system.files import atomic_path\n"
        "files = [atomic_path(Path(name)) for name in sys.argv[1:]]\n"
        "for file in files: file.__enter__()\n"
        "os._exit(9)"
    )
    targets = [
        run.config,
        run.baseline,
        run.results,
        run.table,
        run.models / "float32.tflite",
        run.work / "pruned.keras",
    ]
    subprocess.run([sys.executable, "-c", program, *map(str, targets)], check=False)
    hidden = set(tmp_path.rglob(".*-*"))
    assert len(hidden) == len(targets)
    begin(tmp_path)
    assert set(tmp_path.rglob(".*-*")) == set()


def test_a_finished_run_leaves_nothing_hidden(tmp_path):
    run = folder(tmp_path)
    with run.open(DATA):
        (run.work / "train-x.npy").write_bytes(b"x")
        run.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.txt", "models", "run.yaml"]


def test_each_run_appends_to_the_log(tmp_path):
    log = logging.getLogger("stapes")
    handlers = list(log.handlers)
    for text in ("first", "second"):
        with folder(tmp_path).open(DATA):
            log.info("%s größer", text)
        log.info("outside")
    written = (tmp_path / "log.txt").read_text("utf-8")
    assert "first größer" in written
    assert "second größer" in written
    assert "outside" not in written
    assert log.handlers == handlers


def test_an_older_run_yaml_still_reads_and_its_folder_is_continued(tmp_path):
    old = yaml.safe_load((Path(__file__).parent / "old_run.yaml").read_text("utf-8"))
    assert "negatives_per_positive" in old["settings"]
    old["versions"] = versions()
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(old), "utf-8")
    settings = settle({}, config=config)
    assert (settings.ratio, settings.train.epochs, settings.recipes.pruning.epochs) == (3.0, 7, 4)
    assert settle({"ratio": 2}, config=config).ratio == 2.0
    run = RunFolder(tmp_path, settings)
    run.check()
    with run.open(DATA):
        now = yaml.safe_load(config.read_text("utf-8"))["settings"]
    assert now["ratio"] == 3.0
    assert "negatives_per_positive" not in now
    with pytest.raises(UsageError, match=r"its settings\.ratio is 3\.0, not 2\.0"):
        RunFolder(tmp_path, settle({"ratio": 2}, config=config)).check()
