"""What was heard, for a terminal: a meter while it listens, a line an event, and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from rich.table import Table

from stapes.contracts.listening import Heard, Listening
from stapes.report.terminal.grid import grid
from stapes.system.text import UNKNOWN, hours, plural, printable, rate, rate_interval

MOST_ROWS = 20
"""Of the table of events."""

_BLOCKS = " ▏▎▍▌▋▊▉█"
_NARROWEST = 8


def meter(scores: Sequence[tuple[str, float, float]], width: int) -> str:
    """Each model's newest score as a bar, with a mark at its threshold, in one line.

    Parameters
    ----------
    scores : sequence of (str, float, float)
        Name, score and threshold of each model.
    width : int
        Of the line.

    Examples
    --------
    >>> meter([("alexa", 0.5, 0.9), ("jarvis", 1.0, 0.9)], 44)
    'alexa 0.500 ████▌   |  jarvis 1.000 ████████'
    """
    room = (width - 2 * (len(scores) - 1)) // max(1, len(scores))
    parts = []
    for name, score, threshold in scores:
        label = f"{name} {score:.3f} "
        bar = max(_NARROWEST, room - len(label))
        parts.append(label + _bar(score, threshold, bar))
    return "  ".join(parts)[:width]


def event_line(heard: Heard) -> str:
    """An event as it comes."""
    moment = clock(heard.seconds)
    if heard.time is not None:
        moment = f"{datetime.fromisoformat(heard.time):%H:%M:%S}  {moment}"
    what = f"{heard.event}, score {heard.score:.3f} (threshold {heard.threshold:.3f})"
    return printable(f"{moment}  {heard.model}: {what}")


def lines(listening: Listening) -> Iterable[str | Table]:
    """The tables and sentences at the end."""
    if len(listening.heard) and listening.files:
        yield _events(listening.heard)
        if len(listening.heard) > MOST_ROWS:
            left = len(listening.heard) - MOST_ROWS
            yield f"The {MOST_ROWS} highest are shown; --json prints the other {left:,} too."
    yield _models(listening)
    yield from notes(listening)


def notes(listening: Listening) -> Iterable[str]:
    """What the figures mean, and what was left out."""
    if listening.stopped and listening.files:
        yield "Stopped: a part of the sound was not listened to."
    if listening.files and listening.hours:
        yield (
            "Where the word is not in the sound, detections are false accepts. The interval of the "
            "rate is the exact one of the Poisson distribution (95 %)."
        )
    for part in listening.skipped[:MOST_ROWS]:
        yield printable(f"Skipped {part.file}: {part.reason}.")
    if len(listening.skipped) > MOST_ROWS:
        yield f"{plural(len(listening.skipped) - MOST_ROWS, 'more file')} skipped."


def clock(seconds: float) -> str:
    """A moment of a recording.

    Examples
    --------
    >>> clock(3723.456)
    '1:02:03.46'
    """
    whole, part = divmod(round(seconds * 100), 100)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    head = f"{hour}:{minute:02d}" if hour else f"{minute}"
    return f"{head}:{second:02d}.{part:02d}"


def _bar(score: float, threshold: float, width: int) -> str:
    eighths = round(min(1.0, max(0.0, score)) * width * 8)
    full, rest = divmod(eighths, 8)
    bar = ("█" * full + (_BLOCKS[rest] if rest else "")).ljust(width)
    mark = min(width - 1, int(threshold * width))
    return bar if full > mark else f"{bar[:mark]}|{bar[mark + 1 :]}"


def _events(heard: Sequence[Heard]) -> Table:
    highest = sorted(heard, key=lambda one: (one.event, -one.peak))[:MOST_ROWS]
    titles = ["event", "model", "~recording", ">at", ">score", ">threshold"]
    return grid(
        "Heard",
        titles,
        [
            [
                one.event,
                one.model,
                printable(one.file or UNKNOWN),
                clock(one.seconds),
                f"{one.peak:.3f}",
                f"{one.threshold:.3f}",
            ]
            for one in highest
        ],
    )


def _models(listening: Listening) -> Table:
    sound = f" of {plural(listening.files, 'recording')}" if listening.files else ""
    of = [">recordings"] if listening.files > 1 else []
    titles = ["model", "word", ">threshold", ">detections", *of, ">an hour", ">95 %"]
    titles.append(">near\nmisses")
    rows = [
        [
            model.name,
            model.wake_word,
            f"{model.threshold:.3f}",
            f"{model.detections:,}",
            *([f"{model.files:,} of {listening.files:,}"] if of else []),
            UNKNOWN if model.per_hour is None else rate(model.per_hour),
            "" if model.per_hour_ci95 is None else rate_interval(model.per_hour_ci95),
            f"{model.near_misses:,}",
        ]
        for model in listening.models
    ]
    source = Path(listening.source).name or listening.source
    title = f"{hours(listening.hours)}{sound} ({source})"
    return grid(printable(title), titles, rows)
