"""The page of `stapes listen`: what each model heard, and its highest scores to hear."""

from __future__ import annotations

from stapes.contracts.listening import Heard, Listening
from stapes.report.templates import document
from stapes.report.terminal.listening import clock, notes
from stapes.system.text import UNKNOWN, hours, plural, rate, rate_interval

MOST_SOUND = 1_400_000
"""Letters of base64 in the page."""


def listening_page(listening: Listening) -> str:
    """The page as HTML, below 2 MB: the sound of what does not fit is left out."""
    room, shown = MOST_SOUND, {}
    for model in listening.models:
        highest = [one for one in listening.highest if one.model == model.name]
        players: list[tuple[Heard, str]] = []
        for one in highest:
            sound = one.sound if len(one.sound) <= room else ""
            room -= len(sound)
            players.append((one, sound))
        shown[model.name] = players
    return document(
        "listening.html.j2",
        scripts=("page.js",),
        listening=listening,
        shown=shown,
        title=f"{hours(listening.hours)} of sound, {plural(len(listening.models), 'model')}",
        notes=list(notes(listening)),
        clock=clock,
        rate=rate,
        rate_interval=rate_interval,
        unknown=UNKNOWN,
    )
