"""What a run would use of a folder, and what it would skip and why.

Every clip is decoded. As in a run, a file that is there twice counts once, in the test set first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stapes.contracts.evaluation import Check, LabelCount
from stapes.contracts.measurements import SkippedFile
from stapes.data.clip import SPLITS, Clip, Skipped
from stapes.data.corpus import Corpus
from stapes.data.cutting import cut_advice
from stapes.data.extraction import chunked, decode_window, in_threads
from stapes.data.features import first_of_each
from stapes.data.shortcuts import Properties, properties, shortcuts
from stapes.data.splitting import is_word
from stapes.errors import AudioError
from stapes.frontends.frontend import Frontend
from stapes.system.progress import SILENT, Progress

_CHUNK = 32


def check(corpus: Corpus, settings: Frontend, progress: Progress = SILENT) -> Check:
    """Decode the window of every clip that a run would use, and count the usable clips."""
    split_of: dict[Clip, str] = {}
    clips: list[Clip] = []
    for split in reversed(SPLITS):
        for clip in [*corpus.positives(split), *corpus.negatives(split)]:
            clips.append(clip)
            split_of.setdefault(clip, split)
    usable: list[Clip] = []
    skipped: list[Skipped] = []
    chunks = _chunks(clips, skipped)
    classes: dict[bool, list[Properties]] = {True: [], False: []}
    for part, results in in_threads(chunks, lambda part: [_decoded(c, settings) for c in part]):
        for clip, result in zip(part, results, strict=True):
            if isinstance(result, str):
                skipped.append(Skipped(clip.name, result))
                continue
            usable.append(clip)
            # A window of a long recording has the recording's length.
            if clip.start is None:
                classes[is_word(clip.label, corpus.word)].append(result)
        progress.update(len(usable) + len(skipped), len(clips))
    skipped += corpus.skipped
    words = [clip for clip in usable if is_word(clip.label, corpus.word)]
    counts = Counter((clip.label, split_of[clip]) for clip in usable)
    return Check(
        data=str(corpus.root),
        split_rule=corpus.split_rule,
        synthetic=corpus.synthetic,
        usable=len(usable),
        shortcuts=None if corpus.word is None else shortcuts(classes[True], classes[False]),
        understood=list(corpus.understood),
        long_words=cut_advice(words),
        labels=[
            LabelCount(label=label, **{split: counts[label, split] for split in SPLITS})
            for label in sorted({clip.label for clip in usable})
        ],
        speakers={
            split: corpus.speakers([clip for clip in usable if split_of[clip] == split])
            for split in SPLITS
        },
        skipped=[
            SkippedFile(file=clip.file, reason=clip.reason)
            for clip in sorted(skipped, key=lambda clip: clip.file)
        ],
    )


def _chunks(clips: list[Clip], skipped: list[Skipped]) -> Iterator[list[Clip]]:
    digests: dict[Path, bytes] = {}
    seen: dict[bytes, Clip] = {}
    for chunk in chunked(clips, _CHUNK):
        yield [clip for clip, _ in first_of_each(chunk, digests, seen, skipped)]


def _decoded(clip: Clip, settings: Frontend) -> Properties | str:
    """The properties of a clip, or why it cannot be used."""
    try:
        return properties(clip.path, *decode_window(clip, settings))
    except AudioError as error:
        return error.reason
