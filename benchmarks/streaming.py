"""The speed of detection in continuous sound, with features, in multiples of real time.

It compares two ways for windows on the same sound, in one process on one core: a plain loop, which
computes every window separately, and Stapes' sliding features with scores in batches. It prints
each round's speeds, their ratio, and the largest difference of their scores. It fails below 300
times real time, or if a float model's scores differ by more than 1e-4. (A quantized model rounds
its input, so its scores may differ by a step.)

With --stream and --theirs, it compares a streaming model as Stapes runs it with microWakeWord's as
pymicro-wakeword runs it, in turns on the same sound.

    python benchmarks/streaming.py --speech DIR --model float32.tflite
    python benchmarks/streaming.py --speech DIR --stream stream.tflite --theirs alexa.json
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
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

from stapes.audio import read
from stapes.errors import AudioError
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.numerics.micro import frames, quantized
from stapes.frontends.numerics.stream import pcm16
from stapes.targets.batches import score
from stapes.targets.litert import LiteRT
from stapes.targets.streams import device_outputs

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
    parser.add_argument("--stream", type=Path, help="a streaming .tflite of Stapes")
    parser.add_argument("--theirs", type=Path, help="the manifest of a microWakeWord model")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    of_streams = [arguments.stream, arguments.theirs]
    paths = of_streams if any(of_streams) else [arguments.model]
    for path in (arguments.speech, *paths):
        if path is None or not path.exists():
            sys.exit(
                f"{path}: is not there; name it with --speech, --model (`make demo` has one), or "
                "--stream and --theirs"
            )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if any(of_streams):
        streams(arguments)
    else:
        windows(arguments)


def windows(arguments: argparse.Namespace) -> None:
    """Compare the loop with sliding windows."""
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
        fast = sliding(recordings, model, arguments.hop)
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


def streams(arguments: argparse.Namespace) -> None:
    """Compare a streaming model of Stapes with one of microWakeWord."""
    recordings = sound(arguments.speech, arguments.minutes, 16_000)
    minutes = sum(map(len, recordings)) / 16_000 / 60
    print(f"{minutes:.1f} minutes, one core, features included")
    model = arguments.stream.read_bytes()
    speeds: dict[str, list[float]] = {"features alone": [], "Stapes": [], "microWakeWord": []}
    for number in range(1, arguments.rounds + 1):
        began = time.process_time()
        features = [quantized(frames(y, 160)) for y in recordings]
        heard = time.process_time()
        for x in features:
            device_outputs(model, x)
        scored = time.process_time()
        theirs(recordings, arguments.theirs)
        ended = time.process_time()
        took = (heard - began, scored - began, ended - scored)
        for values, seconds in zip(speeds.values(), took, strict=True):
            values.append(60 * minutes / seconds)
        row = ", ".join(f"{name} {values[-1]:.0f}" for name, values in speeds.items())
        print(f"round {number}, times real time: {row}")
    middle = {name: statistics.median(values) for name, values in speeds.items()}
    ratio = middle["Stapes"] / middle["microWakeWord"]
    print(
        f"median: Stapes {middle['Stapes']:.0f} times real time, {ratio:.2f} times as fast as "
        f"microWakeWord; the features alone {middle['features alone']:.0f} times"
    )


def theirs(recordings: list[NDArray[np.float32]], manifest: Path) -> None:
    """Every output of a microWakeWord model, by pymicro-wakeword."""
    model = MicroWakeWord.from_config(manifest)
    for y in recordings:
        features = MicroWakeWordFeatures()
        for frame in features.process_streaming(pcm16(y).tobytes()):
            model.process_streaming_prob(frame)


if __name__ == "__main__":
    main()
