"""False accepts and misses of a streaming model at every cutoff, as a device decides.

The rules, besides those of `measure.device_rule`:

- Each recording and each embedded word begins with a start of the device.
- A false accept is one detection in sound without the word.
- A word is detected if a detection comes between the beginning of its clip and a tolerance after
  its end. An earlier detection is no hit, but the device is deaf after it.
- The delay of a detected word is from the end of its clip to its first hit. It may be negative.
- The hours leave out the time after each recording's start in which a device is always deaf.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import OperatingPoint, SourceRate
from stapes.measure.bootstrap import BLOCK_SECONDS
from stapes.measure.device import HIGHEST
from stapes.measure.device_rule import DeviceRule, Numbers, detections
from stapes.measure.intervals import poisson_rate
from stapes.measure.operating_points import counted
from stapes.measure.stream_outputs import StreamOutputs


@dataclass(frozen=True)
class StreamCurve:
    """A sweep over cutoffs (`measure.operating_points.Sweep`).

    cutoffs : np.ndarray [shape=(t,)]
        Ascending, in the unit of the outputs.
    by_block : np.ndarray [shape=(blocks, t)], int
        False accepts in each block of ten seconds.
    source_of_block : np.ndarray [shape=(blocks,)], int
        Its place in `source_hours`.
    source_hours : dict of str to float
        Hours of each source.
    delays : np.ndarray [shape=(words, t)] [s]
        NaN where a word is missed.
    outputs, rule, tolerance_seconds : as `sweep` takes them
    """

    cutoffs: Numbers
    by_block: NDArray[np.int64]
    source_of_block: NDArray[np.intp]
    source_hours: dict[str, float]
    delays: NDArray[np.float64]
    outputs: StreamOutputs
    rule: DeviceRule
    tolerance_seconds: float

    @cached_property
    def thresholds(self) -> NDArray[np.float64]:
        """Each cutoff as a probability [shape=(t,)]."""
        if not self.outputs.whole:
            return np.asarray(self.cutoffs, np.float64)
        return np.asarray((self.cutoffs + 0.5) / HIGHEST)

    @cached_property
    def false_accepts(self) -> NDArray[np.int64]:
        """At each cutoff [shape=(t,)]."""
        return np.asarray(self.by_block.sum(axis=0))

    @cached_property
    def missed(self) -> NDArray[np.bool_]:
        """Whether each word is missed at each cutoff [shape=(words, t)]."""
        return np.isnan(self.delays)

    @cached_property
    def misses(self) -> NDArray[np.int64]:
        """Words that are missed at each cutoff [shape=(t,)]."""
        return np.asarray(self.missed.sum(axis=0))

    @property
    def n_words(self) -> int:
        """Embedded words."""
        return len(self.delays)

    @property
    def hours(self) -> float:
        """Of sound without the word in which a device can detect."""
        return sum(self.source_hours.values())

    def point(self, threshold: float) -> OperatingPoint:
        """The figures at any threshold."""
        curve, place = self._at(threshold)
        accepts, misses = int(curve.false_accepts[place]), int(curve.misses[place])
        point = counted(threshold, accepts, misses, words=self.n_words, hours=self.hours)
        if self.outputs.whole:
            point.cutoff = int(curve.cutoffs[place])
        delays = curve.delays[~curve.missed[:, place], place]
        if len(delays):
            median, late = np.quantile(delays, [0.5, 0.95]).tolist()
            point.delay_seconds_p50, point.delay_seconds_p95 = median, late
        return point

    def by_source(self, threshold: float) -> list[SourceRate]:
        """False accepts of each source at any threshold, the highest rate first."""
        curve, place = self._at(threshold)
        counts = np.zeros(len(self.source_hours), np.int64)
        np.add.at(counts, curve.source_of_block, curve.by_block[:, place])
        rates = [
            SourceRate(
                source=source,
                hours=hours,
                false_accepts=accepts,
                fa_per_hour=accepts / hours,
                fa_per_hour_ci95=poisson_rate(accepts, hours),
            )
            for (source, hours), accepts in zip(
                self.source_hours.items(), counts.tolist(), strict=True
            )
            if hours > 0
        ]
        return sorted(rates, key=lambda row: -row.fa_per_hour)

    def _at(self, threshold: float) -> tuple[StreamCurve, int]:
        """A sweep that has this threshold, and its place there."""
        places = np.flatnonzero(self.thresholds == threshold)
        if len(places):
            return self, int(places[0])
        cutoffs = np.array([self.outputs.cutoff(threshold)])
        return sweep(self.outputs, self.rule, self.tolerance_seconds, cutoffs), 0


def sweep(
    outputs: StreamOutputs,
    rule: DeviceRule,
    tolerance_seconds: float,
    cutoffs: Numbers | None = None,
) -> StreamCurve:
    """Count false accepts and misses at every cutoff.

    Parameters
    ----------
    tolerance_seconds : float >= 0
        Time after a word's clip in which a detection is a hit.
    cutoffs : np.ndarray [shape=(t,)], optional
        Ascending, in the unit of the outputs. By default `StreamOutputs.cutoffs`.

    Raises
    ------
    ValueError
        No recording is long enough for a detection, or as `device_rule.detections`.
    """
    if cutoffs is None:
        cutoffs = outputs.cutoffs(rule.sliding_window)
    hours: dict[str, float] = dict.fromkeys(outputs.sources, 0.0)
    for source, recording in zip(outputs.sources, outputs.recordings, strict=True):
        steps = max(0, len(recording) - rule.deaf_outputs + 1)
        hours[source] += steps * rule.step_seconds / 3600
    if not any(hours.values()):
        raise ValueError("no recording is long enough for a detection")
    size = max(1, round(BLOCK_SECONDS / rule.step_seconds))
    blocks = np.array([-(-len(recording) // size) for recording in outputs.recordings], np.intp)
    begins = np.cumsum(blocks) - blocks
    by_block = np.zeros((int(blocks.sum()), len(cutoffs)), np.int64)
    for place, rows in enumerate(detections(outputs.recordings, cutoffs, rule)):
        block = begins[rows.recording] + rows.output // size
        by_block[:, place] = np.bincount(block, minlength=len(by_block))
    names = list(hours)
    sources = np.array([names.index(source) for source in outputs.sources], np.intp)
    return StreamCurve(
        cutoffs=cutoffs,
        by_block=by_block,
        source_of_block=np.repeat(sources, blocks),
        source_hours=hours,
        delays=_delays(outputs, cutoffs, rule, tolerance_seconds),
        outputs=outputs,
        rule=rule,
        tolerance_seconds=tolerance_seconds,
    )


def _delays(
    outputs: StreamOutputs, cutoffs: Numbers, rule: DeviceRule, tolerance_seconds: float
) -> NDArray[np.float64]:
    """From the end of each word's clip to its first hit [shape=(words, t)] [s]; NaN without one."""
    begins, ends = np.asarray(outputs.clips, np.float64).reshape(-1, 2).T
    delays = np.full((len(outputs.words), len(cutoffs)), np.nan)
    # Rounding must not lose a hit at the last moment.
    early, late = begins - 1e-6, ends + tolerance_seconds + 1e-6
    for place, rows in enumerate(detections(outputs.words, cutoffs, rule)):
        hit = (rows.seconds >= early[rows.recording]) & (rows.seconds <= late[rows.recording])
        word, first = np.unique(rows.recording[hit], return_index=True)
        delays[word, place] = rows.seconds[hit][first] - ends[word]
    return delays
