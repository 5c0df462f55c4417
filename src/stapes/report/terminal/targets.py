"""What the models of a run do on the targets, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.table import Table

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import Results, VariantResult
from stapes.report.columns import columns
from stapes.report.target_columns import shown_figures
from stapes.report.terminal.tables import model_table
from stapes.targets.registry import TARGETS


def targets(results: Results, keys: Iterable[str] | None = None) -> Table:
    """One row a model: what each target makes of it; `no` where it does not run."""
    shown = columns(results, ("name", *(shown_figures() if keys is None else keys)))
    return model_table("On the targets", results, shown, results.variants)


def target_notes(results: Results, verbose: bool = True) -> list[str]:
    """What must be said below the table of targets: what was assumed, and why models do not run.

    Models with the same reason stand in one sentence. All that stands in ESPHome's way is told
    with `verbose` alone: hardly a model is made for it.
    """
    said = []
    rows = results.variants
    for target, its in TARGETS.items():
        found = [(row.name, row.targets[target]) for row in rows if target in row.targets]
        known = Counter(each.configuration for _, each in found if each.configuration)
        if known:
            said.append(f"{its.title}: {known.most_common(1)[0][0]}.")
        refused = [(name, each) for name, each in found if not each.runs]
        if target == "esphome" and refused and not verbose:
            who = _all([name for name, _ in refused], rows)
            said.append(f"Not in {its.title}: {who}; --verbose says what stands in the way.")
            continue
        partly = [(name, each) for name, each in found if each.runs]
        for names, reason in _joined(refused, parts=target == "esphome"):
            said.append(f"Not in {its.title}: {_all(names, rows)} ({reason}).")
        for names, reason in _joined(partly):
            said.append(f"{its.title}, {_all(names, rows)}: {reason}.")
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
