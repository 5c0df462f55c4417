"""Progress is plain lines in a file, and a bar that cleans up after itself on a terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from stapes.report.terminal.progress import progress_on
from stapes.system.progress import Progress

ESCAPE = "\x1b"
HIDE, SHOW = f"{ESCAPE}[?25l", f"{ESCAPE}[?25h"
STEPS = ["Training the baseline", 'Speaking "[/b] [red]x"', "a {brace} and a 100 % sign"]


@pytest.fixture
def plain():
    return Console(file=io.StringIO(), width=40, force_terminal=False)


@pytest.fixture
def live(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    return Console(file=io.StringIO(), width=100, force_terminal=True, force_interactive=True)


def written(console):
    return console.file.getvalue()


def lines(console):
    """What is read, without what moves and colours it, and without the time."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written(console))
    return [re.sub(r"\(\d+\.\d s\)", "(s)", line) for line in re.split(r"[\r\n]+", text) if line]


def work(progress, step, total=3):
    progress.begin(step)
    for done in range(3):
        progress.update(done, total, f"clip {done}")
    progress.end("3 clips")


@pytest.mark.parametrize("step", STEPS)
def test_plain_output_is_a_line_at_the_beginning_and_the_end(plain, step):
    work(progress_on(plain), step)
    assert lines(plain) == [f"{step} ...", f"{step}: 3 clips (s)"]


def test_plain_output_has_no_control_characters(plain):
    progress = progress_on(plain)
    for step in STEPS:
        work(progress, step)
        progress.note("something to know")
    progress.stop()
    assert all(character.isprintable() or character == "\n" for character in written(plain))


def test_plain_lines_are_never_wrapped_or_marked_up(plain):
    progress = progress_on(plain)
    long = "[bold]word[/bold] " * 20
    progress.begin(long)
    progress.end(long)
    progress.note(long)
    assert [line.count("[bold]") for line in lines(plain)] == [20, 40, 20]


def test_a_step_may_end_without_a_word(plain):
    progress = progress_on(plain)
    progress.begin("step")
    progress.end()
    assert lines(plain) == ["step ...", "step (s)"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("total", [3, None])
def test_a_terminal_ends_with_a_line_for_the_step_and_its_cursor(live, step, total):
    work(progress_on(live), step, total)
    assert lines(live)[-1] == f"{step}: 3 clips (s)"
    assert written(live).count(HIDE) == written(live).count(SHOW) > 0
    # The bar itself is wiped out before the line is written.
    assert f"{ESCAPE}[1A{ESCAPE}[2K" in written(live).partition(SHOW)[2]


@pytest.mark.parametrize("detail", ["uint8", "[/dim]", "{x}", "val_loss 0.123"])
def test_a_terminal_shows_the_step_how_far_it_is_and_its_detail(live, detail):
    progress = progress_on(live)
    progress.begin("Making [models]")
    progress.update(2, 5, detail)
    progress.end()
    bar = next(line for line in lines(live) if "2/5" in line)
    assert bar.startswith("Making [models] ")
    assert bar.rstrip().endswith(detail)


def test_a_note_is_printed_above_the_bar(live):
    progress = progress_on(live)
    progress.begin("step")
    progress.note("[b]something to know")
    progress.end()
    assert any("[b]something to know" in line for line in lines(live))
    assert lines(live)[-1] == "step (s)"


def test_a_terminal_is_left_as_it_was_when_work_stops_in_the_middle(live):
    progress = progress_on(live)
    progress.begin("step")
    progress.update(1, 2)
    assert written(live).count(HIDE) == 1
    assert written(live).count(SHOW) == 0
    progress.stop()
    progress.stop()
    assert written(live).count(SHOW) == 1


def test_steps_follow_each_other_on_one_terminal(live):
    progress = progress_on(live)
    for step in ("one", "two"):
        work(progress, step)
    progress.stop()
    ended = [line for line in lines(live) if line.endswith("3 clips (s)")]
    assert [line.split(":")[0] for line in ended] == ["one", "two"]
    assert written(live).count(HIDE) == written(live).count(SHOW) == 2


@pytest.mark.parametrize("console", ["plain", "live"])
def test_stopping_before_the_first_step_is_harmless(console, request):
    target = request.getfixturevalue(console)
    progress_on(target).stop()
    assert written(target) == ""


def test_progress_without_a_console_prints_nothing(capfd):
    work(Progress(), "step")
    Progress().note("x")
    assert capfd.readouterr() == ("", "")
