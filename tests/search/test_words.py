"""Several words: one search after the other, and a page for the finished ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.report.results_by_hand import searched

from stapes.contracts.results import Results
from stapes.errors import StapesError, UsageError
from stapes.search.settings import SearchSettings
from stapes.search.words import search_words
from stapes.system.progress import SILENT


def search(settings: SearchSettings, out: Path) -> Results:
    if settings.word == "alexa":
        raise StapesError("No model fits.")
    out.mkdir(parents=True)
    results: Results = searched(word=settings.word)
    return results


def settings_of(*words: str) -> list[SearchSettings]:
    return [SearchSettings(word=word) for word in words]


def test_a_word_that_fails_leaves_a_page_of_those_before_it(tmp_path: Path) -> None:
    with pytest.raises(StapesError, match="No model fits"):
        search_words(settings_of("house", "jarvis", "alexa"), tmp_path, search, SILENT)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "./house/report.html" in page
    assert "./jarvis/report.html" in page
    assert "alexa" not in page


def test_results_have_the_names_of_the_folders(tmp_path: Path) -> None:
    results = search_words(settings_of("hey you", "house"), tmp_path, search, SILENT)
    assert list(results) == ["hey_you", "house"]
    assert results["hey_you"].word == "hey you"


@pytest.mark.parametrize("words", [(), ("house", "House")])
def test_no_word_or_one_twice_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="words: give different words"):
        search_words(settings_of(*words), tmp_path, search, SILENT)
    assert not list(tmp_path.iterdir())
