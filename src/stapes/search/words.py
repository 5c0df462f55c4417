"""A search for each of several words, and a page for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from stapes.contracts.results import Results
from stapes.data.slug import slug
from stapes.errors import UsageError
from stapes.report.writing import write_words
from stapes.run.preparation import load_corpus
from stapes.search.settings import SearchSettings
from stapes.system.progress import Progress


def search_words(
    searches: Sequence[SearchSettings],
    root: Path,
    search: Callable[[SearchSettings, Path], Results],
    progress: Progress,
) -> dict[str, Results]:
    """Search one word after the other, each in a folder below `root`.

    Parameters
    ----------
    searches : sequence of SearchSettings
        One for each word.
    search : callable
        Searches with settings in a folder.

    Returns
    -------
    results : dict of str to Results
        By the names of the words' folders, in the order of the words.

    Raises
    ------
    UsageError
        There is no word, a word occurs twice, or the data lacks one.
    """
    folders = [slug(settings.word) for settings in searches]
    if not folders or len(set(folders)) < len(folders):
        raise UsageError("--words: give different words, with commas between them.")
    for settings in searches:
        # A word that the data lacks is an error now, not hours later.
        if settings.data is not None:
            load_corpus(settings.data, settings)
    results: dict[str, Results] = {}
    try:
        for settings, folder in zip(searches, folders, strict=True):
            progress.note(f'"{settings.word}":')
            results[folder] = search(settings, root / folder)
    finally:
        # If a word fails, the page shows those before it.
        if results:
            write_words(results, root)
            progress.note(f"Done: {', '.join(results)} (in {root}).")
    return results
