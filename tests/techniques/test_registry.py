"""Techniques are chosen by name and keep the order of the table."""

from __future__ import annotations

import pytest

from stapes.errors import UsageError
from stapes.techniques.registry import STAGES, TECHNIQUES, select, stages_of


def test_all_are_the_rows_of_the_table_in_its_order():
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


def test_chosen_ones_come_in_the_order_of_the_table():
    assert select("int16x8,float32,uint8") == ["float32", "uint8", "int16x8"]


@pytest.mark.parametrize("names", ["uint8", "uint8,float32", " uint8 , ", "uint8,uint8"])
def test_float32_is_always_among_them_and_none_comes_twice(names):
    assert select(names) == ["float32", "uint8"]


def test_float32_alone_is_float32_alone():
    assert select("float32") == ["float32"]


@pytest.mark.parametrize("name", list(TECHNIQUES))
def test_every_technique_can_be_named(name):
    assert name in select(name)


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        ("int4x", "int4x"),
        ("uint8,nope,abc", "abc, nope"),
        ("UINT8", "UINT8"),
        ("all,uint8", "all"),
        ("", "none given"),
        (" , ", "none given"),
    ],
)
def test_unknown_names_are_refused_with_those_that_are_known(names, unknown):
    with pytest.raises(UsageError) as caught:
        select(names)
    message = str(caught.value)
    assert message.startswith("--techniques")
    assert unknown in message
    assert all(name in message for name in TECHNIQUES)


def test_stages_come_once_and_each_after_what_it_needs():
    assert stages_of(["float32", "uint8"]) == []
    assert stages_of(["pruned", "pqat"]) == ["pruned"]
    assert stages_of(["pcqat"]) == ["pruned", "sparse_clustered"]
    assert stages_of(["cqat", "pcqat", "pruned"]) == ["clustered", "pruned", "sparse_clustered"]


def test_all_techniques_together_need_every_stage():
    assert sorted(stages_of(select("all"))) == sorted(STAGES)


def test_every_row_says_what_it_is_and_where_it_comes_from():
    titles = [technique.title for technique in TECHNIQUES.values()]
    assert len(set(titles)) == len(titles)
    assert all(technique.source for technique in TECHNIQUES.values())
