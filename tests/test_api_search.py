"""What the functions do beyond what they call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.report.results_by_hand import searched

from stapes import api_search
from stapes.contracts.results import Results
from stapes.errors import StapesError


def test_a_word_that_comes_to_nothing_leaves_those_before_it_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(word: str, out: Path, **arguments: Any) -> Results:
        if word == "alexa":
            raise StapesError("No model fits.")
        out.mkdir(parents=True)
        found: Results = searched(word=word)
        return found

    monkeypatch.setattr(api_search, "search", search)
    with pytest.raises(StapesError, match="No model fits"):
        api_search.search_words("house,jarvis,alexa", out=tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "./house/report.html" in page
    assert "./jarvis/report.html" in page
    assert "alexa" not in page
