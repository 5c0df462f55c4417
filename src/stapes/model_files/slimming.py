"""Slim a .tflite, prove that it computes the same, and only then write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stapes.errors import ModelError, UsageError
from stapes.model_files.content import Convert, converted, is_converted
from stapes.model_files.lookup_tables import LookUpTables, compress
from stapes.model_files.settings import SlimSettings
from stapes.system.files import write_bytes
from stapes.system.isolation import SECONDS, Lost, isolated
from stapes.system.progress import SILENT, Progress
from stapes.system.text import printable
from stapes.targets import tflm
from stapes.targets.proof import BUDGET, Proof, prove
from stapes.targets.target import reason
from stapes.tflite.edit.choices import INPUTS, Runtime
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.constants import constants
from stapes.tflite.read.file import read_tflite
from stapes.tflite.read.verify import verify

_INTERPRETERS: dict[Runtime, tuple[str, ...] | None] = {"any": None, "tflm": ("tflm",)}
"""LiteRT refuses files that TFLite Micro alone accepts. None: all interpreters."""

_MOST_NAMED = 3

_LUT_SECONDS = 10 * SECONDS
"""It includes proofs, in processes of their own."""


@dataclass(frozen=True)
class Slimmed:
    """A slimmed and proven file."""

    model: str
    output: str
    runtime: Runtime
    before: int
    """Bytes of the model."""
    after: int
    """Bytes of the output."""
    proof: Proof
    lut: LookUpTables | None = None
    converted: bool = False
    """Whether the model is a Keras model; `before` counts the bytes of its .tflite then."""


def slim_file(
    model: Path,
    output: Path,
    settings: SlimSettings | None = None,
    progress: Progress = SILENT,
    convert: Convert = converted,
) -> Slimmed:
    """Slim a .tflite file, or a Keras model that is converted first.

    Parameters
    ----------
    model : Path
    output : Path
        It may be `model`.
    settings : SlimSettings, optional
        With `lut` the result is for TFLite Micro, whatever `runtime` is: LiteRT cannot unpack
        tables.
    progress : Progress, optional
        Gets the interpreters that are done with the proof.
    convert : function
        Makes the .tflite from a Keras file or the folder of a SavedModel.

    Raises
    ------
    UsageError
        A file cannot be read or written.
    ModelError
        It is broken, no interpreter runs it, or the result computes something else. Nothing is
        written.
    MissingExtraError
        The file is for TFLite Micro, and the package that proves it is not installed.
    """
    settings = settings or SlimSettings()
    keep, inputs = frozenset(settings.keep), settings.inputs or INPUTS
    budget = BUDGET if settings.inputs is None else None
    runtime: Runtime = "tflm" if settings.lut else settings.runtime
    if settings.lut:
        tflm.require("Look-up-table compression")
    if runtime == "tflm":
        tflm.require("Proving a model for TFLite Micro")
    from_keras = is_converted(model)
    content = convert(model) if from_keras else read_tflite(model)
    tables = None
    try:
        if settings.lut:
            result = isolated(
                _LUT_SECONDS, compress, content, keep=keep, inputs=inputs, budget=budget
            )
            smaller, proof, tables = result.content, result.proof, result.tables
        else:
            smaller = isolated(SECONDS, slim, content, runtime=runtime, keep=keep)
            proof = prove(
                content,
                smaller,
                interpreters=_INTERPRETERS[runtime],
                inputs=inputs,
                budget=budget,
                progress=progress,
            )
    except Lost as lost:
        raise ModelError(f"{model} cannot be slimmed: {lost}.") from None
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    _check(model, content, proof)
    try:
        write_bytes(output, smaller)
    except OSError as error:
        raise UsageError(f"{output} cannot be written ({error.strerror}).") from None
    sizes = len(content), len(smaller)
    return Slimmed(str(model), str(output), runtime, *sizes, proof, tables, from_keras)


def slimmed(
    content: bytes, *, runtime: Runtime = "any", seed: int = 0, isolate: bool = True
) -> tuple[bytes, str]:
    """Slim a model of a run.

    Parameters
    ----------
    content : bytes
    runtime : str
        See `tflite.edit.slim.slim`.
    seed, isolate
        See `targets.proof.prove`.

    Returns
    -------
    content : bytes
        The same as before if slimming fails.
    note : str
        Why it is not slimmed; empty if it is.
    """
    try:
        smaller = slim(content, runtime=runtime)
        interpreters = _INTERPRETERS[runtime]
        proof = prove(content, smaller, interpreters=interpreters, seed=seed, isolate=isolate)
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
    """Mode and bits of each kernel, in the order of the file; empty for one without tables."""
    arena_bytes: int | None
    """Of a file with tables."""


def tabled(content: bytes, *, seed: int = 0, isolate: bool = True) -> Tabled:
    """Put a model of a run into look-up tables; if that fails, the content stays the same.

    Parameters
    ----------
    content : bytes
        With the names of its tensors.
    seed, isolate
        See `targets.proof.prove`.
    """
    kernels = [constant.name for constant in constants(content) if constant.role == "kernel"]
    try:
        # Not timed: the same run must give the same results.json.
        result = compress(content, seed=seed, isolate=isolate, timed=False)
        if not result.proof.equal:
            raise ModelError(str(result.proof.difference))
    except ModelError as error:
        return Tabled(content, [f"not in look-up tables: {error}"], [""] * len(kernels), None)
    tables = result.tables
    notes = {row.name: f"look-up table {row.mode}, {row.bits} bits" for row in tables.tensors}
    notes |= {row.name: f"no look-up table: {row.reason}" for row in tables.left_out}
    layer_notes = [notes.get(name, "") for name in kernels]
    if not tables.tensors:
        # Then LiteRT may run it too: programs that take a device's models ask for that.
        content, failed = slimmed(content, seed=seed, isolate=isolate)
        size = "look-up tables make no part of it smaller: it has none"
        return Tabled(content, [size, failed] if failed else [size], layer_notes, None)
    size = (
        f"for TFLite Micro alone: {len(result.content):,} bytes with look-up tables and "
        f"{tables.slimmed:,} without, arena {tables.arena_after:,} and {tables.arena_before:,}"
    )
    detection = (
        "detection is measured with the same model without tables, in LiteRT: TFLite Micro "
        "computes the same with both"
    )
    return Tabled(result.content, [size, detection], layer_notes, tables.arena_after)


def _check(model: Path, content: bytes, proof: Proof) -> None:
    if not proof.interpreters:
        flex = sorted({op.name for op in verify(content).operators if op.name.startswith("Flex")})
        if flex:
            names = ", ".join(map(printable, flex[:_MOST_NAMED]))
            raise ModelError(
                f"{model}: no interpreter runs it, so nothing can be proven: it has ops of "
                f"TensorFlow itself ({names}); convert it without SELECT_TF_OPS."
            )
        of_reason: dict[str, list[str]] = {}
        for name, why in proof.refused.items():
            of_reason.setdefault(reason(why), []).append(name)
        reasons = "; ".join(f"{', '.join(names)}: {why}" for why, names in of_reason.items())
        raise ModelError(f"{model}: no interpreter runs it, so nothing can be proven ({reasons}).")
    if proof.difference is not None:
        raise ModelError(
            f"{model}: slimmed, it would not compute the same ({proof.difference}); nothing was "
            f"written."
        )
