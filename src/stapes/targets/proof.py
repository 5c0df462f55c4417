"""Prove that two .tflite files compute the same: bit for bit, in every interpreter that runs one.

Each interpreter gets the same sequence of inputs with both files, from a fresh start, and carries
its state from one to the next, as a streaming model does on a device. Compared are the outputs, and
what every op gives where the interpreter lets it be read: a wake word's score is zero nearly all
the time, which alone would prove little.

The interpreters are C++: each runs in a process of its own, with a limit on its time and memory, so
that a crash in one is a refusal with a reason.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.files import send_output_to
from stapes.flatbuffer.lookup_table import is_decode
from stapes.flatbuffer.tree import Tree
from stapes.flatbuffer.verify import verify
from stapes.targets import probes, tflm
from stapes.workers import pool

INPUTS = 100
SECONDS = 120.0
_MOST_MEMORY = 6 << 30

# Types of tensors that hold no numbers: strings, resources, variants.
_OPAQUE = {5, 13, 14}


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
    trees = [verify(original), verify(candidate)]
    chosen = probes.inputs(trees[0], inputs, seed)
    if probes.specs(trees[0]) != probes.specs(trees[1]):
        return Proof((), {}, inputs, 0, "the files take different inputs")
    taps = [_taps(tree) for tree in trees]
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


def _taps(tree: Tree) -> list[int]:
    """The tensors that the ops of the first subgraph give, in the order of the ops.

    Without what DECODE ops give: it is a constant in the file that look-up tables were made of.
    """
    graph = tree.root["subgraphs"][0]
    tensors = graph.items("tensors")
    ops = [op for op in graph.items("operators") if not is_decode(tree, op)]
    given = [int(n) for op in ops for n in op.items("outputs")]
    return [n for n in given if tensors[n]["type"] not in _OPAQUE]


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
    if seconds is None:
        return [_said(lambda job=job: _run(job)) for job in jobs]  # type: ignore[misc]
    found: list[_Trace | str] = []
    while len(found) < len(jobs):
        try:
            with pool(1, _begin) as executor:
                for job in jobs[len(found) :]:
                    found.append(_trace(executor, job, seconds))
        except Late:
            found.append(f"it took more than {seconds:g} s")
        except BrokenExecutor:
            found.append("it crashed")
    return found


def _trace(executor: Executor, job: _Job, seconds: float) -> _Trace | str:
    return _said(lambda: executor.submit(_run, job).result(timeout=seconds))


def _said(run: Callable[[], _Trace]) -> _Trace | str:
    """What an interpreter gave, or why it refused."""
    try:
        return run()
    except MemoryError:
        return "it needs more memory than a device has"
    except ModelError as error:
        return str(error)


def _begin() -> None:
    send_output_to(Path(os.devnull))
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # Not on Windows.

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


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
    outputs = len(verify(model).root["subgraphs"][0].items("outputs"))

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


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
