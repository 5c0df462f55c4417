"""A technique's model is slimmed, or put into look-up tables, before it ships."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from stapes.model_files.slimming import Tabled, slimmed, tabled
from stapes.techniques.variant import Variant
from stapes.tflite.edit.choices import Runtime


def shrink(
    variant: Variant, *, tables: bool, runtime: Runtime = "any", seed: int, isolate: bool
) -> tuple[Variant, int | None]:
    """Remove what no interpreter reads, or use look-up tables; a note says why it failed.

    Parameters
    ----------
    tables : bool
        Whether the technique uses look-up tables.
    runtime : {"any", "tflm"}
        What runs the file, if it has no tables.
    seed : int
        Of the inputs of the proof.
    isolate : bool
        See `targets.proof.prove`.

    Returns
    -------
    variant : Variant
    arena : int or None [bytes]
        Of a file with tables, if it was measured.
    """
    if tables:
        result = tabled(variant.tflite, seed=seed, isolate=isolate)
        return in_tables(variant, result), result.arena_bytes
    tflite, note = slimmed(variant.tflite, runtime=runtime, seed=seed, isolate=isolate)
    notes = [*variant.notes, note] if note else variant.notes
    return replace(variant, tflite=tflite, notes=notes), None


def in_tables(variant: Variant, result: Tabled) -> Variant:
    """The variant with its file in look-up tables, and the notes of both."""
    notes = [
        "; ".join(note for note in pair if note)
        for pair in zip_longest(variant.layer_notes, result.layer_notes, fillvalue="")
    ]
    return replace(
        variant, tflite=result.content, notes=[*variant.notes, *result.notes], layer_notes=notes
    )
