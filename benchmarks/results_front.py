"""The front of docs/results.md: the rows that no other beats in bytes and in words missed."""

from __future__ import annotations

from dataclasses import dataclass

from results_tables import (
    ACCURACY,
    ARENA,
    FILE,
    FRR,
    ROWS,
    Runs,
    accuracy,
    frr,
    head,
    line,
    mean,
    mean_arena,
)
from stapes.measure import front as pareto
from stapes.report.charts import Axis, Chart, Series, linear_ticks, log_ticks, look, short
from stapes.report.figures import svg
from stapes.system.text import count, percent


@dataclass(frozen=True)
class Place:
    """A technique's bytes and FRR of clips, a part of one, averaged over all runs."""

    name: str
    bytes: float
    missed: float


def places(runs: Runs) -> list[Place]:
    """Every technique's, in the order of the table."""
    return [
        Place(name, mean(runs, name, lambda row: row.bytes), mean(runs, name, frr)) for name in ROWS
    ]


def best(found: list[Place]) -> list[Place]:
    """Those that no other beats, the smallest first."""
    points = [(place.bytes, place.missed) for place in found]
    return sorted((found[index] for index in pareto.front(points)), key=lambda place: place.bytes)


def front(runs: Runs) -> list[str]:
    """The front as a table, under its picture."""
    lines = ["![FRR of clips against file size of each technique](images/front.svg)", ""]
    lines += head("row", FILE.title, ARENA.title, ACCURACY.title, FRR.title)
    for each in best(places(runs)):
        lines.append(
            line(
                f"`{each.name}`",
                count(each.bytes),
                mean_arena(runs, each.name),
                percent(mean(runs, each.name, accuracy)),
                percent(each.missed),
            )
        )
    return lines


def picture(runs: Runs) -> str:
    """Every technique by bytes and false rejects, the front in colour, as an SVG of its own."""
    found = places(runs)
    seeds = len({results.seed for each in runs.values() for results in each})
    return svg.chart(
        _chart(found),
        title=f"{FRR.title} at 0.5 % false positives: {_count(len(runs), 'word')}, "
        f"{_count(seeds, 'seed')} each, {_count(len(found), 'technique')}",
        note="Means over all runs. Colour: float32 and the front, the rows that no other beats in "
        "both. Dotted: the lowest rate for the size.",
        standing=True,
    )


def _chart(found: list[Place]) -> Chart:
    kept = [each.name for each in best(found)]
    shown = ["float32", *(name for name in kept if name != "float32")]
    first = min(each.bytes for each in found) / 1.06
    last = max(each.bytes for each in found) * 1.06
    most = max(max(100 * each.missed for each in found) * 1.06, 1.0)
    stairs = [(each.bytes, 100 * each.missed) for each in best(found)]
    guide = stairs[:1]
    for x, y in stairs[1:]:
        guide += [(x, guide[-1][1]), (x, y)]
    return Chart(
        key="front",
        title=f"File size against {FRR.title}",
        x=Axis(
            "file size [bytes]",
            first,
            last,
            [(value, f"{value:,.0f}") for value in log_ticks(first, last)],
            log=True,
        ),
        y=Axis(
            f"{FRR.title} [%]",
            -0.04 * most,
            most,
            [(value, short(value)) for value in linear_ticks(0.0, most)],
        ),
        series=[
            Series(
                name=each.name,
                look=look(
                    shown.index(each.name) if each.name in shown else 0,
                    variant=number,
                    chosen=each.name in shown,
                ),
                x=[each.bytes],
                y=[100 * each.missed],
                hover=[f"{each.name}: {each.bytes:,.0f} bytes, {FRR.title} {percent(each.missed)}"],
            )
            for number, each in enumerate(found)
        ],
        lines=False,
        labels=True,
        guide=guide,
    )


def _count(many: int, what: str) -> str:
    return f"{many} {what}" if many == 1 else f"{many} {what}s"
