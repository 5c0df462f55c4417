"""A child ends with what crashes, hangs or takes too much memory; the next call gets a new one."""

from __future__ import annotations

import doctest
import os
import signal
import sys
import time

import pytest
from tests.processes import allocate, be_killed, crash, hang, is_alive

from stapes.errors import ModelError
from stapes.system import isolation
from stapes.system.isolation import Child, Killed, Lost, isolated

posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")


def refuse():
    raise ModelError("The model is refused.")


def start_and_allocate():
    with Child(8 << 30) as inner:
        return inner.run(600, allocate, 2 << 30)


def test_one_process_serves_many_calls_and_ends_with_the_block():
    with Child() as child:
        pids = {child.run(600, os.getpid) for _ in range(3)}
        assert child.run(600, pow, 2, exp=5) == 32
    [pid] = pids
    assert pid != os.getpid()
    assert not is_alive(pid)


@posix
def test_a_crash_and_a_hang_are_named_and_the_next_call_gets_a_new_process():
    with Child() as child:
        first = child.run(600, os.getpid)
        with pytest.raises(Lost, match=r"^it crashed$") as lost:
            child.run(600, crash)
        assert lost.value.signal == "segmentation fault"
        second = child.run(600, os.getpid)
        with pytest.raises(Lost, match=r"^it took more than 0\.1 s$") as lost:
            child.run(0.1, hang)
        assert lost.value.signal is None
        third = child.run(600, os.getpid)
    assert len({first, second, third}) == 3
    assert not any(is_alive(pid) for pid in (first, second, third))


@posix
def test_what_was_killed_is_tried_again_once(tmp_path):
    assert isolated(600, be_killed, tmp_path / "once", 1) == 1
    message = "^A process of Stapes was killed twice, perhaps for lack of memory: end other"
    with Child() as child:
        with pytest.raises(Killed, match=message):
            child.run(600, be_killed, tmp_path / "twice", 2)
        assert child.run(600, be_killed, tmp_path / "twice", 2) == 2


@posix
def test_a_child_that_is_killed_between_two_calls_starts_again():
    with Child() as child:
        os.kill(child.run(600, os.getpid), signal.SIGTERM)
        assert child.run(600, abs, -3) == 3


@posix
def test_a_process_that_does_not_start_is_lost(monkeypatch):
    monkeypatch.setattr(isolation, "_START_SECONDS", 0.5)
    with Child() as child:
        child._initial = (os.getpid(), hang, ())
        with pytest.raises(Lost, match=r"^the start of its process took more than 0\.5 s$"):
            child.run(600, os.getpid)
        assert child._executor is None


@linux
def test_memory_has_a_limit_and_the_process_serves_the_next_call():
    with Child(1 << 30) as child:
        first = child.run(600, os.getpid)
        with pytest.raises(Lost, match=r"^it needs more than 1 GiB of memory$"):
            child.run(600, allocate, 2 << 30)
        assert child.run(600, allocate, 1 << 20) == 1 << 20
        assert child.run(600, os.getpid) == first


@linux
def test_a_process_of_a_child_has_no_higher_limit():
    with Child(1 << 30) as child, pytest.raises(Lost, match="GiB of memory"):
        child.run(600, start_and_allocate)


def test_a_single_call_has_the_limits_too(monkeypatch):
    assert isolated(600, pow, 2, exp=5) == 32
    with pytest.raises(Lost, match=r"took more than 0\.1 s"):
        isolated(0.1, time.sleep, 600)


@linux
def test_the_usual_limit_of_memory_holds():
    with pytest.raises(Lost, match=r"^it needs more than 6 GiB of memory$"):
        isolated(600, bytes, 7 << 30)


def test_an_error_reaches_the_caller_and_keeps_the_process():
    with Child() as child:
        first = child.run(600, os.getpid)
        with pytest.raises(ModelError, match="is refused"):
            child.run(600, refuse)
        assert child.run(600, os.getpid) == first


def test_an_error_in_the_block_ends_the_process():
    pids = []

    def fail():
        with Child() as child:
            pids.append(child.run(600, os.getpid))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not is_alive(*pids)


def test_a_child_without_a_call_is_no_process():
    with Child() as child:
        assert child._executor is None


def test_the_example_holds():
    assert doctest.testmod(isolation) == doctest.TestResults(failed=0, attempted=1)
