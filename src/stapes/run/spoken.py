"""Sentences that stand for running speech where a run has no recordings of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import yaml

from stapes.data.corpus import CORPUS_FILE, Corpus
from stapes.data.slug import slug
from stapes.run.job import Job
from stapes.run.preparation import synthetic_place
from stapes.system.yaml_file import read_yaml


def spoken_sentences(
    job: Job, corpus: Corpus, *, windows: bool, streams: bool
) -> dict[str, list[Path]]:
    """The recordings of each split, made if they are not in the cache; empty where not needed.

    Parameters
    ----------
    windows, streams : bool
        Whether models of windows, and detectors in a stream, are measured.
    """
    settings = job.settings
    lacking = {
        "--negatives": streams and settings.negatives is None,
        "--continuous": (windows or streams) and settings.continuous is None,
    }
    needed = {
        "train": lacking["--negatives"],
        "validation": lacking["--negatives"],
        "test": lacking["--continuous"],
    }
    if not any(lacking.values()):
        return {}
    options = " and ".join(option for option, absent in lacking.items() if absent)
    if importlib.util.find_spec("espeakng_loader") is None:
        job.progress.note(
            f"Without {options} there is no running speech, and without the extra `synth` nothing "
            "speaks it: clips without the word are joined in its place."
        )
        return {}
    job.progress.note(
        f"Without {options}, sentences that espeak-ng speaks stand for running speech. Real speech "
        "fools a detector more often: expect more false accepts an hour, and give hours of "
        "recordings."
    )
    from stapes.data.sources.sentences import make_sentences, sentence_files

    seed, minutes = _seed(corpus, settings.seed), settings.synthetic.sentence_minutes
    folder = make_sentences(
        settings.word,
        synthetic_place(f"{slug(settings.word)}-sentences-{minutes:g}min-seed{seed}"),
        minutes=minutes,
        seed=seed,
        jobs=job.jobs,
        progress=job.progress,
    )
    return {split: sentence_files(folder, split) for split, wanted in needed.items() if wanted}


def _seed(corpus: Corpus, seed: int) -> int:
    """The seed of a synthetic corpus, which decides which voice is in which split."""
    if corpus.synthetic:
        try:
            value = read_yaml(corpus.root / CORPUS_FILE).get("seed")
        except (OSError, ValueError, yaml.YAMLError):
            return seed
        if type(value) is int and value >= 0:
            return value
    return seed
