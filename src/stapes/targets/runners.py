"""The interpreters of `targets.proof`: a call with inputs, and a tap for results of ops.

Each is C++ that trusts its file. Isolate it, unless Stapes made the file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.targets import tflm
from stapes.targets.litert import first_line
from stapes.tflite.read import signatures
from stapes.tflite.read.verify import verify


class Stopped(ModelError):
    """An interpreter that runs the model stopped at one input, such as the square root of -1."""


Invoke = Callable[[list[NDArray[Any]]], list[NDArray[Any]]]
Tap = Callable[[int], bytes]
Shapes = list[tuple[int, ...]]
"""Of the inputs, where the file leaves sizes open."""


def bits(values: NDArray[Any]) -> bytes:
    """The bytes of a result, with one form of NaN: its sign depends on addresses in memory."""
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
    return values.tobytes()


def _litert(
    model: bytes, key: str | None, shapes: Shapes | None = None, *, plain: bool
) -> tuple[Invoke, Tap | None]:
    """LiteRT: plain with its own kernels, else with XNNPACK, which hides the results of ops."""
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
        if key is not None:
            return _signature(interpreter, model, key, plain=plain)
        inputs = [details["index"] for details in interpreter.get_input_details()]
        for index, shape in zip(inputs, shapes or [], strict=False):
            interpreter.resize_tensor_input(index, shape)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT refuses the model: {first_line(error)}") from None

    def invoke(values: list[NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            for index, value in zip(inputs, values, strict=True):
                interpreter.set_tensor(index, value)
            interpreter.invoke()
            return [_output(interpreter, details) for details in interpreter.get_output_details()]
        except (RuntimeError, ValueError) as error:
            raise Stopped(f"LiteRT stopped at running it: {first_line(error)}") from None

    return invoke, partial(_tapped, interpreter, 0) if plain else None


def _output(interpreter: Any, details: dict[str, Any]) -> NDArray[Any]:
    """An output; LiteRT returns none without elements."""
    if 0 in details["shape"]:
        return np.empty(details["shape"], details["dtype"])
    return np.asarray(interpreter.get_tensor(details["index"]))


def _signature(
    interpreter: Any, model: bytes, key: str, *, plain: bool
) -> tuple[Invoke, Tap | None]:
    verified = verify(model)
    names, graph = signatures.inputs(verified, key), signatures.subgraph(verified, key)
    run = interpreter.get_signature_runner(key)

    def invoke(values: list[NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            outputs = run(**dict(zip(names, values, strict=True)))
        except (RuntimeError, ValueError) as error:
            raise Stopped(
                f"LiteRT stopped at running the signature {key}: {first_line(error)}"
            ) from None
        return [outputs[name] for name in sorted(outputs)]

    return invoke, partial(_tapped, interpreter, graph) if plain else None


def _tapped(interpreter: Any, graph: int, index: int) -> bytes:
    try:
        return bits(np.asarray(interpreter.get_tensor(index, graph)))
    except ValueError:  # A tensor without a size.
        return b""


def _tflm(
    model: bytes, key: str | None, shapes: Shapes | None = None, *, keep_tensors: bool
) -> tuple[Invoke, Tap | None]:
    """TFLite Micro, without signatures: on a device tensors share places in the arena."""
    if not tflm.available():
        raise ModelError("TFLite Micro is not installed: install stapes[micro].")
    if shapes is not None:
        raise ModelError(
            "TFLite Micro refuses the model: it leaves sizes of its inputs open; convert it with "
            "fixed ones."
        )
    interpreter = tflm.TFLM(model, keep_tensors=keep_tensors)
    outputs = len(verify(model).graphs[0].outputs)

    def invoke(values: list[NDArray[Any]]) -> list[NDArray[Any]]:
        for index, value in enumerate(values):
            interpreter.set_input(value, index)
        try:
            interpreter.invoke()
        except ModelError as error:
            raise Stopped(error.typed) from None
        return [interpreter.output(index) for index in range(outputs)]

    def tap(index: int) -> bytes:
        return bits(interpreter.tensor(index))

    return invoke, tap if keep_tensors else None


RUNNERS: dict[str, Callable[..., tuple[Invoke, Tap | None]]] = {
    "litert": partial(_litert, plain=False),
    "litert_plain": partial(_litert, plain=True),
    "tflm": partial(_tflm, keep_tensors=True),
    "tflm_planned": partial(_tflm, keep_tensors=False),
}
"""Each takes a file, the signature to run or None for the first subgraph, and perhaps `Shapes`."""

USUAL = ("litert", "litert_plain", "tflm")
"""Slimming moves no tensor in the arena, so it does not need `tflm_planned`."""


def takes_signatures(name: str) -> bool:
    """Whether an interpreter runs signatures, and reads constants outside the flatbuffer."""
    return name.startswith("litert")
