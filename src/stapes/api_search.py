"""The verb `search` as Python functions with plain arguments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stapes.api import PathLike, absolute, path_of
from stapes.contracts.results import Results
from stapes.data.slug import slug
from stapes.errors import UsageError
from stapes.report.writing import write_words
from stapes.run.preparation import load_corpus
from stapes.run.recommendation import parse_budget
from stapes.run.settings import QUICK, Limit, over, settle, settle_as
from stapes.search import pipeline
from stapes.search.job import Cluster, SearchFolder, SearchJob
from stapes.search.settings import QUICK as QUICK_SEARCH
from stapes.search.settings import SearchSettings, kinds
from stapes.system.progress import SILENT, Progress


def search(
    *,
    word: str | None = None,
    data: PathLike | None = None,
    out: PathLike | None = None,
    negatives: PathLike | None = None,
    budget: str | Mapping[Limit, float] | None = None,
    metric: str | None = None,
    trials: int | None = None,
    architectures: str | Sequence[str] | None = None,
    frontends: str | Sequence[str] | None = None,
    techniques: str | None = None,
    seed: int | None = None,
    config: PathLike | None = None,
    quick: bool = False,
    jobs: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Results:
    """Search for the smallest model of a word under a budget, and write the run folder.

    Parameters
    ----------
    word : str, optional
        The wake word, "house" unless `config` says another.
    data : path, optional
        The folder of clips; without one, synthetic speech is made.
    out : path, optional
        The run folder; default: runs/search-<word>. One that a search began goes on.
    negatives : path, optional
        A folder of speech without the word.
    budget : str or mapping, optional
        What the chip has [flash=6k,arena=12k]: models that cannot fit are not trained.
    metric : str, optional
        `frr@P`: false rejects at P percent of false positives [frr@0.5].
    trials : int > 0, optional
        Models that are trained [60].
    architectures, frontends : str or sequence of str, optional
        Names to choose from, with commas between them or in a sequence; default: all.
    techniques : str, optional
        "all", or names of integer techniques with commas between them.
    seed : int, optional
    config : path, optional
        A search's run.yaml, under the other arguments.
    quick : bool
        A try with few trials and epochs.
    jobs : int, optional
        Worker processes; default: the cores.
    cluster : "ray", optional
        Where trials run, if not in processes of this machine.
    progress : Progress, optional
    **settings
        Any other field of `stapes.search.settings.SearchSettings`.

    Returns
    -------
    results : stapes.contracts.results.Results
        With `search`.

    Raises
    ------
    stapes.errors.UsageError
        An argument or the data is wrong; nothing was written.
    stapes.errors.StapesError
        The work failed, or nothing fits the budget; what was finished is kept.
    """
    given = {
        "word": word,
        "data": absolute(data),
        "negatives": absolute(negatives),
        "budget": parse_budget(budget) if isinstance(budget, str) else budget,
        "metric": metric,
        "trials": trials,
        "architectures": _names(architectures),
        "frontends": kinds(_names(frontends)),
        "techniques": techniques,
        "seed": seed,
        **settings,
    }
    few = over(QUICK, QUICK_SEARCH) if quick else {}
    settled = settle_as(SearchSettings, given, config=path_of(config), quick=few)
    folder = path_of(out) or Path("runs") / f"search-{slug(settled.word)}"
    job = SearchJob(
        settled,
        SearchFolder(folder, settled),
        jobs or os.cpu_count() or 1,
        progress or SILENT,
        cluster,
    )
    return pipeline.search(job)


def search_words(
    words: str | Sequence[str], *, out: PathLike | None = None, **arguments: Any
) -> dict[str, Results]:
    """A search for each word, one after the other, and a page over all of them.

    Parameters
    ----------
    words : str or sequence of str
        With commas between them, or in a sequence.
    out : path, optional
        A folder with a run folder for each word in it; default: runs/search.
    **arguments
        As `search` has them, but `word`.

    Returns
    -------
    results : dict of str to stapes.contracts.results.Results
        By the names of the words' folders, in the order of the words.

    Raises
    ------
    stapes.errors.UsageError
        A word is given twice, or none; and as `search` does.
    stapes.errors.StapesError
        As `search` does; the words that were finished are kept.
    """
    wanted = _names(words) or ()
    folders = [slug(word) for word in wanted]
    if not wanted or len(set(folders)) < len(folders) or not all(folders):
        raise UsageError("--words: give different words, with commas between them.")
    _see_that_data_has(wanted, arguments.get("data"))
    root = path_of(out) or Path("runs") / "search"
    found: dict[str, Results] = {}
    progress = arguments.get("progress") or Progress()
    try:
        for word, folder in zip(wanted, folders, strict=True):
            progress.note(f'"{word}":')
            found[folder] = search(word=word, out=root / folder, **arguments)
    finally:
        # Where a word came to nothing, the page is of those before it.
        if found:
            write_words(found, root)
            progress.note(f"Done: {', '.join(found)} (in {root}).")
    return found


def _see_that_data_has(words: Sequence[str], data: PathLike | None) -> None:
    """Refuse a word that the data lacks now, not when its turn comes, hours later."""
    root = absolute(data)
    if root is not None:
        for word in words:
            load_corpus(root, settle({"word": word, "data": root}))


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names with commas between them, or in a sequence."""
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(part.strip() for part in parts if part.strip())
