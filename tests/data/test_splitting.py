"""Few clips are split by number, so that none is refused by luck; no speaker is in two splits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.test_layouts import put

from stapes.data.clip import Clip
from stapes.data.splitting import FEWEST, split_tree
from stapes.data.tree import Tree


def split(root: Path, speakers: list[str | None], word: str = "yes") -> dict[str, list[Clip]]:
    """Clips of the word by these speakers, and 100 others by speakers of their own."""
    clips = [
        Clip(f"{word}/{n}", put(root / f"{word}/{n}", f"yes {n}"), word, speaker)
        for n, speaker in enumerate(speakers)
    ]
    clips += [
        Clip(f"no/{n}", put(root / f"no/{n}", f"no {n}"), "no", f"other {n}") for n in range(100)
    ]
    splits, _ = split_tree(root, Tree(clips=clips), word, 0.1, 0.2)
    return splits


@pytest.mark.parametrize("draw", range(40))
def test_twenty_recordings_are_enough_in_every_draw(tmp_path: Path, draw: int) -> None:
    splits = split(tmp_path, [f"{draw} {n}" for n in range(20)])
    counts = {name: sum(clip.label == "yes" for clip in clips) for name, clips in splits.items()}
    assert counts["train"] >= FEWEST["train"]
    assert counts["test"] >= FEWEST["test"]
    assert sum(counts.values()) == 20


@given(
    speakers=st.lists(st.sampled_from("abcdefgh"), min_size=12, max_size=40),
)
def test_no_speaker_is_in_two_splits(
    tmp_path_factory: pytest.TempPathFactory, speakers: list[str | None]
) -> None:
    splits = split(tmp_path_factory.mktemp("few"), speakers)
    places = {(clip.speaker, name) for name, clips in splits.items() for clip in clips}
    assert max(Counter(speaker for speaker, _ in places).values()) == 1


def test_copies_of_a_clip_are_in_one_split(tmp_path: Path) -> None:
    clips = [
        Clip(f"yes/{n}", put(tmp_path / f"yes/{n}", f"{n // 2}"), "yes", None) for n in range(24)
    ]
    splits, rule = split_tree(tmp_path, Tree(clips=clips), "yes", 0.1, 0.2)
    place = {clip.file: name for name, part in splits.items() for clip in part}
    assert all(place[f"yes/{n}"] == place[f"yes/{n + 1}"] for n in range(0, 24, 2))
    assert "speakers may be shared" in rule
