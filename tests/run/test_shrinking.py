"""A technique's model ships slimmed, or unchanged with a note that says why."""

from __future__ import annotations

import numpy as np

from stapes.model_files.slimming import Tabled
from stapes.run.shrinking import in_tables, shrink
from stapes.techniques.variant import Variant


def test_a_slimmed_file_is_smaller_and_has_no_further_note(dense_model):
    content = dense_model(np.ones((2, 8), np.int8))
    variant, arena = shrink(Variant(content, notes=["a note"]), tables=False, seed=0, isolate=False)
    assert len(variant.tflite) < len(content)
    assert (variant.notes, arena) == (["a note"], None)


def test_what_cannot_be_slimmed_stays_as_it_is_with_a_note():
    variant, _ = shrink(Variant(b"TFL3 no more"), tables=False, seed=0, isolate=False)
    assert variant.tflite == b"TFL3 no more"
    [note] = variant.notes
    assert note.startswith("not slimmed: ")


def test_the_notes_of_technique_and_tables_are_joined():
    variant = Variant(b"", notes=["pruned"], layer_notes=["80 % zeros", "", "as it was"])
    tables = Tabled(b"small", ["in tables"], ["4 bits", "2 bits"], 100)
    result = in_tables(variant, tables)
    assert (result.tflite, result.notes) == (b"small", ["pruned", "in tables"])
    assert result.layer_notes == ["80 % zeros; 4 bits", "2 bits", "as it was"]
