"""The picture is well-formed and complete, and needs no network."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.report.results_by_hand import known, results, row, searched, whole

from stapes.errors import StapesError
from stapes.report.charts import Axis, Bars, Panel
from stapes.report.figures import bars as svg_bars
from stapes.report.figures import svg
from stapes.report.figures.results import det as curves
from stapes.report.writing import picture

SVG = "{http://www.w3.org/2000/svg}"
ROWS = (row("float32", 82_000, 38), row("int8", 23_000, 36), row("qat", 23_100, 36))


def drawn(text):
    """The picture's root, and the texts that can be read."""
    root = ElementTree.fromstring(text)
    return root, [element.text for element in root.iter(f"{SVG}text")]


def test_every_variant_is_named_and_pointed_at():
    root, texts = drawn(picture(results(*ROWS)))
    assert {"float32", "int8", "qat"} <= set(texts)
    titles = [element.text for element in root.iter(f"{SVG}title")]
    [int8] = [title for title in titles if title.startswith("int8")]
    assert "23,000 bytes" in int8
    assert "90.00 % of 40 clips, 95 %: 80.0 to 95.0" in int8


def test_a_mark_is_at_its_value_between_the_ticks():
    root, _ = drawn(picture(results(*ROWS, row("small", 4_000, 30, accuracy_ci95=(0.6, 0.8)))))
    soft = [element for element in root.iter(f"{SVG}text") if element.get("class") == "soft"]
    sizes: dict[float, Any] = {}
    parts: dict[float, Any] = {}
    for tick in soft:
        if re.fullmatch(r"[\d,]+", tick.text):
            below = tick.get("text-anchor") == "middle"
            (sizes if below else parts)[float(tick.text.replace(",", ""))] = tick
    # A tick's label is four units below its line.
    low, high, least, most = min(sizes), max(sizes), min(parts), max(parts)
    left, right = (float(sizes[value].get("x")) for value in (low, high))
    bottom, top = (float(parts[value].get("y")) - 4 for value in (least, most))

    def y_of(value):
        return bottom + (value - least) / (most - least) * (top - bottom)

    x = left + math.log(23_000 / low) / math.log(high / low) * (right - left)
    [int8] = [element for element in root.iter(f"{SVG}g") if element.get("data-series") == "int8"]
    bar, mark = int8.findall(f"{SVG}path")
    at, low_end, high_end = map(float, re.findall(r"[\d.]+", bar.get("d")))
    assert at == pytest.approx(x, abs=0.2)
    assert (low_end, high_end) == pytest.approx((y_of(80), y_of(95)), abs=0.2)
    # A diamond, from its upper corner.
    shape = known(re.fullmatch(r"M([\d.]+) ([\d.]+)l([\d.]+) .*z", mark.get("d")))
    corner, above, half = map(float, shape.groups())
    assert (corner, above + half) == pytest.approx((x, y_of(90)), abs=0.2)


def test_no_two_names_are_over_each_other():
    rows = [row(f"model_{n}", 23_000 + n, 36) for n in range(30)]
    root, _ = drawn(picture(results(*rows)))
    names = [element for element in root.iter(f"{SVG}text") if element.text.startswith("model_")]
    heights = sorted(float(element.get("y")) for element in names)
    assert len(heights) == 30
    assert min(b - a for a, b in itertools.pairwise(heights)) > 12
    assert max(heights) < float(root.get("viewBox").split()[3])


def test_a_picture_of_its_own_has_colours_and_a_background():
    text = picture(results(*ROWS))
    assert "prefers-color-scheme: dark" in text
    assert 'class="ground"' in text


def test_there_is_no_script_and_no_address():
    text = picture(whole())
    root, _ = drawn(text)
    assert not {element.tag for element in root.iter()} & {f"{SVG}script", f"{SVG}image"}
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or "href" in name]
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("word", ["</title><script>alert(1)</script>", 'a "b" & <c>', "Öl 日本"])
def test_a_word_is_never_markup(word):
    root, texts = drawn(picture(results(*ROWS, word=word)))
    assert any(word in text for text in texts)
    assert not list(root.iter(f"{SVG}script"))


def test_a_search_is_drawn_with_its_test_figures_alone():
    _, texts = drawn(picture(searched()))
    assert {"float32", "best", "trial_0", "trial_4"} <= set(texts)
    assert "trial_46" not in texts


def test_the_title_mentions_synthetic_speech():
    data = results().data.model_copy(update={"synthetic": True})
    assert "synthetic speech" in picture(results(*ROWS, data=data))
    assert "synthetic speech" not in picture(results(*ROWS))


def test_a_variant_that_was_not_measured_is_not_drawn():
    refused = row("refused", 99_000, accuracy=None)
    _, texts = drawn(picture(results(*ROWS, refused)))
    assert "refused" not in texts


def test_one_variant_that_is_always_right_is_drawn():
    perfect = row("float32", 10_000, 40, accuracy_ci95=(1.0, 1.0))
    assert "float32" in drawn(picture(results(perfect)))[1]


@pytest.mark.parametrize("rows", [(), (row("refused", 10, accuracy=None),)])
def test_a_run_without_a_measured_model_is_an_error(rows):
    with pytest.raises(StapesError, match="finish it"):
        picture(results(*rows))


def test_the_pieces_of_a_bar_are_as_long_as_their_parts():
    bars = Bars("b", Axis("bytes", 0, 100, []), ["one"], [("x", [25]), ("y", [75])])
    root, _ = drawn(svg_bars.bars(bars))
    pieces = [element for element in root.iter(f"{SVG}rect") if "piece" in element.get("class", "")]
    first, second = (float(element.get("width")) for element in pieces)
    assert second == pytest.approx(3 * first, abs=0.2)
    assert pieces[0].get("class") != pieces[1].get("class")


def test_a_bar_is_as_high_as_the_root_of_its_count():
    layer = Panel("conv", "", low=-1.0, high=1.0, counts=[4, 0, 1], ends=("-1", "1"))
    root, texts = drawn(svg_bars.histograms([layer], name="weights"))
    [path] = [one for one in root.iter(f"{SVG}path") if "filled" in one.get("class", "")]
    tops = [float(top) for top in re.findall(r"V([\d.]+)H", path.get("d"))]
    _, top, width, height = map(float, path.get("data-box").split())
    base = top + height
    # Heights are square roots: four counts are twice as high as one.
    assert [base - at for at in tops] == pytest.approx([height, 0, height / 2])
    assert float(re.findall(r"H([\d.]+)", path.get("d"))[-1]) == width
    assert (path.get("data-counts"), path.get("data-ends")) == ("4 0 1", "-1 1")
    assert {"-1", "1"} <= set(texts)


@pytest.mark.parametrize("count", [1, 3, 4, 10])
def test_all_panels_are_on_the_picture(count):
    layers = [Panel("conv", "", 0, 1, [1], ("0", "1"))] * count
    root, _ = drawn(svg_bars.histograms(layers, name="weights", title="a", note="b"))
    width, height = map(float, root.get("viewBox").split()[2:])
    boxes = list(filter(None, (path.get("data-box") for path in root.iter(f"{SVG}path"))))
    assert len(set(boxes)) == count
    for box in boxes:
        x, y, wide, high = map(float, box.split())
        assert x + wide <= width
        assert y + high < height


def test_a_grey_series_has_its_look_for_when_the_page_colours_it():
    text = svg.chart(known(curves(whole(), "clean")))
    root, texts = drawn(text)
    rows = {element.get("data-series"): element for element in root.iter(f"{SVG}g")}
    assert set(rows) == {"float32", "int8", "qat", "small"}
    assert "plain" in rows["qat"].get("class")
    assert rows["qat"].get("data-variant") == "2"
    assert rows["qat"].find(f"{SVG}path").get("stroke-dasharray")
    # The page's buttons are the legend.
    assert "qat" not in texts


@pytest.mark.parametrize(
    "symbol",
    ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star"],
)
def test_every_symbol_has_a_closed_path(symbol):
    assert re.fullmatch(r"M[-\d. MLaVhvlHz]+z", svg.swatch(symbol, 10, 10))
