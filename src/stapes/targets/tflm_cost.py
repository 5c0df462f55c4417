"""A model in TFLite Micro: whether it runs, its scores, its arena, and its time.

Arena and time are those of the package's reference kernels on this machine. On a device, tensors
have the same size, and the interpreter's own structures are smaller with pointers of 32 bits.
"""

from __future__ import annotations

import re
import struct
import tempfile
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.targets import probes
from stapes.targets.target import Tried, reason, refused, scored
from stapes.targets.tflm import MOST_ARENA_BYTES, TFLM, TFLMClassifier, decisive, errors_into
from stapes.tflite.read.verify import verify

_ALIGNMENT = 16
_FINE_SECONDS = 1e-6

_BUILD = f"reference kernels, pointers of {8 * struct.calcsize('P')} bits"

_TOTAL = re.compile(rb"Arena allocation total (\d+) bytes")


def attempt(model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Whether TFLite Micro runs a model, the arena that it needs, and its scores of the clips."""
    try:
        result = TargetResult(runs=True, arena_bytes=arena_bytes(model), configuration=_BUILD)
    except ModelError as error:
        return refused(error)
    if clips is None:
        return Tried(result)
    try:
        return scored(TFLMClassifier(model), clips, result)
    except ModelError as error:
        return Tried(result.model_copy(update={"reason": f"not compared: {reason(error)}"}))


def arena_bytes(model: bytes) -> int:
    """The tensor arena that a model needs: the smallest that it starts in.

    The recording allocator reports the use after the start; the start itself can need more.

    Raises
    ------
    MissingExtraError
        tflite-micro is not installed.
    ModelError
        TFLite Micro refuses the model, or does not report its use.
    """
    with tempfile.TemporaryFile() as file, errors_into(file):
        interpreter = TFLM(model)
        _feed(interpreter, model)
        try:
            interpreter.invoke()
        except ModelError as error:
            file.seek(0)
            why = decisive(file.read().decode("utf-8", "replace"))
            raise ModelError(f"{str(error).rstrip('.')} {why}.") if why else error from None
        interpreter.print_allocations()
        file.seek(0)
        total = _TOTAL.search(file.read())
        if total is None:
            raise ModelError("TFLite Micro does not say how large an arena the model needs.")
        # In units, as the parts of an arena are aligned.
        enough = -(-int(total[1]) // _ALIGNMENT)
        low = enough - 1
        while not _starts(model, enough):
            low, enough = enough, 2 * enough
        while enough - low > 1:
            middle = (low + enough) // 2
            low, enough = (low, middle) if _starts(model, middle) else (middle, enough)
        return enough * _ALIGNMENT


def _starts(model: bytes, units: int) -> bool:
    arena = units * _ALIGNMENT
    try:
        TFLM(model, arena_bytes=arena)
    except ModelError:
        if arena > MOST_ARENA_BYTES:
            raise
        return False
    return True


def invoke_seconds(models: Sequence[bytes], runs: int) -> list[float]:
    """The median time of one inference of each model [seconds], over so many runs of each.

    The models take turns, so that all have the same load.
    """
    interpreters = [TFLM(model) for model in models]
    for interpreter, model in zip(interpreters, models, strict=True):
        _feed(interpreter, model)
        interpreter.invoke()
    # A thread's clock leaves out the machine's other work, but may be too coarse.
    fine = time.get_clock_info("thread_time").resolution < _FINE_SECONDS
    clock = time.thread_time if fine else time.perf_counter
    times = np.empty((runs, len(models)))
    for row in times:
        for number, interpreter in enumerate(interpreters):
            start = clock()
            interpreter.invoke()
            row[number] = clock() - start
    medians: list[float] = np.median(times, axis=0).tolist()
    return medians


def _feed(interpreter: TFLM, model: bytes) -> None:
    for index, values in enumerate(next(probes.inputs(verify(model), 1, 0))):
        interpreter.set_input(values, index)
