"""Whether TFLite Micro decides in the run's test sound as results.json claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.export import ExportCheck
from stapes.contracts.streams import StreamForm
from stapes.export.checks.tested_sound import TestedSound
from stapes.export.source import Source
from stapes.measure.device_rule import DeviceRule
from stapes.measure.stream_curve import StreamCurve, sweep
from stapes.measure.stream_outputs import StreamOutputs
from stapes.run.stream_detection import parted
from stapes.system.isolation import SECONDS, SECONDS_A_CLIP, isolated
from stapes.system.progress import Progress
from stapes.system.text import hours, plural
from stapes.targets import streams

NAME = "TFLite Micro"


def check(source: Source, tested: TestedSound, device: StreamOutputs) -> ExportCheck:
    """Compare the counts at the cutoff with those of results.json.

    Parameters
    ----------
    device : StreamOutputs
        Of TFLite Micro, in the run's sound.
    """
    result = decided(source, tested, device, source.point.cutoff)
    accepts, misses = int(result.false_accepts[0]), int(result.misses[0])
    detail = (
        f"in {hours(result.hours)} of sound and {plural(result.n_words, 'word')} it has "
        f"{counts(accepts, misses)}"
    )
    claimed = source.point.point
    if claimed is None:
        return ExportCheck(name=NAME, passed=None, detail=f"{detail}; nothing is claimed")
    same = (accepts, misses) == (claimed.false_accepts, claimed.misses)
    other = "the same" if same else counts(claimed.false_accepts or 0, claimed.misses or 0)
    return ExportCheck(name=NAME, passed=same, detail=f"{detail}; results.json has {other}")


def outputs_of_tflm(source: Source, tested: TestedSound, progress: Progress) -> StreamOutputs:
    """The outputs of TFLite Micro for all of the run's sound.

    Raises
    ------
    MissingExtraError
        tflite-micro is not installed.
    ModelError
        It does not run the model.
    Lost
        It crashed.
    """
    frames = tested.frames(progress)
    seconds = SECONDS + SECONDS_A_CLIP * len(tested.plan.parts)
    whole = isolated(seconds, _outputs, source.content, frames, tested.plan.parts)
    return parted(whole, tested.plan, form_of(source).stride)


def decided(
    source: Source, tested: TestedSound, outputs: StreamOutputs, cutoff: float
) -> StreamCurve:
    """What a device decides at one cutoff, in the unit of the outputs."""
    form = form_of(source)
    rule = DeviceRule(form.step_ms / 1000, form.stride, source.point.sliding_window)
    tolerance = tested.settings.detection.tolerance_seconds
    return sweep(outputs, rule, tolerance, np.array([cutoff]))


def form_of(source: Source) -> StreamForm:
    """What the run's row takes in a step."""
    assert source.row is not None
    assert source.row.stream is not None
    return source.row.stream


def counts(accepts: int, misses: int) -> str:
    """False accepts and misses in words."""
    return f"{plural(accepts, 'false accept')} and {misses} missed"


def _outputs(model: bytes, frames: Path, parts: NDArray[np.int64]) -> NDArray[Any]:
    """In a child: the outputs of every part, each from reset."""
    x = np.load(frames, mmap_mode="r", allow_pickle=False)
    inputs = (np.asarray(x[first : first + count]) for first, count in parts)
    return np.concatenate([streams.outputs(model, part, "tflm") for part in inputs])
