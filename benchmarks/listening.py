"""What listening costs: the share of one core for each model, in real time, and its instructions.

It gives each model ten minutes of sound in chunks of 80 ms, as a microphone does, and measures the
processor time of a second of sound. It fails above 2 % of one core for the first model.

    python benchmarks/listening.py runs/computer alexa.json
    python benchmarks/listening.py runs/computer --instructions

`--instructions` counts the instructions of a second of sound by Valgrind, in some minutes: the
difference of two lengths of sound, so that the start is not counted. From them comes an estimate
for a Raspberry Pi: a Cortex-A53 of 1 GHz (Zero 2 W) that executes 0.7 instructions a cycle, or a
Cortex-A72 of 1.5 GHz (4) that executes one. The instructions are of x86-64; Arm's are about as
many.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.listen.engine import RATE
from stapes.listen.wake_word import WakeWord

MODELS = Path(os.environ.get("STAPES_MODELS", "../shared/models"))
"""Published models."""

_CHUNK = 1_280
_MOST = 0.02
_BOARDS = {"Raspberry Pi Zero 2 W": 0.7e9, "Raspberry Pi 4": 1.5e9}
"""Instructions a second of one core, by a careful guess."""
_LENGTHS = 2, 12
"""Seconds of sound whose instructions are counted."""


def sound(seconds: float) -> NDArray[np.int16]:
    """Noise whose level changes, so that scores do."""
    rng = np.random.default_rng(0)
    level = np.repeat(rng.uniform(0.001, 0.2, round(seconds) + 1), RATE)[: round(seconds * RATE)]
    return (rng.normal(0, 1, len(level)) * level * 32_767).clip(-32_768, 32_767).astype(np.int16)


def share(word: WakeWord, seconds: float) -> float:
    """The processor time of a second of sound [s]."""
    chunks = np.array_split(sound(seconds), round(seconds * RATE / _CHUNK))
    for chunk in chunks[:100]:
        word.process(chunk)
    begin = time.process_time()
    for chunk in chunks:
        word.process(chunk)
    return (time.process_time() - begin) / seconds


def instructions(model: str, variant: str | None) -> float:
    """The instructions of a second of sound, by Valgrind."""
    short, long = (_counted(model, variant, seconds) for seconds in _LENGTHS)
    return (long - short) / (_LENGTHS[1] - _LENGTHS[0])


def _counted(model: str, variant: str | None, seconds: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [sys.executable, __file__, model, "--only", str(seconds)]
    command += ["--variant", variant] if variant else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    [count] = re.findall(r"Collected : (\d+)", done.stderr)
    return int(count)


def main() -> None:
    """Measure and print; exit status 1 above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=[str(MODELS / "alexa.json")])
    parser.add_argument("--variant")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        word = WakeWord(options.models[0], variant=options.variant)
        for chunk in np.array_split(sound(options.only), options.only * RATE // _CHUNK):
            word.process(chunk)
        return
    shares = []
    for model in options.models:
        word = WakeWord(model, variant=options.variant)
        rounds = [share(word, options.seconds) for _ in range(3)]
        shares.append(min(rounds))
        print(f"{word.name}: {', '.join(f'{part:.2%}' for part in rounds)} of one core")
        if options.instructions:
            count = instructions(model, options.variant)
            print(f"  {count / 1e6:,.1f} million instructions a second of sound")
            for board, speed in _BOARDS.items():
                print(f"  {board}: about {count / speed:.1%} of one core")
    if shares[0] > _MOST:
        sys.exit(f"{options.models[0]}: more than {_MOST:.0%} of one core")


if __name__ == "__main__":
    main()
