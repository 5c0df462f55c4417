"""What a run would use of a folder, and what it would skip and why: every clip is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice

from stapes.audio.frontend import Mfcc
from stapes.data.clip import SPLITS, Clip, Skipped
from stapes.data.corpus import Corpus
from stapes.data.features import decode_window, in_threads
from stapes.errors import AudioError
from stapes.results import Check, LabelCount, SkippedFile

_CHUNK = 32


def check(
    corpus: Corpus, settings: Mfcc, on_progress: Callable[[int, int], None] | None = None
) -> Check:
    """Decode every clip of a corpus and count what can be used.

    Parameters
    ----------
    corpus : Corpus
    settings : Mfcc
        Its window is what a run would take of each clip.
    on_progress : callable, optional
        Called with the clips done and their number.
    """
    placed = [(split, clip) for split in SPLITS for clip in corpus.splits[split]]
    split_of = {clip.name: split for split, clip in placed}
    clips = iter([clip for _, clip in placed])
    chunks = iter(lambda: list(islice(clips, _CHUNK)), [])
    usable: list[Clip] = []
    skipped = list(corpus.skipped)
    done = 0
    for part, reasons in in_threads(chunks, lambda part: [_reason(c, settings) for c in part]):
        for clip, reason in zip(part, reasons, strict=True):
            if reason is None:
                usable.append(clip)
            else:
                skipped.append(Skipped(clip.name, reason))
        done += len(part)
        if on_progress:
            on_progress(done, len(placed))
    counts = Counter((clip.label, split_of[clip.name]) for clip in usable)
    return Check(
        data=str(corpus.root),
        split_rule=corpus.split_rule,
        synthetic=corpus.synthetic,
        usable=len(usable),
        labels=[
            LabelCount(label=label, **{split: counts[label, split] for split in SPLITS})
            for label in sorted({clip.label for clip in usable})
        ],
        speakers={
            split: corpus.speakers([clip for clip in usable if split_of[clip.name] == split])
            for split in SPLITS
        },
        skipped=[
            SkippedFile(file=each.file, reason=each.reason)
            for each in sorted(skipped, key=lambda each: each.file)
        ],
    )


def _reason(clip: Clip, settings: Mfcc) -> str | None:
    try:
        decode_window(clip, settings)
    except AudioError as error:
        return error.reason
    return None
