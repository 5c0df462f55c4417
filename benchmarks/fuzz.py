"""Broken .tflite files: `inspect` and `slim` must refuse or pass each, in bounded time and memory.

`fuzz_valid.py` does the same with valid files.

    python benchmarks/fuzz.py MODELS_FOLDER [--mutants 5000] [--seed 0] [--prove 0]

Each mutant is a model of the folder with bits flipped, the end cut off, an offset or a count
replaced, or a block copied over another. If `inspect` accepts a mutant, its budget must add up, and
its slimmed form must be accepted too. `--prove` also compares every n-th accepted mutant with its
slimmed form in the interpreters, where a crash counts as refused. The exit status is 1 if a mutant
is neither accepted nor refused.
"""

from __future__ import annotations

import argparse
import collections
import resource
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from stapes.contracts.inspection import BUDGET_PARTS
from stapes.errors import ModelError
from stapes.tflite.edit.slim import slim
from stapes.tflite.format.reader import read
from stapes.tflite.format.spans import spans
from stapes.tflite.read.inspect import inspect
from stapes.tflite.read.verify import verify

MOST_SECONDS = 10.0
MOST_BYTES = 1 << 30

_COUNTS = (0, 1, 2, 0x7FFF, 0xFFFF, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)


def mutants(model: bytes, count: int, seed: int) -> Iterator[bytes]:
    """`count` broken variants of a model, the same for the same seed."""
    rng = np.random.default_rng(seed)
    # Weights may hold anything: break what is not weights.
    places = np.concatenate(
        [
            np.arange(span.start, span.end if span.owner != "Buffer.data" else span.start + 4)
            for span in spans(read(model))
        ]
    )
    ways: list[Callable[[bytearray, np.random.Generator, np.ndarray], bytearray]]
    ways = [_flip, _byte, _word, _offset, _number, _block, _cut]
    for _ in range(count):
        broken = bytearray(model)
        for _ in range(int(rng.integers(1, 5))):
            broken = ways[int(rng.integers(len(ways)))](broken, rng, places)
        yield bytes(broken)


def _flip(model: bytearray, rng: np.random.Generator, places: np.ndarray) -> bytearray:
    at = int(rng.choice(places))
    if at < len(model):
        model[at] ^= 1 << int(rng.integers(8))
    return model


def _byte(model: bytearray, rng: np.random.Generator, places: np.ndarray) -> bytearray:
    at = int(rng.choice(places))
    if at < len(model):
        model[at] = int(rng.integers(256))
    return model


def _word(model: bytearray, rng: np.random.Generator, places: np.ndarray) -> bytearray:
    return _put(model, int(rng.choice(places)), int(rng.choice(_COUNTS)))


def _offset(model: bytearray, rng: np.random.Generator, places: np.ndarray) -> bytearray:
    """A word that leads to another place that means something."""
    at, to = int(rng.choice(places)) & ~3, int(rng.choice(places)) & ~3
    return _put(model, at, (to - at) & 0xFFFFFFFF)


def _number(model: bytearray, rng: np.random.Generator, places: np.ndarray) -> bytearray:
    return _put(model, int(rng.choice(places)), int(rng.integers(0, 300)))


def _put(model: bytearray, at: int, value: int) -> bytearray:
    at &= ~3
    if at + 4 <= len(model):
        struct.pack_into("<I", model, at, value)
    return model


def _block(model: bytearray, rng: np.random.Generator, places: np.ndarray) -> bytearray:
    size = int(rng.integers(1, 64))
    start, to = (int(n) for n in rng.choice(places, 2))
    block = model[start : start + size]
    if to + len(block) <= len(model):
        model[to : to + len(block)] = block
    return model


def _cut(model: bytearray, rng: np.random.Generator, places: np.ndarray) -> bytearray:
    # Rarely, as most cut files are refused at once.
    return model[: int(rng.integers(len(model)))] if rng.random() < 0.2 else model


def check(model: bytes) -> str:
    """The outcome of one file: `refused`, `passed` with correct slimmed forms, or `failed`."""
    runtimes: tuple[Literal["any", "tflm"], ...] = ("any", "tflm")
    try:
        inspection = inspect(model)
        slimmed = [slim(model, runtime=runtime) for runtime in runtimes]
    except ModelError as error:
        return "refused" if len(str(error)) < 300 else "failed"
    if sum(inspection.budget.model_dump(include=set(BUDGET_PARTS)).values()) != len(model):
        return "failed"
    for result, runtime in zip(slimmed, runtimes, strict=True):
        # What was passed once must pass again.
        verify(result)
        if len(result) > len(model) or slim(result, runtime=runtime) != result:
            return "failed"
    return "passed"


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--mutants", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--prove", type=int, default=0)
    arguments = parser.parse_args()
    paths = sorted(arguments.models.glob("*.tflite"))
    failures, slowest, passed = 0, 0.0, 0
    before = _memory()
    for path in paths:
        outcomes: collections.Counter[str] = collections.Counter()
        model = path.read_bytes()
        most = -(-arguments.mutants // len(paths))
        for number, mutant in enumerate(mutants(model, most, arguments.seed)):
            start = time.perf_counter()
            try:
                outcome = check(mutant)
            except Exception:
                traceback.print_exc()
                print(f"{path.name}: mutant {number} of seed {arguments.seed}", file=sys.stderr)
                outcome = "failed"
            seconds = time.perf_counter() - start
            slowest = max(slowest, seconds)
            failures += outcome == "failed" or seconds > MOST_SECONDS
            outcomes[outcome] += 1
            passed += outcome == "passed"
            if outcome == "passed" and arguments.prove and passed % arguments.prove == 0:
                outcomes[_proven(mutant)] += 1
        print(path.name, dict(outcomes), flush=True)
    grown = _memory() - before
    failures += grown > MOST_BYTES
    print(f"slowest {slowest:.2f} s, memory grew by {grown / 1e6:.0f} MB, {failures} failures")
    return 1 if failures else 0


def _proven(mutant: bytes) -> str:
    from stapes.targets.proof import prove

    proof = prove(mutant, slim(mutant), inputs=5, seconds=20)
    if not proof.interpreters:
        crashed = any("crashed" in why or "took" in why for why in proof.refused.values())
        return "crashed interpreters" if crashed else "refused by interpreters"
    return "equal" if proof.equal else f"differs: {proof.difference}"


def _memory() -> int:
    """The most memory that this process has taken [bytes]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(_main())
