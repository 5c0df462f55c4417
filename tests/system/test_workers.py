"""Workers work, and end with their block or their parent."""

from __future__ import annotations

import doctest
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest
from tests.processes import MOST_SECONDS, is_alive, wait_until

from stapes.system import workers

# Its functions live in __main__ and it has no guard: both must be allowed.
SCRIPT = """
import os, sys, time
from pathlib import Path
from stapes.system.workers import pool

def work(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(3600)

with pool(2) as executor:
    tasks = [executor.submit(work, sys.argv[1]) for _ in range(6)]
    tasks[0].result()
"""

NESTED = """
import os, signal
from concurrent.futures import BrokenExecutor
from stapes.system.workers import Workers

def crash():
    with Workers(1) as inner:
        inner.executor().submit(os.getpid).result()
        os.kill(os.getpid(), signal.SIGKILL)

with Workers(1) as outer:
    try:
        outer.executor().submit(crash).result()
    except BrokenExecutor:
        print("it crashed")
"""

posix = pytest.mark.skipif(os.name != "posix", reason="signals and parents are POSIX's here")


@pytest.fixture
def running(tmp_path):
    """A script in a process group of its own whose two workers are busy, and their ids."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    folder = tmp_path / "pids"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert wait_until(lambda: len(list(folder.iterdir())) == 2)
        yield process, [int(file.name) for file in folder.iterdir()]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@posix
def test_a_worker_that_crashes_with_workers_of_its_own_prints_nothing(tmp_path):
    (tmp_path / "script.py").write_text(NESTED)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
    )
    assert (done.stdout, done.stderr) == ("it crashed\n", "")


def test_tasks_run_in_the_workers():
    with workers.pool(2) as executor:
        assert list(executor.map(abs, [-1, 2, -3])) == [1, 2, 3]
        assert executor.submit(os.getpid).result() != os.getpid()


def test_the_initializer_runs_before_the_tasks(tmp_path):
    with workers.pool(1, os.chdir, (str(tmp_path),)) as executor:
        assert Path(executor.submit(os.getcwd).result()).samefile(tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_an_initializer_that_fails_fails_every_task():
    with pytest.raises(BrokenExecutor), workers.pool(1, divmod, (1, 0)) as executor:
        executor.submit(abs, 1).result()


def test_an_exception_of_a_task_surfaces():
    with pytest.raises(ZeroDivisionError), workers.pool(1) as executor:
        executor.submit(divmod, 1, 0).result()


@pytest.mark.filterwarnings("ignore:A worker stopped")
def test_a_worker_that_dies_surfaces():
    with pytest.raises(BrokenExecutor), workers.pool(2) as executor:
        executor.submit(os._exit, 3).result()


@posix
def test_the_workers_are_gone_after_the_block():
    with workers.pool(2) as executor:
        pids = {executor.submit(os.getpid).result() for _ in range(10)}
    assert not any(map(is_alive, pids))


@posix
def test_an_error_in_the_block_kills_busy_workers():
    pids, tasks = [], []

    def use_a_pool():
        with workers.pool(1) as executor:
            pids.append(executor.submit(os.getpid).result())
            tasks.append(executor.submit(time.sleep, 3600))
            raise KeyError

    with pytest.raises(KeyError):
        use_a_pool()
    # A task that was waited for would have a result.
    assert isinstance(tasks[0].exception(), BrokenExecutor | RuntimeError)
    assert not is_alive(*pids)


@posix
def test_workers_that_were_killed_start_again():
    with workers.Workers(1) as pool:
        first = pool.executor().submit(os.getpid).result()
        pool.kill()
        assert not is_alive(first)
        second = pool.executor().submit(os.getpid).result()
        assert second != first
    assert not is_alive(second)


@posix
def test_interrupts_reach_the_block_and_leave_no_worker(running):
    process, pids = running
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=MOST_SECONDS)
    assert output.count("Traceback") == 1
    assert output.rstrip().endswith("KeyboardInterrupt")
    assert not any(map(is_alive, pids))


@posix
@pytest.mark.parametrize("after", [0.02, 0.05, 0.1, 0.2])
def test_workers_that_start_at_an_interrupt_print_no_traceback(tmp_path, after):
    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT.replace("    tasks[0]", "    print('begun', flush=True)\n    tasks[0]")
    )
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=MOST_SECONDS)
    assert errors.count("Traceback") == 1


@posix
def test_workers_of_a_killed_parent_end_themselves(running):
    process, pids = running
    assert all(map(is_alive, pids))
    process.kill()
    process.wait()
    assert wait_until(lambda: not any(map(is_alive, pids)))


@posix
def test_workers_are_killed_without_a_tool_of_the_system(tmp_path):
    script = tmp_path / "script.py"
    at_work = "while len(os.listdir(sys.argv[1])) < 3: time.sleep(0.1)\n    print(1 / 0)"
    script.write_text(SCRIPT.replace("tasks[0].result()", at_work))
    process = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
    )
    assert process.stderr.count("Traceback") == 1
    assert process.stderr.rstrip().endswith("ZeroDivisionError: division by zero")
    pids = [int(file.name) for file in tmp_path.iterdir() if file.name.isdigit()]
    assert len(pids) == 2
    assert not any(map(is_alive, pids))


def test_a_worker_that_grew_is_replaced_without_a_message(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        """
import os, time
from stapes.system.workers import pool

def grow(number):
    # In a module: the globals of a script are new in each call.
    os.__dict__.setdefault("memory", []).append(b"x" * 30_000_000)
    time.sleep(1.1)  # loky looks once a second.
    return number, os.getpid()

with pool(1) as executor:
    tasks = [executor.submit(grow, number) for number in range(5)]
    results = [task.result() for task in tasks]
print([number for number, _ in results], len({pid for _, pid in results}))
"""
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "LOKY_MAX_MEMORY_LEAK_SIZE": "40000000"},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
    )
    numbers, workers_seen = done.stdout.rsplit(maxsplit=1)
    assert numbers == "[0, 1, 2, 3, 4]"
    assert int(workers_seen) > 1
    assert done.stderr == ""


def test_the_module_imports_nothing_of_stapes():
    assert "import stapes" not in Path(workers.__file__).read_text()
    assert "from stapes" not in Path(workers.__file__).read_text()


def test_the_example_in_the_docstring_holds():
    result = doctest.testmod(workers)
    assert result.attempted >= 1
    assert result.failed == 0


def test_no_shared_memory_is_one_sentence(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("loky.ProcessPoolExecutor", refuse)
    message = r"no worker process can be started \(Read-only file system\): .* /dev/shm"
    with pytest.raises(OSError, match=message), workers.pool(1):
        pass
