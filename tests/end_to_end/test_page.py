"""The page in a browser: it draws, sorts, plays and prints, without requests to the network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tests.processes import MOST_SECONDS
from tests.report.results_by_hand import known, measured, results, row, searched, streamed, whole
from tests.tflite.models_by_hand import dense

from stapes.contracts.measurements import TestClip
from stapes.contracts.results import write
from stapes.report.figures.weight_plots import draw
from stapes.report.page.words import words_page
from stapes.tflite.read.inspect import inspect

pytestmark = pytest.mark.slow

NASTY = "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>\"&"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def stapes(*words):
    command = [sys.executable, "-c", "from stapes.cli.app import main; main()", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"needs a browser: one of {', '.join(BROWSERS)}")
    # Chromium's sandbox refuses to start for root.
    root = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=[*SWITCHES, *root], timeout=1000 * MOST_SECONDS
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The run folder of a run with all parts, whose page the command line wrote."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    run.mkdir()
    write(whole(), run / "results.json")
    stapes("report", run)
    return run


@pytest.fixture
def opened(browser):
    """A function that opens a page, whose errors and requests fail the test."""
    contexts, wrong = [], []

    def open_page(path, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(1000 * MOST_SECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda message: wrong.append(message.text) if message.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file:", "data:", "blob:"))
                else wrong.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def column(page, number, table="table.models"):
    """The first lines of a column's cells, from above."""
    cells = page.locator(f"{table} > tbody > tr:first-child > :nth-child({number})")
    return [text.split("\n")[0].strip() for text in cells.all_inner_texts()]


def figure(page, key):
    """A figure of the page; of several panels the one that is shown."""
    return page.locator(f'[data-figure="{key}"]:visible svg.f')


def move_to(page, mark, x=0.5, y=0.5):
    """Move the mouse to a mark."""
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_every_figure_is_drawn_and_has_a_name(opened, folder):
    page = opened(folder / "report.html")
    for key in ("size", "det", "noise", "bytes", "weights", "training-0"):
        assert figure(page, key).count() == 1, key
        assert figure(page, key).get_attribute("aria-label"), key
        # A stop for the keyboard, in addition to those of the legend.
        assert figure(page, key).locator('[tabindex="0"]:not(.key)').count() == 1, key
    assert page.locator("svg.f:not(.swatch) title").count() == 0
    assert (folder / "report.html").stat().st_size < 2_000_000


def test_a_click_on_a_head_sorts_by_number(opened, folder):
    page = opened(folder / "report.html")
    head = page.locator("table.models thead th").nth(1)
    assert head.inner_text().strip() == "file bytes"
    head.locator("button").click()
    assert column(page, 2) == ["5,000", "23,000", "23,100", "80,000"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    assert column(page, 2) == ["80,000", "23,100", "23,000", "5,000"]
    head.locator("button").click()
    assert column(page, 1)[0] == "float32"
    assert head.get_attribute("aria-sort") == "none"


def test_the_keyboard_sorts_and_unknown_values_come_last(opened, folder):
    page = opened(folder / "report.html")
    head = page.locator("table.models thead th").nth(2)
    assert head.inner_text().strip() == "arena bytes"
    for _ in range(2):
        head.locator("button").press("Enter")
        assert column(page, 3)[-1] == "no"
    first = page.locator("table.models thead th").nth(0)
    first.locator("button").press("Space")
    assert column(page, 1) == ["float32", "int8", "qat", "small"]


def test_a_row_opens_and_shows_why_it_does_not_run(opened, folder):
    page = opened(folder / "report.html")
    reason = page.get_by_text("no: hybrid models are not supported")
    assert not reason.first.is_visible()
    button = page.get_by_role("button", name="Details of int8")
    button.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator("tr.details:visible").get_by_text("hybrid models").is_visible()


INT8 = "int8\n23,000 bytes\nFRR 5.00 %, 95 %: 3.0 to 8.0\nat the same place: qat"


def test_the_mouse_shows_what_a_mark_is(opened, folder):
    page = opened(folder / "report.html")
    tip = page.locator(".tip")
    row = figure(page, "size").locator('.row[data-series="int8"]')
    move_to(page, row.locator(".mark"))
    assert tip.inner_text() == INT8
    assert "here" in row.get_attribute("class")
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    move_to(page, figure(page, "bytes").locator(".mark").first)
    assert tip.inner_text().split("\n")[0] == "float32"
    assert re.search(r"weights: [\d,]+ of 80,000 bytes", tip.inner_text())
    assert "here" not in row.get_attribute("class")
    page.mouse.move(2, 2)
    assert not tip.is_visible()


def test_the_keyboard_reaches_every_mark(opened, folder):
    page = opened(folder / "report.html")
    tip, marks = page.locator(".tip"), figure(page, "size").locator(".mark")
    # Back from the first button of the next figure.
    page.locator("#det .chip").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Home")
    names = []
    for _ in range(marks.count()):
        focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert tip.inner_text() == focused
        names.append(focused.split("\n")[0])
        page.keyboard.press("ArrowRight")
    assert names == ["small", "int8", "qat", "float32"]
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert tip.inner_text() == INT8
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.classList.contains('chip')")


def test_the_keyboard_follows_a_curve_and_changes_to_another(opened, folder):
    page = opened(folder / "report.html")
    tip = page.locator(".tip")
    figure(page, "det").locator(".cursor").focus()
    at_first = tip.inner_text()
    assert at_first == page.evaluate("document.activeElement.getAttribute('aria-label')") != ""
    page.keyboard.press("Home")
    first = tip.inner_text()
    assert re.fullmatch(r"\w+\n[\d,.]+ FA/h\nFRR [\d.]+ %\nthreshold [\d.]+", first)
    label = "document.activeElement.getAttribute('aria-label')"
    page.keyboard.press("ArrowRight")
    assert tip.inner_text() not in ("", first)
    assert tip.inner_text().split("\n")[0] == first.split("\n")[0]
    assert page.evaluate(label) == tip.inner_text()
    page.keyboard.press("ArrowDown")
    assert tip.inner_text().split("\n")[0] != first.split("\n")[0]
    assert figure(page, "det").locator(".cursor.at").count() == 1


def test_a_bin_shows_its_values_and_their_count(opened, folder):
    page = opened(folder / "report.html")
    figure(page, "weights").locator(".cursor").focus()
    run = figure(page, "weights").locator(".run").first
    counts = [int(count) for count in run.get_attribute("data-counts").split()]
    low, high = map(float, run.get_attribute("data-ends").split())
    page.keyboard.press("Home")
    place = next(n for n, count in enumerate(counts) if count)
    tip = page.locator(".tip").inner_text()
    start, end, count = known(re.fullmatch(r"conv\n(\S+) to (\S+): (\d+) weights?", tip)).groups()
    width = (high - low) / len(counts)
    assert float(start) == pytest.approx(low + place * width, abs=width / 100)
    assert float(end) == pytest.approx(low + (place + 1) * width, abs=width / 100)
    assert int(count) == counts[place]


def test_a_button_colours_a_model_in_all_figures(opened, folder):
    page = opened(folder / "report.html")
    buttons = page.locator('.chip[data-chip="2"]')
    assert buttons.count() == 3

    def widths():
        lines = figure(page, "det").locator(".line").all()
        return sorted(line.evaluate("line => getComputedStyle(line).strokeWidth") for line in lines)

    before = widths()
    buttons.first.click()
    assert [element.get_attribute("aria-pressed") for element in buttons.all()] == ["true"] * 3
    assert widths() != before
    assert page.locator('.plain[data-variant="2"]').count() == 0
    # Series in colour are above the others.
    rows = figure(page, "det").locator(".row")
    assert rows.last.get_attribute("data-series") == "qat"
    page.get_by_role("button", name="as at first").first.click()
    assert widths() == before
    page.get_by_role("button", name="none").first.click()
    assert page.locator("[data-variant]:not(.plain)").count() == 0


@pytest.mark.parametrize("key", ["Enter", "Space", "click"])
def test_a_legend_switches_a_series_off_and_on(opened, folder, key):
    page = opened(folder / "report.html")
    chart = figure(page, "training-0")
    name = chart.locator('.key[data-series="training"]')
    row = chart.locator('.row[data-series="training"]')

    def press():
        name.click() if key == "click" else name.press(key)

    press()
    assert name.get_attribute("aria-pressed") == "false"
    assert "off" in row.get_attribute("class")
    move_to(page, row.locator(".mark").first)
    assert not page.locator(".tip").is_visible()
    press()
    assert name.get_attribute("aria-pressed") == "true"
    move_to(page, row.locator(".mark").first)
    assert page.locator(".tip").inner_text() == "epoch 1\nloss, training: 1"


def test_another_condition_shows_other_curves(opened, folder):
    page = opened(folder / "report.html")
    curve = figure(page, "det").locator('.row[data-series="int8"] .line')
    before = curve.get_attribute("d")
    page.locator("#det [data-choose]").select_option("0 dB")
    assert curve.get_attribute("d") != before
    assert "this sound: 0 dB." in page.locator("#det figcaption").inner_text()


def test_the_weights_of_another_model(opened, folder):
    page = opened(folder / "report.html")
    page.locator("#weights [data-choose]").select_option("small")
    names = figure(page, "weights").locator(".name")
    assert names.all_text_contents() == ["conv", "dense"]
    assert "of small" in page.locator("#weights figcaption").inner_text()


def test_clips_by_model(opened, folder):
    page = opened(folder / "report.html")
    shown = page.locator("table.clips tbody:visible")
    every = shown.count()
    page.locator("[data-wrong]").select_option(label="int8")
    assert 0 < shown.count() < every
    assert re.fullmatch(r"0\.\d{3}", shown.first.locator(".score").inner_text())


def test_a_sound_plays(opened, folder):
    page = opened(folder / "report.html")
    sound = page.locator("audio").first
    duration = sound.evaluate(
        """node => new Promise((done, failed) => {
            node.addEventListener("loadedmetadata", () => done(node.duration));
            node.addEventListener("error", () => failed(new Error("it cannot be decoded")));
            node.load();
        })"""
    )
    assert duration > 0


@pytest.mark.parametrize("width", [320, 360, 375, 390])
@pytest.mark.parametrize("options", [{}, {"has_touch": True, "is_mobile": True}])
def test_a_phone_scrolls_no_page_sideways(opened, folder, options, width):
    page = opened(folder / "report.html", viewport={"width": width, "height": 844}, **options)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.locator(".scroll").first
    assert wide.evaluate("node => node.scrollWidth > node.clientWidth")


def test_the_dark_changes_page_and_figures(opened, folder):
    page = opened(folder / "report.html", color_scheme="light")

    def colours():
        body = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        tick = figure(page, "size").locator("text.soft").first
        return body, tick.evaluate("node => getComputedStyle(node).fill")

    light = colours()
    page.emulate_media(color_scheme="dark")
    dark = colours()
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_print_is_light_whole_and_without_controls(opened, folder):
    page = opened(folder / "report.html", color_scheme="dark")
    page.emulate_media(media="print")
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    for gone in ("audio", "select", "nav", ".more", ".tip", "[aria-pressed=false]"):
        assert page.locator(f"{gone}:visible").count() == 0, gone
    assert page.locator(".figure svg:visible").count() == 6
    # The legend of what is in colour.
    assert page.locator(".chip[aria-pressed=true]:visible").count() == 9
    # The width of A4 in landscape without its margins.
    page.set_viewport_size({"width": 1030, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 1030
    assert len(page.pdf(prefer_css_page_size=True)) > 10_000


@pytest.fixture(scope="module")
def search_folder(tmp_path_factory):
    """The run folder of a search, whose page the command line wrote."""
    run = tmp_path_factory.mktemp("searches") / "house"
    run.mkdir()
    write(searched(), run / "results.json")
    printed = stapes("report", run)
    assert "The front of the search" in printed
    assert "100 models were tried" in printed
    return run


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_search_draws_every_trial_its_front_and_its_budget(opened, search_folder, theme):
    page = opened(search_folder / "report.html", color_scheme=theme)
    for key in ("search-bytes", "search-arena"):
        chart = figure(page, key)
        assert chart.locator(".mark").count() == 89
        assert chart.locator(".key").all_text_contents() != []
        assert [name.strip() for name in chart.locator(".key").all_text_contents()] == [
            "bc_resnet",
            "ds_cnn",
            "reference_cnn",
            "temporal_cnn",
            "best",
        ]
        # Next to its line, in the figure.
        budget = chart.get_by_text("flash" if key == "search-bytes" else "arena", exact=False)
        box, frame = budget.last.bounding_box(), chart.bounding_box()
        assert frame["x"] < box["x"] < frame["x"] + frame["width"] - box["width"]


def test_the_mouse_shows_what_a_trial_is(opened, search_folder):
    page = opened(search_folder / "report.html")
    best = figure(page, "search-bytes").locator('.row[data-series="best"] .mark')
    move_to(page, best)
    text = page.locator(".tip").inner_text()
    assert re.search(r"trial 12: ds_cnn.*3,900 bytes.*FRR 1.25 % on validation clips", text, re.S)


def test_the_front_sorts_and_the_list_of_trials_opens_by_keyboard(opened, search_folder):
    page = opened(search_folder / "report.html")
    heads = page.locator("#search > .scroll thead th")
    heads.nth(5).locator("button").press("Enter")
    front = "#search > .scroll table"
    assert column(page, 1, front)[0] == "27"
    heads.nth(0).locator("button").press("Enter")
    assert column(page, 1, front)[:3] == ["0", "4", "8"]
    every = page.locator("#search details table")
    assert not every.is_visible()
    page.locator("#search summary").press("Enter")
    assert every.is_visible()
    assert page.get_by_text("failed: its training diverged").is_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_search_and_its_words_scroll_no_page_sideways(opened, search_folder, width):
    size = {"width": width, "height": 844}
    page = opened(search_folder / "report.html", viewport=size)
    page.locator("#search summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    words = search_folder.parent / "words.html"
    words.write_text(words_page({"house": searched()}), "utf-8")
    page = opened(words, viewport=size)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="house").click()
    assert "house" in page.locator("h1").inner_text()
    assert page.locator("#search").count() == 1


def test_names_that_are_markup_are_text(opened, tmp_path):
    clips = [TestClip(name=f"{NASTY}.wav", label=NASTY, word=True)]
    run = measured(results(row("float32"), row(NASTY, 20_000, notes=[NASTY])))
    wrong = {"wrong": [0], "scores": [0.25], "technique": NASTY}
    rows = [variant.model_copy(update=wrong) for variant in run.variants]
    update = {"word": NASTY, "clips": clips, "variants": rows, "settings": {NASTY: NASTY}}
    write(run.model_copy(update=update), tmp_path / "results.json")
    stapes("report", tmp_path)
    page = opened(tmp_path / "report.html")
    assert page.evaluate("window.hurt") is None
    assert page.locator("img").count() == 0
    assert NASTY in page.locator("h1").inner_text()


def test_a_run_of_detectors_in_a_stream_opens_and_fits_a_phone(opened, tmp_path):
    write(streamed(), tmp_path / "results.json")
    stapes("report", tmp_path)
    page = opened(tmp_path / "report.html", viewport={"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert column(page, 1) == ["stream", "stream_qat", "float32"]
    assert column(page, 4) == ["5.00 %", "25.00 %", "–"]
    assert page.locator("tbody.best").inner_text().startswith("stream")
    assert figure(page, "size").get_attribute("aria-label")
    assert page.get_by_role("region", name="False accepts per hour by source of sound").is_visible()


def test_an_older_run_and_a_comparison_open(opened, folder, tmp_path):
    older = tmp_path / "older"
    older.mkdir()
    write(results(row("float32"), row("int8", 22_000, 30)), older / "results.json")
    stapes("report", older)
    opened(older / "report.html")
    printed = stapes("report", folder, older)
    assert "Only in whole: qat, small." in printed
    page = opened(folder / "comparison-older.html")
    assert column(page, 1) == ["float32", "int8"]
    page.locator("table.models thead button").nth(11).click()
    assert column(page, 12) == ["-15.00", "+0.00"]


def test_without_its_scripts_the_page_shows_every_figure(browser, folder):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())
    assert page.locator(".figure svg:visible").count() == 6
    assert page.locator(".chip:visible").count() == 9
    context.close()


def test_the_weights_of_a_file_work_with_the_mouse(opened, tmp_path):
    target = tmp_path / "weights.html"
    draw(inspect(dense(np.array([[0, 0, 5, -3]] * 3, np.int8))), target)
    page = opened(target)
    page.keyboard.press("Tab")
    assert page.locator(".tip").inner_text() == "0 FULLY_CONNECTED\n-3.5 to -2.5: 3 weights"
