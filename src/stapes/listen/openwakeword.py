"""An openWakeWord model: a head on the embeddings of two models that all heads share.

Every 80 ms of sound, the melspectrogram of the newest 110 ms gives 8 frames of 32 bands. The newest
76 frames give an embedding of 96 numbers, and the newest embeddings go to the head, which gives the
score. The two shared models are files of openWakeWord, `melspectrogram.tflite` and
`embedding_model.tflite`.

openWakeWord fills its buffers with noise at a start. Here silence fills them, so that the same
sound gives the same scores. As there, the first five scores are 0.

The decision is that of wyoming-openwakeword: a score above the threshold, and no other one within
two seconds.

Source: `openwakeword/model.py` and `openwakeword/utils.py` of openWakeWord.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from stapes.errors import ModelError, UsageError
from stapes.listen.checks import harmless
from stapes.listen.engine import RATE, Step, finite
from stapes.targets.litert import first_line
from stapes.tflite.read.file import read_tflite

MELSPECTROGRAM, EMBEDDING = "melspectrogram.tflite", "embedding_model.tflite"
CUTOFF = 0.5
"""openWakeWord's threshold."""
FEATURES = 96
"""Numbers of an embedding."""

_CHUNK = 1_280
_OVERLAP = 480
"""Samples before a chunk that its melspectrogram needs."""
_BANDS, _FRAMES = 32, 76
_SILENT_SCORES = 5
_REFRACTORY_SECONDS = 2.0


class OpenWakeWordEngine:
    """A head and the two models before it.

    Parameters
    ----------
    content : bytes
        Of the head: float32 [1, n, 96] to one score.
    folder : Path
        Of the two shared models.
    cutoff : float

    Raises
    ------
    UsageError
        One of the two models is missing.
    ModelError
        A model is broken, or of other shapes.
    """

    step_seconds = _CHUNK / RATE

    def __init__(self, content: bytes, folder: Path, cutoff: float) -> None:
        self.threshold = cutoff
        paths = [folder / MELSPECTROGRAM, folder / EMBEDDING]
        for path in paths:
            if not path.is_file():
                raise UsageError(
                    f"--features: {path} is missing, which an openWakeWord model needs; name the "
                    f"folder of {MELSPECTROGRAM} and {EMBEDDING}, which openWakeWord publishes."
                )
        self._mel = _Model(_checked(paths[0]), [1, _OVERLAP + _CHUNK], str(paths[0]))
        self._embed = _Model(_checked(paths[1]), [1, _FRAMES, _BANDS, 1], str(paths[1]))
        self._head = _Model(content, None, "The model")
        self._sound = np.zeros(0, np.float32)
        self._scores, self._deaf_until = 0, 0.0
        self.reset()

    def process(self, samples: NDArray[np.int16]) -> list[Step]:
        """The steps that end in a chunk of any length [samples], mono at 16 kHz."""
        sound = np.concatenate([self._sound, samples.astype(np.float32)])
        steps = []
        while len(sound) >= _OVERLAP + _CHUNK:
            score = self._score(sound[: _OVERLAP + _CHUNK])
            sound = sound[_CHUNK:]
            self._scores += 1
            steps.append(self._step(score))
        self._sound = sound
        return steps

    def reset(self) -> None:
        """Begin again as after a start: with silence in all buffers."""
        self._sound = np.zeros(_OVERLAP, np.float32)
        self._bands = np.zeros((_FRAMES, _BANDS), np.float32)
        self._embeddings = np.zeros(self._head.shape[1:], np.float32)
        silence = np.zeros(_OVERLAP + _CHUNK, np.float32)
        for _ in range(_FRAMES // 8 + 1 + len(self._embeddings)):
            self._embeddings = self._next(silence)
        self._scores, self._deaf_until = 0, 0.0

    def _step(self, score: float) -> Step:
        seconds = self._scores * self.step_seconds
        early = self._scores <= _SILENT_SCORES
        deaf = early or seconds < self._deaf_until
        score = 0.0 if early else score
        detected = score > self.threshold and not deaf
        if detected:
            self._deaf_until = seconds + _REFRACTORY_SECONDS
        return Step(seconds, score, detected, deaf)

    def _score(self, sound: NDArray[np.float32]) -> float:
        self._embeddings = self._next(sound)
        return finite(float(self._head.run(self._embeddings[None], 1)[-1].item()))

    def _next(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """The newest embeddings after a chunk."""
        bands = self._mel.run(sound[None], _BANDS) / 10 + 2
        self._bands = np.concatenate([self._bands, bands])[-_FRAMES:]
        embedding = self._embed.run(self._bands[None, :, :, None], FEATURES)[-1:]
        return np.concatenate([self._embeddings[1:], embedding])


class _Model:
    """A float32 model of one input and one output, at one shape [None: its own]."""

    def __init__(self, content: bytes, shape: list[int] | None, name: str) -> None:
        try:
            # With XNNPACK, LiteRT's default: a third of the time that it takes without.
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            [source], [target] = (
                self._interpreter.get_input_details(),
                self._interpreter.get_output_details(),
            )
            if shape is not None and source["shape"].tolist() != shape:
                self._interpreter.resize_tensor_input(source["index"], shape)
            self._interpreter.allocate_tensors()
            if {source["dtype"], target["dtype"]} != {np.float32}:
                raise ModelError(f"{name} is no model of openWakeWord: its values are no float32.")
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{name}: LiteRT refuses it: {first_line(error)}") from None
        self._name = name
        self._source, self._target = source["index"], target["index"]
        self.shape: list[int] = shape or source["shape"].tolist()

    def run(self, values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
        """The output in rows [shape=(rows, width)]."""
        self._interpreter.set_tensor(self._source, np.ascontiguousarray(values, np.float32))
        self._interpreter.invoke()
        output: NDArray[np.float32] = self._interpreter.get_tensor(self._target)
        if not output.size or output.size % width:
            raise ModelError(
                f"{self._name} is no model of openWakeWord that belongs there: its output is "
                f"{list(output.shape)}."
            )
        return output.reshape(-1, width)


def _checked(path: Path) -> bytes:
    content = read_tflite(path)
    try:
        harmless(content)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    return content
