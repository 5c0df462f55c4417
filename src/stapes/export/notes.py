"""What a person should know before the files go onto a device."""

from __future__ import annotations

from stapes.export.settings import ExportSettings
from stapes.export.source import Source
from stapes.measure.kept_curve import KeptCurve
from stapes.system.text import hours, percent, rate

_MORE = 0.02
"""The part of the words that must be missed beyond a device's to be worth a note."""


def missed_by_pymicro(source: Source) -> float | None:
    """The part of the words that pymicro-wakeword misses at most with the same manifest.

    It is that of the next stricter cutoff that results.json has; None without one.
    """
    detection = source.row.detection if source.row else None
    if detection is None or source.point.point is None:
        return None
    curve = KeptCurve(detection.conditions[0])
    stricter = [
        misses
        for cutoff, misses in zip(curve.cutoffs.tolist(), curve.misses.tolist(), strict=True)
        if cutoff >= source.point.pymicro_mean
    ]
    return stricter[0] / max(1, curve.n_words) if stricter else None


def notes(source: Source, settings: ExportSettings) -> list[str]:
    """Sentences; empty if there is nothing."""
    results, row, point = source.results, source.row, source.point.point
    sentences = []
    if results is not None and row is not None:
        recommended = results.recommendation
        if recommended is not None and recommended.variant is None:
            sentences.append(f"The run recommends no row. {recommended.sentence}")
        elif recommended is not None and recommended.variant != row.name:
            sentences.append(f"The run recommends {recommended.variant}, not {row.name}.")
        tflm = row.targets.get("tflm")
        if tflm is not None and tflm.agrees is False:
            sentences.append(
                "TFLite Micro decides otherwise than LiteRT, in which it was measured."
            )
        if results.streams is not None and not results.streams.sound.recordings:
            sentences.append(
                "It was trained without recordings of other sound: expect more false accepts."
            )
        target = results.detection.target_fa_per_hour if results.detection else None
        reached = point.target_fa_per_hour if point else None
        if settings.cutoff_for is None and target and reached and reached > target * (1 + 1e-9):
            sentences.append(
                f"The cutoff is for {rate(reached)} false accepts an hour, not for {rate(target)}: "
                "the hours of sound resolve no lower rate."
            )
        there, here = missed_by_pymicro(source), point.frr if point else None
        if there is not None and here is not None and there > here + _MORE:
            sentences.append(
                f"On a Raspberry Pi, pymicro-wakeword misses up to {percent(there, 1)} of the "
                "words with this manifest, as it divides by 256; README.md has the cutoff for it."
            )
        if point is not None and point.frr == 1.0:
            sentences.append("It misses every word at this cutoff.")
    else:
        sentences.append(
            "Nobody checked that the model was trained on the features of the device, and nothing "
            "is known of its error rates."
        )
    if source.point.cutoff == 0:
        sentences.append("A device never detects at a cutoff of 0, as it stays deaf: give another.")
    if settings.cutoff is not None and point is None:
        sentences.append("The cutoff was given, and nothing was measured at it.")
    if point is not None and point.false_accepts == 0 and source.row and source.row.detection:
        sound = source.row.detection.conditions[0].hours
        sentences.append(f"No false accept came in {hours(sound)}.")
    if not source.languages:
        sentences.append("The manifest names no language: give --languages, e.g. en.")
    return sentences
