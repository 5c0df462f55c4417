"""What the models of a run do on the targets, for a terminal."""

from __future__ import annotations

from collections import Counter

from rich.table import Table

from stapes.contracts.results import Results
from stapes.report.columns import columns
from stapes.report.notes import models, reasons
from stapes.report.target_columns import shown_figures
from stapes.report.terminal.tables import model_table
from stapes.targets.registry import TARGETS


def targets(results: Results) -> Table:
    """Each target's figures of each model; `no` where it does not run."""
    shown = columns(results, ("name", *shown_figures()))
    return model_table("On the targets", results, shown, results.variants)


def target_notes(results: Results, verbose: bool = True) -> list[str]:
    """The configuration of each target, and why it does not run models, one sentence each.

    Lists of obstacles need `verbose`.
    """
    lines = []
    for name, target in TARGETS.items():
        measured = {row.name: row.targets[name] for row in results.variants if name in row.targets}
        texts = [result.configuration for result in measured.values() if result.configuration]
        lines += [f"{target.title}: {Counter(texts).most_common(1)[0][0]}."] if texts else []
        refused = [model for model, result in measured.items() if not result.runs]
        if target.lists_obstacles and refused and not verbose:
            lines.append(f"Not in {target.title}: {models(refused, results)}; --verbose shows why.")
            continue
        lines += [
            f"Not in {target.title}: {models(names, results)} ({reason})."
            for key, reason, names in reasons(results, runs=False)
            if key == name
        ]
        lines += [
            f"{target.title}, {models(names, results)}: {reason}."
            for key, reason, names in reasons(results, runs=True)
            if key == name
        ]
    return lines
