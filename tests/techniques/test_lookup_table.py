"""The rows in look-up tables have the weights of the rows that they are made of."""

from __future__ import annotations

import pytest

from stapes.errors import MissingExtraError
from stapes.techniques import lookup_table
from stapes.techniques.registry import TECHNIQUES, left_out, select
from stapes.techniques.variant import Technique, Variant


@pytest.mark.parametrize(
    ("name", "parent"), [("clustered_lut", "clustered_int8"), ("pcqat_lut", "pcqat")]
)
def test_it_is_the_parents_model_marked_for_tables(monkeypatch, name, parent):
    made = Variant(b"int8", {"clusters": 16}, ["note"], ["", "layer"])
    monkeypatch.setattr(lookup_table, parent, lambda material: made)
    variant = getattr(lookup_table, name)(None)
    assert variant == Variant(b"int8", {"clusters": 16}, ["note"], ["", "layer"], lut=True)
    assert not made.lut
    assert TECHNIQUES[name].needs == TECHNIQUES[parent].needs


def test_without_the_extra_all_leaves_them_out_and_a_name_asks_for_it(monkeypatch):
    missing = property(lambda each: each.package == "tflite_micro")
    monkeypatch.setattr(Technique, "missing", missing)
    assert not {"clustered_lut", "pcqat_lut"} & set(select("all"))
    assert any(
        "clustered_lut, pcqat_lut (install stapes[micro])" in line for line in left_out("all")
    )
    with pytest.raises(MissingExtraError, match=r"stapes\[micro\]"):
        select("pcqat_lut")
