"""The picture is a picture: well-formed, complete, and of this machine alone."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from stapes.errors import StapesError
from stapes.report.plots import size_accuracy
from stapes.results import Baseline, Confusion, Data, Results, Split, VariantResult

SVG = "{http://www.w3.org/2000/svg}"


def row(name, size, correct, interval, n=40):
    return VariantResult(
        name=name,
        technique=name,
        file=f"models/{name}.tflite",
        sha256="0" * 64,
        bytes_before_slim=1,
        bytes=size,
        data_bytes=size,
        gzip_bytes=size,
        parameters=1,
        nonzero_parameters=1,
        accuracy=None if correct is None else correct / n,
        accuracy_ci95=interval,
        n_test=n,
        confusion=Confusion(
            true_positives=correct or 0,
            false_negatives=0,
            false_positives=0,
            true_negatives=0,
        ),
        layers=[],
        notes=[],
        targets={},
    )


def results(*rows, word="house", synthetic=False):
    split = Split(positives=20, negatives=20, negatives_available=20, speakers=7)
    return Results(
        word=word,
        seed=0,
        preset="default",
        versions={},
        data=Data(
            source="x",
            synthetic=synthetic,
            split_rule="by the speaker's name",
            shared_speakers=False,
            splits={"test": split},
            skipped=[],
        ),
        baseline=Baseline(parameters=1, macs=1, kept_epoch=1),
        variants=list(rows),
    )


ROWS = (
    row("float32", 80_000, 38, (0.83, 0.99)),
    row("uint8", 20_000, 36, (0.76, 0.96)),
    row("pruned_2by4_full", 40_000, 20, (0.35, 0.65)),
)


def drawn(found):
    """The picture's elements by their tag, each list in the order of the rows."""
    root = ElementTree.fromstring(found)
    assert root.tag == f"{SVG}svg"
    tags = ("rect", "circle", "line", "text", "title")
    return root, {tag: list(root.iter(SVG + tag)) for tag in tags}


@pytest.fixture
def picture():
    return drawn(size_accuracy(results(*ROWS)))


def numbers(elements, name):
    return [float(element.get(name)) for element in elements]


def test_every_variant_has_its_name_its_size_and_its_dot(picture):
    _, parts = picture
    texts = [element.text for element in parts["text"]]
    for name, size in (("float32", "80,000"), ("uint8", "20,000"), ("pruned_2by4_full", "40,000")):
        assert name in texts
        assert size in texts
    assert len(parts["rect"]) == len(parts["circle"]) == 3


def test_bars_are_as_long_as_files_are_large(picture):
    _, parts = picture
    whole, quarter, half = numbers(parts["rect"], "width")
    assert quarter == pytest.approx(whole / 4, abs=0.1)
    assert half == pytest.approx(whole / 2, abs=0.1)


def test_dots_stand_on_one_scale_inside_their_intervals(picture):
    _, parts = picture
    places = numbers(parts["circle"], "cx")
    intervals = [line for line in parts["line"] if line.get("class") == "line"]
    low, high = numbers(intervals, "x1"), numbers(intervals, "x2")
    for left, place, right in zip(low, places, high, strict=True):
        assert left < place < right
    # 95, 90 and 50 %: equal steps of accuracy are equal steps to the right.
    assert (places[0] - places[2]) / (places[0] - places[1]) == pytest.approx(9, rel=0.05)


def test_nothing_is_drawn_outside_the_picture(picture):
    root, parts = picture
    _, _, width, height = map(float, root.get("viewBox").split())
    for element in (*parts["text"], *parts["rect"]):
        assert 0 <= float(element.get("x")) <= width
        assert 0 <= float(element.get("y")) <= height
    for element in parts["circle"]:
        assert 0 <= float(element.get("cx")) <= width
        assert 0 <= float(element.get("cy")) <= height


def test_rows_come_in_the_order_of_the_table(picture):
    _, parts = picture
    heights = numbers(parts["circle"], "cy")
    assert heights == sorted(heights)
    assert len(set(heights)) == 3


def test_there_is_no_script_and_no_address():
    text = size_accuracy(results(*ROWS))
    root, _ = drawn(text)
    assert not {element.tag for element in root.iter()} & {f"{SVG}script", f"{SVG}image"}
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or "href" in name]
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("word", ["</title><script>alert(1)</script>", 'a "b" & <c>', "Öl 日本"])
def test_a_word_is_shown_as_it_is_and_is_never_markup(word):
    root, parts = drawn(size_accuracy(results(*ROWS, word=word)))
    assert word in parts["title"][0].text
    assert not list(root.iter(f"{SVG}script"))


def test_synthetic_speech_is_said():
    assert "synthetic speech" in size_accuracy(results(*ROWS, synthetic=True))
    assert "synthetic speech" not in size_accuracy(results(*ROWS))


def test_a_variant_that_was_not_measured_is_not_drawn():
    _, parts = drawn(size_accuracy(results(*ROWS, row("refused", 99_000, None, (0.0, 1.0)))))
    assert "refused" not in [element.text for element in parts["text"]]
    assert len(parts["circle"]) == 3


def test_one_variant_that_is_always_right_is_drawn():
    _, parts = drawn(size_accuracy(results(row("float32", 10, 40, (1.0, 1.0)))))
    assert len(parts["circle"]) == 1


@pytest.mark.parametrize("rows", [(), (row("refused", 10, None, (0.0, 1.0)),)])
def test_a_run_with_nothing_measured_is_told_to_finish(rows):
    with pytest.raises(StapesError, match="finish it"):
        size_accuracy(results(*rows))
