"""The speed of detection in continuous sound, with features, in multiples of real time.

It compares two ways on the same sound, in one process on one core: a plain loop, which computes
every window separately, and Stapes' sliding features with scores in batches. It prints each round's
speeds, their ratio, and the largest difference of their scores. It fails below 300 times real time,
or if a float model's scores differ by more than 1e-4. (A quantized model rounds its input, so its
scores may differ by a step.)

    python benchmarks/streaming.py --speech DIR --model float32.tflite
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.audio import read
from stapes.errors import AudioError
from stapes.frontends.mfcc import Mfcc
from stapes.targets.batches import score
from stapes.targets.litert import LiteRT

SPEECH = Path(os.environ.get("STAPES_SPEECH", "speech"))
"""Recordings of people."""

_AT_LEAST = 300.0


def sound(folder: Path, minutes: float, rate: int) -> list[NDArray[np.float32]]:
    """So many minutes of the recordings in a folder, at a sample rate."""
    recordings, seconds = [], 0.0
    for path in sorted(folder.rglob("*")):
        if path.suffix not in read.SUFFIXES:
            continue
        try:
            y = read.read(path, rate)
        except AudioError as error:
            print(error)
            continue
        recordings.append(y)
        seconds += len(y) / rate
        if seconds >= 60 * minutes:
            break
    return recordings


def loop(recordings: list[NDArray[np.float32]], model: bytes, hop: int) -> NDArray[np.float32]:
    """Window by window: cut, features, score."""
    frontend, interpreter = Mfcc(), LiteRT(model)
    step = hop * frontend.hop_length
    parts = []
    for y in recordings:
        for start in range(0, len(y) - frontend.window + 1, step):
            x = frontend.features(y[None, start : start + frontend.window])
            parts.append(interpreter.predict(x))
    return np.concatenate(parts)


def sliding(recordings: list[NDArray[np.float32]], model: bytes, hop: int) -> NDArray[np.float32]:
    """As a run does it."""
    parts = [score(model, Mfcc().sliding(y, hop)) for y in recordings]
    return np.concatenate(parts)


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, default=SPEECH / "continuous")
    parser.add_argument("--model", type=Path, default=Path("runs/demo/models/float32.tflite"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--hop", type=int, default=4, help="frames from one window to the next")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for path in (arguments.speech, arguments.model):
        if not path.exists():
            sys.exit(
                f"{path}: is not there; name it with --speech or --model (`make demo` has one)"
            )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model = arguments.model.read_bytes()
    recordings = sound(arguments.speech, arguments.minutes, Mfcc().sample_rate)
    seconds = sum(len(y) for y in recordings) / Mfcc().sample_rate
    hop_ms = 1000 * arguments.hop * Mfcc().hop_length / Mfcc().sample_rate
    print(f"{seconds / 60:.1f} minutes, a window each {hop_ms:.1f} ms, one core")
    ratios, speeds = [], []
    for number in range(1, arguments.rounds + 1):
        began = time.perf_counter()
        plain = loop(recordings, model, arguments.hop)
        between = time.perf_counter()
        fast = model.sliding(recordings, arguments.hop)
        took = time.perf_counter() - between
        ratios.append((between - began) / took)
        speeds.append(seconds / took)
        apart = float(np.abs(plain - fast).max())
        print(
            f"round {number}: loop {seconds / (between - began):.0f} times real time, sliding "
            f"{speeds[-1]:.0f} times: {ratios[-1]:.2f} times faster; scores differ by {apart:.1e}"
        )
        if apart > 1e-4 and not LiteRT(model).signature.quantized_input:
            sys.exit("the scores are not those of the loop")
    middle = statistics.median(speeds)
    print(f"median: {statistics.median(ratios):.2f} times faster, {middle:.0f} times real time")
    if middle < _AT_LEAST:
        sys.exit(f"less than {_AT_LEAST:.0f} times real time")


if __name__ == "__main__":
    main()
