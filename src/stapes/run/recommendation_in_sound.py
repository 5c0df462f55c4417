"""Which detector to ship, by the false rejects of the file that ships in continuous sound.

A detector serves if, at the target rate of false accepts, it misses no more words than allowed, the
hours of sound resolve that rate, it fits the budget, and it runs where it ships. In TFLite Micro it
must decide as in LiteRT. Of those that serve and miss within a point as few words as the best, the
smallest file is recommended. If none serves, the sentence says so, and what would help.
"""

from __future__ import annotations

from collections.abc import Mapping

from stapes.contracts.measurements import OperatingPoint
from stapes.contracts.results import Results, VariantResult
from stapes.run.budget import Limit
from stapes.system.text import hours, interval, limits, percent, plural, rate
from stapes.targets.registry import title_of

WITHIN = 0.01
"""The part of the words that a smaller file may miss beyond the best."""

_FEW_HOURS, _FEW_WORDS = 3.0, 300
"""Of negatives and recordings to train on: more of them is the first advice below these."""
_NEAREST = 2


def is_measured(results: Results) -> bool:
    """Whether continuous sound can decide."""
    return any(row.detection is not None for row in results.variants)


def recommend_in_sound(
    results: Results,
    max_frr: float,
    target: float,
    obstacles: Mapping[str, list[str]],
    budget: Mapping[Limit, float],
    needed: Mapping[str, str],
    choice: str = "",
) -> tuple[str | None, str, dict[str, list[str]]]:
    """The variant to ship, or None; the reason; and why others cannot be shipped, by name.

    Parameters
    ----------
    max_frr : float [percent]
        The most words that it may miss.
    target : float [false accepts an hour]
    obstacles : mapping of str to list of str
        By the variant's name, why it does not fit the budget or does not run where it ships.
    needed : mapping of str to str
        The titles of the targets where it must run, by their names.
    choice : str
        How the variant was chosen, if there is one alone.
    """
    rows = [row for row in results.variants if row.detection is not None]
    failures = {
        row.name: [*_failures(row, max_frr, target), *_disagrees(row, needed), *obstacles[row.name]]
        for row in rows
    }
    serving = [row for row in rows if not failures[row.name]]
    if not serving:
        return None, _none_serves(results, rows, failures, max_frr, target), failures
    best = min(_frr(row) for row in serving)
    near = [row for row in serving if _frr(row) <= best + WITHIN]
    chosen = min(near, key=lambda row: (row.bytes, _frr(row)))
    if not choice:
        one = len(serving) == 1
        runs, fit, misses = ("runs", "fits", "misses") if one else ("run", "fit", "miss")
        fits = f", {fit} {limits(budget)}" if budget else ""
        choice = (
            f"Of {plural(len(rows), 'variant')} in continuous sound, {len(serving)} {runs} in "
            f"{' and '.join(needed.values())}{fits} and {misses} at most {max_frr:g} %; this is "
            "the smallest within a point of the best."
        )
    return chosen.name, _why(results, chosen, choice), failures


def _accepts(value: float) -> str:
    return f"{plural(float(rate(value)), 'false accept')} an hour"


def _point(row: VariantResult) -> OperatingPoint:
    assert row.detection is not None
    return row.detection.chosen


def _frr(row: VariantResult) -> float:
    frr = _point(row).frr
    return 1.0 if frr is None else frr


def _failures(row: VariantResult, max_frr: float, target: float) -> list[str]:
    """Why a detector would not serve."""
    point = _point(row)
    if point.frr is None:
        return ["it has no threshold for the rate"]
    if point.frr == 1.0:
        return ["it misses every word"]
    failures = []
    if point.target_fa_per_hour is not None and point.target_fa_per_hour > target * (1 + 1e-9):
        failures.append(
            f"the sound resolves {_accepts(point.target_fa_per_hour)}, not {rate(target)}"
        )
    if 100 * point.frr > max_frr:
        failures.append(f"it misses {percent(point.frr, 1)} of the words")
    return failures


def _disagrees(row: VariantResult, needed: Mapping[str, str]) -> list[str]:
    """Whether TFLite Micro, where it ships, decides otherwise than LiteRT, which was measured."""
    result = row.targets.get("tflm")
    if "tflm" not in needed or result is None or result.agrees is not False:
        return []
    return [f"{title_of('tflm')} decides otherwise than LiteRT"]


def _why(results: Results, chosen: VariantResult, choice: str) -> str:
    point = _point(chosen)
    assert chosen.detection is not None
    words = chosen.detection.conditions[0].words
    heard = chosen.detection.conditions[0].hours
    sentences = [
        f"Ship {chosen.name}, {chosen.bytes:,} bytes.",
        f"It misses {percent(point.frr, 1)} of {words} words (95 %: {interval(point.frr_ci95)}) at "
        f"{_accepts(point.fa_per_hour or 0.0)}, in {hours(heard)} of sound.",
        choice,
    ]
    costs = []
    tflm = chosen.targets.get("tflm")
    if tflm and tflm.arena_bytes is not None:
        costs.append(f"Its arena is {tflm.arena_bytes:,} bytes")
    if point.delay_seconds_p50 is not None:
        costs.append(
            f"half of its detections come {_delay(point.delay_seconds_p50)} the clip's end"
        )
    if costs:
        sentences.append(" and ".join(costs) + ".")
    if results.streams is not None and not results.streams.sound.recordings:
        how = "on synthetic speech" if results.streams.sound.spoken else "without recordings"
        sentences.append(
            f"It was trained {how} of other sound, so expect more false accepts among "
            "people: give hours of them with --negatives."
        )
    return " ".join(sentences)


def _delay(seconds: float) -> str:
    if seconds < 0:
        # Clips often have silence after their word.
        return f"at least {-seconds:.2f} s before"
    return f"within {seconds:.2f} s of"


def _none_serves(
    results: Results,
    rows: list[VariantResult],
    failures: Mapping[str, list[str]],
    max_frr: float,
    target: float,
) -> str:
    nearest = sorted(
        rows,
        # One that misses every word may have no other failure, and is far from any use.
        key=lambda row: (_frr(row) == 1.0, len(failures[row.name]), _frr(row), row.bytes),
    )
    reasons = "; ".join(
        f"{row.name} ({' and '.join(failures[row.name])})" for row in nearest[:_NEAREST]
    )
    return (
        f"None is fit to ship: no variant misses at most {max_frr:g} % of the words at "
        f"{_accepts(target)}. Nearest: {reasons}. {_advice(results, target)}"
    )


def _advice(results: Results, target: float) -> str:
    """What would help, in numbers of this run."""
    advice = []
    setup = results.detection
    if setup is not None and setup.hours * target < 1:
        advice.append(
            f"{hours(1 / target)} of sound to count in (--continuous; there are "
            f"{hours(setup.hours)})"
        )
    if results.streams is None:
        advice.append("detectors in a stream (--techniques all)")
    else:
        sound = results.streams.sound
        trained = sound.train_minutes / 60 if sound.recordings else 0.0
        if trained < _FEW_HOURS:
            advice.append(
                f"more hours of other sound (--negatives; {hours(trained)} were trained on)"
            )
        recordings = results.data.splits["train"].positives
        if recordings < _FEW_WORDS:
            advice.append(
                f"more recordings of the word ({plural(recordings, 'clip')} were trained on)"
            )
        advice.append(
            f"a longer word (95 % of the clips take at most {sound.word_frames / 100:.2f} s)"
        )
    return f"What would help: {'; '.join(advice)}." if advice else ""
