"""Detection in continuous sound in words: how it was measured, and which figures are missing."""

from __future__ import annotations

from collections.abc import Iterator

from stapes.contracts.measurements import Detection
from stapes.contracts.results import Results, VariantResult
from stapes.report.style import recommended
from stapes.system.text import hours, plural, rate


def in_sound(results: Results) -> list[VariantResult]:
    """The models that were measured in continuous sound."""
    return [row for row in results.variants if row.detection is not None]


def how(results: Results) -> str:
    """How detection was measured; empty where it was not."""
    setup, measured = results.detection, in_sound(results)
    if setup is None:
        return ""
    first = measured[0].detection if measured else None
    words = first.conditions[0].words if first is not None and first.conditions else 0
    sentences = [
        f"False accepts are counted in {hours(setup.hours)} without the word ({setup.source}, "
        f"{plural(setup.files, 'file')}).",
        f"Misses are counted on {plural(words, 'test clip')} of the word, each at a random moment "
        f"of that sound ({plural(float(f'{setup.words_seconds / 60:.3g}'), 'minute')} of words).",
    ]
    streams = [row for row in measured if row.stream is not None]
    if streams:
        sentences += _of_streams(streams[0])
    if len(streams) < len(measured) or not measured:
        sentences.append(
            f"A window is scored every {setup.hop_ms:.0f} ms, and the mean of "
            f"{plural(setup.smoothing, 'score')} is compared with the threshold. After a "
            f"detection, the next can come {setup.refractory_seconds:g} s later."
        )
    sentences.append(
        f"A detection counts for a word up to {setup.tolerance_seconds:g} s after its clip."
    )
    return " ".join(sentences)


def _of_streams(row: VariantResult) -> list[str]:
    """The device's rule for detectors in a stream."""
    assert row.stream is not None
    assert row.detection is not None
    outputs = plural(row.detection.sliding_window or 1, "output")
    return [
        f"A detector in a stream gives an output every {row.stream.step_ms:g} ms, and decides as "
        f"ESPHome does: it detects when the mean of the last {outputs} is strictly above the "
        "cutoff. After a start and after a detection it is deaf for a second of outputs below the "
        "cutoff. The first second of a recording, when it is always deaf, adds nothing to its "
        "hours."
    ]


def unmeasured(results: Results) -> list[str]:
    """How to measure the models of windows that were not, in a sentence at most."""
    windows = [
        row
        for row in results.variants
        if row.detection is None and row.stream is None and row.accuracy is not None
    ]
    if not in_sound(results) or not windows:
        return []
    were = "was" if len(windows) == 1 else "were"
    return [
        f"{plural(len(windows), 'model')} of windows {were} not measured in continuous sound: run "
        "again with --detect all."
    ]


def first_in_sound(results: Results) -> VariantResult | None:
    """The recommended model, or the one that misses the fewest words in continuous sound."""
    measured, best = in_sound(results), recommended(results)
    if not measured:
        return None

    def rank(row: VariantResult) -> tuple[bool, float]:
        frr = None if row.detection is None else row.detection.chosen.frr
        return row.name != best, 1.0 if frr is None else frr

    return min(measured, key=rank)


def reasons(results: Results) -> list[str]:
    """Why some figures are missing or of another rate, one sentence each."""
    measured = in_sound(results)
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
