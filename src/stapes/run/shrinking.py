"""What becomes of a technique's model before it ships: slimmed, or in look-up tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from stapes.model_files.slimming import Tabled, slimmed, tabled
from stapes.techniques.variant import Variant
from stapes.tflite.edit.choices import Runtime


def shrink(
    variant: Variant, *, tables: bool, runtime: Runtime = "any", seed: int, isolate: bool
) -> tuple[Variant, int | None]:
    """Take out what no interpreter reads, or use look-up tables; a note says where that fails.

    Parameters
    ----------
    variant : Variant
    tables : bool
        Whether the technique asks for look-up tables.
    runtime : {"any", "tflm"}
        Who runs it, where there are no tables.
    seed : int
        Of the inputs that the file is proven with.
    isolate : bool
        See `targets.proof.prove`.

    Returns
    -------
    variant : Variant
    arena : int or None [bytes]
        Of a file in tables, where it was measured.
    """
    if tables:
        made = tabled(variant.tflite, seed=seed, isolate=isolate)
        return in_tables(variant, made), made.arena_bytes
    tflite, note = slimmed(variant.tflite, runtime=runtime, seed=seed, isolate=isolate)
    notes = [*variant.notes, note] if note else variant.notes
    return replace(variant, tflite=tflite, notes=notes), None


def in_tables(variant: Variant, made: Tabled) -> Variant:
    """The variant with its file in look-up tables, and the notes of both."""
    notes = [
        "; ".join(note for note in pair if note)
        for pair in zip_longest(variant.layer_notes, made.layer_notes, fillvalue="")
    ]
    return replace(
        variant, tflite=made.content, notes=[*variant.notes, *made.notes], layer_notes=notes
    )
