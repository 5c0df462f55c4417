"""What `stapes listen --keep` kept, and its labels.

A label is a folder: a person says for a capture in `KEPT` whether the wake word is in it, and the
capture moves to `KEPT/yes` or `KEPT/no`. So a file manager labels too, and a session that was
interrupted goes on with what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stapes.contracts import captures
from stapes.contracts.captures import Capture, Labels
from stapes.contracts.measurements import SkippedFile
from stapes.data.clip import Skipped
from stapes.errors import StapesError, UsageError

ANSWERS = ("yes", "no")


@dataclass(frozen=True)
class Labelled:
    """A capture, and whether a person heard the wake word in it.

    name : its file within the folder of captures
    """

    name: str
    path: Path
    capture: Capture
    word: bool


@dataclass(frozen=True)
class Kept:
    """The captures of a folder; `unlabelled` are in the order of their names."""

    labelled: list[Labelled]
    unlabelled: list[tuple[Path, Capture]]
    skipped: list[Skipped]


def read_kept(folder: Path, option: str = "KEPT") -> Kept:
    """List the captures of a folder.

    Raises
    ------
    UsageError
        There is no such folder, or no capture in it.
    """
    if not folder.is_dir():
        raise UsageError(f"{option} {folder}: there is no such folder.")
    kept = Kept([], [], [])
    for answer in ANSWERS:
        other = ANSWERS[answer == "yes"]
        for name, path, capture in _captures(folder / answer, f"{answer}/", kept.skipped):
            if (folder / other / path.name).is_file():
                kept.skipped.append(Skipped(name, "in yes/ and in no/: remove one"))
            else:
                kept.labelled.append(Labelled(name, path, capture, answer == "yes"))
    for _, path, capture in _captures(folder, "", kept.skipped):
        # To listen to a recording again keeps the same file again.
        if not any((folder / answer / path.name).is_file() for answer in ANSWERS):
            kept.unlabelled.append((path, capture))
    if not kept.labelled and not kept.unlabelled and not kept.skipped:
        raise UsageError(
            f"{option} {folder}: no capture is in it; stapes listen --keep {folder} makes some."
        )
    return kept


def label(
    folder: Path, ask: Callable[[Path, Capture, int, int], str | None] | None = None
) -> Labels:
    """Ask for each capture without a label, and move it; returns what is there then.

    Parameters
    ----------
    ask : callable, optional
        Gets a WAV file, its sidecar, its number from 1, and their number; returns None to leave the
        capture as it is, else one of `ANSWERS`.

    Raises
    ------
    UsageError
        As `read_kept`, or `ask` returned something else.
    """
    kept = read_kept(folder)
    if ask is not None:
        for number, (path, capture) in enumerate(kept.unlabelled, 1):
            answer = ask(path, capture, number, len(kept.unlabelled))
            if answer not in (None, *ANSWERS):
                raise UsageError(f"ask: it returned {answer!r}; return yes, no or None.")
            if answer is not None:
                _move(path, folder / answer)
        kept = read_kept(folder)
    words = [labelled.word for labelled in kept.labelled]
    return Labels(
        yes=sum(words),
        no=len(words) - sum(words),
        unlabelled=len(kept.unlabelled),
        skipped=[SkippedFile(file=clip.file, reason=clip.reason) for clip in kept.skipped],
    )


def _move(path: Path, folder: Path) -> None:
    """Move a capture into the folder of its label."""
    folder.mkdir(exist_ok=True)
    # If this is interrupted, the sidecar is found where it was.
    path.replace(folder / path.name)
    sidecar = path.with_suffix(".json")
    sidecar.replace(folder / sidecar.name)


def _captures(
    folder: Path, prefix: str, skipped: list[Skipped]
) -> Iterator[tuple[str, Path, Capture]]:
    for path in sorted(folder.glob("*.wav")):
        if path.name.startswith(".") or not path.is_file():
            continue
        name = prefix + path.name
        sidecar = path.with_suffix(".json")
        if prefix and not sidecar.is_file():
            # A person may have moved the sound alone.
            sidecar = folder.parent / sidecar.name
        try:
            yield name, path, captures.read(sidecar)
        except UsageError:
            skipped.append(Skipped(name, f"its sidecar {sidecar.name} is missing"))
        except StapesError as error:
            skipped.append(Skipped(name, error.typed.rstrip(".")))
