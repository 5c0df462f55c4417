"""Put the clips of a tree of folders into training, validation and test.

Speech Commands' lists, or folders with names such as `test`, are the splits. Where there are none,
the hash of the speaker decides, for clips whose names have one (`layouts`), else the hash of the
clip's content. Then one speaker may be in two splits, and the rule says so. Where luck leaves a
split of few clips without enough of them, the order of the hashes decides, by number.

Source of the hash: Warden 2018, "Speech Commands", arXiv:1804.03209, and its `which_set`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

from stapes.data import layouts
from stapes.data.clip import SPLITS, Clip, Skipped
from stapes.data.slug import same_label
from stapes.data.tree import Tree
from stapes.errors import UsageError
from stapes.system.files import sha256

FEWEST = {"train": 8, "test": 4}
"""The fewest clips of each class that a split may have."""

_BUCKETS = 1 << 27
_FEW = 50
"""Clips of a class that luck may leave without a split."""


def is_word(label: str, word: str | None) -> bool:
    """Whether a label is the word, without regard to case, spaces and punctuation."""
    # The label of recordings ends in a slash: they are negative, whatever their folder's name.
    return word is not None and not label.endswith("/") and same_label(label, word)


def bucket(key: str, validation: float, test: float) -> str:
    """Speech Commands' `which_set`: new clips do not change the split of others."""
    part = (_hash(key) % _BUCKETS) / (_BUCKETS - 1)
    if part < validation:
        return "validation"
    return "test" if part < validation + test else "train"


def split_tree(
    root: Path, tree: Tree, word: str | None, validation: float, test: float
) -> tuple[dict[str, list[Clip]], str]:
    """The clips of each split, and the rule. Clips that cannot be read join `tree.skipped`.

    Parameters
    ----------
    validation, test : float in [0, 1)
        The shares of splits that neither lists nor folders name.

    Raises
    ------
    UsageError
        The lists name no clip.
    """
    splits: dict[str, list[Clip]] = {split: [] for split in SPLITS}
    if listed := layouts.lists(root):
        if tree.splits:
            raise UsageError(
                f"{root} has lists of splits, and folders of splits such as that of "
                f"{min(tree.splits)}: remove the lists, or rename the folders."
            )
        if not any(clip.file in listed for clip in tree.clips):
            raise UsageError(
                f"{root}: none of the {len(listed)} files in its lists is there, such as "
                f"{next(iter(listed))}: write paths as <label>/<file>, or remove the lists."
            )
        for clip in tree.clips:
            splits[listed.get(clip.file, "train")].append(clip)
        return splits, "as validation_list.txt and testing_list.txt say"
    named = set(tree.splits.values())
    shares = {"validation": validation, "test": test}
    drawn = {split: 0.0 if split in named else share for split, share in shares.items()}
    keys = _keys([clip for clip in tree.clips if _is_drawn(tree, clip)], tree.skipped)
    split_of = {
        clip.file: tree.splits[clip.file] for clip in tree.clips if clip.file in tree.splits
    }
    split_of |= {
        file: bucket(key, drawn["validation"], drawn["test"]) for file, key in keys.items()
    }
    few = _by_number(tree.clips, keys, split_of, word, drawn)
    for clip in tree.clips:
        if clip.file in split_of:
            splits[split_of[clip.file]].append(clip)
    return splits, _rule(tree, named, few)


def _is_drawn(tree: Tree, clip: Clip) -> bool:
    return tree.splits.get(clip.file, "train") == "train"


def _keys(clips: list[Clip], skipped: list[Skipped]) -> dict[str, str]:
    """The speaker of each clip, or else its content, so that two copies are in one split."""
    keys = {}
    for clip in clips:
        try:
            keys[clip.file] = clip.speaker or sha256(clip.path)
        except OSError as error:
            skipped.append(Skipped(clip.file, f"cannot be read ({error.strerror})"))
    return keys


def _by_number(
    clips: list[Clip],
    keys: dict[str, str],
    split_of: dict[str, str],
    word: str | None,
    shares: dict[str, float],
) -> bool:
    """Change `split_of` where a class has too few clips in a split, and enough in all."""
    changed = False
    for positive in (True, False):
        files = [c.file for c in clips if c.file in keys and is_word(c.label, word) == positive]
        counts = Counter(split_of[file] for file in files)
        lacking = any(counts[split] < fewest for split, fewest in FEWEST.items())
        if lacking and shares["test"] and sum(FEWEST.values()) <= len(files) < _FEW:
            chosen = _ordered(files, keys, shares)
            # Other clips of the same speakers follow, so that none is in two splits.
            split_of |= {file: chosen[key] for file, key in keys.items() if key in chosen}
            changed = True
    return changed


def _ordered(files: list[str], keys: dict[str, str], shares: dict[str, float]) -> dict[str, str]:
    """The split of each key: as many files as the shares say, in the order of the hashes."""
    sizes = Counter(keys[file] for file in files)
    most = len(files) - FEWEST["train"]
    wanted = {"test": max(FEWEST["test"], round(shares["test"] * len(files)))}
    wanted["validation"] = min(round(shares["validation"] * len(files)), most - wanted["test"])
    chosen: dict[str, str] = {}
    filled: Counter[str] = Counter()
    for key in sorted(sizes, key=_hash):
        split = next((part for part in wanted if filled[part] < wanted[part]), "train")
        chosen[key] = split
        filled[split] += sizes[key]
    return chosen


def _rule(tree: Tree, named: set[str], few: bool) -> str:
    rule = "by a hash of the speaker"
    if any(clip.speaker is None for clip in tree.clips if _is_drawn(tree, clip)):
        rule = "by a hash of each clip, as the names tell no speaker: speakers may be shared"
    if few:
        rule += "; by number where the clips are few"
    if not named:
        return rule
    drawn = " and ".join(split for split in ("validation", "test") if split not in named)
    return f"as the folders' names say; {drawn} {rule}" if drawn else "as the folders' names say"


def _hash(key: str) -> int:
    return int(hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest(), 16)
