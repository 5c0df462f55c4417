"""Detection in continuous sound in words: how it was measured, and which figures are missing."""

from __future__ import annotations

from collections.abc import Iterator

from stapes.contracts.measurements import Detection
from stapes.contracts.results import Results
from stapes.system.text import hours, plural, rate


def how(results: Results) -> str:
    """How detection was measured; empty where it was not."""
    setup = results.detection
    if setup is None:
        return ""
    measured = [row.detection for row in results.variants if row.detection is not None]
    words = measured[0].conditions[0].words if measured and measured[0].conditions else 0
    return (
        f"False accepts are counted in {hours(setup.hours)} without the word ({setup.source}, "
        f"{plural(setup.files, 'file')}). Misses are counted on {plural(words, 'test clip')} of "
        f"the word, each at a random moment of that sound ({setup.words_seconds / 60:.3g} minutes "
        f"of words). A window is scored every {setup.hop_ms:.0f} ms, and the mean of "
        f"{plural(setup.smoothing, 'score')} is compared with the threshold. After a "
        f"detection, the next can come {setup.refractory_seconds:g} s later. A detection counts "
        f"for a word up to {setup.tolerance_seconds:g} s after its clip."
    )


def reasons(results: Results) -> list[str]:
    """Why some figures are missing or of another rate, one sentence each."""
    measured = [row for row in results.variants if row.detection is not None]
    names: dict[str, list[str]] = {}
    for row in measured:
        for reason in dict.fromkeys(_reasons(row.detection) if row.detection else ()):
            names.setdefault(reason, []).append(row.name)
    return [
        f"{reason[:1].upper()}{reason[1:]}."
        if len(concerned) == len(measured)
        else f"{', '.join(concerned)}: {reason}."
        for reason, concerned in names.items()
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
