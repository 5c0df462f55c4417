"""One page and one table over the searches of several words."""

from __future__ import annotations

import io
import re

from rich.console import Console
from tests.report.page.test_build import NASTY, parsed, said
from tests.report.results_by_hand import refused, results, row, search, searched

from stapes.contracts.measurements import TargetResult
from stapes.report.page.words import words_page, words_table


def runs():
    jarvis = searched(word="jarvis")
    jarvis.variants[1].targets["tflm"] = TargetResult(runs=True, arena_bytes=6_912)
    none = results(row("float32"), word="alexa", search=search(refused(0)))
    return {"computer": searched(word="computer"), "jarvis": jarvis, "alexa": none}


def test_a_word_leads_to_its_page_and_tells_the_best_beside_float32():
    text = words_page(runs())
    links = [each["href"] for tag, each in parsed(text).tags if tag == "a"]
    assert links == [f"./{word}/report.html" for word in ("computer", "jarvis", "alexa")]
    shown = said(text)
    assert "jarvis ds_cnn of 20 filters, 20 MFCCs, int8 3,900 6,912 90.00 %" in shown
    assert "2.50 % 1.2 to 5.0 80,000" in shown
    assert "alexa no model fits – – – –" in shown
    assert "within flash 4,096 bytes and arena 8,192 bytes" in shown
    assert "FRR of clips is at 0.5 % false positives" in shown
    assert text == words_page(runs())


def test_names_are_text_and_no_folder_is_an_address():
    hostile = {f"javascript:alert(1)//{NASTY}": searched(word=NASTY)}
    text = words_page(hostile)
    found = parsed(text)
    # The page's own.
    assert sum(tag == "script" for tag, _ in found.tags) == 1
    [link] = [each["href"] for tag, each in found.tags if tag == "a"]
    assert re.fullmatch(r"\./javascript%3Aalert[\w%()/.-]+", link)
    assert not [name for _, each in found.tags for name in each if name[:2] == "on"]


def test_no_word_and_a_run_that_was_no_search_have_a_page():
    assert "There was no search for a word." in said(words_page({}))
    assert "no model fits" in said(words_page({"house": results(row("float32"))}))


def test_the_table_says_the_same():
    file = io.StringIO()
    Console(file=file, width=160, color_system=None).print(
        words_table(runs() | {"x": searched(word="[red]x[/b]")})
    )
    text = file.getvalue()
    [jarvis] = [line for line in text.splitlines() if line.startswith("│ jarvis")]
    assert [cell.strip() for cell in jarvis.strip("│").split("│")][1:5] == [
        "3,900",
        "6,912",
        "90.00 % (80.0 to 95.0)",
        "2.50 % (1.2 to 5.0)",
    ]
    [alexa] = [line for line in text.splitlines() if line.startswith("│ alexa")]
    assert [cell.strip() for cell in alexa.strip("│").split("│")][1:6] == [*"––––", "80,000"]
    assert "[red]x[/b]" in text
    assert "FRR of clips at 0.5 % false positives" in text
    assert words_table({}).row_count == 0
