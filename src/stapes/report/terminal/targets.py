"""What the models of a run do on the targets, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.table import Table

from stapes.contracts.results import Results, VariantResult
from stapes.report.columns import columns
from stapes.report.notes import models, reasons
from stapes.report.target_columns import shown_figures
from stapes.report.terminal.tables import model_table
from stapes.targets.registry import TARGETS


def targets(results: Results, keys: Iterable[str] | None = None) -> Table:
    """One row a model: what each target makes of it; `no` where it does not run."""
    shown = columns(results, ("name", *(shown_figures() if keys is None else keys)))
    return model_table("On the targets", results, shown, results.variants)


def target_notes(results: Results, verbose: bool = True) -> list[str]:
    """What was assumed of each target, and why it does not run models, one sentence each.

    ESPHome's reasons need `verbose`: hardly a model is made for it.
    """
    lines = []
    for target, its in TARGETS.items():
        measured = [row.targets[target] for row in results.variants if target in row.targets]
        known = Counter(each.configuration for each in measured if each.configuration)
        lines += [f"{its.title}: {known.most_common(1)[0][0]}."] if known else []
        refused = [row.name for row in results.variants if _refuses(row, target)]
        if target == "esphome" and refused and not verbose:
            who = models(refused, results)
            lines.append(f"Not in {its.title}: {who}; --verbose shows what stands in the way.")
            continue
        for name, reason, names in reasons(results, runs=False):
            if name == target:
                lines.append(f"Not in {its.title}: {models(names, results)} ({reason}).")
        for name, reason, names in reasons(results, runs=True):
            if name == target:
                lines.append(f"{its.title}, {models(names, results)}: {reason}.")
    return lines


def _refuses(row: VariantResult, target: str) -> bool:
    return target in row.targets and not row.targets[target].runs
