"""A streaming model as ESPHome runs it: its integers, its ring, its deafness, and its frontend.

A device of one's own may have another frontend; all else is the same there.

`measure.device` has the rule, `targets.streams` runs the model with the kernels whose bits are
those of TFLite Micro. So the decisions are those that a run measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.errors import MissingExtraError
from stapes.frontends.numerics.stream import FRAME, HOP
from stapes.frontends.registry import DEFAULT_STREAM, STREAMS
from stapes.listen.engine import RATE, Step, finite
from stapes.measure.device import HIGHEST, Device
from stapes.targets.quantization import dequantize
from stapes.targets.streams import StreamModel
from stapes.tflite.graph import DTYPES


class MicroEngine:
    """A streaming model and its device.

    Parameters
    ----------
    content : bytes
        A .tflite with an input [1, stride, 40] and an output of one value.
    cutoff : float
        The manifest's `probability_cutoff`. As ESPHome does, it is cut off to an integer of 255
        for a model with uint8 outputs.
    sliding_window : int > 0
        Outputs in the mean.
    frontend : str
        Of `STREAMS`.

    Raises
    ------
    MissingExtraError
        pymicro-features is not installed.
    ModelError
        LiteRT refuses the model.
    """

    def __init__(
        self,
        content: bytes,
        cutoff: float,
        sliding_window: int,
        frontend: str = DEFAULT_STREAM,
    ) -> None:
        self._model = StreamModel(content)
        self._integers = self._model.target.type == "UINT8"
        self._cutoff = int(cutoff * HIGHEST) if self._integers else cutoff
        self._sliding_window = sliding_window
        self._frontend = STREAMS[frontend]
        self.step_seconds = self._model.step * HOP / RATE
        self._start()

    @property
    def threshold(self) -> float:
        """The cutoff as a part of the largest output."""
        return self._real(self._cutoff)

    def process(self, samples: NDArray[np.int16]) -> list[Step]:
        """The steps that end in a chunk of any length [samples], mono at 16 kHz."""
        steps = []
        for frame in self._process(samples):
            self._frames += 1
            self._waiting.append(frame)
            output = None
            if len(self._waiting) == self._model.step:
                output = self._output(np.stack(self._waiting))
                self._waiting.clear()
            was_deaf = self._device.deaf
            detected = self._device.take(output)
            if detected or output is not None:
                score = min(1.0, self._real(self._device.mean))
                deaf = was_deaf and not detected
                steps.append(Step(self._seconds, score, detected, deaf))
        return steps

    def reset(self) -> None:
        """Begin again as after a start."""
        self._model.reset()
        self._start()

    def _start(self) -> None:
        try:
            self._process = self._frontend.opened()
        except ModuleNotFoundError:
            raise MissingExtraError("Listening with a microWakeWord model", "listen") from None
        self._device = Device(self._cutoff, self._sliding_window)
        self._waiting: list[NDArray[np.int8]] = []
        self._frames = 0

    @property
    def _seconds(self) -> float:
        """The end of the newest frame."""
        return (FRAME + (self._frames - 1) * HOP) / RATE

    def _output(self, frames: NDArray[np.int8]) -> float:
        [step] = self._model.device_steps(frames)
        output = self._model.invoke(step)
        tensor = self._model.target
        scales = tensor.quantization.scales
        if self._integers:
            return float(output)
        if len(scales):
            # As `run.stream_detection` reads outputs of 16 bits.
            value = np.array(output, DTYPES[tensor.type])
            zero_point = int(tensor.quantization.zero_points[0])
            output = dequantize(value, float(scales[0]), zero_point).item()
        return max(0.0, finite(float(output)))

    def _real(self, value: float) -> float:
        return value / HIGHEST if self._integers else value
