"""Prove that two .tflite files compute the same bits in every interpreter.

Each interpreter runs both files on the same inputs, from a fresh start, and keeps its state from
input to input, as a streaming model does on a device. The proof compares the outputs, and the
result of every op where the interpreter shows it: a wake word's score is nearly always zero, so
outputs alone prove little.

The interpreters are C++, so they run in isolated processes. A crash is a refusal with a reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from stapes.errors import ModelError
from stapes.system.isolation import SECONDS, Child, Lost, TimedOut
from stapes.targets import probes
from stapes.targets.runners import RUNNERS, USUAL
from stapes.tflite.edit.choices import INPUTS
from stapes.tflite.graph import Model
from stapes.tflite.read.lookup_table import DECODE
from stapes.tflite.read.verify import verify

# Types of tensors that hold no numbers: strings, resources, variants.
_OPAQUE = {"STRING", "RESOURCE", "VARIANT"}


@dataclass(frozen=True)
class Proof:
    """The comparison of two files."""

    interpreters: tuple[str, ...]
    """Those that ran the original; they compared the files."""
    refused: dict[str, str]
    """Those that did not run the original, and why."""
    inputs: int
    """The number of inputs."""
    distinct: int
    """The number of different results, including results of ops."""
    difference: str | None
    """The first difference, or None."""

    @property
    def equal(self) -> bool:
        """Whether an interpreter ran the files, and none showed a difference."""
        return self.difference is None and bool(self.interpreters)


@dataclass(frozen=True)
class _Trace:
    """The results of one interpreter with one file, without the results: they may be large."""

    outputs: list[list[tuple[str, bytes]]]
    """For each input, each output: its type and shape, and a digest of its bytes."""
    taps: list[bytes]
    """A digest of the results of each op."""
    distinct: int
    """The number of inputs with a new result."""


def prove(
    original: bytes,
    candidate: bytes,
    *,
    interpreters: Sequence[str] | None = None,
    inputs: int = INPUTS,
    seed: int = 0,
    seconds: float = SECONDS,
    isolate: bool = True,
) -> Proof:
    """Compare two .tflite files.

    Parameters
    ----------
    original, candidate : bytes
        The files; an interpreter that refuses the original is not used for the candidate.
    interpreters : sequence of str, optional
        Of `RUNNERS`; default: `USUAL`.
    inputs, seed : int
        The number of inputs > 0, and their seed.
    seconds : float > 0
        The longest time of one interpreter with one file.
    isolate : bool
        False runs the interpreters in this process, without a time limit: only for files that
        Stapes made.

    Raises
    ------
    ModelError
        A file is broken, and nothing ran; or an interpreter was not done in time.
    """
    models = [verify(original), verify(candidate)]
    if probes.specs(models[0]) != probes.specs(models[1]):
        return Proof((), {}, inputs, 0, "the files take different inputs")
    taps = [_taps(model) for model in models]
    if len(taps[0]) != len(taps[1]):
        taps = [[], []]
    names = tuple(USUAL if interpreters is None else interpreters)
    limit = seconds if isolate else None
    with Child() as child:
        firsts = {
            name: _trace(_Job(name, original, original, inputs, seed, taps[0]), limit, child)
            for name in names
        }
        ran = {name: trace for name, trace in firsts.items() if isinstance(trace, _Trace)}
        refused = {name: trace for name, trace in firsts.items() if isinstance(trace, str)}
        after = [
            _trace(_Job(name, candidate, original, inputs, seed, taps[1]), limit, child)
            for name in ran
        ]
    difference = None
    for (name, first), second in zip(ran.items(), after, strict=True):
        text = second if isinstance(second, str) else _difference(first, second)
        if text is not None:
            difference = f"{name}: {text}"
            break
    distinct = max((trace.distinct for trace in ran.values()), default=0)
    return Proof(tuple(ran), refused, inputs, distinct, difference)


def _taps(model: Model) -> list[int]:
    """The results of the ops of the first subgraph, in order, except constants of DECODE ops."""
    graph = model.graphs[0]
    numbers = [number for op in graph.operators if op.name != DECODE for number in op.outputs]
    return [number for number in numbers if graph.tensor(number).type not in _OPAQUE]


@dataclass(frozen=True)
class _Job:
    """One interpreter with one file."""

    name: str
    model: bytes
    original: bytes
    """The file that the inputs are for: it has the ranges of the calibration."""
    inputs: int
    seed: int
    taps: list[int]


def _trace(job: _Job, seconds: float | None, child: Child) -> _Trace | str:
    """The trace of a job, or why there is none; without `seconds`, in this process."""
    try:
        return _run(job) if seconds is None else child.run(seconds, _run, job)
    except TimedOut as late:
        # Not in the other interpreters too: each would wait as long.
        raise ModelError(
            f"it was not proven, because it loops or is too large: in {job.name}, {late}."
        ) from None
    except (Lost, ModelError) as error:
        return str(error)


def _run(job: _Job) -> _Trace:
    invoke, tap = RUNNERS[job.name](job.model)
    taps = [hashlib.blake2b(digest_size=16) for _ in job.taps]
    outputs: list[list[tuple[str, bytes]]] = []
    seen = set()
    for values in probes.inputs(verify(job.original), job.inputs, job.seed):
        whole = hashlib.blake2b(digest_size=16)
        outputs.append([])
        for output in invoke(values):
            content = output.tobytes()
            digest = hashlib.blake2b(content, digest_size=16).digest()
            outputs[-1].append((f"{output.dtype} {output.shape}", digest))
            whole.update(content)
        if tap is not None:
            for result, index in zip(taps, job.taps, strict=True):
                content = tap(index)
                result.update(content)
                whole.update(content)
        seen.add(whole.digest())
    return _Trace(outputs, [result.digest() for result in taps], len(seen))


def _difference(first: _Trace, second: _Trace) -> str | None:
    for number, (left, right) in enumerate(zip(first.outputs, second.outputs, strict=True)):
        for index, (was, now) in enumerate(zip(left, right, strict=False)):
            if was[0] != now[0]:
                return f"output {index} is {was[0]} and {now[0]}"
            if was != now:
                return f"output {index} differs at input {number}"
        if len(left) != len(right):
            return f"{len(left)} outputs and {len(right)}"
    for number, (one, other) in enumerate(zip(first.taps, second.taps, strict=True)):
        if one != other:
            return f"the outputs are equal, but result {number} of the ops differs"
    return None
