"""What the name of a folder means: the word, other sound, a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stapes.data.slug import same_label, slug

Role = Literal["word", "other"]

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "held_out"), "test"),
}
"""The split that a name tells, by its slug."""
_WORD = frozenset(("wake_word", "wakeword", "hotword", "hot_word", "keyword", "positive", "pos"))
_OTHER = frozenset(("negative", "neg", "unknown", "other", "others", "background", "noise"))
_NOT = ("not_", "non_", "no_")


@dataclass(frozen=True)
class Meaning:
    """What a folder holds; None where its name does not tell."""

    role: Role | None = None
    split: str | None = None


def meaning_of(name: str, word: str | None) -> Meaning:
    """What the name of a folder means, where the wake word is `word`.

    Examples
    --------
    >>> meaning_of("positive_train", "computer")
    Meaning(role='word', split='train')
    >>> meaning_of("not-wake-words", "computer").role, meaning_of("Computer", "computer").role
    ('other', 'word')
    """
    # The word itself comes first: a word may be "train" or "other".
    if word is not None and same_label(name, word):
        return Meaning("word")
    parts = slug(name).split("_")
    for rest, end in ((parts[:-1], parts[-1]), (parts[1:], parts[0]), ([], "_".join(parts))):
        if end in SPLIT_NAMES and (not rest or _role("_".join(rest), word)):
            return Meaning(_role("_".join(rest), word), SPLIT_NAMES[end])
    return Meaning(_role("_".join(parts), word))


def _role(name: str, word: str | None) -> Role | None:
    """Of a slug."""
    names = {name, name.removesuffix("s")}
    if names & _WORD or (word is not None and name == slug(word)):
        return "word"
    if names & _OTHER:
        return "other"
    for prefix in _NOT:
        if name.startswith(prefix) and _role(name.removeprefix(prefix), word) == "word":
            return "other"
    return None
