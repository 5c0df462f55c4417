"""The front of docs/results.md: the rows that no other beats in both bytes and misses."""

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
from stapes.report.charts import Chart, Series, linear_axis, log_axis, look, steps
from stapes.report.figures import svg
from stapes.system.text import count, percent, plural


@dataclass(frozen=True)
class Place:
    """A technique's bytes and FRR of clips, a part of one, averaged over all runs."""

    name: str
    bytes: float
    missed: float


def places(runs: Runs) -> list[Place]:
    """The place of every technique, in the order of the table."""
    return [
        Place(name, mean(runs, name, lambda row: row.bytes), mean(runs, name, frr)) for name in ROWS
    ]


def best(places: list[Place]) -> list[Place]:
    """The front, the smallest first."""
    points = [(place.bytes, place.missed) for place in places]
    return sorted((places[index] for index in pareto.front(points)), key=lambda place: place.bytes)


def front(runs: Runs) -> list[str]:
    """The front as a table, under its picture."""
    lines = ["![FRR of clips against file size of each technique](images/front.svg)", ""]
    lines += head("row", FILE.title, ARENA.title, ACCURACY.title, FRR.title)
    for place in best(places(runs)):
        lines.append(
            line(
                f"`{place.name}`",
                count(place.bytes),
                mean_arena(runs, place.name),
                percent(mean(runs, place.name, accuracy)),
                percent(place.missed),
            )
        )
    return lines


def picture(runs: Runs) -> str:
    """Every technique by bytes and false rejects, the front in colour, as an SVG of its own."""
    techniques = places(runs)
    seeds = len({results.seed for word in runs.values() for results in word})
    return svg.chart(
        _chart(techniques),
        title=f"{FRR.title} at 0.5 % false positives: {plural(len(runs), 'word')}, "
        f"{plural(seeds, 'seed')} each, {plural(len(techniques), 'technique')}",
        note="Means over all runs. Colour: float32 and the front, the rows that no other beats in "
        "both. Dotted: the lowest rate for the size.",
    )


def _chart(places: list[Place]) -> Chart:
    chosen = list(dict.fromkeys(["float32", *(place.name for place in best(places))]))
    sizes = [place.bytes for place in places]
    first, last = min(sizes) / 1.06, max(sizes) * 1.06
    most = max(max(100 * place.missed for place in places) * 1.06, 1.0)
    return Chart(
        key="front",
        title=f"File size against {FRR.title}",
        x=log_axis("file size [bytes]", first, last),
        y=linear_axis(f"{FRR.title} [%]", -0.04 * most, most),
        series=[
            Series(
                name=place.name,
                look=look(
                    chosen.index(place.name) if place.name in chosen else 0,
                    variant=number,
                    chosen=place.name in chosen,
                ),
                x=[place.bytes],
                y=[100 * place.missed],
                hover=[
                    f"{place.name}: {place.bytes:,.0f} bytes, {FRR.title} {percent(place.missed)}"
                ],
            )
            for number, place in enumerate(places)
        ],
        lines=False,
        labels=True,
        guide=steps([(place.bytes, 100 * place.missed) for place in best(places)], last),
    )
