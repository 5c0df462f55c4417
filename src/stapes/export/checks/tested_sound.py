"""The sound that a run was tested in, gathered again to check what was exported from it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.results import Results
from stapes.data.sound.continuous import Sound
from stapes.data.sound.tape import Tape
from stapes.data.stream import hearing as sounds
from stapes.data.stream.hearing import Hearing
from stapes.errors import StapesError
from stapes.frontends.registry import STREAMS
from stapes.run import sound as run_sound
from stapes.run.captures import with_captures
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.preparation import choose_clips, feature_cache, load_corpus, synthetic_folder
from stapes.run.settings import RunSettings
from stapes.run.settle import settle
from stapes.run.spoken import spoken_sentences
from stapes.run.window import windowed
from stapes.system.progress import Progress


@dataclass(frozen=True)
class TestedSound:
    """The sound without noise of a run's test.

    clips : those with the wake word come first
    plan : of the recordings and of the clips with the wake word
    scratch : a folder for temporary files
    """

    __test__ = False  # Pytest must not collect it.

    settings: RunSettings
    sound: Sound
    clips: Tape
    plan: Hearing
    scratch: Path

    def frames(self, progress: Progress) -> Path:
        """A .npy file of the device's frames of every part [shape=(frames, 40)], int8."""
        path = self.scratch / "frames.npy"
        seed = self.settings.seed
        sounds.write(
            self.sound, self.clips, self.plan, path, snr_db=None, seed=seed, progress=progress
        )
        return path

    def samples(self, place: int) -> NDArray[np.float32]:
        """The samples of a part [shape=(n,)], with the sound before it."""
        sound = replace(self.sound, words=self.clips)
        return sounds.part(sound, self.plan, place, np.float32(0), self.settings.seed)


@contextlib.contextmanager
def tested_sound(run: Path, results: Results, progress: Progress) -> Iterator[TestedSound]:
    """Gather the sound of a run's test again, for the length of the block.

    Raises
    ------
    StapesError
        Its recordings are not there any more, or have changed.
    """
    settings = settle({}, config=run / "run.yaml")
    with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
        job = windowed(Job(settings, RunFolder(Path(scratch), settings), progress=progress))
        settings = job.settings
        # As `run.pipeline` does: captures that were learned from are not in the sound.
        corpus = with_captures(load_corpus(settings.data or synthetic_folder(job), settings), job)
        with feature_cache(settings) as cache:
            chosen, unusable = choose_clips(corpus, settings, cache, progress)
        windows = settings.detect == "all" and not job.folder.streams_only
        measured = {"windows": windows, "streams": True}
        spoken = spoken_sentences(job, corpus, **measured)
        sound = run_sound.gather(
            job, corpus, chosen, unusable, **measured, spoken=spoken.get("test", [])
        )
        if results.detection is None or sound.digest(settings) != results.detection.sha256:
            raise StapesError("the recordings are not those that the run was tested with.")
        assert sound.streams is not None
        assert sound.clips is not None
        yield TestedSound(
            settings=settings,
            sound=sound.streams,
            clips=sound.clips,
            plan=sounds.plan(
                sound.streams,
                sound.clips,
                settings.detection.tolerance_seconds,
                frontend=STREAMS[settings.stream.frontend],
                most_clips=sum(clip.word for clip in results.clips),
            ),
            scratch=Path(scratch),
        )
