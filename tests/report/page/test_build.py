"""The page is one file, complete, the same every time, and it escapes all texts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

from tests.report.results_by_hand import known, measured, results, row, streamed, whole

from stapes.contracts.measurements import TestClip
from stapes.report.page.build import page

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "</script><script>alert(1)</script><!-- \"'& \u2028"


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


def figures_of(text):
    """The figures as XML, by their keys; of several panels of one figure the first."""
    figures = re.findall(r'data-figure="([^"]+)"[^>]*>(<svg.*?</svg>)', text, re.S)
    return {key: ElementTree.fromstring(svg) for key, svg in reversed(figures)}


def series_of(figure):
    """The rows of marks of a figure, by the names of their series."""
    groups = figure.iter(f"{SVG}g")
    return {group.get("data-series"): group for group in groups if "row" in group.get("class", "")}


def text_of(html):
    """The text that a reader of the page can see."""
    return " ".join(" ".join(parsed(html).text).split())


def test_the_same_results_give_the_same_bytes():
    assert page(whole()) == page(whole())


def test_the_recommendation_comes_first():
    text = text_of(page(whole()))
    assert "Ship int8: the smallest within a point of float32." in text
    assert text.index("Ship int8") < text.index("Size against FRR at 0.5 FA/h")
    assert "stapes run --config run.yaml --out AGAIN" in text
    assert "bad.wav: it holds no sound" in text


def test_each_figure_has_a_caption_and_a_picture():
    text = page(whole())
    tags = [tag for tag, _ in parsed(text).tags]
    assert tags.count("figure") == tags.count("figcaption") == 7
    assert set(figures_of(text)) == {"size", "det", "noise", "bytes", "weights", "training-0"}


def test_a_run_of_detectors_in_a_stream_is_shown_by_false_rejects():
    text = text_of(page(streamed()))
    for sentence in (
        "Ship stream, 8,000 bytes. Limits: at most 10 % of the words missed at 1 false accept an "
        "hour.",
        "Size against FRR at 1 FA/h",
        "Pareto front over bytes, arena, latency and false rejects: stream.",
        "1 model of windows was not measured in continuous sound: run again with --detect all.",
        "False accepts per hour by source of sound",
        "FRR of the detectors in a stream by epoch",
    ):
        assert sentence in text
    assert "points of accuracy" not in text


def test_the_legend_has_the_models_that_the_figures_show():
    chips = [
        attributes["data-chip"]
        for _, attributes in parsed(page(streamed())).tags
        if "data-chip" in attributes
    ]
    # Rows 0 and 1, once for each figure with a legend; float32 was not measured in sound.
    assert set(chips) == {"0", "1"}


def test_there_is_no_address_in_it():
    text = page(whole())
    addresses = set(re.findall(r"https?://[^\"'\s<]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}
    for _, attributes in parsed(text).tags:
        for name in ("src", "href"):
            assert re.match(r"data:audio/mpeg|#|$", attributes.get(name) or "")


def test_only_its_own_scripts_may_run():
    text = page(whole())
    policy = next(
        attributes["content"]
        for tag, attributes in parsed(text).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    assert policy.count("sha256-") == 2
    assert "script-src 'unsafe-inline'" not in policy


def test_names_are_escaped_everywhere():
    clips = [TestClip(name=f"{NASTY}.wav", label=NASTY, word=True)]
    run = measured(results(row("float32"), row(NASTY, 20_000, notes=[NASTY])))
    update = {"wrong": [0], "technique": NASTY}
    rows = [variant.model_copy(update=update) for variant in run.variants]
    nasty = run.model_copy(
        update={"word": NASTY, "clips": clips, "variants": rows, "settings": {NASTY: NASTY}}
    )
    text = page(nasty)
    document = parsed(text)
    # The page's own two.
    assert sum(tag == "script" for tag, _ in document.tags) == 2
    assert not [name for _, attributes in document.tags for name in attributes if name[:2] == "on"]
    assert set(series_of(figures_of(text)["size"])) == {"float32", NASTY}


def test_a_point_has_the_values_of_results_json():
    figures = figures_of(page(whole()))
    int8 = series_of(figures["size"])["int8"]
    [title] = [element.text for element in int8.iter(f"{SVG}title")]
    assert title == "int8\n23,000 bytes\nFRR 5.00 %, 95 %: 3.0 to 8.0\nat the same place: qat"
    points = [element for element in figures["noise"].iter() if "mark" in element.get("class", "")]
    assert len(points) == 4 * 5


def test_each_condition_has_curves_and_one_is_visible():
    text = page(whole())
    panels = re.findall(r'data-figure="det" data-panel="([^"]+)"( hidden)?>', text)
    assert [name for name, _ in panels] == ["clean", "20 dB", "10 dB", "5 dB", "0 dB"]
    assert [bool(hidden) for _, hidden in panels] == [False, True, True, True, True]


def test_a_curve_has_its_values_at_each_of_its_points():
    run = whole()
    figure = figures_of(page(run))["det"]
    curve = known(series_of(figure)["int8"].find(f"{SVG}path"))
    values = [point.split("|") for point in known(curve.get("data-values")).split(";")]
    assert len(values) == known(curve.get("d")).count("L") + 1
    det = known(run.variants[1].detection).conditions[0].det
    all_points = {
        (float(f"{fa:.3g}"), float(f"{100 * frr:.3g}"))
        for fa, frr in zip(det.fa_per_hour, det.frr, strict=True)
    }
    assert {(float(fa), float(frr)) for fa, frr, _ in values} == all_points
    # XML reads the line feeds of an attribute as spaces; HTML keeps them.
    assert figure.get("data-tip") == ("{0} FA/h FRR {1} % threshold {2}")


def test_each_model_has_its_weights_and_the_best_is_visible():
    text = page(whole())
    panels = re.findall(r'data-figure="weights" data-panel="([^"]+)"( hidden)?>', text)
    assert [name for name, hidden in panels if not hidden] == ["int8"]
    assert len(panels) == 4


def test_the_page_of_an_older_run_names_what_is_missing():
    text = text_of(page(results(row("float32"), row("int8", 23_000))))
    for sentence in (
        "This run has no recommendation",
        "Detection in continuous sound was not measured in this run.",
        "Detection in noise was not measured in this run.",
        "This run does not list its bytes by purpose.",
        "This run does not list its layers.",
        "This run does not list its test clips.",
        "The settings are in run.yaml, next to this page.",
    ):
        assert sentence in text


def test_a_run_without_a_model_has_a_page():
    assert "No model was measured." in text_of(page(results()))
    assert "No model was measured." in text_of(page(results(row("refused", accuracy=None))))


def test_the_page_names_a_baseline_that_was_already_trained():
    bare = results(row("float32"))
    baseline = bare.baseline.model_copy(update={"history": {}, "model": "mine.keras"})
    text = text_of(page(bare.model_copy(update={"baseline": baseline})))
    assert "The baseline is a trained model: mine.keras." in text


def test_a_large_run_stays_below_two_megabytes():
    rows = [row(f"model_{n}", 20_000 + n, 300 - n, 448) for n in range(23)]
    run = measured(results(*rows, row("float32", 80_000, 440, 448)))
    sound = "A" * 11_000
    clips = [clip.model_copy(update={"sound": sound}) for clip in run.clips]
    run = run.model_copy(update={"clips": clips})
    assert len(page(run).encode()) < 2_000_000


def test_a_threshold_above_every_score_can_be_drawn():
    run = whole()
    for variant in run.variants:
        for condition in known(variant.detection).conditions:
            condition.det.threshold[0] = float("inf")
    curve = known(series_of(figures_of(page(run))["det"])["float32"].find(f"{SVG}path"))
    assert known(curve.get("data-values")).split(";")[0].endswith("|above every score")
