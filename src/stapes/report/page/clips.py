"""Which test clips are decided wrongly, by which models, and how each model errs."""

from __future__ import annotations

from dataclasses import dataclass

from stapes.contracts.results import Results
from stapes.report.columns import COLUMNS
from stapes.system.text import plural

MOST_CLIPS = 200
MOST_SOUND = 700_000
"""Letters of base64 in a page: it is to be sent and opened like any other document."""


@dataclass(frozen=True)
class WrongClip:
    """A clip that some model decides wrongly."""

    name: str
    label: str
    mistake: str
    wrong: list[int]
    """The models' rows in the table."""
    models: str
    scores: list[float | None]
    """Of each model."""
    sound: str


@dataclass(frozen=True)
class WrongClips:
    """The clips that the page shows, those first that most models get wrong."""

    shown: list[WrongClip]
    left_out: int
    silent: int
    """Clips whose sound is in results.json and would make the page too large."""
    measured: int
    """Models whose mistakes are known."""


CONFUSION = ("true_positives", "false_negatives", "false_positives", "true_negatives")


@dataclass(frozen=True)
class Matrix:
    """The decisions of one model, each with its part of the clips of its class."""

    name: str
    cells: list[tuple[str, int, float]]
    """By `CONFUSION`: the title, the number, and its part."""


def wrong_clips(results: Results) -> WrongClips | None:
    """The clips that any model gets wrong; None where the run does not tell."""
    if not results.clips:
        return None
    known = [n for n, row in enumerate(results.variants) if row.accuracy is not None]
    by_clip: dict[int, list[int]] = {}
    for number in known:
        for place in results.variants[number].wrong:
            by_clip.setdefault(place, []).append(number)
    ordered = sorted(by_clip, key=lambda place: (-len(by_clip[place]), place))
    shown, room, silent = [], MOST_SOUND, 0
    for place in ordered[:MOST_CLIPS]:
        clip, wrong = results.clips[place], by_clip[place]
        sound = clip.sound or ""
        if len(sound) > room:
            sound, silent = "", silent + 1
        room -= len(sound)
        shown.append(
            WrongClip(
                name=clip.name,
                label=clip.label,
                mistake="miss" if clip.word else "false positive",
                wrong=wrong,
                models=_models(results, wrong, known),
                scores=[
                    round(row.scores[place], 3) if place < len(row.scores) else None
                    for row in results.variants
                ],
                sound=sound,
            )
        )
    return WrongClips(
        shown=shown,
        left_out=len(ordered) - len(shown),
        silent=silent,
        measured=len(known),
    )


def matrices(results: Results) -> list[Matrix]:
    """The confusion of each measured model."""
    found = []
    for row in results.variants:
        counts = row.confusion
        words = counts.true_positives + counts.false_negatives
        others = counts.false_positives + counts.true_negatives
        if row.accuracy is None or not words + others:
            continue
        cells = []
        for key, of in zip(CONFUSION, (words, words, others, others), strict=True):
            number = getattr(counts, key)
            cells.append((COLUMNS[key].title, number, number / max(1, of)))
        found.append(Matrix(row.name, cells))
    return found


def scores(clip: WrongClip) -> str:
    """From the lowest to the highest score of the clip."""
    known = [score for score in clip.scores if score is not None]
    if not known:
        return "–"
    low, high = min(known), max(known)
    return f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"


def _models(results: Results, wrong: list[int], known: list[int]) -> str:
    names = [results.variants[n].name for n in wrong]
    if len(wrong) == len(known) > 1:
        return "all"
    if len(wrong) > len(known) / 2:
        rest = [results.variants[n].name for n in known if n not in wrong]
        return f"all but {', '.join(rest)}"
    return ", ".join(names)


def summary(found: WrongClips, clips: int) -> str:
    """The clips in a sentence."""
    total = len(found.shown) + found.left_out
    if not total:
        return f"No model decides any of the {plural(clips, 'test clip')} wrongly."
    every = sum(len(clip.wrong) == found.measured for clip in found.shown)
    said = f"{total:,} of {plural(clips, 'test clip')} are decided wrongly by some model"
    said += f", {every:,} by every one." if every else ", none by every one."
    if found.left_out:
        said += f" The {len(found.shown):,} that most models get wrong are shown."
    if found.silent:
        said += f" {plural(found.silent, 'sound')} had no room on this page: see results.json."
    return said
