"""Techniques are chosen by name and keep the order of the table."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from stapes.errors import MissingExtraError, UsageError
from stapes.frontends import registry as frontends
from stapes.techniques.recipes import QUICK_RECIPES, Recipes
from stapes.techniques.registry import (
    STAGES,
    TECHNIQUES,
    clusters,
    is_stream,
    prunes,
    stages_of,
)
from stapes.techniques.selection import left_out, select, streams_only
from stapes.techniques.variant import Technique, Variant


def test_all_has_every_row_in_the_order_of_the_table():
    assert select("all") == list(TECHNIQUES)
    published = [
        "float32",
        "dynamic_range",
        "uint8",
        "float16",
        "int16x8",
        "pruned",
        "pruned_2by4",
        "qat",
        "clustered",
        "sparse_clustered",
        "pqat",
        "cqat",
        "pcqat",
    ]
    assert [name for name in select("all") if name in published] == published


def test_chosen_techniques_have_the_order_of_the_table():
    assert select("int16x8,float32,uint8") == ["float32", "uint8", "int16x8"]


@pytest.mark.parametrize("names", ["uint8", "uint8,float32", " uint8 , ", "uint8,uint8"])
def test_float32_is_always_chosen_and_none_twice(names):
    assert select(names) == ["float32", "uint8"]


def test_float32_alone():
    assert select("float32") == ["float32"]


@pytest.mark.parametrize("name", list(TECHNIQUES))
def test_every_technique_can_be_named(name):
    assert name in select(name)


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        ("int4x", "int4x"),
        ("uint8,nope", "nope"),
        ("UINT8", "UINT8"),
    ],
)
def test_an_error_of_an_unknown_name_lists_the_known_ones(names, unknown):
    with pytest.raises(UsageError) as caught:
        select(names)
    message = str(caught.value)
    assert message.startswith("techniques: ")
    assert unknown in message
    assert all(name in message for name in TECHNIQUES)


@pytest.mark.parametrize("names", ["all,uint8", "", " , "])
def test_all_is_given_alone_and_an_empty_list_is_no_choice(names):
    with pytest.raises(UsageError, match="give `all` alone, or names"):
        select(names)


def test_stages_are_unique_and_each_is_after_those_that_it_needs():
    assert stages_of(["float32", "uint8"]) == []
    assert stages_of(["pruned", "pqat"]) == ["pruned"]
    assert stages_of(["pcqat"]) == ["pruned", "sparse_clustered"]
    assert stages_of(["cqat", "pcqat", "pruned"]) == ["clustered", "pruned", "sparse_clustered"]


def test_all_techniques_together_need_every_stage():
    assert sorted(stages_of(select("all"))) == sorted(STAGES)


def test_every_technique_has_its_own_title_and_a_source():
    titles = [technique.title for technique in TECHNIQUES.values()]
    assert len(set(titles)) == len(titles)
    assert all(technique.source for technique in TECHNIQUES.values())


def test_stages_decide_which_techniques_prune_and_cluster():
    pruning = {"pruned", "pruned_int8", "pruned_sparse", "sparse_clustered", "pqat"}
    pruning.add("stream_pruned")
    clustering = {"clustered", "clustered_int8", "clustered_lut", "sparse_clustered", "cqat"}
    clustering |= {"stream_clustered", "stream_lut"}
    both = {"pcqat", "pcqat_lut"}
    assert {name for name in TECHNIQUES if prunes(name)} == pruning | both
    assert {name for name in TECHNIQUES if clusters(name)} == clustering | both


@pytest.mark.parametrize(
    ("name", "parent"), [("clustered_lut", "clustered_int8"), ("pcqat_lut", "pcqat")]
)
def test_a_row_in_look_up_tables_has_the_weights_of_another(name, parent):
    row, other = TECHNIQUES[name], TECHNIQUES[parent]
    assert (row.make, row.needs) == (other.make, other.needs)
    assert row.tables
    assert not other.tables


def test_without_the_extra_all_leaves_tables_out_and_a_name_asks_for_it(monkeypatch):
    missing = property(lambda technique: technique.package == "tflite_micro")
    monkeypatch.setattr(Technique, "missing", missing)
    assert not {"clustered_lut", "pcqat_lut"} & set(select("all"))
    message = "clustered_lut, pcqat_lut (install stapes[micro])"
    assert any(message in line for line in left_out("all"))
    with pytest.raises(MissingExtraError, match=r"stapes\[micro\]"):
        select("pcqat_lut")


def test_a_new_technique_is_a_function_and_an_entry(monkeypatch):
    toy = Technique("a toy", "nobody", lambda _: Variant(b""), "clustered", "no_such", "toys")
    monkeypatch.setitem(TECHNIQUES, "toy", toy)
    assert "toy" not in select("all")
    assert "Left out: toy (install stapes[toys])." in left_out("all")
    monkeypatch.setitem(TECHNIQUES, "toy", replace(toy, package=""))
    assert select("toy") == ["float32", "toy"]
    assert select("all")[-1] == "toy"
    assert stages_of(["toy"]) == ["clustered"]
    with pytest.raises(UsageError, match=r"known are .*, toy"):
        select("toyy")


def test_quick_recipes_train_for_an_epoch_or_two():
    assert set(QUICK_RECIPES) == set(Recipes.model_fields)
    assert {recipe["epochs"] for recipe in QUICK_RECIPES.values()} == {1, 2}


# Detectors in a stream

STREAMS = [name for name in TECHNIQUES if name.startswith("stream")]


def test_a_pattern_names_all_detectors_in_a_stream():
    assert select("stream*") == STREAMS
    assert select("stream*,int8") == [*STREAMS, "float32", "int8"]
    assert [name for name in TECHNIQUES if is_stream(name)] == STREAMS


@pytest.mark.parametrize(
    ("names", "only"),
    [("stream*", True), ("stream,stream_qat", True), ("all", False), ("stream,int8", False),
     ("", False), ("strem*", False)],
)  # fmt: skip
def test_a_run_of_detectors_in_a_stream_alone_needs_no_window_model(names, only):
    assert streams_only(names) is only


def test_a_detector_in_a_stream_brings_its_float_row_alone():
    assert select("stream_lut") == ["stream_float32", "stream_lut"]
    assert select("stream_lut,int8") == ["stream_float32", "stream_lut", "float32", "int8"]


def test_a_users_model_brings_no_detector_in_a_stream_unless_it_is_named():
    assert not set(select("all", own=True)) & set(STREAMS)
    assert select("stream", own=True) == ["stream_float32", "stream"]
    # They are trained from scratch, so a .tflite is no obstacle.
    assert select("stream", own=True, from_file=True) == ["stream_float32", "stream"]


def test_without_their_extra_all_leaves_them_out_and_a_name_asks_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymicro_features", None)
    assert select("all") == [name for name in TECHNIQUES if name not in STREAMS]
    [sentence] = left_out("all")
    assert sentence == f"Left out: {', '.join(STREAMS)} (install stapes[micro])."
    with pytest.raises(MissingExtraError, match=r"stapes\[micro\]"):
        select("stream")
    assert select("all", frontend=frontends.STREAMS["logmel"]) == list(TECHNIQUES)
    assert left_out("all", frontend=frontends.STREAMS["logmel"]) == []
