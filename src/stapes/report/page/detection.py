"""False rejects of each variant at the rates of false accepts that are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from stapes.contracts.measurements import OperatingPoint
from stapes.contracts.results import Results
from stapes.report.page.table import Cell
from stapes.report.style import interval, percent, plural, rate


@dataclass(frozen=True)
class RatesTable:
    """A row a variant, a column a rate; and why there is no figure where there is none."""

    heads: list[str]
    rows: list[tuple[str, list[Cell]]]
    reasons: list[str]


def rates_table(results: Results) -> RatesTable | None:
    """False rejects without noise; None where detection was not measured."""
    measured = [(row, row.detection) for row in results.variants if row.detection is not None]
    if not measured:
        return None
    clean = {
        row.name: next((each.at_rates for each in found.conditions if each.snr_db is None), [])
        for row, found in measured
    }
    rates = sorted(
        {
            point.target_fa_per_hour
            for points in clean.values()
            for point in points
            if point.target_fa_per_hour is not None
        }
    )
    reasons: dict[str, list[str]] = {}
    rows = []
    for row, found in measured:
        by_rate = {point.target_fa_per_hour: point for point in clean[row.name]}
        cells = [_cell(by_rate.get(each)) for each in rates]
        for each, cell in zip(rates, cells, strict=True):
            if cell.title and cell.value is None:
                at = reasons.setdefault(cell.title, [])
                at += [] if rate(each) in at else [rate(each)]
        auc = "–" if found.auc is None else f"{found.auc:.4f}"
        threshold = "–" if found.threshold is None else f"{found.threshold:.3f}"
        rows.append(
            (
                row.name,
                [
                    *cells,
                    _cell(found.chosen),
                    Cell(_rate(found.chosen), found.chosen.fa_per_hour),
                    Cell(threshold, found.threshold),
                    Cell(auc, found.auc),
                    Cell(percent(found.eer), found.eer),
                ],
            )
        )
    return RatesTable(
        heads=[
            *(f"at {rate(each)}/h" for each in rates),
            *("at the threshold", "false/h", "threshold", "AUC", "EER"),
        ],
        rows=rows,
        reasons=[
            # The usual one, of too few hours, says its rate itself.
            f"{reason[:1].upper()}{reason[1:]}."
            if reason.startswith("not resolvable")
            else f"At {' and '.join(at)} an hour: {reason}."
            for reason, at in reasons.items()
        ],
    )


def _rate(point: OperatingPoint) -> str:
    return "–" if point.fa_per_hour is None else rate(point.fa_per_hour)


def how(results: Results) -> str:
    """How detection was measured, for captions."""
    setup = results.detection
    if setup is None:
        return ""
    words = next(
        (
            each.words
            for row in results.variants
            if row.detection is not None
            for each in row.detection.conditions
        ),
        0,
    )
    return (
        f"Measured in {setup.hours:.3g} hours without the word ({setup.source}, "
        f"{plural(setup.files, 'file')}) and on {plural(words, 'test clip')} of the word, each at "
        f"a random moment of it ({setup.words_seconds / 60:.3g} minutes of words): a window every "
        f"{setup.hop_ms:.0f} ms, the mean of {plural(setup.smoothing, 'score')}, deaf for "
        f"{setup.refractory_seconds:g} s after a detection, which may come up to "
        f"{setup.tolerance_seconds:g} s after its word's clip."
    )


def _cell(point: OperatingPoint | None) -> Cell:
    if point is None:
        return Cell("–")
    if not point.resolvable or point.frr is None:
        return Cell("not resolvable", title=point.reason or "no reason was given", kind="unknown")
    said = []
    if point.threshold is not None:
        said.append(f"threshold {point.threshold:.3f}")
    if point.false_accepts is not None and point.fa_per_hour is not None:
        said.append(
            f"{plural(point.false_accepts, 'false accept')}, {rate(point.fa_per_hour)} an hour"
        )
    return Cell(percent(point.frr), point.frr, interval(point.frr_ci95), title=", ".join(said))
