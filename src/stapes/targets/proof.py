"""Prove that two .tflite files compute the same bits in every interpreter.

Each interpreter runs both files on the same inputs, from a fresh start, and keeps its state from
input to input, as a streaming model does on a device. The proof compares the outputs, and the
result of every op where the interpreter shows it: a wake word's score is nearly always zero, so
outputs alone prove little. Signatures of other subgraphs than the first are proven too.

Interpreters never write some tensors: their values are what was in memory. So where a result
differs, the original runs again in memory with other values. Only what is the same there counts.

TFLite Micro ignores constants outside the flatbuffer. There the original is its form with the
constants inside, which LiteRT compares with the file as it is.

The interpreters are C++, so they run in isolated processes. A crash is a refusal with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stapes.errors import ModelError
from stapes.system.isolation import SECONDS, Child, Lost, TimedOut
from stapes.system.progress import SILENT, Progress
from stapes.targets import lengths, probes, traces
from stapes.targets.runners import USUAL, takes_signatures
from stapes.targets.traces import Job, Trace
from stapes.tflite.edit.choices import INPUTS
from stapes.tflite.edit.inside import inside
from stapes.tflite.read.signatures import other_signatures
from stapes.tflite.read.verify import verify

BUDGET = 2.0
"""Seconds for one interpreter with one file, after which it gets no further input."""

_FILLS = (0x55, 0xAA)
"""Two values of memory that no result may depend on."""

_NOT_REPRODUCIBLE = "it gives other outputs when it runs again with the same inputs"


@dataclass(frozen=True)
class Proof:
    """The comparison of two files."""

    interpreters: tuple[str, ...]
    """Those that ran the original; they compared the files."""
    refused: dict[str, str]
    """Those that did not run the original, or not twice alike, and why."""
    inputs: int
    """The number of inputs that every interpreter got, of each signature."""
    distinct: int
    """The number of different results, including results of ops."""
    difference: str | None
    """The first difference, or None."""
    shapes: tuple[tuple[int, ...], ...] = ()
    """Of the inputs, where the file leaves sizes open and they were chosen."""

    @property
    def equal(self) -> bool:
        """Whether an interpreter ran the files, and none showed a difference."""
        return self.difference is None and bool(self.interpreters)


def prove(
    original: bytes,
    candidate: bytes,
    *,
    interpreters: Sequence[str] | None = None,
    inputs: int = INPUTS,
    seed: int = 0,
    budget: float | None = None,
    seconds: float = SECONDS,
    isolate: bool = True,
    progress: Progress = SILENT,
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
    budget : float > 0, optional
        Seconds after which an interpreter gets no further input; see `traces.FEWEST`. The number
        of inputs then depends on the machine.
    seconds : float > 0
        The longest time of one interpreter with one file.
    isolate : bool
        False runs the interpreters in this process, without a time limit: only for files that
        Stapes made.
    progress : Progress, optional
        Gets the runs of an interpreter that are done.

    Raises
    ------
    ModelError
        A file is broken, and nothing ran; or an interpreter was not done in time.
    """
    models = [verify(original), verify(candidate)]
    # Nothing but its signature reaches another subgraph.
    keys: list[str | None] = [None, *other_signatures(models[0])]
    if keys[1:] != other_signatures(models[1]):
        return Proof((), {}, inputs, 0, "the files have different signatures")
    if any(probes.specs(models[0], key) != probes.specs(models[1], key) for key in keys):
        return Proof((), {}, inputs, 0, "the files take different inputs")
    taps = [[traces.taps(model, key) for key in keys] for model in models]
    for first, second in zip(*taps, strict=True):
        if len(first) != len(second):
            first.clear()
            second.clear()
    names = tuple(USUAL if interpreters is None else interpreters)
    micro = inside(original)
    fill = _FILLS[0] if isolate else 0
    ran: dict[str, list[Trace]] = {}
    refused: dict[str, str] = {}
    differences: list[str] = []
    with Child() as child:
        limit = seconds if isolate else None
        shapes = [lengths.choose(original, key, child if isolate else None) for key in keys]
        for done, name in enumerate(names):
            progress.update(done, len(names), name)
            some = keys if takes_signatures(name) else keys[:1]
            model = original if takes_signatures(name) else micro
            results = []
            for place, key in enumerate(some):
                job = Job(name, model, original, key, inputs, seed, taps[0][place], budget, fill)
                job = replace(job, shapes=shapes[place])
                outcome = _compared(job, candidate, taps[1][place], limit, child)
                results.append(outcome)
            reasons = [result for result in results if isinstance(result, str)]
            if reasons:
                refused[name] = reasons[0]
                continue
            pairs = [result for result in results if not isinstance(result, str)]
            ran[name] = [trace for trace, _ in pairs]
            differences += [f"{name}: {text}" for _, text in pairs if text is not None]
            if differences:
                break
    of_all = [trace for some_traces in ran.values() for trace in some_traces]
    return Proof(
        tuple(ran),
        refused,
        min((len(trace.outputs) for trace in of_all), default=inputs),
        max((trace.distinct for trace in of_all), default=0),
        differences[0] if differences else None,
        tuple(shapes[0] or ()),
    )


def _compared(
    job: Job, candidate: bytes, taps: list[int], seconds: float | None, child: Child
) -> tuple[Trace, str | None] | str:
    """The trace of the original and how the candidate differs; or why the original did not run."""
    first = _trace(job, seconds, child)
    if isinstance(first, str):
        return first
    again = replace(job, inputs=len(first.outputs), budget=None)
    second = _trace(replace(again, model=candidate, taps=taps), seconds, child)
    if isinstance(second, str):
        return first, second
    text = traces.difference(first, second, set())
    if text is None:
        return first, None
    other = _trace(replace(again, fill=_FILLS[1]), seconds, child)
    ignored = None if isinstance(other, str) else traces.unstable(first, other)
    if ignored is None:
        return other if isinstance(other, str) else _NOT_REPRODUCIBLE
    return first, traces.difference(first, second, ignored)


def _trace(job: Job, seconds: float | None, child: Child) -> Trace | str:
    """The trace of a job, or why there is none; without `seconds`, in this process."""
    try:
        return traces.run(job) if seconds is None else child.run(seconds, traces.run, job)
    except TimedOut as late:
        # Not in the other interpreters too: each would wait as long.
        raise ModelError(
            f"it was not proven, because it loops or is too large: in {job.name}, {late}."
        ) from None
    except (Lost, ModelError) as error:
        return str(error)
