"""Put the constants of a .tflite that gain by it into look-up tables, and prove the result.

Flash is saved at the cost of arena and time: TFLite Micro unpacks a whole constant into the arena
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
from stapes.targets.proof import INPUTS, Proof, prove
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.lookup_table import Candidate, candidates
from stapes.tflite.read.verify import verify

_INTERPRETERS = ("tflm", "tflm_planned")
"""What ops give is seen where nothing is overwritten; what a device does, where it is."""

_TIMED = 30

Cost = TypeVar("Cost")


@dataclass(frozen=True)
class InTables:
    """A constant that was put into look-up tables."""

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
    """A constant that was left as it is."""

    name: str
    op: str
    reason: str


@dataclass(frozen=True)
class LookUpTables:
    """What look-up tables gave and what they cost."""

    tensors: list[InTables]
    left_out: list[LeftOut]
    slimmed: int
    """Bytes of the file without tables, slimmed for TFLite Micro."""
    arena_before: int
    """Bytes of TFLite Micro's arena that the file without tables needs."""
    arena_after: int
    time_ratio: float | None
    """Median time of an inference here against that without tables; None where none was timed."""


@dataclass(frozen=True)
class Compressed:
    """A slimmed model for TFLite Micro alone, in look-up tables where they make it smaller."""

    content: bytes
    proof: Proof
    tables: LookUpTables


def compress(
    content: bytes,
    *,
    keep: Set[str] = frozenset(),
    inputs: int = INPUTS,
    seed: int = 0,
    isolate: bool = True,
    timed: bool = True,
) -> Compressed:
    """Find the smallest form of each constant by trying, and prove the whole.

    The file is slimmed first, so that the tables are made for the quantization that stays; and
    again behind, for what the package of TFLite Micro leaves in.

    Parameters
    ----------
    content : bytes
        The .tflite.
    keep : set of str
        See `tflite.edit.slim.slim`.
    inputs, seed : int
        See `targets.proof.prove`.
    isolate : bool
        Run the model in processes of their own; see `targets.proof.prove`.
    timed : bool
        Whether to time it.

    Returns
    -------
    compressed : Compressed
        Without tables where none makes it smaller. Its proof may say that the files differ: that
        is then due to slimming, for a constant that changes an output is left out.

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
    found = candidates(verify(named))
    chosen, left = _smallest(named, plain, found, keep)

    def proven(some: list[Candidate]) -> tuple[bytes, Proof]:
        made = _made(named, plain, some, keep)
        return made, prove(
            content, made, interpreters=_INTERPRETERS, inputs=inputs, seed=seed, isolate=isolate
        )

    made, proof = proven(chosen)
    if proof.difference is not None and chosen:
        for each in list(chosen):
            difference = proven([each])[1].difference
            if difference is not None:
                chosen.remove(each)
                left.append(_left_out(each, f"compressed, it changes the result: {difference}"))
        made, proof = proven(chosen)
    if proof.difference is not None and chosen:
        why = f"compressed together, they change the result: {proof.difference}"
        left += [_left_out(each, why) for each in chosen]
        chosen = []
        made, proof = proven(chosen)
    if not proof.interpreters:
        raise ModelError(f"TFLite Micro does not run it: {'; '.join(proof.refused.values())}")
    before, after = _costly(
        lambda: [tflm_cost.arena_bytes(each) for each in (plain, made)], isolate
    )
    ratio = None
    if timed and chosen:
        times = _costly(lambda: tflm_cost.invoke_seconds([plain, made], _TIMED), isolate)
        ratio = times[1] / times[0]
    tables = LookUpTables(
        [_in_tables(each) for each in chosen], left, len(plain), before, after, ratio
    )
    return Compressed(made, proof, tables)


def _smallest(
    named: bytes, plain: bytes, found: list[Candidate], keep: Set[str]
) -> tuple[list[Candidate], list[LeftOut]]:
    """The constants that make the file smaller, the largest gain first, and the others.

    One after the other is tried on top of those before: the first alone pays for the new op's code,
    and what is equal in two is stored once.
    """
    chosen: list[Candidate] = []
    left = []
    size = len(plain)
    for each in sorted(found, key=lambda candidate: -candidate.expected):
        if each.form is None:
            if each.role == "kernel":
                left.append(_left_out(each, each.reason))
            continue
        if each.form.bytes >= each.bytes:
            if each.role == "kernel":
                reason = (
                    f"it would take {each.form.bytes:,} bytes in tables, and takes {each.bytes:,}"
                )
                left.append(_left_out(each, reason))
            continue
        try:
            tried = len(_made(named, plain, [*chosen, each], keep))
        except ModelError as error:
            left.append(_left_out(each, str(error).rstrip(".")))
            continue
        if tried < size:
            chosen.append(each)
            size = tried
        else:
            left.append(_left_out(each, f"the file would be {tried - size:,} bytes larger"))
    return chosen, left


def _made(named: bytes, plain: bytes, chosen: list[Candidate], keep: Set[str]) -> bytes:
    return slim(encode(named, chosen), runtime="tflm", keep=keep) if chosen else plain


def _costly(measure: Callable[[], list[Cost]], isolate: bool) -> list[Cost]:
    """Call what runs a model, in a process of its own where it may crash."""
    if not isolate:
        return measure()
    try:
        return isolated(SECONDS, measure)
    except Lost as lost:
        raise ModelError(f"TFLite Micro cannot measure it: {lost}.") from None


def _left_out(each: Candidate, reason: str) -> LeftOut:
    return LeftOut(each.name, each.op, reason)


def _in_tables(each: Candidate) -> InTables:
    form = each.form
    assert form is not None
    return InTables(each.name, each.op, form.mode, form.bits, each.bytes, form.bytes)
