"""Prove that two .tflite files compute the same: bit for bit, in every interpreter that runs one.

Each interpreter gets the same sequence of inputs with both files, from a fresh start, and carries
its state from one to the next, as a streaming model does on a device. Compared are the outputs, and
what every op gives where the interpreter lets it be read: a wake word's score is zero nearly all
the time, which alone would prove little.

The interpreters are C++: each runs in a process of its own, with a limit on its time and memory, so
that a crash in one is a refusal with a reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.system.isolation import SECONDS, Child, Lost
from stapes.targets import probes
from stapes.targets.runners import RUNNERS, USUAL
from stapes.tflite.graph import Model
from stapes.tflite.read.lookup_table import DECODE
from stapes.tflite.read.verify import verify

INPUTS = 100

# Types of tensors that hold no numbers: strings, resources, variants.
_OPAQUE = {"STRING", "RESOURCE", "VARIANT"}


@dataclass(frozen=True)
class Proof:
    """What came out of comparing two files."""

    interpreters: tuple[str, ...]
    """Those that ran the original: the files were compared in them."""
    refused: dict[str, str]
    """Those that did not run the original, and why."""
    inputs: int
    """How many inputs each was given with each file."""
    distinct: int
    """How many different results these gave, what ops give inside included."""
    difference: str | None
    """The first difference, or None."""

    @property
    def equal(self) -> bool:
        """Whether the files gave the same in one interpreter at least, and in all that ran."""
        return self.difference is None and bool(self.interpreters)


@dataclass(frozen=True)
class _Trace:
    """What one interpreter gave with one file."""

    outputs: list[list[NDArray[Any]]]
    """For each input, each output."""
    taps: list[bytes]
    """A digest of all that each op gave."""
    distinct: int
    """How many inputs gave something that none gave before."""


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
        The files; an interpreter that refuses the original says nothing about the candidate.
    interpreters : sequence of str, optional
        Of `RUNNERS`; without it, `USUAL`.
    inputs : int > 0
        How many inputs to run.
    seed : int
        Of the inputs.
    seconds : float > 0
        The longest that one interpreter may take with one file.
    isolate : bool
        Run the interpreters in processes of their own. Without, there is no limit on time, and a
        crash in one ends this process: only for files that were made here.

    Raises
    ------
    ModelError
        A file is broken: nothing was run.
    """
    models = [verify(original), verify(candidate)]
    chosen = probes.inputs(models[0], inputs, seed)
    if probes.specs(models[0]) != probes.specs(models[1]):
        return Proof((), {}, inputs, 0, "the files take different inputs")
    taps = [_taps(model) for model in models]
    if len(taps[0]) != len(taps[1]):
        taps = [[], []]
    names = tuple(USUAL if interpreters is None else interpreters)
    limit = seconds if isolate else None
    before = _traces([_Job(name, original, chosen, taps[0]) for name in names], limit)
    firsts = dict(zip(names, before, strict=True))
    ran = {name: trace for name, trace in firsts.items() if isinstance(trace, _Trace)}
    refused = {name: trace for name, trace in firsts.items() if isinstance(trace, str)}
    after = _traces([_Job(name, candidate, chosen, taps[1]) for name in ran], limit)
    difference = None
    for (name, first), second in zip(ran.items(), after, strict=True):
        found = second if isinstance(second, str) else _difference(first, second)
        if found is not None:
            difference = f"{name}: {found}"
            break
    distinct = max((trace.distinct for trace in ran.values()), default=0)
    return Proof(tuple(ran), refused, inputs, distinct, difference)


def _taps(model: Model) -> list[int]:
    """The tensors that the ops of the first subgraph give, in the order of the ops.

    Without what DECODE ops give: it is a constant in the file that look-up tables were made of.
    """
    graph = model.graphs[0]
    numbers = [number for op in graph.operators if op.name != DECODE for number in op.outputs]
    return [number for number in numbers if graph.tensor(number).type not in _OPAQUE]


@dataclass(frozen=True)
class _Job:
    """One interpreter with one file."""

    name: str
    model: bytes
    chosen: list[list[NDArray[Any]]]
    taps: list[int]


def _traces(jobs: list[_Job], seconds: float | None) -> list[_Trace | str]:
    """What each job gives, or the reason why it gives nothing.

    They run one after the other in one process, and in a new one after a crash; without a limit of
    `seconds`, in this one.
    """
    with Child() as child:
        return [_trace(child, job, seconds) for job in jobs]


def _trace(child: Child, job: _Job, seconds: float | None) -> _Trace | str:
    """What an interpreter gives, or why it gives nothing."""
    try:
        return _run(job) if seconds is None else child.run(seconds, _run, job)
    except (Lost, ModelError) as error:
        return str(error)


def _run(job: _Job) -> _Trace:
    invoke, tap = RUNNERS[job.name](job.model)
    digests = [hashlib.blake2b(digest_size=16) for _ in job.taps]
    outputs = []
    seen = set()
    for values in job.chosen:
        outputs.append(invoke(values))
        whole = hashlib.blake2b(b"".join(each.tobytes() for each in outputs[-1]), digest_size=16)
        if tap is not None:
            for digest, index in zip(digests, job.taps, strict=True):
                given = tap(index)
                digest.update(given)
                whole.update(given)
        seen.add(whole.digest())
    return _Trace(outputs, [digest.digest() for digest in digests], len(seen))


def _difference(first: _Trace, second: _Trace) -> str | None:
    for number, (left, right) in enumerate(zip(first.outputs, second.outputs, strict=True)):
        for index, (a, b) in enumerate(zip(left, right, strict=False)):
            if a.shape != b.shape or a.dtype != b.dtype:
                return f"output {index} is {a.dtype} {a.shape} and {b.dtype} {b.shape}"
            if a.tobytes() != b.tobytes():
                return f"output {index} differs at input {number}"
        if len(left) != len(right):
            return f"{len(left)} outputs and {len(right)}"
    for number, (was, now) in enumerate(zip(first.taps, second.taps, strict=True)):
        if was != now:
            return f"the outputs are equal, but number {number} of what the ops give differs"
    return None
