"""Wake-word models by hand: one that hears any sudden sound, and sound for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from tests.tflite.models_by_hand import OP, TYPE, model, op, tensor

RATE = 16_000


def loud(kind: str = "uint8", level: float = 4.0) -> bytes:
    """A streaming model whose score is high while the mean of three frames is above a level.

    [1, 3, 40] to [1, 1]: int8 to uint8, or float32.
    """
    integer = kind == "uint8"

    def computed(shape, scale, zero_point, integers=TYPE.INT8):
        label = {"kind": integers, "scale": [scale], "zero_point": [zero_point]}
        return tensor(shape, **(label if integer else {}))

    weight = np.full((1, 120), 1 / 120, np.float32)
    bias = np.array([-level], np.float32)
    scale, step = 26 / 255, 1 / 120 / 127
    constants = [tensor((1, 120), "weight", weight), tensor((1,), "bias", bias)]
    if integer:
        kernel = np.rint(weight / step).astype(np.int8)
        steps = np.rint(bias / scale / step).astype(np.int32)
        constants = [
            tensor((1, 120), "weight", kernel, scale=[step]),
            tensor((1,), "bias", steps, scale=[scale * step]),
        ]
    tensors = [
        computed((1, 3, 40), scale, -128),
        tensor((2,), "shape", np.array([1, 120], np.int32)),
        computed((1, 120), scale, -128),
        *constants,
        computed((1, 1), 0.1, 0),
        computed((1, 1), 1 / 256, -128),
        computed((1, 1), 1 / 256, 0, TYPE.UINT8),
    ]
    ops = [
        op(OP.RESHAPE, (0, 1), (2,), schema.ReshapeOptionsT()),
        op(OP.FULLY_CONNECTED, (2, 3, 4), (5,), schema.FullyConnectedOptionsT()),
        op(OP.LOGISTIC, (5,), (6,)),
        *([op(OP.QUANTIZE, (6,), (7,))] if integer else []),
    ]
    return model(tensors, ops, (0,), (7 if integer else 6,))


def manifest(folder: Path, name: str = "loud", **changes: object) -> Path:
    """`loud` and its manifest; keyword arguments change its part `micro`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.tflite").write_bytes(loud())
    micro = {
        "probability_cutoff": 0.6,
        "sliding_window_size": 3,
        "feature_step_size": 10,
        "tensor_arena_size": 3_000,
        "minimum_esphome_version": "2024.7.0",
    }
    content = {
        "type": "micro",
        "wake_word": "Loud",
        "author": "nobody",
        "model": f"{name}.tflite",
        "trained_languages": ["en"],
        "version": 2,
        "micro": {**micro, **changes},
    }
    (folder / f"{name}.json").write_text(json.dumps(content))
    return folder / f"{name}.json"


def bursts(seconds: float, *moments: float, level: float = 0.2) -> NDArray[np.int16]:
    """Faint noise with 0.3 s of loud noise at some moments [s]."""
    rng = np.random.default_rng(1)
    y = rng.normal(0, 0.001, round(seconds * RATE))
    for moment in moments:
        begin = round(moment * RATE)
        y[begin : begin + 4_800] += rng.normal(0, level, 4_800)[: len(y) - begin]
    return np.asarray(np.clip(np.rint(y * 32_768), -32_768, 32_767).astype(np.int16))


def openwakeword(folder: Path, seed: int = 0) -> tuple[Path, dict[str, NDArray[np.float32]]]:
    """A head of four embeddings and the two models before it, each one dense layer.

    Returns
    -------
    (Path, dict)
        The head, and the weights [outputs, inputs] of each model by its name.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {
        # Eight frames of 220 samples each become 32 bands.
        "melspectrogram": ((1, 1_760), (8, 220), (8, 32), (1, 1, 8, 32)),
        "embedding_model": ((1, 76, 32, 1), (1, 2_432), (1, 96), (1, 1, 1, 96)),
        "head": ((1, 4, 96), (1, 384), (1, 1), (1, 1)),
    }
    weights = {}
    for name, (source, flat, result, target) in shapes.items():
        scale = 1e-3 if name == "melspectrogram" else flat[1] ** -0.5
        weights[name] = (scale * rng.normal(0, 1, (result[1], flat[1]))).astype(np.float32)
        tensors = [
            tensor(source),
            tensor((2,), "", np.array(flat, np.int32)),
            tensor(flat),
            tensor(weights[name].shape, "", weights[name]),
            tensor(result),
            tensor((len(target),), "", np.array(target, np.int32)),
            tensor(target),
            tensor(target),
        ]
        ops = [
            op(OP.RESHAPE, (0, 1), (2,), schema.ReshapeOptionsT()),
            op(OP.FULLY_CONNECTED, (2, 3, -1), (4,), schema.FullyConnectedOptionsT()),
            op(OP.RESHAPE, (4, 5), (6,), schema.ReshapeOptionsT()),
        ]
        if name == "head":
            ops.append(op(OP.LOGISTIC, (6,), (7,)))
        last = 7 if name == "head" else 6
        (folder / f"{name}.tflite").write_bytes(model(tensors, ops, (0,), (last,)))
    return folder / "head.tflite", weights
