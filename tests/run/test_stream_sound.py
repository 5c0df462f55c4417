"""Training sound: no split has another's, and what is not whole is made again."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import WriteClip
from tests.data.captures import keep

from stapes.contracts.streams import StreamSound
from stapes.data import corpus as corpora
from stapes.data.cache import FeatureCache
from stapes.data.captures import read_kept
from stapes.data.clip import Skipped
from stapes.data.corpus import Corpus
from stapes.data.features import Chosen, choose
from stapes.data.stream import frames, tapes
from stapes.data.stream.gathering import gather as gather_sources
from stapes.data.stream.gathering import noise_files
from stapes.frontends.mfcc import Mfcc
from stapes.models.crops import Captured
from stapes.models.settings import StreamSettings
from stapes.run import sound as test_sounds
from stapes.run import stream_sound
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.settings import RunSettings

pytest.importorskip("pymicro_features", reason="needs the extra `micro`")

FRONTEND = Mfcc(sample_rate=8_000, n_fft=256, hop_length=200, n_mels=8, n_mfcc=1, frames=41)


@dataclasses.dataclass
class Run:
    """A small corpus with recordings, noise and rooms."""

    root: Path
    corpus: Corpus
    chosen: dict[str, Chosen]

    def job(self, folder: str, jobs: int = 1, frontend: str = "micro", **options: Any) -> Job:
        options = {"negatives": self.root / "talk", "noise": self.root / "noise", **options}
        stream = StreamSettings(embedded_words=6, negative_hours=0.001, frontend=frontend)
        settings = RunSettings(word="yes", frontend=FRONTEND, stream=stream, **options)
        run = RunFolder(self.root / folder, settings)
        run.work.mkdir(parents=True, exist_ok=True)
        return Job(settings, run, jobs=jobs)

    def prepare(self, job: Job) -> StreamSound:
        return stream_sound.prepare(job, self.corpus, self.chosen, [], {})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> Run:
    root = tmp_path_factory.mktemp("sound")
    for split, speakers in (("train", "abcd"), ("val", "ef"), ("test", "gh")):
        names = [(f"{label}/{who}_nohash_0.wav", label, who) for who in speakers
                 for label in ("yes", "no")]  # fmt: skip
        for name, _, _ in names:
            write_clip(root / "data" / name, rate=8_000, seconds=0.7)
        rows = "".join(f"{','.join(row)}\n" for row in names)
        (root / "data" / f"{split}.csv").write_text(f"file,label,speaker\n{rows}")
    for speaker in range(30):
        for part in range(2):
            write_clip(root / "talk" / f"{speaker}-100-000{part}.wav", rate=8_000, seconds=1.5)
    for number in range(10):
        write_clip(root / "noise" / f"{number}.wav", rate=8_000, seconds=0.5)
    write_clip(root / "rooms" / "hall.wav", seconds=0.1)
    corpus = corpora.load(root / "data", "yes", negatives=root / "talk", validation=0.2, test=0.3)
    cache = FeatureCache(root / "cache", FRONTEND)
    chosen, skipped = choose(corpus, FRONTEND, cache)
    cache.close()
    assert not skipped
    return Run(root, corpus, chosen)


@pytest.fixture(scope="module")
def made(run: Run) -> tuple[Job, StreamSound]:
    job = run.job("made")
    return job, run.prepare(job)


def files(job: Job) -> dict[str, bytes]:
    folder = stream_sound.folder_of(job.folder.work)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.npy")}


def gathered(run: Run, job: Job, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[Path]]:
    """The files that each split of the training, and the test, decodes."""
    parts: dict[str, set[Path]] = {}
    original = gather_sources

    def gather(folder: Path, gathering: Any, seed: int) -> Any:
        clips = [clip.path for clip in (*gathering.words, *gathering.others)]
        parts[folder.name] = {*clips, *gathering.recordings, *gathering.noise}
        return original(folder, gathering, seed)

    with monkeypatch.context() as patch:
        patch.setattr(stream_sound, "gather", gather)
        run.prepare(job)
    return parts


def test_it_is_described(made: tuple[Job, StreamSound]) -> None:
    job, sound = made
    assert sound.words >= 6
    assert sound.words % 4 == 0
    assert sound.hours > 0.001
    assert (sound.made_noise, sound.made_rooms) == (False, True)
    assert sound.recordings > 0
    assert 1 <= sound.word_frames <= 70
    split = stream_sound.stream_files(stream_sound.folder_of(job.folder.work), "train")
    assert {path.name.split("-")[0] for path in split.others} == {"others", "background", "noise"}


def test_no_recording_clip_or_noise_is_in_two_splits(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run.job("leaks")
    parts = gathered(run, job, monkeypatch)
    sound = test_sounds.gather(job, run.corpus, run.chosen, [], windows=False, streams=True)
    assert sound.streams is not None
    tapes = (sound.streams.background, sound.streams.words, sound.streams.noise)
    heard = {piece.name.split("@")[0].split("/")[-1] for tape in tapes for piece in tape.pieces}
    parts["test"] = {path for path in run.root.rglob("*.wav") if path.name in heard}
    train, validation, test = (parts[split] for split in ("train", "validation", "test"))
    assert not train & validation
    assert not (train | validation) & {path for path in test if path.parent.name != "rooms"}
    for part in (train, validation, test):
        assert {path.parent.name for path in part} >= {"talk", "noise"}
    speakers = [
        {path.name.split("-")[0] for path in part if path.parent.name == "talk"}
        for part in (train, validation, test)
    ]
    assert sum(map(len, speakers)) == len(set().union(*speakers))


def test_noise_of_the_training_is_left_out_of_the_test_by_content(
    run: Run, write_clip: WriteClip
) -> None:
    trained = noise_files(run.root / "noise", "train")[0]
    copy = run.root / "talk_test" / "copy.wav"
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(trained.read_bytes())
    write_clip(copy.with_name("fresh.wav"), rate=8_000, seconds=3)
    job = run.job("content", continuous=copy.parent)
    sound = test_sounds.gather(job, run.corpus, run.chosen, [], windows=False, streams=True)
    assert sound.streams is not None
    assert [piece.name for piece in sound.streams.background.pieces] == ["talk_test/fresh.wav"]
    assert ("talk_test/copy.wav", "its sound was trained on") in [
        (clip.file, clip.reason) for clip in sound.streams.skipped
    ]


def test_it_is_the_same_in_more_workers(run: Run, made: tuple[Job, StreamSound]) -> None:
    job = run.job("workers", jobs=2)
    assert run.prepare(job) == made[1]
    assert files(job) == files(made[0])


def test_another_seed_gives_other_sound(run: Run, made: tuple[Job, StreamSound]) -> None:
    job = run.job("seed", seed=1)
    run.prepare(job)
    assert files(job)["train/words-00.npy"] != files(made[0])["train/words-00.npy"]


def test_what_is_whole_is_not_made_again(
    run: Run, made: tuple[Job, StreamSound], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gathered(run, made[0], monkeypatch) == {}


def test_the_sound_of_another_frontend_is_made_again(
    run: Run, made: tuple[Job, StreamSound]
) -> None:
    first = run.job("frontends", frontend="logmel")
    sound = run.prepare(first)
    assert (made[1].frontend, sound.frontend) == ("micro", "logmel")
    assert sound == made[1].model_copy(update={"frontend": "logmel"})
    logmel, micro = files(first), files(made[0])
    assert set(logmel) == set(micro)
    for name, content in logmel.items():
        # Where the words are does not depend on the frontend.
        assert (content == micro[name]) == name.endswith(".marks.npy"), name
    assert run.prepare(run.job("frontends")) == made[1]
    assert files(first) == micro


@pytest.mark.parametrize(
    "damage",
    [
        "sound.json",
        "train/tapes.json",
        "train/words-00.npy",
        "train/words-00.marks.npy",
        "validation/others-00.npy",
    ],
)
@pytest.mark.parametrize("by", ["cut", "emptied"])
def test_damaged_sound_is_made_again(
    run: Run, made: tuple[Job, StreamSound], damage: str, by: str
) -> None:
    job, sound = made
    before = files(job)
    path = stream_sound.folder_of(job.folder.work) / damage
    path.write_bytes(path.read_bytes()[:-200] if by == "cut" else b"")
    assert run.prepare(job) == sound
    assert files(job) == before


def test_sound_without_a_description_is_made_again(run: Run, made: tuple[Job, StreamSound]) -> None:
    """As when the run was killed while it made it."""
    job, sound = made
    before = files(job)
    folder = stream_sound.folder_of(job.folder.work)
    (folder / "sound.json").unlink()
    (folder / "train" / "noise-00.npy").unlink()
    assert run.prepare(job) == sound
    assert files(job) == before


def test_rooms_are_used(run: Run) -> None:
    assert not run.prepare(run.job("rooms", rooms=run.root / "rooms")).made_rooms


def test_silent_rooms_are_reported_and_rooms_are_made(run: Run, write_clip: WriteClip) -> None:
    write_clip(run.root / "silent" / "room.wav", np.zeros(100, np.float32))
    sound = run.prepare(run.job("silent_rooms", rooms=run.root / "silent"))
    assert sound.made_rooms
    assert "room.wav" in [clip.file for clip in sound.skipped]


def test_noise_that_does_not_decode_is_made(run: Run) -> None:
    broken = run.root / "broken"
    broken.mkdir()
    for number in range(10):
        (broken / f"{number}.wav").write_text("no sound")
    sound = run.prepare(run.job("broken_noise", noise=broken))
    assert sound.made_noise
    assert sound.skipped


def test_one_noise_is_the_tests(run: Run, write_clip: WriteClip) -> None:
    write_clip(run.root / "one" / "noise.wav", seconds=1)
    assert run.prepare(run.job("one_noise", noise=run.root / "one")).made_noise


def test_without_recordings_the_other_clips_are_the_background(run: Run) -> None:
    corpus = corpora.load(run.root / "data", "yes")
    job = run.job("alone", negatives=None)
    sound = stream_sound.prepare(job, corpus, run.chosen, [], {})
    assert sound.recordings == 0
    assert sound.train_minutes == pytest.approx(4 * 0.7 / 60, abs=0.01)


def test_without_other_clips_recordings_suffice(run: Run) -> None:
    splits = {
        split: tuple(clip for clip in clips if clip.label != "no")
        for split, clips in run.corpus.splits.items()
    }
    job = run.job("no_others")
    corpus = dataclasses.replace(run.corpus, splits=splits)
    assert stream_sound.prepare(job, corpus, run.chosen, [], {}).recordings > 0
    assert not list(stream_sound.folder_of(job.folder.work).rglob("others-*"))


def test_without_validation_there_is_no_validation_sound(run: Run) -> None:
    splits = {**run.corpus.splits, "validation": ()}
    none = dataclasses.replace(run.chosen["validation"], clips=[], y=np.zeros(0, np.uint8), keys=[])
    job = run.job("no_validation")
    corpus = dataclasses.replace(run.corpus, splits=splits)
    sound = stream_sound.prepare(job, corpus, {**run.chosen, "validation": none}, [], {})
    assert sound.validation_minutes == 0
    split = stream_sound.stream_files(stream_sound.folder_of(job.folder.work), "validation")
    assert (split.words, split.others) == ([], [])


def test_clips_that_cannot_be_used_are_left_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    [first, *_] = [clip for clip in run.corpus.negatives("train") if clip.label == "no"]
    unusable = [Skipped(first.name, "silent")]
    seen: list[str] = []
    original = gather_sources

    def gather(folder: Path, gathering: Any, seed: int) -> Any:
        seen.extend(clip.name for clip in gathering.others)
        return original(folder, gathering, seed)

    monkeypatch.setattr(stream_sound, "gather", gather)
    stream_sound.prepare(run.job("unusable"), run.corpus, run.chosen, unusable, {})
    assert seen
    assert first.name not in seen


def test_captures_are_training_sound_alone(run: Run, made: tuple[Job, StreamSound]) -> None:
    kept = run.root / "kept"
    for number in range(2):
        keep(kept / "yes", f"missed-{number}", wake_word="yes")
        keep(kept / "no", f"accepted-{number}", wake_word="yes")
    keep(kept / "no", "beyond").write_bytes(b"no sound")
    corpus = dataclasses.replace(run.corpus, captures=tuple(read_kept(kept).labelled))
    job = run.job("captured")
    sound = stream_sound.prepare(job, corpus, run.chosen, [], {})
    assert (sound.captured_words, sound.captured_others) == (2, 2)
    assert [row.file for row in sound.skipped] == ["captures/no/beyond.wav"]
    folder = stream_sound.folder_of(job.folder.work)
    split = stream_sound.stream_files(folder, "train")
    names = [path.stem for path in split.others[-split.captured :]]
    assert names == [f"captured-{copy:02}" for copy in range(5)]
    assert stream_sound.captured_in(folder) == Captured(2, 2, 5)
    # Six words of the training clips and the captures, in every copy; the captures come last.
    part = frames.read_words(split.words[0])
    assert sorted(part.marks[:, 2].tolist()) == list(range(len(part.marks)))
    pieces = tapes.described(folder / "train").words.pieces
    assert [piece.name for piece in pieces[-2:]] == [
        f"captures/yes/missed-{n}.wav" for n in range(2)
    ]
    # All other files are those of a run without captures, except the words.
    plain, captured = files(made[0]), files(job)
    for name in plain:
        if not name.startswith("train/words"):
            assert captured[name] == plain[name], name
    again = run.job("captured again", jobs=2)
    stream_sound.prepare(again, corpus, run.chosen, [], {})
    assert files(again) == captured


def test_without_captures_none_is_drawn(made: tuple[Job, StreamSound]) -> None:
    job, sound = made
    assert (sound.captured_words, sound.captured_others) == (0, 0)
    assert stream_sound.captured_in(stream_sound.folder_of(job.folder.work)) == Captured()
