"""Whether pymicro-wakeword, fed the run's test sound, detects what a device detects.

It is the engine of wyoming-microwakeword and Linux Voice Assistant. Four things differ there:

- It divides outputs by 256, so the same manifest asks for a higher mean.
- It rounds features in another way: some are a step off.
- It does not clamp features. One over 26 wraps round to the lowest, where a device has the highest.
- It is never deaf. The counts here are those of a device with its outputs.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.export import ExportCheck
from stapes.export.checks.decisions import counts, decided, form_of
from stapes.export.checks.tested_sound import TestedSound
from stapes.export.source import Source
from stapes.frontends.numerics.micro import quantized
from stapes.frontends.numerics.stream import pcm16
from stapes.measure.detection import smooth
from stapes.measure.stream_curve import StreamCurve
from stapes.measure.stream_outputs import StreamOutputs
from stapes.system.isolation import SECONDS, Child
from stapes.system.progress import Progress
from stapes.system.text import hours, percent, plural
from stapes.tflite.read.verify import verify

NAME = "pymicro-wakeword"
_PACKAGE = "pymicro_wakeword"
STEPS = 256
"""It dequantizes outputs with the scale 1 / 256."""
_MOST_FRAMES = 360_000
"""An hour of recordings."""
_DIFFER = 0.02
"""The part of the words that may be decided otherwise, as features are a step off; at least one
word may."""


@dataclass(frozen=True)
class Streamed:
    """What pymicro-wakeword makes of a part of the sound.

    features : np.ndarray [shape=(frames, 40)], float
    outputs : np.ndarray [shape=(steps,)], uint8
    flagged : np.ndarray [shape=(steps,)], bool
        What `process_streaming` returns: whether the mean is above the manifest's cutoff.
    """

    features: NDArray[np.float32]
    outputs: NDArray[np.uint8]
    flagged: NDArray[np.bool_]


@dataclass(frozen=True)
class Differences:
    """How pymicro-wakeword differs from a device, in numbers of features, outputs and steps."""

    features: int = 0
    rounded: int = 0
    """Features that are a step off."""
    wrapped: int = 0
    """Features that wrap round."""
    outputs: int = 0
    equal: int = 0
    largest: int = 0
    """Difference of two outputs."""
    flagged: int = 0
    """Steps whose mean is above the cutoff of pymicro-wakeword."""
    flagged_on_device: int = 0
    """The same, with the outputs of a device."""
    flagged_on_both: int = 0

    def plus(self, other: Differences) -> Differences:
        """Of both."""
        sums = {name: value + getattr(other, name) for name, value in vars(self).items()}
        return Differences(**{**sums, "largest": max(self.largest, other.largest)})


def available() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec(_PACKAGE) is not None


def check(
    source: Source,
    tested: TestedSound,
    device: StreamOutputs,
    manifest: Path,
    progress: Progress,
) -> ExportCheck:
    """Stream an hour of recordings and all words through it, and compare.

    Parameters
    ----------
    device : StreamOutputs
        Of a device, in all of the run's sound.
    manifest : Path
        Of the exported files.

    Raises
    ------
    Lost
        It crashed.
    """
    plan, stride = tested.plan, form_of(source).stride
    frames = np.cumsum(plan.parts[: plan.recordings, 1])
    used = max(1, int(np.searchsorted(frames, _MOST_FRAMES, "right")))
    places = [*range(used), *range(plan.recordings, len(plan.parts))]
    expected = [*device.recordings[:used], *device.words]
    mean, window = source.point.pymicro_mean, source.point.sliding_window
    single = of_one_output(manifest, tested.scratch / "single")
    outputs, sums = [], Differences()
    with Child() as child:
        for number, (place, steps) in enumerate(zip(places, expected, strict=True)):
            progress.update(number, len(places), "parts")
            pcm = pcm16(tested.samples(place)).tobytes()
            part = child.run(SECONDS, streamed, manifest, single, pcm, plan.own(place), stride)
            sums = sums.plus(differences(source.content, part, np.asarray(steps), mean, window))
            outputs.append(part.outputs)

    def counted(parts: list[Any], cutoff: float) -> StreamCurve:
        both = StreamOutputs(parts[:used], device.sources[:used], parts[used:], device.clips)
        return decided(source, tested, both, cutoff)

    here, there = counted(outputs, mean), counted(expected, mean)
    own = counted(expected, source.point.cutoff)
    otherwise = int((here.missed != there.missed).sum())
    return ExportCheck(
        name=NAME,
        passed=otherwise <= max(1, _DIFFER * here.n_words),
        detail=" ".join(
            [
                f"in {hours(here.hours)} of sound and {plural(here.n_words, 'word')} it has "
                f"{_counts(here)} at its cutoff, a mean above {mean:.2f}; a device has "
                f"{_counts(there)} there, and {_counts(own)} at its own, "
                f"{source.point.cutoff}.",
                *_sentences(sums, otherwise),
            ]
        ),
    )


def of_one_output(manifest: Path, folder: Path) -> Path:
    """A copy of a manifest and its model whose mean is of one output, so that it is the output."""
    settings = json.loads(manifest.read_text("utf-8"))
    settings["micro"]["sliding_window_size"] = 1
    folder.mkdir()
    shutil.copy(manifest.parent / settings["model"], folder)
    copy = folder / manifest.name
    copy.write_text(json.dumps(settings), "utf-8")
    return copy


def streamed(manifest: Path, single: Path, pcm: bytes, own: slice, stride: int) -> Streamed:
    """In a child: the features of the sound, and what the model makes of a part of them.

    Parameters
    ----------
    single : Path
        Of `of_one_output`.
    pcm : bytes
        Samples of 16 bits.
    own : slice
        The frames that the model gets, from reset.
    """
    package: Any = importlib.import_module(_PACKAGE)
    parts = list(package.MicroWakeWordFeatures().process_streaming(pcm))[own]
    decides, gives = map(package.MicroWakeWord.from_config, (manifest, single))
    flagged, outputs = [], []
    for number, features in enumerate(parts, 1):
        detected = decides.process_streaming(features)
        output = gives.process_streaming_prob(features)
        if number % stride == 0:
            flagged.append(bool(detected))
            outputs.append(round(STEPS * output))
    return Streamed(
        np.array(parts, np.float32).reshape(-1, 40),
        np.array(outputs, np.uint8),
        np.array(flagged, bool),
    )


def differences(
    model: bytes, part: Streamed, device: NDArray[Any], mean: float, window: int
) -> Differences:
    """Compare a part with a device.

    Parameters
    ----------
    device : np.ndarray [shape=(steps,)], uint8
        Its outputs for the same sound.
    mean : float
        The cutoff of pymicro-wakeword, in the unit of the outputs.
    """
    graph = verify(model).graphs[0]
    label = graph.tensor(graph.inputs[0]).quantization
    steps = np.round(part.features / label.scales[0] + label.zero_points[0])
    clamped = np.clip(steps, -128, 127)
    above = smooth(device, window) > mean
    # Before its window is full, it flags nothing.
    on_device = np.concatenate([np.zeros(len(device) - len(above), bool), above])
    apart = np.abs(part.outputs.astype(int) - device)
    return Differences(
        features=part.features.size,
        rounded=int((clamped != quantized(part.features)).sum()),
        wrapped=int((clamped != steps).sum()),
        outputs=len(device),
        equal=int((apart == 0).sum()),
        largest=int(apart.max(initial=0)),
        flagged=int(part.flagged.sum()),
        flagged_on_device=int(on_device.sum()),
        flagged_on_both=int((on_device & part.flagged).sum()),
    )


def _counts(curve: StreamCurve) -> str:
    return counts(int(curve.false_accepts[0]), int(curve.misses[0]))


def _sentences(sums: Differences, otherwise: int) -> list[str]:
    outputs, features = max(1, sums.outputs), max(1, sums.features)
    return [
        f"At the same cutoff, both decide {plural(otherwise, 'word')} otherwise.",
        f"Of {sums.outputs:,} outputs, {percent(sums.equal / outputs, 1)} are equal, and none is "
        f"more than {sums.largest} of 255 apart: of its features, "
        f"{percent(sums.rounded / features, 1)} are a step off, and {sums.wrapped:,} of "
        f"{sums.features:,} wrap round where a device clamps.",
        f"Steps above the cutoff: {sums.flagged:,} there, {sums.flagged_on_device:,} with the "
        f"outputs of a device, {sums.flagged_on_both:,} with both.",
    ]
