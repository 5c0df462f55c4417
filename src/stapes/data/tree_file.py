"""A clip in a tree of folders, and the trees that can be read in two ways."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from stapes.data.meaning import SPLIT_NAMES, Meaning
from stapes.data.slug import same_label, slug
from stapes.errors import UsageError


@dataclass(frozen=True)
class TreeFile:
    """A sound file below the root: the names of its folders, and what they mean."""

    path: Path
    file: str
    folders: tuple[str, ...]
    meanings: tuple[Meaning, ...]

    @property
    def split(self) -> str | None:
        """The split that a folder names."""
        return next((meaning.split for meaning in self.meanings if meaning.split), None)

    @property
    def plain(self) -> list[int]:
        """The places of folders whose names tell nothing."""
        return [n for n, meaning in enumerate(self.meanings) if meaning == Meaning()]

    @property
    def place(self) -> int | None:
        """The folder that decides: the nearest that tells, or else the top one; None: no folder."""
        roles = [n for n, meaning in enumerate(self.meanings) if meaning.role]
        return roles[-1] if roles else next(iter(self.plain), None)

    def at(self, place: int) -> str:
        """The path of one of its folders in the root, with a slash at the end."""
        return "/".join(self.folders[: place + 1]) + "/"


def refuse_mixed_names(files: list[TreeFile], root: Path, word: str | None) -> None:
    """Raise UsageError if some names of clips without a folder have the word, and others not."""
    if word is None:
        return
    named = [file for file in files if slug(word) in slug(file.path.stem)]
    if named and len(named) < len(files):
        raise UsageError(
            f"{root} has {len(files)} clips and no folders: either all are {word!r}, or only the "
            f"{len(named)} with it in their names. Put the clips of each label into a folder."
        )


def refuse_two_readings(files: list[TreeFile], root: Path, word: str | None) -> None:
    """Raise UsageError if it is not clear which folders have the word."""
    holders = {"/".join(file.folders) + "/" for file in files}
    literal: set[tuple[int, str]] = set()
    synonyms: set[str] = set()
    for file in files:
        roles = [n for n, meaning in enumerate(file.meanings) if meaning.role]
        for outer, inner in itertools.pairwise(roles):
            if file.meanings[outer].role == "other" and file.meanings[inner].role == "word":
                _ambiguous(root, file.at(inner), f"the word, or without it as {file.at(outer)}")
        words = [n for n in roles if file.meanings[n].role == "word"]
        for place in words:
            above = [n for n in file.plain if n < place]
            if word is not None and same_label(file.folders[place], word):
                literal.add((len(above), file.at(place)))
                if slug(word) in SPLIT_NAMES and place + 1 < len(file.folders):
                    _ambiguous(root, file.at(place), "the word, or the clips of a split")
            elif place == words[0]:
                synonyms.add(file.at(place))
            for label in (file.at(n) for n in above if file.at(n) in holders):
                _ambiguous(root, file.at(place), f"the word, or a part of the label {label}")
    _refuse_two_words(root, literal, synonyms)


def _refuse_two_words(root: Path, literal: set[tuple[int, str]], synonyms: set[str]) -> None:
    """Refuse folders of the word at two depths, and one beside a folder like `wake-word`."""
    if not literal:
        return
    least, first = min(literal)
    for depth, folder in sorted(literal):
        if depth != least:
            _ambiguous(root, folder, f"the word as {first}, or a part of another label")
    for folder in sorted(synonyms):
        if not any(folder.startswith(at) for _, at in literal):
            _ambiguous(root, folder, f"the word as {first}, or not")


def _ambiguous(root: Path, folder: str, readings: str) -> NoReturn:
    raise UsageError(
        f"{root}: {folder} may be {readings}. Choose with --positive-dir and --negative-dir, or "
        "rename it."
    )
