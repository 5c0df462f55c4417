"""What a tree of folders means: which clips hold the word, and which split a folder names.

The folder of a clip that is nearest to it and whose name tells its meaning decides
(`data.meaning`). Where none tells, the top folder is the label. docs/data.md draws the trees.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from stapes.data import layouts
from stapes.data.clip import Clip, Skipped
from stapes.data.meaning import Meaning, meaning_of
from stapes.data.slug import same_label, slug
from stapes.data.tree_file import TreeFile, refuse_mixed_names, refuse_two_readings
from stapes.errors import UsageError

_NOISE = "_background_noise_"
_BESIDE = frozenset(
    ("", ".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".html", ".labels")
)
"""Endings of lists, licences and the like, which lie beside the folders."""
_FEWEST_SPEAKERS = 5
_MOST_CLIPS = 0.9
_MOST_FOLDERS = 4
"""That are listed one by one, of those without the word."""
_TITLES = {"train": " to train", "validation": " for validation", "test": " for the test"}


@dataclass
class Tree:
    """The clips of a tree of folders.

    splits : the split of each clip that has one by its folder's name
    understood : what each folder was taken for, a line each
    """

    clips: list[Clip] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    splits: dict[str, str] = field(default_factory=dict)
    understood: list[str] = field(default_factory=list)


def read_tree(
    root: Path,
    word: str | None,
    *,
    positive: Path | None = None,
    negative: Path | None = None,
    leave_out: str | None = None,
) -> Tree:
    """Every sound file below a folder, as its folders' names tell.

    Parameters
    ----------
    root : Path
    word : str or None
        The wake word; it becomes the label of its clips, whatever their folder's name.
    positive, negative : Path, optional
        Folders in `root` whose clips have the word, and have not. Names mean nothing then.
    leave_out : str, optional
        A folder, as its path in `root`.

    Raises
    ------
    UsageError
        The tree can be read in two ways, or one of the two folders is not in it.
    """
    tree = Tree()
    files = _files(root, word, tree.skipped)
    if leave_out is not None:
        files = [file for file in files if not file.file.startswith(f"{leave_out}/")]
        tree.skipped = [s for s in tree.skipped if not s.file.startswith(f"{leave_out}/")]
    if positive or negative:
        _by_options(tree, files, word, _inside(root, positive), _inside(root, negative))
    else:
        _by_names(tree, files, root, word)
    tree.splits = {file.file: file.split for file in files if file.split}
    return tree


def _files(root: Path, word: str | None, skipped: list[Skipped]) -> list[TreeFile]:
    """The sound files below a folder, sorted; a link to a folder is followed at the top alone."""
    files: list[TreeFile] = []
    means: dict[str, Meaning] = {}
    entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    paths = [(root, entry.name) for entry in entries if not entry.is_dir()]
    for top in (entry for entry in entries if entry.is_dir()):
        if not top.name.startswith("."):
            paths += _below(Path(top.path), root, skipped)
    for folder, name in paths:
        path = folder / name
        file = path.relative_to(root).as_posix()
        if name.startswith("."):
            continue
        if reason := layouts.refused(file, path):
            if folder != root or path.suffix.lower() not in _BESIDE:
                skipped.append(reason)
            continue
        folders = path.relative_to(root).parts[:-1]
        for part in folders:
            means.setdefault(part, meaning_of(part, word))
        files.append(TreeFile(path, file, folders, tuple(means[part] for part in folders)))
    return files


def _below(top: Path, root: Path, skipped: list[Skipped]) -> list[tuple[Path, str]]:
    paths: list[tuple[Path, str]] = []
    for parent, folders, names in os.walk(top):
        folders.sort()
        if Path(parent).name == _NOISE:
            place = Path(parent).relative_to(root).as_posix()
            skipped.append(Skipped(f"{place}/", "noise and no label: give it with --noise"))
            folders.clear()
            continue
        for name in list(folders):
            link = Path(parent, name)
            if link.is_symlink():
                file = link.relative_to(root).as_posix()
                skipped.append(Skipped(f"{file}/", "a link to a folder; put the folder there"))
            if name.startswith(".") or link.is_symlink():
                folders.remove(name)
        paths += [(Path(parent), name) for name in sorted(names)]
    return sorted(paths, key=lambda pair: pair[0] / pair[1])


def _by_names(tree: Tree, files: list[TreeFile], root: Path, word: str | None) -> None:
    refuse_two_readings(files, root, word)
    labelled = [file for file in files if file.place is not None]
    loose = [file for file in files if file.place is None]
    groups: dict[tuple[str, bool, str | None], int] = Counter()
    depth = _depth_of_word(files)
    below: dict[str, str] = {}
    for file in labelled:
        place = file.place
        assert place is not None
        role = file.meanings[place].role
        if role is None:
            place = min(file.plain[0] + depth, len(file.folders) - 1)
        label = word if role == "word" and word else file.folders[place]
        tree.clips.append(Clip(file.file, file.path, label, _speaker(file.path, label)))
        groups[file.at(place), role == "word", file.split] += 1
        if len(file.folders) > place + 1 and file.meanings[-1] == Meaning():
            below[file.file] = file.folders[-1]
    _by_file_names(tree, loose, groups, root, word, alone=not labelled)
    tree.clips.sort(key=lambda clip: clip.path)
    tree.understood = _lines(groups)
    if _are_speakers(below, len(tree.clips)):
        tree.clips = [
            replace(clip, speaker=clip.speaker or below.get(clip.file)) for clip in tree.clips
        ]
        some = f"{len(set(below.values()))} folders such as {min(below.values())}/"
        tree.understood.append(f"{some} below the labels: a speaker each")


def _are_speakers(folders: dict[str, str], clips: int) -> bool:
    """Whether the folders below those of labels, which nearly all clips have, are of speakers.

    Some folders, or one with half of the clips, may be of languages, rooms or takes.
    """
    counts = Counter(folders.values())
    return (
        len(counts) >= _FEWEST_SPEAKERS
        and len(folders) >= _MOST_CLIPS * clips
        and max(counts.values()) <= clips / 2
    )


def _speaker(path: Path, label: str) -> str | None:
    """The speaker whom a name tells, without the label that some names begin with."""
    speaker = layouts.speaker_of(path)
    for end in "_-":
        begin = f"{slug(label)}{end}"
        if speaker and speaker.casefold().startswith(begin) and len(speaker) > len(begin):
            return speaker[len(begin) :]
    return speaker


def _depth_of_word(files: list[TreeFile]) -> int:
    """How many plain folders are above that of the word: so many are above other labels too."""
    for file in files:
        for place, meaning in enumerate(file.meanings):
            if meaning.role == "word":
                return sum(plain < place for plain in file.plain)
    return 0


def _by_file_names(
    tree: Tree,
    files: list[TreeFile],
    groups: dict[tuple[str, bool, str | None], int],
    root: Path,
    word: str | None,
    *,
    alone: bool,
) -> None:
    """Clips in no folder of a label: `label.number.wav`, or all are the word, or none is used."""
    dotted = alone and bool(files) and all("." in file.path.stem for file in files)
    if alone and not dotted:
        refuse_mixed_names(files, root, word)
    for file in files:
        place = "/".join(file.folders)
        if dotted:
            label = file.path.stem.split(".")[0]
            pattern = f"{place}/{label}.*" if place else f"{label}.*"
        elif alone and word is not None:
            label, pattern = word, f"{place}/" if place else "./"
        else:
            reason = "in no folder of a label; move it into one"
            tree.skipped.append(Skipped(file.file, reason))
            continue
        is_word = word is not None and same_label(label, word)
        tree.clips.append(Clip(file.file, file.path, label, _speaker(file.path, label)))
        groups[pattern, is_word, file.split] += 1


def _inside(root: Path, folder: Path | None) -> tuple[str, ...] | None:
    """The names from the root to a folder that an option gives."""
    if folder is None:
        return None
    for path in (root / folder, folder):
        if path.is_dir() and path.resolve().is_relative_to(root.resolve()):
            return path.resolve().relative_to(root.resolve()).parts
    raise UsageError(f"{folder}: there is no such folder in {root}.")


def _by_options(
    tree: Tree,
    files: list[TreeFile],
    word: str | None,
    positive: tuple[str, ...] | None,
    negative: tuple[str, ...] | None,
) -> None:
    groups: dict[tuple[str, bool, str | None], int] = Counter()
    if positive == negative:
        raise UsageError("--positive-dir and --negative-dir name the same folder: name two.")
    for file in files:
        within = [
            (len(folder), is_word)
            for folder, is_word in ((positive, True), (negative, False))
            if folder is not None and file.folders[: len(folder)] == folder
        ]
        if not within:
            tree.skipped.append(Skipped(file.file, "in neither --positive-dir nor --negative-dir"))
            continue
        length, is_word = max(within)
        at = "/".join(file.folders[:length]) or "."
        label = (word or at) if is_word else f"without the word ({at})"
        tree.clips.append(Clip(file.file, file.path, label, _speaker(file.path, label)))
        groups[f"{at}/", is_word, file.split] += 1
    tree.understood = _lines(groups)


def _lines(groups: dict[tuple[str, bool, str | None], int]) -> list[str]:
    """One line for each folder; many folders of other labels share one."""
    lines = [
        f"{folder}: {count:,} clips, the word{_TITLES.get(split or '', '')}"
        for (folder, is_word, split), count in sorted(groups.items(), key=str)
        if is_word
    ]
    others: dict[str | None, list[tuple[str, int]]] = defaultdict(list)
    for (folder, is_word, split), count in sorted(groups.items(), key=str):
        if not is_word:
            others[split].append((folder, count))
    for split, folders in others.items():
        title = f"without the word{_TITLES.get(split or '', '')}"
        if len(folders) > _MOST_FOLDERS:
            total = sum(count for _, count in folders)
            lines.append(
                f"{len(folders)} folders such as {folders[0][0]}: {total:,} clips, {title}"
            )
        else:
            lines += [f"{folder}: {count:,} clips, {title}" for folder, count in folders]
    return lines
