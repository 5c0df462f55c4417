"""Pictures are well formed, hold what was counted, and ask nothing of the network."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import re
import struct
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.tflite.models_by_hand import OP, dense, model, op, tensor

from stapes.contracts.inspection import Histogram
from stapes.errors import MissingExtraError, StapesError, UsageError
from stapes.report.figures.weight_layout import BARS_HEIGHT, BARS_TOP, bars, panels, places, size
from stapes.report.figures.weight_plots import draw, svg
from stapes.tflite.read.inspect import inspect

_SVG = "{http://www.w3.org/2000/svg}"
_EVIL = '<a href="http://evil.example">&</script><script>alert(1)</script>\x01'

needs_plotly = pytest.mark.skipif(
    importlib.util.find_spec("plotly") is None, reason="needs the extra `report`"
)
needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="needs Pillow")


def evil():
    """A model whose names would be a page's own code."""
    kernel = np.arange(12).reshape(3, 4).astype(np.int8)
    tensors = [tensor((1, 4)), tensor((3, 4), _EVIL, kernel), tensor((1, 3))]
    return inspect(model(tensors, [op(OP.FULLY_CONNECTED, (0, 1, -1), (2,))]))


def test_the_svg_is_xml_with_a_group_for_each_layer(models):
    found = inspect((models / "hey_jarvis.tflite").read_bytes())
    root = ElementTree.fromstring(svg(found))
    groups = root.findall(f"{_SVG}g")
    layers = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    ops = [f"{each.number} {each.name}" for each in found.subgraphs[0].ops if each.name in layers]
    assert [group.findtext(f"{_SVG}text") for group in groups] == ops


def test_the_svg_names_no_address_but_its_own_kind():
    root = ElementTree.fromstring(svg(evil()))
    kinds = {element.tag.removeprefix(_SVG) for element in root.iter()}
    assert kinds == {"svg", "title", "style", "text", "g", "path", "line"}
    assert not any("href" in name for element in root.iter() for name in element.attrib)
    assert "url" not in (root.findtext(f"{_SVG}style") or "url")


def test_a_bar_is_as_high_as_the_root_of_its_count():
    found = bars(Histogram(low=0, high=3, counts=[4, 0, 16]))
    base = BARS_TOP + BARS_HEIGHT
    assert [base - top for _, top, _ in found] == [BARS_HEIGHT / 2, BARS_HEIGHT]
    assert found[1][2] - found[1][0] == pytest.approx(found[0][2] - found[0][0], abs=0.2)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 10])
def test_all_panels_are_on_the_picture(count):
    width, height = size(count)
    assert len(set(places(count))) == count
    assert all(x < width and y < height for x, y in places(count))


def test_a_panel_tells_what_its_layer_holds():
    (panel,) = panels(inspect(dense(np.array([[0, 0, 5, -3]] * 3, np.int8))))
    assert panel.heading == "0 FULLY_CONNECTED"
    assert panel.name == "T1 kernel"
    assert panel.detail == "int8, 12, 50.0 % zero, 3 distinct"
    assert panel.bounds == ("-3", "5")


def test_a_widened_weight_is_of_the_op_that_uses_it():
    tensors = [tensor((1, 2)), tensor((3, 2), values=np.ones(6, np.int8)), tensor((3, 2))]
    ops = [op(OP.DEQUANTIZE, (1,), (2,)), op(OP.FULLY_CONNECTED, (0, 2), (3,))]
    (panel,) = panels(inspect(model([*tensors, tensor((1, 3))], ops)))
    assert panel.heading == "1 FULLY_CONNECTED"


def test_a_model_without_weights_is_refused(tmp_path):
    found = inspect(model([tensor((1,)), tensor((1,))], [op(OP.RELU, (0,), (1,))]))
    for kind in ("svg", "png", "html"):
        with pytest.raises(StapesError, match="no weights to draw"):
            draw(found, tmp_path / f"x.{kind}")
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"end the name in \.svg, \.png or \.html"):
        draw(inspect(dense()), tmp_path / "x.pdf")


@pytest.mark.parametrize(("kind", "package"), [("png", "PIL"), ("html", "plotly")])
def test_a_missing_extra_is_named(tmp_path, monkeypatch, kind, package):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"install stapes\[report\]"):
        draw(inspect(dense()), tmp_path / f"x.{kind}")
    assert list(tmp_path.iterdir()) == []


@needs_plotly
def test_the_page_is_one_file_that_asks_for_nothing(tmp_path):
    draw(inspect(dense()), tmp_path / "weights.html")
    page = (tmp_path / "weights.html").read_text("utf-8")
    assert "default-src 'none'" in page
    library = max(re.findall(r"<script[^>]*>.*?</script>", page, re.DOTALL), key=len)
    assert len(library) > 1_000_000
    # plotly's own code names the maps that it could show; the page's policy forbids to ask them.
    rest = page.replace(library, "")
    assert not re.search(r"https?:|//[a-z]", rest)
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)", rest)
    assert "src" not in library.partition(">")[0]


@needs_plotly
def test_names_are_no_part_of_the_page(tmp_path):
    draw(evil(), tmp_path / "weights.html")
    page = (tmp_path / "weights.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert '<a href=\\"http://evil' not in page
    # What plotly takes for text of its own, with the entities that it knows.
    assert "&lt;a href=" in page


@needs_plotly
def test_the_page_holds_the_counts(tmp_path):
    found = inspect(dense(np.array([[0, 0, 5, -3]] * 3, np.int8)))
    draw(found, tmp_path / "weights.html")
    page = (tmp_path / "weights.html").read_text("utf-8")
    drawn = page[page.index('"customdata":[') :]
    counts = re.search(r'"y":(\[[\d,]+\])', drawn)
    assert counts is not None
    assert json.loads(counts[1]) == [3, 0, 0, 6, 0, 0, 0, 0, 3]


@needs_pillow
def test_the_png_is_the_svgs_picture(tmp_path):
    pillow = importlib.import_module("PIL.Image")
    found = inspect(dense())
    draw(found, tmp_path / "weights.png")
    content = (tmp_path / "weights.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == tuple(2 * each for each in size(1))
    image = pillow.open(io.BytesIO(content)).convert("RGB")
    colours = {colour for _, colour in image.getcolors(1 << 16)}
    assert {(0, 114, 178), (255, 255, 255)} <= colours
