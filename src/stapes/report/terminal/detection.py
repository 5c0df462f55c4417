"""Detection in continuous sound: the table for a terminal, what is said below it, CSV columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from stapes.contracts.measurements import Condition, Detection, OperatingPoint
from stapes.contracts.results import Results, VariantResult

DETECTION_COLUMNS = (
    "mcnemar_p",
    "auc",
    "eer",
    "threshold",
    "fa_per_hour",
    "frr",
    "frr_low95",
    "frr_high95",
    "frr_against_float32",
    "frr_against_float32_p",
)
"""Of results.csv; an empty cell is a figure that there is not."""


def detection_cells(row: VariantResult) -> dict[str, str]:
    """A row's part of results.csv, by `DETECTION_COLUMNS`."""
    cells = dict.fromkeys(DETECTION_COLUMNS, "")
    if row.against_float32:
        cells["mcnemar_p"] = _cell(row.against_float32.p)
    found = row.detection
    if found:
        low, high = found.chosen.frr_ci95 or (None, None)
        against = found.against_float32
        cells |= {
            "auc": _cell(found.auc),
            "eer": _cell(found.eer),
            "threshold": "" if found.threshold is None else repr(found.threshold),
            "fa_per_hour": _cell(found.chosen.fa_per_hour),
            "frr": _cell(found.chosen.frr),
            "frr_low95": _cell(low),
            "frr_high95": _cell(high),
            "frr_against_float32": _cell(against.difference if against else None),
            "frr_against_float32_p": _cell(against.p if against else None),
        }
    return cells


def p_value(row: VariantResult) -> str:
    """McNemar's p on the test clips against float32, as a cell."""
    return f"{row.against_float32.p:.2g}" if row.against_float32 else ""


def detections(results: Results) -> Table | None:
    """One row a variant: what one threshold gives without and with noise; None without detection.

    Below the noise's level stands the part of words that are missed at the threshold that was
    chosen without noise.
    """
    setup = results.detection
    if setup is None:
        return None
    shown = Table(title="In continuous sound", title_justify="left", header_style="bold")
    shown.add_column("model", no_wrap=True)
    # What the hours do not carry is told below, once.
    carried = [place for place, rate in enumerate(setup.rates) if rate * setup.hours >= 1]
    rates = [f"miss % at {setup.rates[place]:g}/h" for place in carried]
    noisy = [f"{snr_db:g} dB" for snr_db in setup.snr_db]
    names = ("AUC", "EER %", *rates, "threshold", "false/h", "miss %", "95 % of it", "p", *noisy)
    for name in names:
        shown.add_column(name, justify="right")
    for row in results.variants:
        if row.detection is not None:
            shown.add_row(escape(row.name), *_cells(row, row.detection, carried))
    return shown


def detection_notes(results: Results) -> list[str]:
    """What must be said below the table of detection, one sentence each."""
    setup = results.detection
    if setup is None:
        return []
    said = [
        f"Continuous sound: {setup.hours:.2g} hours without the word ({setup.source}), and each "
        f"test clip of the word at a random moment in it; a window each {setup.hop_ms:.0f} ms, the "
        f"mean of {setup.smoothing} scores, deaf for {setup.refractory_seconds:g} s after a "
        "detection."
    ]
    if setup.noise:
        said.append(
            f"Noise: {setup.noise}; the misses beside it are at the threshold without noise."
        )
    return said + list(dict.fromkeys(_reasons(results)))


def _reasons(results: Results) -> Iterator[str]:
    measured = [row for row in results.variants if row.detection]
    for row in measured:
        assert row.detection is not None
        clean = row.detection.conditions[0]
        yield from (f"{_start(each.reason)}." for each in clean.at_rates if _is_of_hours(each))
    by_reason: dict[str, list[str]] = {}
    for row in measured:
        chosen = row.detection.chosen if row.detection else None
        if chosen and chosen.reason:
            by_reason.setdefault(chosen.reason, []).append(row.name)
    for reason, names in by_reason.items():
        who = "" if len(names) == len(measured) else f"{', '.join(names)}: "
        yield f"{who}{reason if who else _start(reason)}."


def _is_of_hours(point: OperatingPoint) -> bool:
    """Whether it is the hours that do not carry the rate: then it is so for every variant."""
    return point.needs_hours is not None


def _start(reason: str | None) -> str:
    return (reason or "")[:1].upper() + (reason or "")[1:]


def _cells(row: VariantResult, found: Detection, carried: list[int]) -> list[str]:
    clean, *noisy = found.conditions
    chosen = found.chosen
    against = found.against_float32
    return [
        "-" if found.auc is None else f"{found.auc:.4f}",
        _percent(found.eer, 2),
        *(_at(clean.at_rates[place]) for place in carried),
        "-" if found.threshold is None else f"{found.threshold:.4f}",
        "-" if chosen.fa_per_hour is None else f"{chosen.fa_per_hour:.1f}",
        _percent(chosen.frr),
        _between(chosen),
        "" if against is None else f"{against.p:.2g}",
        *(_noisy(condition) for condition in noisy),
    ]


def _at(point: OperatingPoint) -> str:
    return _percent(point.frr) if point.resolvable else "-"


def _noisy(condition: Condition) -> str:
    return _percent(condition.at_clean_threshold.frr)


def _percent(part: float | None, decimals: int = 1) -> str:
    return "-" if part is None else f"{100 * part:.{decimals}f}"


def _between(point: OperatingPoint) -> str:
    if point.frr_ci95 is None:
        return ""
    low, high = point.frr_ci95
    return f"{100 * low:.0f} to {100 * high:.0f}"


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
