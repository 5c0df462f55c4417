"""Pictures are well-formed, have the counts, and need no network."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.tflite.models_by_hand import OP, dense, model, op, tensor

from stapes.errors import StapesError, UsageError
from stapes.report.figures.weight_plots import draw, panels
from stapes.tflite.read.inspect import inspect

_SVG = "{http://www.w3.org/2000/svg}"
_EVIL = '<a href="http://evil.example">&</script><script>alert(1)</script>\x01'


def evil():
    """A model whose names are HTML with a script."""
    kernel = np.arange(12).reshape(3, 4).astype(np.int8)
    tensors = [tensor((1, 4)), tensor((3, 4), _EVIL, kernel), tensor((1, 3))]
    return inspect(model(tensors, [op(OP.FULLY_CONNECTED, (0, 1, -1), (2,))]))


def svg_of(inspection, folder):
    draw(inspection, folder / "weights.svg")
    return ElementTree.fromstring((folder / "weights.svg").read_text("utf-8"))


def test_the_svg_is_xml_with_a_group_for_each_layer(models, tmp_path):
    inspection = inspect((models / "hey_jarvis.tflite").read_bytes())
    root = svg_of(inspection, tmp_path)
    groups = root.findall(f"{_SVG}g[@class='row']")
    layers = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    ops = [f"{op.number} {op.name}" for op in inspection.subgraphs[0].ops if op.name in layers]
    assert [group.findtext(f"{_SVG}text") for group in groups] == ops


def test_the_svg_names_no_address_but_its_own_kind(tmp_path):
    root = svg_of(evil(), tmp_path)
    kinds = {element.tag.removeprefix(_SVG) for element in root.iter()}
    assert kinds == {"svg", "title", "style", "rect", "text", "g", "path"}
    assert not any("href" in name for element in root.iter() for name in element.attrib)
    assert "url" not in (root.findtext(f"{_SVG}style") or "url")


def test_a_panel_has_the_figures_of_its_layer():
    (panel,) = panels(inspect(dense(np.array([[0, 0, 5, -3]] * 3, np.int8))))
    assert panel.name == "0 FULLY_CONNECTED"
    assert panel.title == "T1 kernel"
    assert panel.detail == "int8, 12, 50.0 % zero, 3 distinct"
    assert panel.ends == ("-3", "5")


def test_a_widened_weight_is_of_the_op_that_uses_it():
    tensors = [tensor((1, 2)), tensor((3, 2), values=np.ones(6, np.int8)), tensor((3, 2))]
    ops = [op(OP.DEQUANTIZE, (1,), (2,)), op(OP.FULLY_CONNECTED, (0, 2), (3,))]
    (panel,) = panels(inspect(model([*tensors, tensor((1, 3))], ops)))
    assert panel.name == "1 FULLY_CONNECTED"


def test_a_model_without_weights_is_refused(tmp_path):
    inspection = inspect(model([tensor((1,)), tensor((1,))], [op(OP.RELU, (0,), (1,))]))
    for kind in ("svg", "html"):
        with pytest.raises(StapesError, match="no weights to draw"):
            draw(inspection, tmp_path / f"x.{kind}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_another_ending_is_refused(tmp_path, kind):
    with pytest.raises(UsageError, match=r"end the name in \.svg or \.html"):
        draw(inspect(dense()), tmp_path / f"x.{kind}")


def test_the_page_is_one_file_without_requests(tmp_path):
    draw(evil(), tmp_path / "weights.html")
    page = (tmp_path / "weights.html").read_text("utf-8")
    assert "default-src &#39;none&#39;" in page
    assert re.findall(r"https?:[^\"' ]*", page.replace("http://evil.example", "")) == [
        "http://www.w3.org/2000/svg"
    ]
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)", page)
    assert "<script>alert" not in page
    assert "<a href" not in page
    assert "&lt;a href=" in page
    assert len(page) < 100_000


@pytest.mark.parametrize("kind", ["svg", "html"])
def test_the_picture_holds_the_counts(tmp_path, kind):
    inspection = inspect(dense(np.array([[0, 0, 5, -3]] * 3, np.int8)))
    draw(inspection, tmp_path / f"weights.{kind}")
    text = (tmp_path / f"weights.{kind}").read_text("utf-8")
    assert re.findall(r'data-counts="([\d ]+)"', text) == ["3 0 0 6 0 0 0 0 3"]
