"""What one interpreter computes with one file: digests of all outputs and of the results of ops."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from stapes.targets import probes
from stapes.targets.runners import RUNNERS, Shapes, Stopped, bits
from stapes.tflite.graph import Model
from stapes.tflite.read.lookup_table import DECODE
from stapes.tflite.read.signatures import subgraph
from stapes.tflite.read.verify import verify

FEWEST = 3
"""Inputs that a slow model gets at least; one input if that takes `_VERY_SLOW` times the budget."""

_VERY_SLOW = 3

# Types of tensors that hold no numbers: strings, resources, variants.
_OPAQUE = {"STRING", "RESOURCE", "VARIANT"}

_M_PERTURB = -6
"""The parameter of glibc's `mallopt` that fills memory."""


@dataclass(frozen=True)
class Job:
    """One interpreter with one file."""

    name: str
    model: bytes
    original: bytes
    """The file that the inputs are for: it has the ranges of the calibration."""
    key: str | None
    """The signature that runs; None runs the first subgraph."""
    inputs: int
    seed: int
    taps: list[int]
    """The tensors whose values are compared, beside the outputs."""
    budget: float | None = None
    """Seconds after which no further input is drawn; None: all inputs."""
    fill: int = 0
    """The byte that new memory holds; 0 leaves it as it is."""
    shapes: Shapes | None = None
    """Of the inputs; None: those of the file."""


@dataclass(frozen=True)
class Trace:
    """The results of a job, without the results: they may be large."""

    outputs: list[list[tuple[str, bytes]]]
    """For each input, each output: its type and shape, and a digest of its bytes."""
    taps: list[bytes]
    """A digest of the results of each op."""
    distinct: int
    """The number of inputs with a new result."""


def taps(model: Model, key: str | None) -> list[int]:
    """The results of the ops of a subgraph, in order, except constants of DECODE ops."""
    graph = model.graphs[subgraph(model, key)]
    numbers = [number for op in graph.operators if op.name != DECODE for number in op.outputs]
    return [n for n in numbers if n >= 0 and graph.tensor(n).type not in _OPAQUE]


def run(job: Job) -> Trace:
    """Run a job.

    Raises
    ------
    ModelError
        The interpreter refuses the file, or stops at every input.
    """
    with _memory_filled(job.fill):
        return _run(job)


def _run(job: Job) -> Trace:
    invoke, tap = RUNNERS[job.name](job.model, job.key, job.shapes)
    digests = [hashlib.blake2b(digest_size=16) for _ in job.taps]
    outputs: list[list[tuple[str, bytes]]] = []
    seen = set()
    stopped: Stopped | None = None
    start = time.monotonic()
    original = verify(job.original)
    for values in probes.inputs(original, job.inputs, job.seed, job.key, job.shapes):
        whole = hashlib.blake2b(digest_size=16)
        outputs.append([])
        try:
            results = invoke(values)
        except Stopped as error:
            # The other file must stop there too.
            stopped = error
            outputs[-1].append(("a stop", b""))
            continue
        for output in results:
            content = bits(output)
            digest = hashlib.blake2b(content, digest_size=16).digest()
            outputs[-1].append((f"{output.dtype} {output.shape}", digest))
            whole.update(content)
        if tap is not None:
            for result, index in zip(digests, job.taps, strict=True):
                content = tap(index)
                result.update(content)
                whole.update(content)
        seen.add(whole.digest())
        budgets = 0.0 if job.budget is None else (time.monotonic() - start) / job.budget
        if budgets > _VERY_SLOW or (budgets > 1 and len(outputs) >= FEWEST):
            break
    if stopped is not None and not seen:
        raise stopped
    return Trace(outputs, [result.digest() for result in digests], len(seen))


def unstable(first: Trace, second: Trace) -> set[int] | None:
    """The taps that differ between two traces of one file; None if its outputs differ."""
    if first.outputs != second.outputs:
        return None
    pairs = zip(first.taps, second.taps, strict=True)
    return {number for number, (one, other) in enumerate(pairs) if one != other}


def difference(first: Trace, second: Trace, ignored: set[int]) -> str | None:
    """The first difference of two traces, as the end of a sentence; None if there is none."""
    for number, (left, right) in enumerate(zip(first.outputs, second.outputs, strict=True)):
        for index, (was, now) in enumerate(zip(left, right, strict=False)):
            if was[0] != now[0]:
                return f"output {index} is {was[0]} and {now[0]}"
            if was != now:
                return f"output {index} differs at input {number}"
        if len(left) != len(right):
            return f"{len(left)} outputs and {len(right)}"
    for number, (one, other) in enumerate(zip(first.taps, second.taps, strict=True)):
        if one != other and number not in ignored:
            return f"the outputs are equal, but result {number} of the ops differs"
    return None


@contextlib.contextmanager
def _memory_filled(byte: int) -> Iterator[None]:
    """Fill new memory of this process with a byte, where the C library can (glibc)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if byte else None
    if mallopt is not None:
        mallopt(_M_PERTURB, byte)
    try:
        yield
    finally:
        if mallopt is not None:
            mallopt(_M_PERTURB, 0)
