"""The test clips with wrong decisions, and the confusion of each model."""

from __future__ import annotations

from dataclasses import dataclass

from stapes.contracts.results import Results
from stapes.report.columns import COLUMNS
from stapes.system.text import plural

MOST_CLIPS = 200
MOST_SOUND = 700_000
"""Letters of base64 in a page, so that it stays small enough for an e-mail."""


@dataclass(frozen=True)
class WrongClip:
    """A clip that at least one model gets wrong."""

    name: str
    label: str
    mistake: str
    wrong: list[int]
    """The models' rows in the table."""
    models: str
    scores: list[float | None]
    """Of each model."""
    sound: str

    @property
    def score(self) -> str:
        """The lowest and the highest score of the clip."""
        scores = [score for score in self.scores if score is not None]
        if not scores:
            return "–"
        low, high = f"{min(scores):.2f}", f"{max(scores):.2f}"
        return low if min(scores) == max(scores) else f"{low} to {high}"


@dataclass(frozen=True)
class WrongClips:
    """The clips that the page shows; those that most models get wrong come first."""

    shown: list[WrongClip]
    left_out: int
    silent: int
    """Clips whose sound is in results.json, but would make the page too large."""
    measured: int
    """The number of measured models."""


CONFUSION = ("true_positives", "false_negatives", "false_positives", "true_negatives")


@dataclass(frozen=True)
class Matrix:
    """The decisions of one model."""

    name: str
    cells: list[tuple[str, int, float]]
    """By `CONFUSION`: the title, the number, and its part of the clips of that class."""


def wrong_clips(results: Results) -> WrongClips | None:
    """The clips that any model gets wrong; None where the run does not list its clips."""
    if not results.clips:
        return None
    measured = [n for n, row in enumerate(results.variants) if row.accuracy is not None]
    by_clip: dict[int, list[int]] = {}
    for number in measured:
        for index in results.variants[number].wrong:
            by_clip.setdefault(index, []).append(number)
    ordered = sorted(by_clip, key=lambda index: (-len(by_clip[index]), index))
    shown, room, silent = [], MOST_SOUND, 0
    for index in ordered[:MOST_CLIPS]:
        clip, wrong = results.clips[index], by_clip[index]
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
                models=_models(results, wrong, measured),
                scores=[
                    round(row.scores[index], 3) if index < len(row.scores) else None
                    for row in results.variants
                ],
                sound=sound,
            )
        )
    return WrongClips(shown, len(ordered) - len(shown), silent, len(measured))


def matrices(results: Results) -> list[Matrix]:
    """The confusion of each measured model."""
    measured = []
    for row in results.variants:
        counts = row.confusion
        words = counts.true_positives + counts.false_negatives
        others = counts.false_positives + counts.true_negatives
        if row.accuracy is None or not words + others:
            continue
        cells = []
        for key, clips in zip(CONFUSION, (words, words, others, others), strict=True):
            number = getattr(counts, key)
            cells.append((COLUMNS[key].title, number, number / max(1, clips)))
        measured.append(Matrix(row.name, cells))
    return measured


def _models(results: Results, wrong: list[int], measured: list[int]) -> str:
    right = [n for n in measured if n not in wrong]
    if not right and len(wrong) > 1:
        return "all"
    few, prefix = (right, "all except ") if 0 < len(right) < len(wrong) else (wrong, "")
    return prefix + ", ".join(results.variants[n].name for n in few)


def summary(wrong: WrongClips, clips: int) -> str:
    """The number of clips with wrong decisions, in sentences."""
    total = len(wrong.shown) + wrong.left_out
    if not total:
        return f"Every model decides all {plural(clips, 'test clip')} correctly."
    every = sum(len(clip.wrong) == wrong.measured for clip in wrong.shown)
    text = f"At least one model gets {total:,} of {plural(clips, 'test clip')} wrong; every model "
    text += f"gets {every:,} wrong."
    if wrong.left_out:
        text += f" The table shows the {len(wrong.shown):,} that most models get wrong."
    if wrong.silent:
        text += f" {plural(wrong.silent, 'sound')} did not fit on this page: see results.json."
    return text
