"""What is measured of a run's variants when all are made: in continuous sound, on the targets.

What an earlier try measured is kept. Latencies come last and one by one, when nothing else runs.
"""

from __future__ import annotations

from stapes import detecting
from stapes import results as results_file
from stapes.conclusion import conclude
from stapes.data.clip import Skipped
from stapes.data.corpus import Corpus
from stapes.data.features import Chosen
from stapes.files import send_output_to
from stapes.measurements import TestClip
from stapes.progress import Progress
from stapes.results import Results
from stapes.run_folder import RunFolder
from stapes.settings import RunSettings
from stapes.workers import pool


def measure_all(
    results: Results,
    corpus: Corpus,
    chosen: dict[str, Chosen],
    unusable: list[Skipped],
    settings: RunSettings,
    folder: RunFolder,
    *,
    jobs: int,
    progress: Progress,
) -> None:
    """Measure every variant, draw the conclusions, and write results.json after each step.

    Parameters
    ----------
    results : Results
        Of the variants that were made; what is measured is filled in.
    corpus : Corpus
    chosen : dict of str to Chosen
        The clips of each split.
    unusable : list of Skipped
        Clips of the corpus that cannot be used.
    settings : RunSettings
    folder : RunFolder
    jobs : int > 0
        Worker processes.
    progress : Progress

    Raises
    ------
    UsageError
        A folder of sound is missing or holds nothing that can be used.
    StapesError
        A variant that was measured before cannot be run any more.
    """
    test = chosen["test"]
    results.settings = folder.said["settings"]
    results.clips = [
        TestClip(name=clip.name, label=clip.label, word=bool(y))
        for clip, y in zip(test.clips, test.y, strict=True)
    ]
    _detection(results, corpus, chosen, unusable, settings, folder, jobs, progress)
    results_file.write(results, folder.results)
    conclude(results, test.clips, settings)
    results_file.write(results, folder.results)


def _detection(
    results: Results,
    corpus: Corpus,
    chosen: dict[str, Chosen],
    unusable: list[Skipped],
    settings: RunSettings,
    folder: RunFolder,
    jobs: int,
    progress: Progress,
) -> None:
    missing = [each for each in results.variants if each.detection is None and each.scores]
    if not missing and results.detection is not None:
        return
    sound = detecting.gather(corpus, chosen, unusable, settings, folder.work, progress)
    if not sound.recordings or not sound.words.pieces:
        progress.note(
            "Detection is not measured: the sound without the word is shorter than one window; "
            "name a folder of recordings with --continuous."
        )
        return
    workers = max(1, min(jobs, len(missing)))
    with pool(workers, send_output_to, (folder.log.resolve(),)) as executor:
        detecting.detect(results, sound, settings, folder.work, folder.models, executor, progress)
