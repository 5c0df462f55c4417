"""A wake word in a stream of sound, as the device with its model decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError, UsageError
from stapes.frontends.numerics.stream import pcm16
from stapes.listen.checks import kind_of
from stapes.listen.engine import Engine, Step
from stapes.listen.micro import MicroEngine
from stapes.listen.model_source import ModelSource, model_source
from stapes.listen.openwakeword import CUTOFF, OpenWakeWordEngine
from stapes.system.options import PathLike


@dataclass(frozen=True)
class Detection:
    """A detection of a wake word.

    name : the model's
    seconds : from the start of the stream
    score : above the model's threshold
    """

    name: str
    seconds: float
    score: float


class WakeWord:
    """A wake-word model that listens to a stream of sound and decides as its device does.

    A streaming model runs as ESPHome runs it: the same frontend, ring of outputs, cutoff and
    deafness after a start and a detection, and the bits that TFLite Micro gives. A row of a run has
    the frontend of its run. No TensorFlow is needed. One object is one stream; it is not safe to
    use it in several threads at once.

    Parameters
    ----------
    path : path
        The manifest (.json) of a microWakeWord model; a .tflite, with its manifest beside it or
        with a `cutoff`; the folder of a run; or the .tflite of an openWakeWord model.
    variant : str, optional
        The row of a run; by default the recommended one.
    cutoff : float in [0, 1], optional
        In place of the manifest's `probability_cutoff`, or of the run's measured threshold.
    features : path, optional
        The folder of openWakeWord's melspectrogram.tflite and embedding_model.tflite; by default
        that of the model.

    Attributes
    ----------
    name : str
        The name of the file or of the run's folder.
    wake_word : str
        What to say.
    languages : tuple of str
        Of the manifest.
    threshold : float in [0, 1]
        A score above it is a detection.
    step_seconds : float
        From one score to the next.
    score : float in [0, 1]
        The newest; of a microWakeWord model, the mean of its last outputs.

    Raises
    ------
    UsageError
        A file is missing, or a model without a manifest has no `cutoff`.
    ModelError
        The file is broken, or no wake-word model that Stapes can listen with.
    MissingExtraError
        pymicro-features is not installed.

    Examples
    --------
    >>> computer = WakeWord("computer.json")  # doctest: +SKIP
    >>> for detection in computer.process(samples):  # doctest: +SKIP
    ...     print(detection.seconds, detection.score)
    """

    def __init__(
        self,
        path: PathLike,
        *,
        variant: str | None = None,
        cutoff: float | None = None,
        features: PathLike | None = None,
    ) -> None:
        if cutoff is not None and not 0 <= cutoff <= 1:
            raise UsageError(f"--cutoff: give a number from 0 to 1, not {cutoff!r}.")
        source = model_source(Path(path).expanduser(), variant)
        self.path = source.path
        self.name, self.wake_word, self.languages = source.name, source.wake_word, source.languages
        try:
            self._engine = _engine(source, cutoff, features)
        except ModelError as error:
            raise ModelError(f"{source.path}: {error.typed}") from None
        self.threshold, self.step_seconds = self._engine.threshold, self._engine.step_seconds
        self.score = 0.0

    def steps(self, samples: NDArray[Any]) -> list[Step]:
        """Every new score in a chunk, with its time and what the device decides.

        Parameters
        ----------
        samples : np.ndarray [shape=(n,)]
            Mono, 16 kHz, of any length: int16, or floats in [-1, 1], which are clipped.

        Raises
        ------
        UsageError
            The samples are of another shape or type, or no numbers.
        ModelError
            The model's scores are no numbers.
        """
        integers = _integers(samples)
        try:
            steps = self._engine.process(integers)
        except ModelError as error:
            raise ModelError(f"{self.path}: {error.typed}") from None
        if steps:
            self.score = steps[-1].score
        return steps

    def process(self, samples: NDArray[Any]) -> list[Detection]:
        """The detections in a chunk; see `steps`.

        Chunks of any length give the same detections as the whole sound.
        """
        return [
            Detection(self.name, step.seconds, step.score)
            for step in self.steps(samples)
            if step.detected
        ]

    def predict(self, samples: NDArray[Any]) -> dict[str, float]:
        """The highest score in a chunk by the model's name, as openWakeWord's `Model.predict`.

        A chunk shorter than a step may have no new score: the newest is returned. The threshold
        and deafness play no part.
        """
        scores = [step.score for step in self.steps(samples)]
        return {self.name: max(scores, default=self.score)}

    def reset(self) -> None:
        """Forget all sound, as a device does when it is switched off."""
        self._engine.reset()
        self.score = 0.0

    def __repr__(self) -> str:
        return f"WakeWord({self.name!r}, wake_word={self.wake_word!r}, threshold={self.threshold})"


def all_of(makers: Iterable[Callable[[], WakeWord]]) -> list[WakeWord]:
    """Make several wake words, or raise the error of the first that cannot be made."""
    words = []
    # No comprehension: Python frees its list while the error is on its way, and LiteRT clears the
    # error when it frees an interpreter.
    for make in makers:
        words.append(make())
    return words


def _engine(source: ModelSource, cutoff: float | None, features: PathLike | None) -> Engine:
    if cutoff is None:
        cutoff = source.cutoff
    if kind_of(source.content) == "openwakeword":
        folder = Path(features).expanduser() if features is not None else source.path.parent
        cutoff = CUTOFF if cutoff is None else cutoff
        return OpenWakeWordEngine(source.content, folder, cutoff)
    if cutoff is None:
        raise UsageError(
            f"{source.path}: no manifest and no measured threshold says when it detects; give "
            f"--cutoff, or put {source.path.stem}.json beside it."
        )
    return MicroEngine(source.content, cutoff, source.sliding_window, source.frontend)


def _integers(samples: NDArray[Any]) -> NDArray[np.int16]:
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise UsageError(f"samples: give mono sound of one dimension, not {list(samples.shape)}.")
    if samples.dtype.kind == "f":
        if not np.isfinite(samples).all():
            raise UsageError("samples: some are not finite numbers.")
        return pcm16(samples)
    if samples.dtype != np.int16:
        raise UsageError(f"samples: give int16, or floats in [-1, 1], not {samples.dtype}.")
    return samples
