"""The page in a browser: it draws, sorts, plays and prints, and asks nothing of the network."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys

import pytest
from tests.report.results_by_hand import measured, results, row, searched, whole

from stapes.contracts.measurements import TestClip
from stapes.contracts.results import write
from stapes.report.page.words import words_page

NASTY = "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>\"&"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def stapes(*words):
    command = [sys.executable, "-c", "from stapes.cli.app import main; main()", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
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
        started = playwright.chromium.launch(executable_path=path, args=[*SWITCHES, *root])
        yield started
        started.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The run folder of a run with everything, whose page the command line wrote."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    run.mkdir()
    write(whole(), run / "results.json")
    stapes("report", run)
    return run


@pytest.fixture
def opened(browser):
    """`opened(path, **context)`: the page, on which nothing may go wrong until the test's end."""
    contexts, wrong = [], []

    def open_page(path, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith(("file:", "data:", "blob:"))
                else wrong.append(asked.url)
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


needs_plotly = pytest.mark.skipif(
    importlib.util.find_spec("plotly") is None, reason="needs the extra `report`"
)


def column(page, number, table="table.models"):
    """The first lines of a column's cells, from above."""
    cells = page.locator(f"{table} > tbody > tr:first-child > :nth-child({number})")
    return [text.split("\n")[0].strip() for text in cells.all_inner_texts()]


@needs_plotly
def test_every_figure_is_drawn(opened, folder):
    page = opened(folder / "report.html")
    for place in page.locator("[data-chart]").all():
        assert place.locator(".main-svg").count() > 0, place.get_attribute("data-chart")
    assert page.locator(".still:visible").count() == 0
    # Not the one that sends a figure to a server.
    buttons = page.locator(".modebar-btn").all()
    titles = {button.get_attribute("data-title") for button in buttons}
    assert titles == {"Download plot as a PNG", "Zoom", "Pan", "Reset axes"}
    assert (folder / "report.html").stat().st_size < 6_000_000


def test_a_click_on_a_head_sorts_by_number(opened, folder):
    page = opened(folder / "report.html")
    head = page.locator("table.models thead th").nth(4)
    assert head.inner_text().strip() == "file B"
    head.locator("button").click()
    assert column(page, 5) == ["5,000", "23,000", "23,100", "80,000"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    assert column(page, 5) == ["80,000", "23,100", "23,000", "5,000"]
    head.locator("button").click()
    assert column(page, 1)[0] == "float32"
    assert head.get_attribute("aria-sort") == "none"


def test_the_keyboard_sorts_and_what_is_not_known_stands_last(opened, folder):
    page = opened(folder / "report.html")
    head = page.locator("table.models thead th").nth(10)
    assert head.inner_text().strip() == "arena B"
    for _ in range(2):
        head.locator("button").press("Enter")
        assert column(page, 11)[-1] == "–"
    first = page.locator("table.models thead th").nth(0)
    first.locator("button").press("Space")
    assert column(page, 1) == ["float32", "int8", "qat", "small"]


def test_a_row_opens_and_tells_why_it_does_not_run(opened, folder):
    page = opened(folder / "report.html")
    reason = page.get_by_text("no: hybrid models are not supported")
    assert not reason.first.is_visible()
    button = page.get_by_role("button", name="Details of int8")
    button.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator("tr.details:visible").get_by_text("hybrid models").is_visible()


@needs_plotly
def test_pointing_at_a_model_shows_its_label(opened, folder):
    page = opened(folder / "report.html")
    chart = page.locator('[data-chart="size"]')
    chart.scroll_into_view_if_needed()
    points = chart.locator(".scatterlayer .point")
    box = points.last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    label = chart.locator(".hoverlayer .hovertext")
    label.first.wait_for()
    assert re.search(r"[\d,]+ bytes.*of 40 clips", label.first.text_content())


@needs_plotly
def test_a_button_puts_a_model_in_colour_in_all_figures(opened, folder):
    page = opened(folder / "report.html")
    buttons = page.locator('.chip[data-variant="2"]')
    assert buttons.count() == 3

    def widths():
        lines = page.locator('[data-chart="det"] .js-line').all()
        return sorted(line.evaluate("each => getComputedStyle(each).strokeWidth") for line in lines)

    before = widths()
    buttons.first.click()
    assert [each.get_attribute("aria-pressed") for each in buttons.all()] == ["true"] * 3
    assert widths() != before
    page.get_by_role("button", name="as at first").first.click()
    assert widths() == before


@needs_plotly
def test_another_condition_draws_other_curves(opened, folder):
    page = opened(folder / "report.html")
    line = page.locator('[data-chart="det"] .js-line').first
    before = line.get_attribute("d")
    page.locator("[data-det]").select_option("0 dB")
    assert line.get_attribute("d") != before


@needs_plotly
def test_the_weights_of_another_model(opened, folder):
    page = opened(folder / "report.html")
    page.locator("[data-weights]").select_option("small")
    panels = page.locator('[data-chart="weights"] h4')
    assert panels.all_inner_texts() == ["conv", "dense"]


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
        """each => new Promise((done, failed) => {
            each.addEventListener("loadedmetadata", () => done(each.duration));
            each.addEventListener("error", () => failed(new Error("it cannot be decoded")));
            each.load();
        })"""
    )
    assert duration > 0


@pytest.mark.parametrize("options", [{}, {"has_touch": True, "is_mobile": True}])
def test_a_phone_scrolls_no_page_sideways(opened, folder, options):
    page = opened(folder / "report.html", viewport={"width": 390, "height": 844}, **options)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.locator(".scroll").first
    assert wide.evaluate("each => each.scrollWidth > each.clientWidth")


@needs_plotly
def test_the_dark_changes_page_and_figures(opened, folder):
    page = opened(folder / "report.html", color_scheme="light")

    def colours():
        body = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        tick = page.locator('[data-chart="size"] .ytick text').first
        return body, tick.evaluate("each => getComputedStyle(each).fill")

    light = colours()
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    dark = colours()
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_print_is_light_whole_and_without_controls(opened, folder):
    page = opened(folder / "report.html", color_scheme="dark")
    page.emulate_media(media="print")
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    for gone in ("audio", "select", "nav", ".more", ".chips"):
        assert page.locator(f"{gone}:visible").count() == 0, gone
    assert page.locator(".still svg:visible").count() == 6
    # The width of A4 across, less its margins.
    page.set_viewport_size({"width": 1030, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 1030
    assert len(page.pdf(prefer_css_page_size=True)) > 10_000


@pytest.fixture(scope="module")
def search_folder(tmp_path_factory):
    """The run folder of a search, whose page the command line wrote."""
    run = tmp_path_factory.mktemp("searches") / "house"
    run.mkdir()
    write(searched(), run / "results.json")
    said = stapes("report", run)
    assert "The front of the search" in said
    assert "100 models were tried" in said
    return run


@needs_plotly
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_search_draws_every_trial_its_front_and_its_budget(opened, search_folder, theme):
    page = opened(search_folder / "report.html", color_scheme=theme)
    for key in ("search-bytes", "search-arena"):
        chart = page.locator(f'[data-chart="{key}"]')
        assert chart.locator(".scatterlayer .point").count() == 89
        assert chart.locator(".legendtext").all_text_contents() == [
            "bc_resnet",
            "ds_cnn",
            "reference_cnn",
            "temporal_cnn",
            "best",
        ]
        # Beside its line, in the figure.
        budget, frame = (
            chart.locator(part).first.bounding_box() for part in (".annotation-text", ".main-svg")
        )
        assert frame["x"] < budget["x"] < frame["x"] + frame["width"] - budget["width"]


@needs_plotly
def test_pointing_at_a_trial_tells_it(opened, search_folder):
    page = opened(search_folder / "report.html")
    chart = page.locator('[data-chart="search-bytes"]')
    chart.scroll_into_view_if_needed()
    box = chart.locator(".scatterlayer .point").last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    label = chart.locator(".hoverlayer .hovertext")
    label.first.wait_for()
    said = label.first.text_content()
    assert re.search(r"trial 12: ds_cnn.*3,900 bytes.*FRR 1.25 % on validation clips", said)


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
    made = measured(results(row("float32"), row(NASTY, 20_000, notes=[NASTY])))
    rows = [each.model_copy(update={"wrong": [0], "technique": NASTY}) for each in made.variants]
    update = {"word": NASTY, "clips": clips, "variants": rows, "settings": {NASTY: NASTY}}
    write(made.model_copy(update=update), tmp_path / "results.json")
    stapes("report", tmp_path)
    page = opened(tmp_path / "report.html")
    assert page.evaluate("window.hurt") is None
    assert page.locator("img").count() == 0
    assert NASTY in page.locator("h1").inner_text()


def test_an_older_run_and_a_comparison_open(opened, folder, tmp_path):
    older = tmp_path / "older"
    older.mkdir()
    write(results(row("float32"), row("int8", 22_000, 30)), older / "results.json")
    stapes("report", older)
    opened(older / "report.html")
    said = stapes("report", folder, older)
    assert "In whole alone: qat, small." in said
    page = opened(folder / "comparison-older.html")
    assert column(page, 1) == ["float32", "int8"]
    page.locator("table.models thead button").nth(5).click()
    assert column(page, 6) == ["−15.00", "+0.00"]


def test_without_plotly_there_is_a_page_of_pictures(opened, folder, monkeypatch, tmp_path):
    from stapes.report.page import build as page_module

    monkeypatch.setattr(page_module, "plotly_code", lambda: None)
    target = tmp_path / "report.html"
    target.write_text(page_module.page(whole()), "utf-8")
    page = opened(target)
    assert page.locator(".still svg:visible").count() == 6
    assert page.locator(".live, .chip").count() == 0
    page.locator("table.models thead button").nth(4).click()
    assert column(page, 5)[0] == "5,000"
