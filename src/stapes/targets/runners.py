"""How each interpreter runs a file for `targets.proof`: a call with inputs, and a look inside.

Each is C++ that trusts its file: call them in a process of their own, for a file that is not made
here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.targets import tflm
from stapes.tflite.read.verify import verify

Invoke = Callable[[list[NDArray[Any]]], list[NDArray[Any]]]
Tap = Callable[[int], bytes]


def _litert(model: bytes) -> tuple[Invoke, Tap | None]:
    """LiteRT as it comes, with XNNPACK: what ops give inside is not to be seen."""
    return _litert_of(model, plain=False)


def _litert_plain(model: bytes) -> tuple[Invoke, Tap | None]:
    """LiteRT with its own kernels alone."""
    return _litert_of(model, plain=True)


def _litert_of(model: bytes, *, plain: bool) -> tuple[Invoke, Tap | None]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kinds = OpResolverType
    kind = kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else kinds.AUTO
    try:
        interpreter = Interpreter(
            model_content=model,
            num_threads=1,
            experimental_op_resolver_type=kind,
            experimental_preserve_all_tensors=plain,
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT refuses the model: {_first_line(error)}") from None
    given = [each["index"] for each in interpreter.get_input_details()]
    wanted = [each["index"] for each in interpreter.get_output_details()]

    def invoke(values: list[NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            for index, value in zip(given, values, strict=True):
                interpreter.set_tensor(index, value)
            interpreter.invoke()
            return [interpreter.get_tensor(index) for index in wanted]
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"LiteRT stopped at running it: {_first_line(error)}") from None

    def tap(index: int) -> bytes:
        try:
            return bytes(np.ascontiguousarray(interpreter.get_tensor(index)).tobytes())
        except ValueError:  # A tensor that was never given a size.
            return b""

    return invoke, tap if plain else None


def _tflm(model: bytes) -> tuple[Invoke, Tap | None]:
    return _tflm_of(model, keep_tensors=True)


def _tflm_planned(model: bytes) -> tuple[Invoke, Tap | None]:
    """TFLite Micro as it runs on a device, where tensors take each other's place in the arena."""
    return _tflm_of(model, keep_tensors=False)


def _tflm_of(model: bytes, *, keep_tensors: bool) -> tuple[Invoke, Tap | None]:
    if not tflm.available():
        raise ModelError("TFLite Micro is not installed: install stapes[micro].")
    interpreter = tflm.TFLM(model, keep_tensors=keep_tensors)
    outputs = len(verify(model).graphs[0].outputs)

    def invoke(values: list[NDArray[Any]]) -> list[NDArray[Any]]:
        for index, value in enumerate(values):
            interpreter.set_input(value, index)
        interpreter.invoke()
        return [interpreter.output(index) for index in range(outputs)]

    def tap(index: int) -> bytes:
        return bytes(np.ascontiguousarray(interpreter.tensor(index)).tobytes())

    return invoke, tap if keep_tensors else None


RUNNERS: dict[str, Callable[[bytes], tuple[Invoke, Tap | None]]] = {
    "litert": _litert,
    "litert_plain": _litert_plain,
    "tflm": _tflm,
    "tflm_planned": _tflm_planned,
}

USUAL = ("litert", "litert_plain", "tflm")
"""Slimming moves no tensor in the arena, so the last way of running need not be tried for it."""


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else "it gives no reason; too little memory, perhaps"
