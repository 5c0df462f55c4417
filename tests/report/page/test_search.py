"""The search on the page: every trial is in it, and validation apart from test."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from tests.report.page.test_build import NASTY, figures_of, parsed, text_of
from tests.report.results_by_hand import (
    FLASH,
    known,
    refused,
    results,
    row,
    search,
    searched,
    trial,
    whole,
)

from stapes.report.figures import svg
from stapes.report.page.build import page
from stapes.report.page.search import MOST_TRIALS, against_arena, against_bytes, section

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def run():
    return searched()


def points(chart):
    return [point for series in chart.series for point in zip(series.x, series.y, strict=True)]


def test_every_measured_trial_has_a_point_by_architecture(run):
    chart = known(against_bytes(run.search))
    assert len(points(chart)) == 89
    assert {series.name for series in chart.series} == {
        "ds_cnn",
        "temporal_cnn",
        "bc_resnet",
        "reference_cnn",
        "best",
    }
    looks = {series.name: (series.look.colour, series.look.symbol) for series in chart.series}
    assert len(set(looks.values())) == 5
    assert all(series.look.variant == -1 for series in chart.series)
    front = sum(len(series.x) for series in chart.series if not series.small)
    assert front == sum(trial.front for trial in run.search.trials)


def test_a_point_shows_its_trial(run):
    best = known(against_bytes(run.search)).series[-1]
    assert (best.name, best.x, best.y) == ("best", [3_900], [1.25])
    assert best.hover == [
        "trial 12: ds_cnn of 20 filters, 20 MFCCs, int8\n3,900 bytes\n6,900 bytes of arena\n"
        "117,000 MACs\nFRR 1.25 % on validation clips\naccuracy 99.38 % on them\non the front"
    ]


def test_the_budget_is_marked_where_it_is_near(run):
    assert known(against_bytes(run.search)).mark == (FLASH, "flash 4,096")
    assert known(against_arena(run.search)).mark == (8_192, "arena 8,192")
    far = search(trial(0), budget={"flash": 1e9})
    chart = known(against_bytes(far))
    assert chart.mark is None
    assert chart.x.high < 1e6
    for odd in ({}, {"flash": 0.0}, {"flash": math.inf}):
        assert known(against_bytes(search(trial(0), budget=odd))).mark is None


def test_the_dotted_steps_are_the_lowest_for_the_size():
    tried = search(trial(0, 1_000, 0.5), trial(1, 2_000, 0.6), trial(2, 4_000, 0.1))
    chart = known(against_bytes(tried))
    assert chart.guide[:3] == [(1_000, 50), (4_000, 50), (4_000, 10)]
    assert chart.guide[-1] == (chart.x.high, 10)


def test_an_frr_of_zero_is_at_the_lower_end():
    chart = known(against_bytes(search(trial(0, 1_000, 0.0), trial(1, 900, 0.05))))
    # Half of one of 400 words.
    assert chart.y.ticks[0] == (pytest.approx(0.125), "0")
    assert min(y for _, y in points(chart)) == pytest.approx(0.125)


@pytest.mark.parametrize("frr", [0.0, 0.0001, 0.05, 0.3, 1.0])
def test_one_trial_is_drawn_between_ticks(frr):
    chart = known(against_bytes(search(trial(0, 3_300, frr), best=0)))
    [(x, y)] = points(chart)
    assert chart.x.low < x < chart.x.high
    assert chart.y.low < y < chart.y.high
    assert len(chart.x.ticks) >= 2
    assert len(chart.y.ticks) >= 1
    ElementTree.fromstring(svg.chart(chart))


def test_without_a_measured_trial_there_is_no_figure():
    for tried in (search(), search(refused(0)), search(trial(0, frr=math.nan))):
        assert against_bytes(tried) is None
        assert against_arena(tried) is None
    assert against_arena(search(trial(0, arena_bytes=None))) is None


def test_the_picture_names_each_point_and_each_architecture_once(run):
    root = ElementTree.fromstring(svg.chart(known(against_bytes(run.search))))
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert sum(str(title).startswith("trial ") for title in titles) >= 89
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts.count("ds_cnn") == 1
    assert "flash 4,096" in texts


def test_the_front_has_test_figures_of_variants_alone(run):
    shown = known(section(run))
    rows = {row.number: row for row in shown.rows}
    assert [row.number for row in shown.rows][:2] == [0, 46]
    best = rows[12]
    assert (best.best, best.variant) == (True, "best")
    assert [cell.text for cell in best.cells] == [
        "3,900", "6,900", "117,000", "1.25 %", "2.50 %", "90.00 %",
    ]  # fmt: skip
    assert best.cells[4].interval == "1.2 to 5.0"
    assert [cell.text for cell in rows[46].cells[4:]] == ["–", "–"]
    assert len(shown.columns) == len(best.cells)


def test_every_trial_is_listed_with_its_outcome(run):
    shown = known(section(run))
    assert len(shown.every) == 100
    assert shown.every[7].summary.endswith("; failed: its training diverged")
    assert shown.every[9].cells[0].text == "refused"
    assert shown.every[12].cells[0].text == "measured, front"


def test_a_list_without_end_is_cut_and_counted():
    long = results(row("float32"), search=search(*(refused(n) for n in range(MOST_TRIALS + 5))))
    assert len(known(section(long)).every) == MOST_TRIALS
    text = text_of(page(long))
    assert "All 605 models that were tried" in text
    assert "5 more: see trials in results.json." in text


def test_the_page_names_the_clips_that_chose_and_those_that_did_not(run):
    text = text_of(page(run))
    assert "Models were chosen by FRR at 0.5 % false positives on 1,200 validation clips" in text
    assert "The table of models above is of test clips, which no choice used." in text
    assert "float32, the reference, has 80,000 bytes" in text
    assert text.index("Ship best") < text.index("The search") < text.index("Size against accuracy")
    assert "stapes search --config run.yaml --out AGAIN" in text


def test_both_figures_have_a_mark_for_each_trial(run):
    figures = figures_of(page(run))
    for key in ("search-bytes", "search-arena"):
        marks = [element for element in figures[key].iter() if "mark" in element.get("class", "")]
        assert len(marks) == 89
    assert page(run) == page(run)


def test_a_run_without_a_search_has_no_such_section():
    text = page(whole())
    for part in ('id="search"', "#search", ".trials", "search-bytes", "{%"):
        assert part not in text
    assert section(whole()) is None


@pytest.mark.parametrize(
    "tried",
    [
        search(),
        search(refused(0)),
        search(trial(0), best=0, objectives=[], budget={}),
        search(trial(0, arena_bytes=None, macs=None, accuracy=None, seconds=None, front=True)),
        search(trial(0, frr=None, bytes=None, candidate={}), best=0),
    ],
)
def test_a_search_of_little_has_a_page(tried):
    text = page(results(row("float32"), search=tried))
    assert "The search" in text_of(text)
    assert "No model was measured." in text_of(text) or "search-bytes" not in text_of(text)


def test_names_are_escaped_everywhere():
    hostile = trial(0, summary=NASTY, candidate={"architecture": NASTY}, variant=NASTY, front=True)
    other = trial(1, frr=None, failed=NASTY, candidate={"architecture": NASTY})
    no = trial(2, frr=None, refused=NASTY)
    odd = search(hostile, other, no, best=0, metric=NASTY, objectives=[NASTY], budget={NASTY: 1.0})
    text = page(results(row("float32"), row(NASTY), search=odd))
    document = parsed(text)
    # The page's own two.
    assert sum(tag == "script" for tag, _ in document.tags) == 2
    assert not [name for _, attributes in document.tags for name in attributes if name[:2] == "on"]
