"""Slim a .tflite file, prove that it computes the same, and only then write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stapes.errors import ModelError, UsageError
from stapes.model_files.lookup_tables import LookUpTables, compress
from stapes.model_files.settings import SlimSettings
from stapes.system.files import write_bytes
from stapes.targets import tflm
from stapes.targets.proof import Proof, prove
from stapes.tflite.edit.choices import Runtime
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.constants import constants
from stapes.tflite.read.file import read_tflite


@dataclass(frozen=True)
class Slimmed:
    """A file that was slimmed and proven."""

    model: str
    output: str
    runtime: Runtime
    before: int
    """Bytes of the file as it was."""
    after: int
    """Bytes of the file that was written."""
    proof: Proof
    lut: LookUpTables | None = None
    """What look-up tables gave, where they were asked for."""


def slim_file(
    model: Path, output: Path, settings: SlimSettings | None = None, *, seed: int = 0
) -> Slimmed:
    """Slim a .tflite file.

    Parameters
    ----------
    model : Path
        The file; it is not changed.
    output : Path
        Where to write the result; it may be `model`.
    settings : SlimSettings, optional
        With `lut` the result is for TFLite Micro, whatever `runtime` says: LiteRT has no op to
        unpack tables.
    seed : int
        Of the inputs.

    Raises
    ------
    UsageError
        A file cannot be read or written.
    ModelError
        It is broken, no interpreter runs it, or the result would not compute the same. Nothing was
        written.
    MissingExtraError
        The file is for TFLite Micro, and that is not installed to prove it.
    """
    settings = settings or SlimSettings()
    keep, inputs = frozenset(settings.keep), settings.inputs
    if settings.lut:
        tflm.require("Look-up-table compression")
    runtime: Runtime = "tflm" if settings.lut else settings.runtime
    if runtime == "tflm":
        tflm.require("Proving a model for TFLite Micro")
    content = read_tflite(model)
    tables = None
    try:
        if settings.lut:
            made = compress(content, keep=keep, inputs=inputs, seed=seed)
            slimmed, proof, tables = made.content, made.proof, made.tables
        else:
            slimmed = slim(content, runtime=runtime, keep=keep)
            proof = prove(
                content,
                slimmed,
                # LiteRT refuses what TFLite Micro alone accepts.
                interpreters=("tflm",) if runtime == "tflm" else None,
                inputs=inputs,
                seed=seed,
            )
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    _check(model, proof)
    try:
        write_bytes(output, slimmed)
    except OSError as error:
        raise UsageError(f"{output} cannot be written ({error.strerror}).") from None
    return Slimmed(str(model), str(output), runtime, len(content), len(slimmed), proof, tables)


def slimmed(
    content: bytes, *, runtime: Runtime = "any", seed: int = 0, isolate: bool = True
) -> tuple[bytes, str]:
    """Slim a model of a run; the model as it is where that fails.

    Parameters
    ----------
    content : bytes
    runtime : str
        Who is to run it; see `tflite.edit.slim.slim`.
    seed : int
        Of the inputs that it is proven with.
    isolate : bool
        See `targets.proof.prove`.

    Returns
    -------
    content : bytes
    note : str
        Why it was not slimmed; empty if it was.
    """
    try:
        smaller = slim(content, runtime=runtime)
        only = ("tflm",) if runtime == "tflm" else None
        proof = prove(content, smaller, interpreters=only, seed=seed, isolate=isolate)
    except ModelError as error:
        return content, f"not slimmed: {error}"
    if proof.equal:
        return smaller, ""
    reason = proof.difference or "; ".join(proof.refused.values())
    return content, f"not slimmed: {reason}"


@dataclass(frozen=True)
class Tabled:
    """A model of a run in look-up tables."""

    content: bytes
    notes: list[str]
    layer_notes: list[str]
    """Mode and bits of each kernel, in the order of the file; empty where it was left as it is."""
    arena_bytes: int | None


def tabled(content: bytes, *, seed: int = 0, isolate: bool = True) -> Tabled:
    """Put a model of a run into look-up tables; the model as it is where that fails.

    Parameters
    ----------
    content : bytes
        With the names of its tensors.
    seed : int
        Of the inputs that it is proven with.
    isolate : bool
        See `targets.proof.prove`.
    """
    kernels = [each.name for each in constants(content) if each.role == "kernel"]
    try:
        # results.json holds no time: the same run gives the same bytes.
        made = compress(content, seed=seed, isolate=isolate, timed=False)
    except ModelError as error:
        return Tabled(content, [f"not in look-up tables: {error}"], [""] * len(kernels), None)
    if not made.proof.equal:
        note = f"not in look-up tables: {made.proof.difference}"
        return Tabled(content, [note], [""] * len(kernels), None)
    tables = made.tables
    said = {each.name: f"look-up table {each.mode}, {each.bits} bits" for each in tables.tensors}
    said |= {each.name: f"no look-up table: {each.reason}" for each in tables.left_out}
    note = "look-up tables make no part of it smaller: it is slimmed for TFLite Micro alone"
    if tables.tensors:
        note = (
            f"for TFLite Micro alone: {len(made.content):,} bytes with look-up tables and "
            f"{tables.slimmed:,} without, arena {tables.arena_after:,} and {tables.arena_before:,}"
        )
    heard = (
        "continuous sound is heard through the same model without tables, in LiteRT: TFLite Micro "
        "gives equal bits for both"
    )
    layers = [said.get(name, "") for name in kernels]
    return Tabled(made.content, [note, heard], layers, tables.arena_after)


def _check(model: Path, proof: Proof) -> None:
    if not proof.interpreters:
        reasons = "; ".join(f"{name}: {why}" for name, why in proof.refused.items())
        raise ModelError(f"{model}: no interpreter runs it, so nothing can be proven ({reasons}).")
    if proof.difference is not None:
        raise ModelError(
            f"{model}: slimmed, it would not compute the same ({proof.difference}); nothing was "
            f"written."
        )
