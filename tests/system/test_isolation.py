"""A child takes what crashes or hangs with it, and the next call gets a new one."""

from __future__ import annotations

import doctest
import os
import signal
import time

import pytest

from stapes.errors import ModelError
from stapes.system import isolation as children
from stapes.system.isolation import Lost, child


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse():
    raise ModelError("The model is refused.")


def too_much():
    raise MemoryError


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_serves_many_calls_and_ends_with_the_block():
    with child() as made:
        pids = {made.run(60, os.getpid) for _ in range(3)}
        assert made.run(60, pow, 2, exp=5) == 32
    [pid] = pids
    assert pid != os.getpid()
    assert not alive(pid)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")
def test_a_crash_and_a_hang_are_told_and_the_next_call_gets_a_new_process():
    with child() as made:
        first = made.run(60, os.getpid)
        with pytest.raises(Lost, match=r"^it crashed$"):
            made.run(60, crash)
        second = made.run(60, os.getpid)
        with pytest.raises(Lost, match=r"^it took more than 0\.1 s$"):
            made.run(0.1, time.sleep, 60)
        third = made.run(60, os.getpid)
    assert len({first, second, third}) == 3
    assert not any(alive(pid) for pid in (first, second, third))


def test_an_error_is_the_callers_and_keeps_the_process():
    with child() as made:
        first = made.run(60, os.getpid)
        with pytest.raises(ModelError, match="is refused"):
            made.run(60, refuse)
        with pytest.raises(Lost, match="more memory than a device has"):
            made.run(60, too_much)
        assert made.run(60, os.getpid) == first


def test_an_error_in_the_block_ends_the_process():
    pids = []

    def fail():
        with child() as made:
            pids.append(made.run(60, os.getpid))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not alive(*pids)


def test_a_child_that_was_never_asked_is_no_process():
    with child() as made:
        assert made._executor is None


def test_the_example_holds():
    assert doctest.testmod(children) == doctest.TestResults(failed=0, attempted=1)
