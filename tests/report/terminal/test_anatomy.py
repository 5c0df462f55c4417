"""The text has the figures of the document, in few lines, whatever the names of tensors are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console
from tests.tflite.models_by_hand import OP, dense, model, op, tensor

from stapes.contracts.inspection import Histogram
from stapes.report.terminal.anatomy import lines, short, spark
from stapes.system.text import printable
from stapes.tflite.read.inspect import inspect


def text(inspection, *, width=160, **options):
    """As the command line prints it."""
    file = io.StringIO()
    console = Console(file=file, width=width)
    for line in lines(inspection, **options):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return file.getvalue()


def test_a_dense_layer_is_all_there():
    printed = text(inspect(dense(scale=[0.5, 0.25, 1], zero_point=[0, 0, 0])))
    assert "1 subgraph, 1 ops, 4 tensors, 15 parameters, 12 MACs" in printed
    assert "Subgraph 0 main (T0) -> (T3)" in printed
    row = next(line for line in printed.splitlines() if "FULLY_CONNECTED" in line)
    assert row.split() == ["0", "FULLY_CONNECTED", "T0", "T1", "T2", "T3", "1x3", "12", "15"]
    row = next(line for line in printed.splitlines() if "kernel" in line)
    assert "int8" in row
    assert "0.25 to 1 (3 on axis 0), 0" in row
    assert "0 1 2 3 4 …" in row


def test_the_budget_shows_its_sum():
    inspection = inspect(dense())
    row = next(line for line in text(inspection).splitlines() if "in all" in line)
    assert row.split() == ["in", "all", f"{inspection.bytes:,}", "100.0", "%"]


def test_weights_adds_the_distributions():
    inspection = inspect(dense(np.tile(np.array([0, 0, 5, -3], np.int8), (3, 1))))
    assert "distribution" not in text(inspection)
    printed = text(inspection, weights=True)
    row = next(line for line in printed.splitlines() if "weight" in line and "kernel" in line)
    # values, zero, distinct, from, to, mean, deviation, bits, bytes, 2:4
    assert row.split()[3:15] == [
        *("12", "50.0", "%", "3", "-3", "5", "0.5", "2.872", "1.50", "3", "100", "%")
    ]


@pytest.mark.parametrize("name", ["alexa", "hey_jarvis", "mlperf_tiny_kws"])
def test_a_published_model_fits_its_lines(models, name):
    inspection = inspect((models / f"{name}.tflite").read_bytes())
    printed = text(inspection, weights=True).splitlines()
    assert max(map(len, printed)) <= 160
    rows = sum(len(graph.ops) + 2 * len(graph.tensors) for graph in inspection.subgraphs)
    # Each op has one line, each tensor one or two.
    assert len(printed) <= rows + 60


def test_names_are_neither_markup_nor_orders_to_a_terminal():
    name = "[red]\x1b[2J\n\u202e[/nonsense]"
    content = model([tensor((1,), name), tensor((1,))], [op(OP.CUSTOM, (0,), (1,), None, b"[b]")])
    printed = text(inspect(content), weights=True)
    assert "\x1b" not in printed
    assert "[red]·[2J··[/nonsense]" in printed
    assert "[b] (custom)" in printed


def test_printable_replaces_control_characters_alone():
    assert printable("größe 1\x00\x9b") == "größe 1··"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conv/kernel", "conv/kernel"),
        ("a/Relu;b/Conv2D;c", "a/Relu;…"),
        ("a/Relu;b/Conv2D;c12", "a/Relu;…12"),
        ("abcdefghij" * 5, "…" + ("abcdefghij" * 5)[-35:]),
    ],
)
def test_a_short_name(name, expected):
    assert short(name) == expected


def test_a_spark_shows_every_bin_that_is_not_empty():
    counts = [0, 1, 1000, 0]
    assert spark(Histogram(low=0, high=4, counts=counts)) == " ▁█ "
    assert len(spark(Histogram(low=0, high=1, counts=[1] * 64))) == 16
    assert spark(None) == ""
