"""The columns of the targets: every figure of every target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import VariantResult
from stapes.report.column import Column
from stapes.system.text import UNKNOWN, count, measure, plural
from stapes.targets.registry import COMPARED, TARGETS
from stapes.targets.target import Target


def _difference(value: float) -> str:
    return f"{value:.0f}" if value >= 1 or value == 0 else f"{value:.0e}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_FIGURES: dict[str, tuple[str, str, Callable[[Any], str]]] = {
    "latency_us_p50": (
        "{} p50 µs",
        "Median time of one inference in {} on one thread of the run's machine, in microseconds.",
        measure,
    ),
    "latency_us_p99": (
        "{} p99 µs",
        "99th percentile of the time of one inference in {}, in microseconds.",
        measure,
    ),
    "arena_bytes": ("arena bytes", "Smallest tensor arena of {}, in bytes.", count),
    "agrees": (
        "{} agrees",
        "Whether {} and LiteRT decide every test clip, or every step of a stream, alike.",
        _yes,
    ),
    "decisions_that_differ": (
        "{} decisions that differ",
        "Number of test clips, or of steps of a stream, that {} and LiteRT decide differently.",
        count,
    ),
    "largest_difference": (
        "{} largest difference",
        "Largest difference between outputs of {} and LiteRT, in steps of a quantized output.",
        _difference,
    ),
    "n_compared": (
        "{} inputs compared",
        "Number of test clips, or of steps of a stream, that LiteRT and {} ran.",
        count,
    ),
    "flash_bytes": ("{} flash bytes", "Size of the model compiled for {}, in bytes.", count),
    "sram_bytes": ("{} SRAM bytes", "Peak of activations and buffers on {}, in bytes.", count),
    "weight_bytes": ("{} weight bytes", "Size of the weights as {} stores them, in bytes.", count),
    "cycles": ("{} cycles", "Cycles of one inference on {}, as the compiler estimates.", count),
    "inferences_per_second": (
        "{} inf/s",
        "Inferences per second on {}, as the compiler estimates.",
        count,
    ),
}
"""By the field of `TargetResult`: title, help, and the function that writes it."""

_LEFT_OUT = ("agrees", "n_compared", "weight_bytes", "cycles")
"""Not in the table of targets, for lack of room."""


def shown_figures() -> list[str]:
    """The keys of the table of targets: figures, or whether the target runs the model."""
    return [
        f"{name}_{figure}"
        for name, target in TARGETS.items()
        for figure in [figure for figure in target.figures if figure not in _LEFT_OUT] or ["runs"]
    ]


def runs(result: TargetResult | None) -> str | None:
    """Whether a target runs a model; None if it was not tried."""
    if result is None or not result.tried:
        return None
    return "no" if not result.runs else "in part" if result.cpu_ops else "yes"


def sentence(result: TargetResult | None) -> str:
    """Whether a target runs a model, on which configuration, and why not."""
    if result is None:
        return "not measured"
    if not result.runs:
        reason = result.reason or "no reason was given"
        return f"no: {reason}" if result.tried else reason
    parts = [runs(result) or "", result.configuration, result.reason]
    if result.n_compared:
        differ = result.decisions_that_differ or 0
        parts.append(f"differs from LiteRT on {differ:,} of {plural(result.n_compared, 'input')}")
    parts += [f"on the CPU: {'; '.join(result.cpu_ops)}"] if result.cpu_ops else []
    return ", ".join(part for part in parts if part)


def _runs(name: str, target: Target) -> Column[VariantResult]:
    return Column(
        f"{name}_runs",
        target.short,
        f"Whether {target.title} runs the model.",
        lambda row, _: runs(row.targets.get(name)),
        note=lambda row: sentence(row.targets[name]) if name in row.targets else "",
    )


def _figure(name: str, target: Target, figure: str) -> Column[VariantResult]:
    title, sentence, text = _FIGURES[figure]

    def absent(row: VariantResult) -> str:
        refused = runs(row.targets.get(name)) == "no"
        # `no` would be misread in a comparison that was not made.
        return "no" if refused and figure not in COMPARED else UNKNOWN

    return Column(
        f"{name}_{figure}",
        title.format(target.short),
        sentence.format(target.title),
        f"targets.{name}.{figure}",
        text,
        absent=absent,
    )


TARGET_COLUMNS = [
    column
    for name, target in TARGETS.items()
    for column in (_runs(name, target), *(_figure(name, target, f) for f in target.figures))
]
