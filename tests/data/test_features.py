"""The sets of a model: each clip once, in its split, with its own features."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.recorded import Interrupts, Recorded

from stapes.audio import read
from stapes.data import features as module
from stapes.data.cache import FeatureCache, open_cache
from stapes.data.clip import SPLITS, Skipped
from stapes.data.corpus import Corpus, load
from stapes.data.extraction import extract
from stapes.data.features import (
    Chosen,
    choose,
    first_of_each,
    gather,
)
from stapes.errors import AudioError
from stapes.frontends.mfcc import Mfcc

WriteClip = Callable[..., Path]
Samples = NDArray[np.float32]

SETTINGS = Mfcc(
    sample_rate=8_000,
    window_seconds=0.5,
    n_fft=256,
    hop_length=128,
    n_mels=16,
    n_mfcc=8,
    frames=20,
)
PLAN = {
    "train": {"yes": 12, "no": 20, "up": 20, "down": 5, "left": 20},
    "validation": {"yes": 4, "no": 6, "up": 6},
    "test": {"yes": 6, "no": 8, "up": 3},
}


def write_corpus(root: Path, write_clip: WriteClip, plan: dict[str, dict[str, int]]) -> Path:
    """Clips and CSV files; the first row of a CSV file is its heading."""
    for split, labels in plan.items():
        lines = ["file,label,speaker"]
        for label, count in labels.items():
            for number in range(count):
                file = f"{label}/{split}-{number}.wav"
                write_clip(root / file, rate=8_000, seconds=0.3)
                lines.append(f"{file},{label},{split}{number % 3}")
        name = "val" if split == "validation" else split
        (root / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> Path:
    """The folder of `PLAN`, which no test changes."""
    return write_corpus(tmp_path_factory.mktemp("planned"), write_clip, PLAN)


@pytest.fixture
def root(planned: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    return Path(shutil.copytree(planned, tmp_path / "corpus"))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FeatureCache]:
    with open_cache(tmp_path / "cache", SETTINGS) as opened:
        yield opened


def names(chosen: dict[str, Chosen]) -> dict[str, list[str]]:
    return {split: [clip.name for clip in part.clips] for split, part in chosen.items()}


def labels(part: Chosen) -> Counter[str]:
    return Counter(clip.label for clip in part.clips)


def add_row(root: Path, csv: str, row: str) -> None:
    with (root / csv).open("a", encoding="utf-8") as file:
        file.write(row + "\n")


# Which clips


def test_every_positive_and_as_many_negatives(planned: Path, cache: FeatureCache) -> None:
    loaded = load(planned, "yes")
    chosen, skipped = choose(loaded, SETTINGS, cache)
    assert skipped == []
    assert set(chosen) == set(SPLITS)
    for split, part in chosen.items():
        assert part.positives == part.negatives == PLAN[split]["yes"]
        assert {clip.name for clip in part.clips if clip.label == "yes"} == {
            clip.name for clip in loaded.positives(split)
        }
        assert set(part.clips) <= set(loaded.splits[split])
        assert len(set(part.keys)) == len(part.keys) == len(part.clips)
        assert part.available_negatives == sum(PLAN[split].values()) - PLAN[split]["yes"]


def test_y_is_one_for_the_word_and_positives_come_first(planned: Path, cache: FeatureCache) -> None:
    chosen, _ = choose(load(planned, "yes"), SETTINGS, cache)
    for part in chosen.values():
        assert part.y.dtype == np.uint8
        assert part.y.tolist() == [clip.label == "yes" for clip in part.clips]
        assert (np.diff(part.y.astype(int)) <= 0).all()


@pytest.mark.parametrize(("ratio", "count"), [(0.5, 6), (2.0, 24), (0.04, 0), (3.5, 42)])
def test_the_ratio_decides_the_number_of_negatives(
    planned: Path, cache: FeatureCache, ratio: float, count: int
) -> None:
    chosen, _ = choose(load(planned, "yes"), SETTINGS, cache, ratio=ratio)
    assert chosen["train"].positives == 12
    assert chosen["train"].negatives == count


def test_no_more_negatives_are_chosen_than_there_are(planned: Path, cache: FeatureCache) -> None:
    chosen, _ = choose(load(planned, "yes"), SETTINGS, cache, ratio=100.0)
    assert {split: part.negatives for split, part in chosen.items()} == {
        "train": 65,
        "validation": 12,
        "test": 11,
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("ratio", "most_apart"), [(1.0, 0), (1.5, 1), (1.25, 1)])
def test_every_other_word_has_its_share(
    planned: Path, cache: FeatureCache, seed: int, ratio: float, most_apart: int
) -> None:
    chosen, _ = choose(load(planned, "yes"), SETTINGS, cache, ratio=ratio, seed=seed)
    counts = labels(chosen["train"])
    assert counts.pop("yes") == 12
    assert set(counts) == {"no", "up", "down", "left"}
    assert max(counts.values()) - min(counts.values()) <= most_apart


def test_other_words_replace_one_that_runs_out(planned: Path, cache: FeatureCache) -> None:
    chosen, _ = choose(load(planned, "yes"), SETTINGS, cache, ratio=35 / 12)
    assert labels(chosen["train"]) == {"yes": 12, "down": 5, "no": 10, "up": 10, "left": 10}


def test_a_seed_makes_its_own_choice(planned: Path, cache: FeatureCache) -> None:
    loaded = load(planned, "yes")
    first, _ = choose(loaded, SETTINGS, cache, seed=3)
    again, _ = choose(loaded, SETTINGS, cache, seed=3)
    other, _ = choose(loaded, SETTINGS, cache, seed=4)
    assert names(first) == names(again)
    for split in ("train", "validation"):
        assert names(first)[split] != names(other)[split]
        # The positives are all taken, whatever the seed.
        assert (
            first[split].clips[: first[split].positives]
            == (other[split].clips[: other[split].positives])
        )


def test_the_order_in_the_csv_files_does_not_change_the_negatives(
    root: Path, cache: FeatureCache
) -> None:
    before, _ = choose(load(root, "yes"), SETTINGS, cache)
    for name in ("train.csv", "val.csv", "test.csv"):
        heading, *rows = (root / name).read_text("utf-8").splitlines()
        (root / name).write_text("\n".join([heading, *rows[::-1]]) + "\n", encoding="utf-8")
    after, _ = choose(load(root, "yes"), SETTINGS, cache)
    for split in SPLITS:
        count = before[split].positives
        assert {*names(before)[split][:count]} == {*names(after)[split][:count]}
        assert {*names(before)[split][count:]} == {*names(after)[split][count:]}


def test_fewer_splits_have_the_same_choice(planned: Path, cache: FeatureCache) -> None:
    loaded = load(planned, "yes")
    everything, _ = choose(loaded, SETTINGS, cache)
    part, _ = choose(loaded, SETTINGS, cache, splits=("test",))
    assert names(part) == {"test": names(everything)["test"]}


def test_without_a_word_nothing_is_chosen(planned: Path, cache: FeatureCache) -> None:
    chosen, skipped = choose(load(planned, None), SETTINGS, cache)
    assert names(chosen) == {split: [] for split in SPLITS}
    assert chosen["test"].available_negatives == 17
    assert skipped == []


# The cache


@pytest.fixture
def odd(root: Path, write_clip: WriteClip) -> Corpus:
    """A corpus with all that can go wrong, and recordings."""
    (root / "yes/train-0.wav").write_bytes(b"no sound")
    (root / "no/train-0.wav").write_bytes(b"")
    write_clip(root / "no/train-1.wav", np.zeros(4_000, np.float32), rate=8_000)
    shutil.copy(root / "no/test-0.wav", root / "no/train-2.wav")
    shutil.copy(root / "up/train-3.wav", root / "up/train-2.wav")
    write_clip(root / "up/train-4.wav", rate=44_100, seconds=1.2)
    write_clip(root / "up/train-5.wav", rate=16_000, seconds=0.31)
    for number in range(4):
        write_clip(root.parent / f"talk/{number}.wav", rate=8_000, seconds=2.2)
    (root.parent / "talk/bad.wav").write_bytes(b"no sound either")
    return load(root, "yes", negatives=root.parent / "talk", window_seconds=0.5)


def test_the_choice_does_not_depend_on_what_is_in_the_cache(odd: Corpus, tmp_path: Path) -> None:
    results = []
    with open_cache(tmp_path / "one", SETTINGS) as cache:
        for _ in range(2):
            chosen, skipped = choose(odd, SETTINGS, cache, ratio=3.0)
            sets = [gather(chosen[split], cache) for split in SPLITS]
            results.append((names(chosen), skipped, [part.x.tobytes() for part in sets]))
    with open_cache(tmp_path / "half", SETTINGS) as cache:
        choose(odd, SETTINGS, cache, splits=("validation",))
        extra = [clip for clip in odd.negatives("train") if clip.file.startswith("left/")]
        cache.put(
            (key, x)
            for (_, key), x in zip(
                first_of_each(extra, {}, {}, []), extract(extra, SETTINGS), strict=True
            )
            if not isinstance(x, AudioError)
        )
        chosen, skipped = choose(odd, SETTINGS, cache, ratio=3.0)
        sets = [gather(chosen[split], cache) for split in SPLITS]
        results.append((names(chosen), skipped, [part.x.tobytes() for part in sets]))
    assert results[0] == results[1]
    assert results[0] == results[2]


def test_an_interrupted_choice_continues_to_the_same(
    planned: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    loaded = load(planned, "yes")
    with open_cache(tmp_path / "other", SETTINGS) as other:
        expected, _ = choose(loaded, SETTINGS, other)
    with pytest.raises(KeyboardInterrupt):
        choose(loaded, SETTINGS, cache, progress=Interrupts(40))
    chosen, _ = choose(loaded, SETTINGS, cache)
    assert names(chosen) == names(expected)


@pytest.mark.parametrize("again", [{"seed": 9}, {"ratio": 2.0}, {"splits": ("test",)}])
def test_nothing_is_computed_twice(
    planned: Path, cache: FeatureCache, monkeypatch: pytest.MonkeyPatch, again: dict[str, int]
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    choose(load(planned, "yes"), SETTINGS, cache)
    monkeypatch.setattr(module, "extract", fail)
    # With an empty cache it would be needed.
    others = SETTINGS.model_copy(update={"top_db": 70.0})
    with open_cache(cache.path.parent, others) as empty, pytest.raises(AssertionError):
        choose(load(planned, "yes"), others, empty)
    for word in ("yes", "up"):
        chosen, _ = choose(load(planned, word), SETTINGS, cache, **again)  # type: ignore[arg-type]
        assert chosen["test"].positives == PLAN["test"][word]


def test_a_file_that_was_changed_is_computed_again(
    root: Path, cache: FeatureCache, write_clip: WriteClip
) -> None:
    before = gather(choose(load(root, "yes"), SETTINGS, cache)[0]["test"], cache)
    changed = write_clip(root / "yes/test-2.wav", rate=8_000, seconds=0.4)
    after = gather(choose(load(root, "yes"), SETTINGS, cache)[0]["test"], cache)
    assert after.clip == before.clip
    differ = [(a != b).any() for a, b in zip(after.x, before.x, strict=True)]
    assert [after.clip[index] for index in np.flatnonzero(differ)] == ["yes/test-2.wav"]
    samples = read.read(changed, 8_000)
    np.testing.assert_array_equal(after.x[differ], SETTINGS.features(samples[None]))


# What is skipped


def test_unusable_clips_are_skipped_with_the_reason(odd: Corpus, cache: FeatureCache) -> None:
    chosen, skipped = choose(odd, SETTINGS, cache, ratio=100.0)
    assert {row.file: row.reason for row in skipped} == {
        "yes/train-0.wav": "does not decode (Format not recognised)",
        "no/train-0.wav": "the file is empty (0 bytes)",
        "no/train-1.wav": "silent (every sample is zero)",
        "no/train-2.wav": "the same file as no/test-0.wav",
        "up/train-3.wav": "the same file as up/train-2.wav",
        "talk/bad.wav": "does not decode (Format not recognised)",
    }
    used = {clip.name for part in chosen.values() for clip in part.clips}
    every = {clip.name for clips in odd.splits.values() for clip in clips}
    assert used == every - {row.file for row in skipped}
    assert chosen["train"].positives == 11


def test_a_deleted_clip_is_skipped(root: Path, cache: FeatureCache) -> None:
    loaded = load(root, "yes")
    (root / "no/test-3.wav").unlink()
    _, skipped = choose(loaded, SETTINGS, cache)
    assert skipped == [Skipped("no/test-3.wav", "cannot be read (No such file or directory)")]


@pytest.mark.parametrize("word", ["yes", "no"])
def test_a_sound_in_two_splits_is_only_in_the_test_set(
    root: Path, cache: FeatureCache, word: str
) -> None:
    shutil.copy(root / "yes/test-0.wav", root / "yes/train-5.wav")
    shutil.copy(root / "yes/validation-0.wav", root / "no/train-6.wav")
    shutil.copy(root / "no/test-1.wav", root / "yes/validation-1.wav")
    # And one file that two lists name.
    add_row(root, "train.csv", "up/test-0.wav,up,someone")
    chosen, skipped = choose(load(root, word), SETTINGS, cache, ratio=100.0)
    assert {row.file: row.reason for row in skipped} == {
        "yes/train-5.wav": "the same file as yes/test-0.wav",
        "no/train-6.wav": "the same file as yes/validation-0.wav, which has the label yes: remove "
        "the wrong one",
        "yes/validation-1.wav": "the same file as no/test-1.wav, which has the label no: remove "
        "the wrong one",
        "up/test-0.wav": "the same file as up/test-0.wav",
    }
    keys = [key for part in chosen.values() for key in part.keys]
    assert len(set(keys)) == len(keys) == 110 - 3
    assert "up/test-0.wav" in names(chosen)["test"]
    assert "up/test-0.wav" not in names(chosen)["train"]


def test_recordings_and_clips_of_one_name_are_two_sounds(
    root: Path, cache: FeatureCache, write_clip: WriteClip
) -> None:
    folder = root.parent / "elsewhere" / "no"
    write_clip(folder / "test-0.wav", rate=8_000, seconds=0.4)
    loaded = load(root, "yes", negatives=folder, validation=0.0, test=0.99)
    chosen, skipped = choose(loaded, SETTINGS, cache, ratio=100.0)
    assert skipped == []
    paths = [clip.path for clip in chosen["test"].clips if clip.name == "no/test-0.wav"]
    assert paths == [root / "no/test-0.wav", folder / "test-0.wav"] or paths == [
        folder / "test-0.wav",
        root / "no/test-0.wav",
    ]
    gathered = gather(chosen["test"], cache)
    for index, clip in enumerate(chosen["test"].clips):
        np.testing.assert_array_equal(gathered.x[index], extract([clip], SETTINGS)[0])


def test_windows_of_one_recording_have_their_own_features(odd: Corpus, cache: FeatureCache) -> None:
    chosen, _ = choose(odd, SETTINGS, cache, ratio=100.0)
    seen = 0
    for part in chosen.values():
        gathered = gather(part, cache)
        for index, clip in enumerate(part.clips):
            if clip.start is not None:
                begin = round(clip.start * 8_000)
                y = read.decode(clip.path)[0][begin : begin + 4_000]
                np.testing.assert_array_equal(gathered.x[index], SETTINGS.features(y[None])[0])
                seen += 1
    assert seen == 4 * 4


def test_the_real_wake_words_lose_the_14_clips_that_do_not_decode(
    speech: Path, tmp_path: Path
) -> None:
    loaded = load(speech / "wakewords", "alexa")
    with open_cache(tmp_path, SETTINGS) as cache:
        chosen, skipped = choose(loaded, SETTINGS, cache)
    assert len(skipped) == 14
    assert all(row.file.startswith("alexa/") for row in skipped)
    assert all("does not decode" in row.reason for row in skipped)
    assert sum(part.positives for part in chosen.values()) == 329 - 14
    assert sum(part.available_negatives for part in chosen.values()) == 411 + 384
    for part in chosen.values():
        assert part.negatives == part.positives
        counts = labels(part)
        assert abs(counts["computer"] - counts["jarvis"]) <= 1


# Progress


def test_progress_rises_to_its_end(odd: Corpus, cache: FeatureCache) -> None:
    every = sum(len(clips) for clips in odd.splits.values())
    for _ in range(2):
        progress = Recorded()
        choose(odd, SETTINGS, cache, progress=progress)
        calls = progress.updates
        assert calls == sorted(calls)
        assert calls[-1] == (every, every)
        assert {total for _, total in calls} == {every}


# Gathering


def test_gathered_features_are_each_clips_own_in_order(planned: Path, cache: FeatureCache) -> None:
    chosen, _ = choose(load(planned, "yes"), SETTINGS, cache)
    for part in chosen.values():
        gathered = gather(part, cache)
        assert gathered.x.shape == (len(part.clips), *SETTINGS.shape)
        assert gathered.x.dtype == np.float32
        assert gathered.y.tolist() == part.y.tolist()
        assert gathered.clip == [clip.name for clip in part.clips]
        for x, clip in zip(gathered.x, part.clips, strict=True):
            y = read.read(clip.path, 8_000)
            np.testing.assert_array_equal(x, SETTINGS.features(y[None])[0])


def test_a_memory_mapped_file_holds_the_same(
    planned: Path, cache: FeatureCache, tmp_path: Path
) -> None:
    chosen, _ = choose(load(planned, "yes"), SETTINGS, cache)
    path = tmp_path / "x.npy"
    mapped = gather(chosen["train"], cache, path)
    assert isinstance(mapped.x, np.memmap)
    in_memory = gather(chosen["train"], cache)
    assert not isinstance(in_memory.x, np.memmap)
    assert mapped.x.tobytes() == in_memory.x.tobytes()
    mapped.x.flush()
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), in_memory.x)


def test_an_empty_split_is_gathered_empty(root: Path, cache: FeatureCache, tmp_path: Path) -> None:
    (root / "val.csv").unlink()
    chosen, _ = choose(load(root, "yes"), SETTINGS, cache)
    for path in (None, tmp_path / "x.npy"):
        gathered = gather(chosen["validation"], cache, path)
        assert gathered.x.shape == (0, *SETTINGS.shape)
        assert gathered.y.shape == (0,)
        assert gathered.clip == []
