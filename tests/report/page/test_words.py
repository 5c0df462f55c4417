"""One page and one table over the searches of several words."""

from __future__ import annotations

import io
import re

from rich.console import Console
from tests.report.page.test_build import NASTY, parsed, text_of
from tests.report.results_by_hand import refused, results, row, search, searched

from stapes.contracts.measurements import TargetResult
from stapes.report.page.words import words_page, words_table


def runs():
    jarvis = searched(word="jarvis")
    jarvis.variants[1].targets["tflm"] = TargetResult(runs=True, arena_bytes=6_912)
    none = results(row("float32"), word="alexa", search=search(refused(0)))
    return {"computer": searched(word="computer"), "jarvis": jarvis, "alexa": none}


def test_a_word_links_to_its_page_and_shows_the_best_next_to_float32():
    text = words_page(runs())
    links = [attributes["href"] for tag, attributes in parsed(text).tags if tag == "a"]
    assert links == [f"./{word}/report.html" for word in ("computer", "jarvis", "alexa")]
    content = text_of(text)
    assert "jarvis ds_cnn of 20 filters, 20 MFCCs, int8 3,900 6,912 90.00 %" in content
    assert "2.50 % 1.2 to 5.0 80,000" in content
    assert "alexa no model fits – – – –" in content
    assert "within flash 4,096 bytes, arena 8,192 bytes" in content
    assert "FRR of clips is at 0.5 % false positives" in content
    assert text == words_page(runs())


def test_names_are_escaped_and_no_folder_is_an_address():
    hostile = {f"javascript:alert(1)//{NASTY}": searched(word=NASTY)}
    text = words_page(hostile)
    document = parsed(text)
    # The page's own.
    assert sum(tag == "script" for tag, _ in document.tags) == 1
    [link] = [attributes["href"] for tag, attributes in document.tags if tag == "a"]
    assert re.fullmatch(r"\./javascript%3Aalert[\w%()/.-]+", link)
    assert not [name for _, attributes in document.tags for name in attributes if name[:2] == "on"]


def test_no_word_and_a_run_without_a_search_have_a_page():
    assert "There was no search for a word." in text_of(words_page({}))
    assert "no model fits" in text_of(words_page({"house": results(row("float32"))}))


def test_the_table_has_the_same_figures():
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
