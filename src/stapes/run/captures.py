"""The captures that a run trains with: labelled, of its word, and of no sound that it is tested in.

A recording that was learned from is never counted in. So a capture of a clip or a recording that
validates or tests is not used. Recordings of `--continuous` with captures are not tested in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from stapes.data.captures import Kept, Labelled, read_kept
from stapes.data.clip import Clip, Skipped
from stapes.data.corpus import Corpus
from stapes.data.layouts import sound_files
from stapes.data.slug import slug
from stapes.data.stream.gathering import noise_files
from stapes.errors import UsageError
from stapes.run.job import Job
from stapes.run.settings import RunSettings
from stapes.system.files import sha256
from stapes.system.text import plural, printable

_HELD_OUT = ("validation", "test")


def check(settings: RunSettings, *, streams: bool) -> None:
    """Raise UsageError if no model of a run would learn from the captures, or none are there."""
    if settings.captures is None:
        return
    if not streams:
        raise UsageError(
            "--captures: only detectors in a stream learn from captures; name stream* in "
            "--techniques, or omit it."
        )
    kept = read_kept(settings.captures, "--captures")
    if not _usable(settings, kept)[0]:
        words = sorted({printable(labelled.capture.wake_word) for labelled in kept.labelled})
        others = f" (those with a label are of {', '.join(words)})" if words else ""
        raise UsageError(
            f"--captures {settings.captures}: no capture of {settings.word} has a label{others}; "
            f"`stapes data label {settings.captures}` asks for them."
        )


def with_captures(corpus: Corpus, job: Job) -> Corpus:
    """The corpus with the captures that are used; its `skipped` lists the others."""
    settings = job.settings
    if settings.captures is None:
        return corpus
    kept = read_kept(settings.captures, "--captures")
    if kept.unlabelled:
        job.progress.note(
            f"{plural(len(kept.unlabelled), 'capture')} in {settings.captures} without a label "
            f"{'is' if len(kept.unlabelled) == 1 else 'are'} not used: `stapes data label "
            f"{settings.captures}` asks for them."
        )
    labelled, skipped = _usable(settings, kept)
    used, held_out = _apart(labelled, corpus, settings.noise)
    return replace(corpus, captures=tuple(used), skipped=(*corpus.skipped, *skipped, *held_out))


def learned(captures: Collection[Labelled], continuous: Path | None) -> list[Clip]:
    """The captures as files, and the recordings of a folder that they were cut from."""
    clips = [Clip(labelled.name, labelled.path, "captures") for labelled in captures]
    sources = {labelled.capture.source_sha256 for labelled in captures} - {None}
    if sources and continuous is not None:
        clips += [
            Clip(name, path, "captures")
            for name, path in sound_files(continuous, "--continuous")[0]
            if sha256(path) in sources
        ]
    return clips


def _usable(settings: RunSettings, kept: Kept) -> tuple[list[Labelled], list[Skipped]]:
    """The captures of the run's word, and the others with the reason."""
    used, skipped = [], [_named(clip.file, clip.reason) for clip in kept.skipped]
    for labelled in kept.labelled:
        word = labelled.capture.wake_word
        if slug(word) == slug(settings.word):
            used.append(labelled)
        else:
            skipped.append(_named(labelled.name, f"its label is about the word {word}"))
    return used, skipped


def _apart(
    captures: list[Labelled], corpus: Corpus, noise: Path | None
) -> tuple[list[Labelled], list[Skipped]]:
    """The captures of sound that neither validates nor tests, and the others with the reason."""
    held_out = {clip.path for split in _HELD_OUT for clip in corpus.splits[split]}
    held_out.update(path for split in _HELD_OUT for path in noise_files(noise, split))
    sizes = {labelled.path.stat().st_size for labelled in captures}
    # A capture may be one of these files, or be cut from one; only the second needs every hash.
    cut = any(labelled.capture.source_sha256 for labelled in captures)
    contents = {
        sha256(path)
        for path in sorted(held_out)
        if path.is_file() and (cut or path.stat().st_size in sizes)
    }
    used, skipped = [], []
    for labelled in captures:
        hashes = {sha256(labelled.path), labelled.capture.source_sha256}
        if hashes & contents:
            skipped.append(_named(labelled.name, "it is of sound that validates or tests"))
        else:
            used.append(labelled)
    return used, skipped


def _named(name: str, reason: str) -> Skipped:
    return Skipped(f"captures/{name}", reason)
