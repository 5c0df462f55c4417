"""Sentences about the word in its clips: how long it is, and where a model does not find it."""

from __future__ import annotations

from stapes.contracts.results import Results
from stapes.contracts.streams import StreamBaseline


def about_words(results: Results) -> list[str]:
    """The sentences of a run."""
    frontend = results.settings.get("frontend")
    window = frontend.get("window_seconds") if isinstance(frontend, dict) else None
    sentences = []
    # A user's model has the window that it has.
    windows = results.baseline.model is None and any(row.stream is None for row in results.variants)
    if windows and isinstance(window, int | float):
        sentences += cut_words(results.data.word_seconds, window)
    if results.streams is not None:
        sentences += not_found(results.streams.baseline)
    return sentences


def cut_words(word_seconds: float | None, window_seconds: float) -> list[str]:
    """A warning that the window is shorter than the word; empty if it is not.

    Examples
    --------
    >>> cut_words(1.2, 1.0)[0][:57]
    "5 % of the clips' words are longer than 1.2 s, and the wi"
    >>> cut_words(0.8, 1.0)
    []
    """
    if word_seconds is None or word_seconds <= window_seconds:
        return []
    return [
        f"5 % of the clips' words are longer than {word_seconds:g} s, and the window is "
        f"{window_seconds:g} s: --window auto makes it as long as the word."
    ]


def not_found(baseline: StreamBaseline) -> list[str]:
    """In how many training clips the detector does not find the word; empty if in none."""
    if not baseline.clips_not_found:
        return []
    return [
        f"In {baseline.clips_not_found:,} of {baseline.clips:,} training clips, the detector in a "
        "stream does not find the word: `stapes data check DIR --where RUN` lists them, so that "
        "you can listen to them."
    ]
