"""The page is one file, whole, the same each time, and text stays text in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from tests.report.results_by_hand import known, measured, results, row, whole

from stapes.contracts.measurements import TestClip
from stapes.report.page import build as page_module
from stapes.report.page.build import page

NASTY = "</script><script>alert(1)</script><!-- \"'& \u2028"


@pytest.fixture(autouse=True)
def no_plotly(monkeypatch):
    """Without the library's five megabytes, but for a test that asks for them."""
    monkeypatch.setattr(page_module, "plotly_code", lambda: None)


@pytest.fixture
def with_library(monkeypatch):
    monkeypatch.setattr(page_module, "plotly_code", lambda: "/* plotly */")


class Tags(HTMLParser):
    """All tags with their attributes, and the text that can be read."""

    def __init__(self):
        super().__init__()
        self.tags, self.text, self.inside = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = tag

    def handle_data(self, data):
        if self.inside not in {"script", "style"}:
            self.text.append(data)


def parsed(text):
    parser = Tags()
    parser.feed(text)
    return parser


def data_of(text):
    """What the figures are drawn from."""
    return json.loads(known(re.search(r'id="data">(.*?)</script>', text, re.S))[1])


def said(text):
    return " ".join(" ".join(parsed(text).text).split())


def test_the_same_results_give_the_same_bytes(with_library):
    assert page(whole()) == page(whole())


def test_it_says_what_to_ship_first():
    text = said(page(whole()))
    assert "Ship int8: the smallest within a point of float32." in text
    assert text.index("Ship int8") < text.index("Size against accuracy")
    assert "stapes run --config run.yaml --out AGAIN" in text
    assert "bad.wav: it holds no sound" in text
    assert "Install stapes[report] for the interactive figures." in text


def test_each_figure_has_a_caption_and_a_picture():
    tags = [tag for tag, _ in parsed(page(whole())).tags]
    assert tags.count("figure") == tags.count("figcaption") == 7
    assert tags.count("svg") == 6


def test_there_is_no_address_in_it(with_library):
    text = page(whole())
    found = set(re.findall(r"https?://[^\"'\s<]+", text))
    assert found == {"http://www.w3.org/2000/svg"}
    for _, attributes in parsed(text).tags:
        for name in ("src", "href"):
            assert re.match(r"data:audio/mpeg|#|$", attributes.get(name) or "")


def test_only_its_own_scripts_may_run(with_library):
    text = page(whole())
    policy = next(
        attributes["content"]
        for tag, attributes in parsed(text).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    assert policy.count("sha256-") == 3
    assert "script-src 'unsafe-inline'" not in policy


def test_names_are_text_wherever_they_stand(with_library):
    clips = [TestClip(name=f"{NASTY}.wav", label=NASTY, word=True)]
    made = measured(results(row("float32"), row(NASTY, 20_000, notes=[NASTY])))
    rows = [each.model_copy(update={"wrong": [0], "technique": NASTY}) for each in made.variants]
    nasty = made.model_copy(
        update={"word": NASTY, "clips": clips, "variants": rows, "settings": {NASTY: NASTY}}
    )
    text = page(nasty)
    found = parsed(text)
    # The library, the page's own two, and the data.
    assert sum(tag == "script" for tag, _ in found.tags) == 4
    assert not [name for _, attributes in found.tags for name in attributes if name[:2] == "on"]
    assert data_of(text)["variants"] == ["float32", NASTY]


def test_data_is_json_that_python_reads(with_library):
    text = page(whole())
    data = data_of(text)
    assert set(data["charts"]) == {"size", "noise", "training-0"}
    assert list(data["det"]) == ["clean", "20 dB", "10 dB", "5 dB", "0 dB"]


def test_an_older_run_says_what_it_lacks():
    text = said(page(results(row("float32"), row("int8", 23_000))))
    for sentence in (
        "This run holds no recommendation",
        "Detection in continuous sound was not measured in this run.",
        "Detection under noise was not measured in this run.",
        "What the bytes are for was not told in this run.",
        "The layers were not told in this run.",
        "Which clips are decided wrongly was not told in this run.",
        "They are in run.yaml beside this page.",
    ):
        assert sentence in text


def test_a_run_without_a_model_has_a_page():
    assert "No model was measured." in said(page(results()))
    assert "No model was measured." in said(page(results(row("refused", accuracy=None))))


def test_a_baseline_that_came_trained_is_said():
    bare = results(row("float32"))
    baseline = bare.baseline.model_copy(update={"history": {}, "model": "mine.keras"})
    text = said(page(bare.model_copy(update={"baseline": baseline})))
    assert "The baseline came trained, from mine.keras." in text


def test_a_large_run_stays_below_two_megabytes():
    rows = [row(f"model_{n}", 20_000 + n, 300 - n, 448) for n in range(23)]
    run = measured(results(*rows, row("float32", 80_000, 440, 448)))
    sound = "A" * 11_000
    clips = [clip.model_copy(update={"sound": sound}) for clip in run.clips]
    run = run.model_copy(update={"clips": clips})
    assert len(page(run).encode()) < 2_000_000


def test_a_threshold_above_every_score_can_be_drawn(with_library):
    run = whole()
    for variant in run.variants:
        for each in known(variant.detection).conditions:
            each.det.threshold[0] = float("inf")
    [first, *_] = data_of(page(run))["det"]["clean"]["series"]
    assert first["threshold"][0] is None
