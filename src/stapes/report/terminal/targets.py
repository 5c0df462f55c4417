"""What the variants of a run do on the targets, for a terminal and as CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.markup import escape
from rich.table import Table

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import Results, VariantResult

TITLES = {
    "litert": "LiteRT",
    "tflm": "TFLite Micro",
    "ethos_u55": "Ethos-U55",
    "ethos_u85": "Ethos-U85",
    "esphome": "ESPHome",
}
"""By the name that results.json has for a target."""

_NPU = ("flash_bytes", "sram_bytes", "weight_bytes", "cycles", "inferences_per_second")
_FIGURES: dict[str, tuple[str, ...]] = {
    "litert": ("latency_us_p50", "latency_us_p99"),
    "tflm": (
        "arena_bytes",
        "agrees",
        "decisions_that_differ",
        "largest_difference",
        "n_compared",
    ),
    "ethos_u55": _NPU,
    "ethos_u85": _NPU,
    "esphome": (),
}

TARGET_COLUMNS = tuple(
    f"{target}_{figure}" for target, figures in _FIGURES.items() for figure in ("runs", *figures)
)
"""Of results.csv; an empty cell is a figure that there is not."""


def target_cells(row: VariantResult) -> dict[str, str]:
    """A row's part of results.csv, by `TARGET_COLUMNS`."""
    cells = dict.fromkeys(TARGET_COLUMNS, "")
    for target, figures in _FIGURES.items():
        found = row.targets.get(target)
        for figure in ("runs", *figures) if found else ():
            cells[f"{target}_{figure}"] = _plain(getattr(found, figure))
    return cells


def latency(row: VariantResult) -> str:
    """LiteRT's median latency in microseconds, as a cell."""
    return _time(row.targets.get("litert"), "latency_us_p50")


def arena(row: VariantResult) -> str:
    """TFLite Micro's arena in bytes, as a cell."""
    return _count(row.targets.get("tflm"), "arena_bytes")


def targets(results: Results) -> Table:
    """One row a variant: what each target makes of it; `no` where it does not run."""
    shown = Table(title="On the targets", title_justify="left", header_style="bold")
    shown.add_column("model", no_wrap=True)
    for name in (
        *("LiteRT us p50", "p99"),
        *("TFLM arena B", "decisions differ", "largest diff"),
        *("U55 flash B", "SRAM B", "inf/s"),
        *("U85 flash B", "SRAM B", "inf/s"),
        "ESPHome",
    ):
        shown.add_column(name, justify="right")
    for row in results.variants:
        of = row.targets
        tflm = of.get("tflm")
        shown.add_row(
            escape(row.name),
            _time(of.get("litert"), "latency_us_p50"),
            _time(of.get("litert"), "latency_us_p99", ""),
            _count(tflm, "arena_bytes"),
            _differ(tflm),
            _largest(tflm),
            *_npu(of.get("ethos_u55")),
            *_npu(of.get("ethos_u85")),
            _yes(of.get("esphome")),
        )
    return shown


def target_notes(results: Results, verbose: bool = True) -> list[str]:
    """What must be said below the table of targets: what was assumed, and why models do not run.

    Models with the same reason stand in one sentence. All that stands in ESPHome's way is told
    with `verbose` alone: hardly a model is made for it.
    """
    said = []
    rows = results.variants
    for target, title in TITLES.items():
        found = [(row.name, row.targets[target]) for row in rows if target in row.targets]
        known = Counter(each.configuration for _, each in found if each.configuration)
        if known:
            said.append(f"{title}: {known.most_common(1)[0][0]}.")
        refused = [(name, each) for name, each in found if not each.runs]
        if target == "esphome" and refused and not verbose:
            who = _all([name for name, _ in refused], rows)
            said.append(f"Not in {title}: {who}; --verbose says what stands in the way.")
            continue
        partly = [(name, each) for name, each in found if each.runs]
        for names, reason in _joined(refused, parts=target == "esphome"):
            said.append(f"Not in {title}: {_all(names, rows)} ({reason}).")
        for names, reason in _joined(partly):
            said.append(f"{title}, {_all(names, rows)}: {reason}.")
    return said


def _joined(
    found: Iterable[tuple[str, TargetResult]], parts: bool = False
) -> Iterator[tuple[list[str], str]]:
    """Models by reason; with `parts`, by each part of it, and what is of the same models in one."""
    by_reason: dict[str, list[str]] = {}
    for name, each in found:
        if each.reason:
            for reason in each.reason.split("; ") if parts else [each.reason]:
                by_reason.setdefault(reason, []).append(name)
    by_names: dict[tuple[str, ...], list[str]] = {}
    for reason, names in by_reason.items():
        by_names.setdefault(tuple(names), []).append(reason)
    for together, reasons in by_names.items():
        yield list(together), "; ".join(reasons)


def _all(names: list[str], rows: list[VariantResult]) -> str:
    return "every model" if 1 < len(rows) == len(names) else ", ".join(names)


def _npu(found: TargetResult | None) -> tuple[str, str, str]:
    if found is None or not found.runs:
        return _absent(found), "", ""
    rate = found.inferences_per_second
    # With a star, where a part is the CPU's.
    said = "-" if rate is None else f"{rate:,.0f}{'*' if found.cpu_ops else ''}"
    return _count(found, "flash_bytes"), _count(found, "sram_bytes"), said


def _differ(found: TargetResult | None) -> str:
    if found is None or found.decisions_that_differ is None:
        return ""
    return f"{found.decisions_that_differ} of {found.n_compared}"


def _largest(found: TargetResult | None) -> str:
    value = None if found is None else found.largest_difference
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 1 or value == 0 else f"{value:.0e}"


def _time(found: TargetResult | None, figure: str, otherwise: str | None = None) -> str:
    value = None if found is None else getattr(found, figure)
    if value is None:
        return _absent(found) if otherwise is None else otherwise
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _count(found: TargetResult | None, figure: str) -> str:
    value = None if found is None else getattr(found, figure)
    return _absent(found) if value is None else f"{value:,}"


def _yes(found: TargetResult | None) -> str:
    return "yes" if found is not None and found.runs else _absent(found)


def _absent(found: TargetResult | None) -> str:
    """Where there is no figure: `no` if the model does not run, `-` if that was not found out."""
    if found is None or found.runs or not found.tried:
        return "-"
    return "no"


def _plain(value: bool | int | float | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
