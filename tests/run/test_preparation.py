"""What a run and a search train on: copies in the splits that are named, and nowhere else."""

from __future__ import annotations

import pytest
from tests.recorded import Recorded

from stapes.data.cache import FeatureCache
from stapes.data.corpus import load
from stapes.data.features import choose
from stapes.errors import UsageError
from stapes.frontends.mfcc import Mfcc
from stapes.run.preparation import require_enough, training_copies, with_copies
from stapes.run.settings import RunSettings

SETTINGS = RunSettings(
    word="yes",
    frontend=Mfcc(sample_rate=8_000, n_fft=256, hop_length=200, n_mels=8, n_mfcc=1, frames=41),
    training_clips=24,
)


@pytest.fixture
def cache(tmp_path):
    features = FeatureCache(tmp_path / "cache", SETTINGS.frontend)
    yield features
    features.close()


@pytest.fixture
def chosen(tmp_path, write_clip, cache):
    """Eight clips to train on, two to validate on and four to test on."""
    for split, speakers in (("train", "abcd"), ("val", "e"), ("test", "fg")):
        lines = ["file,label,speaker"]
        for speaker in speakers:
            for label in ("yes", "no"):
                name = f"{label}/{speaker}_nohash_0.wav"
                write_clip(tmp_path / "data" / name, rate=8_000, seconds=0.5)
                lines.append(f"{name},{label},{speaker}")
        (tmp_path / "data" / f"{split}.csv").write_text("\n".join(lines))
    return choose(load(tmp_path / "data", "yes"), SETTINGS.frontend, cache)[0]


def test_a_small_corpus_gets_copies(chosen):
    assert training_copies(chosen, SETTINGS) == 2
    assert training_copies(chosen, SETTINGS.model_copy(update={"training_clips": 0})) == 0


def test_only_the_splits_that_are_named_have_copies(chosen, cache):
    progress = Recorded()
    used = with_copies(chosen, {"train": 2, "validation": 0}, SETTINGS, cache, progress)
    assert {split: len(part.keys) for split, part in used.items()} == {
        "train": 24,
        "validation": 2,
        "test": 4,
    }
    assert used["train"].clips[:8] == chosen["train"].clips
    assert used["validation"] is chosen["validation"]
    assert list(progress.steps) == ["Augmenting the clips of the train split"]
    assert progress.updates[-1] == (16, 16)


def test_too_few_clips_of_a_class_are_refused(chosen):
    require_enough(chosen, SETTINGS, {"train": 4, "test": 2})
    with pytest.raises(UsageError, match='2 usable clips of "yes" are in the test split and 3'):
        require_enough(chosen, SETTINGS, {"train": 4, "test": 3})
