"""What was heard, on a terminal."""

from __future__ import annotations

import doctest
import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from stapes.contracts.listening import Heard, ListenedModel, Listening
from stapes.contracts.measurements import SkippedFile
from stapes.report.terminal import listening as module
from stapes.report.terminal.grid import grid
from stapes.report.terminal.listening import event_line, lines, meter


def heard(number: int, **changes) -> Heard:
    return Heard(
        **{
            "event": "detection",
            "model": "computer",
            "file": "talk/a.wav",
            "seconds": 1.5 + number,
            "score": 0.98,
            "threshold": 0.97,
            "peak": 0.98 + number / 10_000,
            **changes,
        }
    )


def listening(*events: Heard, **changes) -> Listening:
    model = ListenedModel(
        name="computer",
        wake_word="Computer",
        path="computer.tflite",
        threshold=0.97,
        detections=len(events),
        files=1,
        near_misses=0,
        per_hour=0.5 * len(events),
        per_hour_ci95=(0.1, 3.0),
    )
    values = {
        "source": "recordings/talk",
        "files": 3,
        "hours": 2.0,
        "near": 0.8,
        "models": [model],
        "skipped": [],
        "heard": list(events),
        **changes,
    }
    return Listening(**values)


def printed(document: Listening) -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    for line in lines(document):
        console.print(line)
    return console.export_text()


def test_recordings_have_a_table_of_events_and_one_of_models():
    text = printed(listening(heard(0), heard(60, event="near miss", peak=0.8)))
    assert "0:01.50" in text
    assert "1:01.50" in text
    assert "2 hours of 3 recordings (talk)" in text
    assert "1 of 3" in text
    assert "0.1 to 3" in text
    assert "detections are false accepts" in text


def test_the_highest_of_many_events_are_shown():
    text = printed(listening(*(heard(number) for number in range(50))))
    assert text.count("talk/a.wav") == module.MOST_ROWS
    assert "0:50.50" in text
    assert "0:01.50" not in text
    assert "--json prints the other 30 too" in text


def test_live_sound_has_no_table_of_events():
    text = printed(listening(heard(0, file=None), files=0, source="microphone"))
    assert "talk" not in text
    assert "false accepts" not in text


def test_what_was_left_out_is_named():
    skipped = [SkippedFile(file=f"{n}\x1b.wav", reason="silent") for n in range(25)]
    text = printed(listening(skipped=skipped, stopped=True))
    assert "Skipped 0·.wav: silent." in text
    assert "5 more files skipped" in text
    assert "Stopped: a part of the sound was not listened to." in text


def test_an_event_of_a_microphone_has_the_time_of_the_day():
    line = event_line(heard(0, time="2026-11-27T20:15:03.120+00:00", model="a\x07b"))
    assert line == "20:15:03  0:01.50  a·b: detection, score 0.980 (threshold 0.970)"


@given(
    st.lists(st.tuples(st.text(max_size=12), st.floats(0, 1), st.floats(0, 1)), max_size=5),
    st.integers(20, 200),
)
def test_a_meter_fits_its_line(scores, width):
    assert len(meter(scores, width)) <= width


def test_a_meter_is_full_at_one_and_marks_the_threshold():
    assert meter([("a", 0.0, 0.5)], 20) == "a 0.000 " + " " * 6 + "|" + " " * 5
    assert meter([("a", 1.0, 0.5)], 20) == "a 1.000 " + "█" * 12
    assert meter([("a", 0.9, 0.5), ("b", 0.1, 0.5)], 60).count("|") == 1


def test_examples_run():
    assert doctest.testmod(module).failed == 0


def test_names_of_strangers_command_no_terminal():
    stranger = "a\x1b[2Jb"
    table = grid("t", ["x"], [[f"{stranger}\nsecond"]])
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    text = out.getvalue()
    assert "\x1b" not in text
    assert "a·[2Jb" in text
    assert "second" in text
