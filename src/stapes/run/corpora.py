"""The commands of `stapes data`: folders of clips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stapes.contracts.captures import Capture, Labels
from stapes.contracts.evaluation import Check, Cut
from stapes.data import cache_folder
from stapes.data.cache_folder import CacheContent
from stapes.data.captures import label
from stapes.data.sources import NEWEST_SPEECH_COMMANDS
from stapes.errors import UsageError
from stapes.frontends.registry import DEFAULT
from stapes.run.settings import RunSettings
from stapes.run.settle import settle
from stapes.system.arguments import known_arguments, with_settings
from stapes.system.options import PathLike, unknown
from stapes.system.progress import SILENT, Progress


class data:
    """Make, fetch or check a folder of clips, and see the cache."""

    @staticmethod
    @with_settings(RunSettings, "synth")
    def synth(
        word: str,
        out: PathLike,
        *,
        jobs: int | None = None,
        progress: Progress | None = None,
        **settings: Any,
    ) -> Path:
        """Make a corpus of synthetic speech for any phrase; no voice is in two splits.

        Parameters
        ----------
        word : str
        out : path
            A new folder, which is returned.
        jobs : int, optional
        progress : Progress, optional
        **settings
        """
        from stapes.data.sources.synthetic import make_corpus

        options = settle({"word": word, **settings})
        return make_corpus(
            word,
            Path(out),
            voices=options.synthetic.voices,
            takes=options.synthetic.takes,
            seed=options.seed,
            jobs=jobs,
            progress=progress or SILENT,
        )

    @staticmethod
    @known_arguments
    def fetch(
        name: str = "speech-commands",
        out: PathLike | None = None,
        *,
        version: str = NEWEST_SPEECH_COMMANDS,
        url: str | None = None,
        sha256: str | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Download and unpack Google's Speech Commands; a broken download is resumed.

        Parameters
        ----------
        name : str
            The data set; there is one.
        out : path, optional
            The folder, which is returned [speech_commands_vVERSION].
        version : str
        url : str, optional
        sha256 : str, optional
        progress : Progress, optional
        """
        from stapes.data.sources.speech_commands import fetch

        if name != "speech-commands":
            raise UsageError(f"{unknown(name, ['speech-commands'])}.")
        target = Path(out or f"speech_commands_v{version}")
        return fetch(target, version=version, url=url, sha256=sha256, progress=progress or SILENT)

    @staticmethod
    @known_arguments
    def check(
        folder: PathLike,
        *,
        word: str | None = None,
        where: PathLike | None = None,
        positive_dir: PathLike | None = None,
        negative_dir: PathLike | None = None,
        negatives: PathLike | None = None,
        progress: Progress | None = None,
    ) -> Check:
        """List what a run would use of a folder, and what it would skip and why.

        Parameters
        ----------
        folder : path
        word : str, optional
            A label that must be in it.
        where : path, optional
        positive_dir, negative_dir : path, optional
            Folders in it whose clips have the word, and have not, whatever their names.
        negatives : path, optional
            Folder of more speech without the word.
        progress : Progress, optional
        """
        from stapes.data.check import check
        from stapes.data.corpus import load
        from stapes.data.stream.where import read

        corpus = load(
            Path(folder),
            word,
            negatives=None if negatives is None else Path(negatives),
            positive=None if positive_dir is None else Path(positive_dir),
            negative=None if negative_dir is None else Path(negative_dir),
        )
        names = {clip.name for clips in corpus.splits.values() for clip in clips}
        found = read(Path(where), names, corpus.root) if where is not None else None
        progress = progress or SILENT
        progress.begin("Decoding every clip")
        usable = check(corpus, DEFAULT, progress)
        progress.end()
        usable.where, usable.data = found, str(folder)
        return usable

    @staticmethod
    @known_arguments
    def cut(
        folder: PathLike,
        out: PathLike,
        *,
        label: str | None = None,
        progress: Progress | None = None,
    ) -> Cut:
        """Cut long recordings into clips of a word each, at label tracks or at silence.

        Parameters
        ----------
        folder : path
            Recordings. An Audacity label track beside one has its name and the ending .txt.
        out : path
            A new folder, which gets a folder for each label.
        label : str, optional
            Of what silence divides [the name of the recording's folder].
        progress : Progress, optional

        Returns
        -------
        cut : Cut
            The numbers of clips by label, and what was skipped.
        """
        from stapes.data.cutting import cut

        return cut(Path(folder), Path(out), label, progress or SILENT)

    @staticmethod
    @known_arguments
    def label(
        folder: PathLike,
        ask: Callable[[Path, Capture, int, int], str | None] | None = None,
    ) -> Labels:
        """Ask for each capture without a label whether the wake word is in it, and move it.

        A capture with the word moves to `FOLDER/yes`, one without to `FOLDER/no`. `stapes listen
        --keep` writes captures, and a run with `captures` learns from them.

        Parameters
        ----------
        folder : path
        ask : callable, optional
            Gets a WAV file, its sidecar, its number from 1, and their number. It returns "yes",
            "no", or None to leave the capture as it is. By default nothing is asked.

        Returns
        -------
        labels : Labels
            The numbers of captures by label.
        """
        return label(Path(folder), ask)

    @staticmethod
    @known_arguments
    def cache(*, clear: bool = False) -> CacheContent:
        """The cache folder and its size.

        Parameters
        ----------
        clear : bool
        """
        return cache_folder.clear() if clear else cache_folder.content()
