"""Read the tables of a corpus, one for each split: CSV, Common Voice's TSV, JSON lines.

- `train.csv`, `val.csv`, `test.csv`: commas, semicolons or tabs, with the columns of `_COLUMNS`.
- Common Voice's `train.tsv`, `dev.tsv`, `test.tsv` beside the folder `clips`: a clip's label is
  its sentence.
- `train.jsonl` or `train_manifest.json`, as NeMo writes them: `{"audio_filepath": ..., "duration":
  ..., "label" or "text": ...}`, with an `offset` for a part of a recording.

Every row is a clip, or is named with the reason.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from stapes.data import layouts
from stapes.data.clip import Clip, Skipped
from stapes.data.slug import same_label, slug
from stapes.errors import UsageError

_STEMS = {"train": ("train",), "validation": ("val", "validation", "dev"), "test": ("test",)}
_ENDINGS = (".csv", ".tsv", ".jsonl", "_manifest.jsonl", "_manifest.json")
"""Of one corpus, all tables have the same ending; the first that is there counts."""
_COLUMNS = {
    "file": ("file", "path", "filename", "file_name", "audio_filepath", "audio"),
    "label": ("label", "class", "category", "word", "keyword", "command", "text", "sentence"),
    "speaker": ("speaker", "speaker_id", "client_id", "user"),
}
_NAMED = "the columns file,label,speaker"


def table_clips(root: Path, word: str | None) -> tuple[dict[str, list[Clip]], list[Skipped]]:
    """The clips that the tables list, by split.

    Parameters
    ----------
    root : Path
    word : str or None
        A label that only contains it is a sentence: it is no clip of either class.

    Raises
    ------
    UsageError
        A table is missing or broken.
    """
    splits: dict[str, list[Clip]] = {}
    skipped: list[Skipped] = []
    ending = tables_ending(root)
    kind = "CSV" if ending == ".csv" else ending
    for split, stems in _STEMS.items():
        paths = [path for stem in stems if (path := root / f"{stem}{ending}").is_file()]
        if not paths and split != "validation":
            raise UsageError(
                f"{root} has {kind} files but no {stems[0]}{ending}: add it, or remove the others."
            )
        splits[split] = []
        for path in paths[:1]:
            for number, row in _rows(path):
                clip = _listed(root, path.name, number, row, word)
                (splits[split] if isinstance(clip, Clip) else skipped).append(clip)  # type: ignore[arg-type]
    return splits, skipped


def tables_ending(root: Path) -> str | None:
    """The ending of the tables, such as `.csv`; None where there are none."""
    stems = [stem for names in _STEMS.values() for stem in names]
    return next(
        (end for end in _ENDINGS if any((root / f"{stem}{end}").is_file() for stem in stems)), None
    )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table with their line numbers; the keys are those of `_COLUMNS`, and others."""
    text = layouts.text(path)
    rows = _csv(path, text) if path.suffix in (".csv", ".tsv") else _json(path, text)
    for number, row in rows:
        named = dict(row)
        for key, names in _COLUMNS.items():
            named[key] = next((row[name] for name in names if row.get(name) is not None), "")
        yield number, named


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    lines = text.splitlines()
    head = lines[0] if lines else ""
    delimiter = "\t" if "\t" in head else ";" if ";" in head else ","
    if path.suffix == ".tsv":
        # Common Voice quotes nothing, and sentences have quotation marks.
        rows: Iterable[tuple[int, list[str]]] = enumerate((x.split("\t") for x in lines), 1)
    else:
        rows = _quoted(path, lines, delimiter)
    numbered = iter(rows)
    _, columns = next(numbered, (1, []))
    names = [column.strip().lower() for column in columns]
    for key in ("file", "label"):
        if not set(_COLUMNS[key]) & set(names):
            raise UsageError(f"{path}: the first line must name {_NAMED}.")
    for number, cells in numbered:
        if any(cells):
            yield number, dict(zip(names, cells, strict=False))


def _quoted(path: Path, lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each line is a row: a quote that is not closed would take the lines after it."""
    for number, line in enumerate(lines, 1):
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            raise UsageError(f"{path}, line {number}: {error}; close its quotes.") from None
        yield number, cells


def _json(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise UsageError(
                f'{path}, line {number}: write one {{"audio_filepath": ..., "label": ...}} a line.'
            )
        yield number, row


def _listed(
    root: Path, table: str, number: int, row: dict[str, Any], word: str | None
) -> Clip | Skipped:
    file, label, speaker = (row[key] for key in ("file", "label", "speaker"))
    where = f"{table}, line {number}"
    if not isinstance(file, str) or not file.strip():
        return Skipped(where, "it names no file")
    if not isinstance(label, str | int) or not str(label).strip():
        return Skipped(file, f"{where} has no label for it")
    label = str(label).strip()
    if word is not None and not same_label(label, word) and _has(label, word):
        return Skipped(file, f"{where} has the word in a sentence, and not the time of it")
    start = row.get("offset")
    if start is not None and not _is_seconds(start):
        return Skipped(file, f"{where} has an offset that is no time in seconds")
    path = _path(root, file.strip())
    if isinstance(path, str):
        return Skipped(file, path)
    return Clip(
        path.relative_to(root).as_posix(),
        path,
        label,
        str(speaker) if speaker else layouts.speaker_of(path),
        float(start) if start else None,
    )


def _has(label: str, word: str) -> bool:
    return f"_{slug(word)}_" in f"_{slug(label)}_"


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < layouts.LONGEST_SECONDS


def _path(root: Path, file: str) -> Path | str:
    """The file in the folder, or the reason why there is none.

    A path of another computer is used from the folder on whose name it shares with this one.
    """
    windows = "\\" in file and not (root / file).exists()
    name = PureWindowsPath(file) if windows else PurePosixPath(file)
    parts = [part for part in name.parts if part != name.anchor]
    if ".." in parts:
        return "its path leaves the folder"
    tails = [parts]
    if name.is_absolute() or name.drive:
        inside = _inside(root, file)
        tails = [inside] if inside else [parts[n + 1 :] for n in _named(parts, root)]
        if not tails:
            return "its path leaves the folder"
    for tail in tails:
        for folder in (root, root / "clips"):
            try:
                if tail and folder.joinpath(*tail).is_file():
                    return folder.joinpath(*tail)
            except (OSError, ValueError):
                return "its name is too long, or has a character that no name may have"
    return "missing: the table lists it"


def _inside(root: Path, file: str) -> list[str]:
    path, whole = Path(file), root.resolve()
    return list(path.relative_to(whole).parts) if path.is_relative_to(whole) else []


def _named(parts: list[str], root: Path) -> list[int]:
    return [n for n, part in enumerate(parts[:-1]) if part == root.resolve().name]
