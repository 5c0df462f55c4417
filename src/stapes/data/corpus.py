"""Labelled clips and their split into training, validation and test.

- Tables such as `train.csv`, `val.csv` (optional) and `test.csv` (`data.tables`): each is a split.
- Folders, as `data.tree` reads them and `data.splitting` splits them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from stapes.data import layouts
from stapes.data.archives import folder_of
from stapes.data.captures import Labelled
from stapes.data.clip import Clip, Skipped
from stapes.data.slug import slug
from stapes.data.splitting import bucket, is_word, split_tree
from stapes.data.tables import table_clips, tables_ending
from stapes.data.tree import read_tree
from stapes.errors import UsageError
from stapes.system.yaml_file import read_yaml

CORPUS_FILE = "corpus.yaml"
"""Marks a folder that Stapes made: `synthetic: true`."""


@dataclass(frozen=True)
class Corpus:
    """Clips with a split; `word` is the label of the positive clips."""

    root: Path
    word: str | None
    splits: dict[str, tuple[Clip, ...]]
    split_rule: str
    shared_speakers: bool
    """Whether one speaker may be, or is, in two splits."""
    synthetic: bool
    skipped: tuple[Skipped, ...]
    captures: tuple[Labelled, ...] = ()
    """For training alone; see `run.captures`."""
    understood: tuple[str, ...] = ()
    """What each folder was taken for, a line each."""

    def positives(self, split: str) -> list[Clip]:
        """The clips of a split with the word."""
        return [clip for clip in self.splits[split] if is_word(clip.label, self.word)]

    def negatives(self, split: str) -> list[Clip]:
        """The clips of a split without the word."""
        return [clip for clip in self.splits[split] if not is_word(clip.label, self.word)]

    def speakers(self, clips: list[Clip]) -> int | None:
        """The number of speakers, or None where a clip has none."""
        known = {clip.speaker for clip in clips}
        return None if None in known else len(known)


def load(
    root: Path,
    word: str | None,
    *,
    negatives: Path | None = None,
    positive: Path | None = None,
    negative: Path | None = None,
    window_seconds: float = 1.0,
    validation: float = 0.1,
    test: float = 0.2,
) -> Corpus:
    """List the clips of a folder and put each into a split. Nothing is decoded.

    Parameters
    ----------
    root : Path
        A folder, or a .zip or .tar with one.
    word : str or None
        The label of the positive clips, see `is_word`. None: no clip is positive.
    negatives : Path, optional
        A folder of speech without the word, cut into windows of `window_seconds`.
    positive, negative : Path, optional
        Folders in `root` whose clips have the word, and have not, whatever their names.
    validation, test : float in [0, 1)
        The shares of the clips, where the folder does not have a split.

    Raises
    ------
    UsageError
        The folder or the word is missing, or a CSV file or list is broken.
    """
    root = folder_of(root)
    inside = _inside(root, negatives)
    understood: list[str] = []
    if ending := tables_ending(root):
        if positive or negative:
            raise UsageError(f"{root} has tables: leave out --positive-dir and --negative-dir.")
        splits, skipped = table_clips(root, word)
        splits = {split: _outside(inside, clips) for split, clips in splits.items()}
        rule = f"as train{ending}, val{ending} and test{ending} say"
        understood = [_table_line(split, clips, word) for split, clips in splits.items()]
    else:
        tree = read_tree(root, word, positive=positive, negative=negative, leave_out=inside)
        skipped, understood = tree.skipped, tree.understood
        splits, rule = split_tree(root, tree, word, validation, test)
    _require_word(root, word, splits, skipped)
    if word is not None and negatives is None and _only_the_word(splits, word):
        raise UsageError(
            f"{root}: every clip has {word!r}. Give speech without it with --negatives, or add a "
            "folder of other clips."
        )
    if negatives is not None:
        windows, unread = layouts.recording_clips(negatives, window_seconds)
        skipped += unread
        for clip in windows:
            # By the speaker, of whom there may be many files.
            splits[bucket(clip.speaker or clip.file, validation, test)].append(clip)
    shared = _shared(splits)
    if shared:
        rule += f"; {shared} speakers are in more than one split"
    may_share = shared > 0 or any(clip.speaker is None for part in splits.values() for clip in part)
    return Corpus(
        root=root,
        word=word,
        splits={split: tuple(clips) for split, clips in splits.items()},
        split_rule=rule,
        shared_speakers=may_share,
        synthetic=_is_synthetic(root),
        skipped=tuple(skipped),
        understood=tuple(understood),
    )


def _table_line(split: str, clips: list[Clip], word: str | None) -> str:
    count = sum(is_word(clip.label, word) for clip in clips)
    return f"{split}: {count:,} clips, the word; {len(clips) - count:,} without it"


def _inside(root: Path, negatives: Path | None) -> str | None:
    """Where the folder of negatives is in the data; its files are no clips of a label then."""
    if negatives is None or not negatives.resolve().is_relative_to(root.resolve()):
        return None
    inside = negatives.resolve().relative_to(root.resolve()).as_posix()
    if inside == ".":
        raise UsageError(f"--negatives {negatives}: it is the data's own folder; name another.")
    return inside


def _outside(inside: str | None, clips: list[Clip]) -> list[Clip]:
    return [clip for clip in clips if inside is None or not clip.file.startswith(f"{inside}/")]


def _require_word(
    root: Path, word: str | None, splits: dict[str, list[Clip]], skipped: list[Skipped]
) -> None:
    labels = sorted({clip.label for clips in splits.values() for clip in clips})
    # What was skipped comes first: it may be why a label is not there.
    of_word = [part for part in skipped if word and slug(word) in slug(part.file)]
    why = _first_reason(of_word or skipped)
    if not labels:
        raise UsageError(f"{root}: no folder in it holds a sound file{why}.")
    if word is not None and not any(is_word(label, word) for label in labels):
        some = ", ".join(labels[:12]) + (" and more" if len(labels) > 12 else "")
        raise UsageError(f"{root} has no label {word}; it has {some}{_first_reason(of_word)}.")


def _first_reason(skipped: list[Skipped]) -> str:
    if not skipped:
        return ""
    more = f" and {len(skipped) - 1} more files" if len(skipped) > 1 else ""
    return f". Skipped: {skipped[0].file}{more} ({skipped[0].reason})"


def _only_the_word(splits: dict[str, list[Clip]], word: str) -> bool:
    return all(is_word(clip.label, word) for clips in splits.values() for clip in clips)


def _shared(splits: dict[str, list[Clip]]) -> int:
    pairs = {(clip.speaker, split) for split, clips in splits.items() for clip in clips}
    counts = Counter(speaker for speaker, _ in pairs if speaker is not None)
    return sum(count > 1 for count in counts.values())


def _is_synthetic(root: Path) -> bool:
    try:
        content = read_yaml(root / CORPUS_FILE)
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and content.get("synthetic") is True
