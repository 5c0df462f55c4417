"""Put constants of a .tflite into look-up tables where the file becomes smaller, and prove it.

This saves flash and costs arena and time: TFLite Micro unpacks a whole constant into the arena
before each op that reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import TypeVar

from stapes.errors import ModelError
from stapes.system.isolation import SECONDS, Lost, isolated
from stapes.targets import tflm, tflm_cost
from stapes.targets.lookup_tables import encode
from stapes.targets.proof import Proof, prove
from stapes.targets.target import reason as reason_of
from stapes.tflite.edit.choices import INPUTS
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.lookup_table import Candidate, candidates
from stapes.tflite.read.verify import verify

_INTERPRETERS = ("tflm", "tflm_planned")
"""The first overwrites no tensor, so that every op is compared; the second is as on a device."""

_TIMED = 30

Cost = TypeVar("Cost")


@dataclass(frozen=True)
class InTables:
    """A constant in look-up tables."""

    name: str
    op: str
    mode: str
    """`per tensor` or `per channel`: one table, or one for each channel."""
    bits: int
    """Of an index."""
    before: int
    """Bytes of the constant."""
    after: int
    """Bytes of its indices and tables."""


@dataclass(frozen=True)
class LeftOut:
    """A constant that stays as it is."""

    name: str
    op: str
    reason: str


@dataclass(frozen=True)
class LookUpTables:
    """Gains and costs of look-up tables."""

    tensors: list[InTables]
    left_out: list[LeftOut]
    slimmed: int
    """Bytes of the file without tables, slimmed for TFLite Micro."""
    arena_before: int
    """Bytes of TFLite Micro's arena without tables."""
    arena_after: int
    time_ratio: float | None
    """Median time of an inference here, over that without tables; None if not timed."""


@dataclass(frozen=True)
class Compressed:
    """A model for TFLite Micro alone: slimmed, with look-up tables where they save bytes."""

    content: bytes
    proof: Proof
    tables: LookUpTables


def compress(
    content: bytes,
    *,
    keep: Set[str] = frozenset(),
    inputs: int = INPUTS,
    budget: float | None = None,
    seed: int = 0,
    isolate: bool = True,
    timed: bool = True,
) -> Compressed:
    """Find the smallest form of each constant, and prove the result.

    The file is slimmed first, for tables that fit the slimmed quantization. It is slimmed again at
    the end, since TFLite Micro's package adds what no interpreter reads.

    Parameters
    ----------
    content : bytes
    keep : set of str
        See `tflite.edit.slim.slim`.
    inputs, budget, seed, isolate
        See `targets.proof.prove`.
    timed : bool
        Whether to time it.

    Returns
    -------
    compressed : Compressed
        Without tables if none saves bytes. If its proof fails, slimming is the cause: a constant
        that changes an output is left out.

    Raises
    ------
    MissingExtraError
        tflite-micro is not installed.
    ModelError
        The file is broken, or TFLite Micro does not run it.
    """
    tflm.require("Look-up-table compression")
    named = slim(content, runtime="tflm", keep=keep | {"names"})
    plain = slim(content, runtime="tflm", keep=keep)
    chosen, left = _smallest(named, plain, keep)

    def proven(selection: list[Candidate]) -> tuple[bytes, Proof]:
        encoded = _encoded(named, plain, selection, keep)
        return encoded, prove(
            content,
            encoded,
            interpreters=_INTERPRETERS,
            inputs=inputs,
            budget=budget,
            seed=seed,
            isolate=isolate,
        )

    smallest, proof = proven(chosen)
    if proof.difference is not None and chosen:
        for candidate in list(chosen):
            difference = proven([candidate])[1].difference
            if difference is not None:
                chosen.remove(candidate)
                reason = f"compressed, it changes the result: {difference}"
                left.append(_left_out(candidate, reason))
        smallest, proof = proven(chosen)
    if proof.difference is not None and chosen:
        reason = f"compressed together, they change the result: {proof.difference}"
        left += [_left_out(candidate, reason) for candidate in chosen]
        chosen = []
        smallest, proof = proven(chosen)
    if not proof.interpreters:
        reasons = "; ".join(dict.fromkeys(map(reason_of, proof.refused.values())))
        raise ModelError(f"TFLite Micro does not run it: {reasons}.")
    models = [plain, smallest]
    before, after = _measured(lambda: [*map(tflm_cost.arena_bytes, models)], isolate)
    ratio = None
    if timed and chosen:
        times = _measured(lambda: tflm_cost.invoke_seconds(models, _TIMED), isolate)
        ratio = times[1] / times[0]
    tables = LookUpTables([*map(_in_tables, chosen)], left, len(plain), before, after, ratio)
    return Compressed(smallest, proof, tables)


def _smallest(named: bytes, plain: bytes, keep: Set[str]) -> tuple[list[Candidate], list[LeftOut]]:
    """The constants that make the file smaller, the largest gain first, and the others.

    Each is tried together with those before it: the first alone adds the new op's code, and equal
    parts are stored once.
    """
    chosen: list[Candidate] = []
    left = []
    size = len(plain)
    for candidate in sorted(candidates(verify(named)), key=lambda candidate: -candidate.expected):
        form, bytes_now = candidate.form, candidate.bytes
        if form is None or form.bytes >= bytes_now:
            reason = candidate.reason
            if form is not None:
                reason = f"it would take {form.bytes:,} bytes in tables, and takes {bytes_now:,}"
            left += [_left_out(candidate, reason)] if candidate.role == "kernel" else []
            continue
        try:
            new_size = len(_encoded(named, plain, [*chosen, candidate], keep))
        except ModelError as error:
            left.append(_left_out(candidate, str(error).rstrip(".")))
            continue
        if new_size < size:
            chosen.append(candidate)
            size = new_size
        else:
            reason = f"the file would be {new_size - size:,} bytes larger"
            left.append(_left_out(candidate, reason))
    return chosen, left


def _encoded(named: bytes, plain: bytes, chosen: list[Candidate], keep: Set[str]) -> bytes:
    return slim(encode(named, chosen), runtime="tflm", keep=keep) if chosen else plain


def _measured(measure: Callable[[], list[Cost]], isolate: bool) -> list[Cost]:
    """Run a model in a process of its own, where it may crash."""
    if not isolate:
        return measure()
    try:
        return isolated(SECONDS, measure)
    except Lost as lost:
        raise ModelError(f"TFLite Micro cannot measure it: {lost}.") from None


def _left_out(constant: Candidate, reason: str) -> LeftOut:
    return LeftOut(constant.name, constant.op, reason)


def _in_tables(constant: Candidate) -> InTables:
    form = constant.form
    assert form is not None
    return InTables(constant.name, constant.op, form.mode, form.bits, constant.bytes, form.bytes)
