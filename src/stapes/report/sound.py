"""Detection in continuous sound in words: how it was measured, and which figures there are not."""

from __future__ import annotations

from collections.abc import Iterator

from stapes.contracts.measurements import Detection
from stapes.contracts.results import Results
from stapes.system.text import plural, rate


def how(results: Results) -> str:
    """How detection was measured, in a sentence; empty where it was not."""
    setup = results.detection
    if setup is None:
        return ""
    measured = [row.detection for row in results.variants if row.detection is not None]
    words = measured[0].conditions[0].words if measured and measured[0].conditions else 0
    return (
        f"Measured in {setup.hours:.3g} hours without the word ({setup.source}, "
        f"{plural(setup.files, 'file')}) and on {plural(words, 'test clip')} of the word, each at "
        f"a random moment of it ({setup.words_seconds / 60:.3g} minutes of words): a window every "
        f"{setup.hop_ms:.0f} ms, the mean of {plural(setup.smoothing, 'score')}, deaf for "
        f"{setup.refractory_seconds:g} s after a detection, which may come up to "
        f"{setup.tolerance_seconds:g} s after its word's clip."
    )


def reasons(results: Results) -> list[str]:
    """Why some figures are absent or of another rate, one sentence each."""
    measured = [row for row in results.variants if row.detection is not None]
    names: dict[str, list[str]] = {}
    for row in measured:
        for reason in dict.fromkeys(_reasons(row.detection) if row.detection else ()):
            names.setdefault(reason, []).append(row.name)
    return [
        f"{reason[:1].upper()}{reason[1:]}."
        if len(of) == len(measured)
        else f"{', '.join(of)}: {reason}."
        for reason, of in names.items()
    ]


def _reasons(detection: Detection) -> Iterator[str]:
    for point in detection.conditions[0].at_rates if detection.conditions else []:
        if point.reason and point.needs_hours is None and point.target_fa_per_hour is not None:
            yield f"at {rate(point.target_fa_per_hour)} FA/h {point.reason}"
        elif point.reason:
            # It names the rate itself.
            yield point.reason
    if detection.chosen.reason:
        yield detection.chosen.reason
