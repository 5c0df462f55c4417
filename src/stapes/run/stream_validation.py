"""False rejects of a detector in a stream on validation sound, as the device decides."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.data.stream import frames
from stapes.data.stream.frames import HOP, LATE_SECONDS
from stapes.data.stream.mixing import RATE
from stapes.measure.device_rule import DeviceRule, Numbers
from stapes.measure.operating_points import at_rate, lowest_rate
from stapes.measure.stream_curve import StreamCurve, sweep
from stapes.measure.stream_outputs import StreamOutputs, comparable
from stapes.models.crops import Scores
from stapes.models.lowering import lower
from stapes.models.stream_training import Judge, scorer
from stapes.run.settings import RunSettings
from stapes.run.stream_sound import stream_files
from stapes.targets.streams import device_outputs

_LEAD = 200
"""Frames before a word in validation sound, at least: a device is deaf in the first hundred."""
_AFTER = 100
_MULTIPLES = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0)
_MOST_LOGITS = 5.0
"""The furthest that a threshold is from those of higher rates."""


class Validation:
    """False rejects on validation sound, as a device decides with a model.

    field, stride : int [frames], of the model
    """

    def __init__(self, folder: Path, settings: RunSettings, field: int, stride: int) -> None:
        files = stream_files(folder, "validation")
        self._words = [frames.read_words(path) for path in files.words]
        self._others = [frames.read_frames(path) for path in files.others]
        self._sources = [path.stem for path in files.others]
        self._detection, self._field, self._stride = settings.detection, field, stride
        self._rule = DeviceRule(stride * HOP / RATE, stride, self._detection.sliding_window)
        # As `sweep` has the hours: a device is deaf at first.
        steps = [len(x) // stride - self._rule.deaf_outputs + 1 for x in self._others]
        self.hours = sum(step for step in steps if step > 0) * self._rule.step_seconds / 3600
        self.words = sum(len(part.marks) for part in self._words)
        self.possible = self.words > 0 and self.hours > 0
        self.rate = max(self._detection.target_fa_per_hour, lowest_rate(self.hours or 1.0))
        """The target, or the lowest rate that the sound resolves [an hour]."""

    @property
    def judge(self) -> Judge | None:
        """`metrics`, if there is sound for it."""
        return self.metrics if self.possible else None

    def finish(self, model: Any) -> Any:
        """The model with its batch normalization folded, and its threshold at one half."""
        lowered = lower(model)
        if self.possible:
            _move_threshold(lowered, self._logit(self.curve(scorer(lowered))))
        return lowered

    def threshold(self, tflite: bytes) -> float | None:
        """The threshold of a streaming .tflite, as a logit."""
        return self._logit(self.curve_of_file(tflite)) if self.possible else None

    def metrics(self, scores: Scores) -> dict[str, float]:
        """`val_frr`, as `mean_frr` has it."""
        return {"val_frr": self.mean_frr(self.curve(scores))}

    def mean_frr(self, curve: StreamCurve) -> float:
        """The mean FRR at the rate and at its multiples: each alone hangs on a few seconds."""
        points = [at_rate(curve, multiple * self.rate) for multiple in _MULTIPLES]
        return float(np.mean([1.0 if p.frr is None else p.frr for p in points]))

    def curve(self, scores: Scores) -> StreamCurve:
        """False accepts and misses of a float model at every threshold."""
        return self._sweep(functools.partial(self._outputs, scores))

    def curve_of_file(self, tflite: bytes) -> StreamCurve:
        """The same of a streaming .tflite, from its outputs in each step."""
        return self._sweep(lambda x: comparable(device_outputs(tflite, x)))

    def _sweep(self, outputs_of: Callable[[NDArray[np.int8]], Numbers]) -> StreamCurve:
        lead = max(_LEAD, self._field)
        words, clips = [], []
        for part in self._words:
            for begin, end, _ in part.marks.tolist():
                first = max(0, begin - lead)
                words.append(outputs_of(np.asarray(part.x[first : end + _AFTER])))
                clips.append((begin - first, end - first))
        recordings = [outputs_of(np.asarray(x)) for x in self._others]
        seconds = np.array(clips) * HOP / RATE - LATE_SECONDS
        outputs = StreamOutputs(recordings, self._sources, words, seconds)
        return sweep(outputs, self._rule, self._detection.tolerance_seconds)

    def _logit(self, curve: StreamCurve) -> float | None:
        """The threshold for the target rate as a logit; None if no rate has a threshold.

        Validation sound is short. For a rate that it does not resolve, the threshold is on the line
        through those of higher rates, as the logit falls with the logarithm of the rate.
        """
        rates, logits = [], []
        for multiple in _MULTIPLES:
            threshold = at_rate(curve, multiple * self.rate).threshold
            if threshold is not None and 0 < threshold < 1:
                rates.append(np.log(multiple * self.rate))
                logits.append(np.log(threshold / (1 - threshold)))
        if not logits:
            return None
        further = rates[0] - np.log(self._detection.target_fa_per_hour)
        slope = min(0.0, np.polyfit(rates, logits, 1)[0]) if len(logits) > 1 else 0.0
        return float(logits[0] + min(_MOST_LOGITS, -slope * max(0.0, further)))

    def _outputs(self, scores: Scores, x: NDArray[np.int8]) -> NDArray[np.float32]:
        """The scores of a recording as its stream has them, but zeros before the first whole field.

        Output `k` is that of the field that ends with frame `(k + 1) * stride - 1`.
        """
        steps = scores(x[-self._field % self._stride :])
        return np.concatenate([np.zeros(len(x) // self._stride - len(steps), np.float32), steps])


def _move_threshold(model: Any, logit: float | None) -> None:
    """Move the last bias so that a threshold, given as a logit, is at a score of one half.

    There a step of the output is a small change of the logit: no score saturates near it.
    """
    if logit is not None:
        kernel, bias = model.get_layer("logit").get_weights()
        model.get_layer("logit").set_weights([kernel, bias - np.float32(logit)])
