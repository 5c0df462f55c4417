"""The main job: from a word to a table of models that were measured.

The steps, in order: see that the run may have its folder; read the user's model, if there is one;
make or list the corpus; choose clips and compute features (into the cache); train the baseline;
make, write and measure each variant; hear it in continuous sound and try it on the targets
(`measuring`); write the table and the page. Until the features are there nothing is written to the
folder. results.json grows by a row a variant, and each step's file is whole or absent, so a run
that was killed goes on where it stopped: with the same bytes at the end, since every step starts
from files and the seed. (Latencies are never the same twice, nor is what hangs on them.)
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

from stapes.contracts import results as results_file
from stapes.contracts.results import Baseline, Data, Results, VariantResult
from stapes.data.cache import open_cache
from stapes.data.clip import SPLITS
from stapes.data.features import gather
from stapes.errors import ModelError, StapesError, UsageError
from stapes.models import backend
from stapes.report.terminal.tables import line
from stapes.report.writing import write_files
from stapes.run import (
    detection as detecting,
)
from stapes.run import (
    measurement as measuring,
)
from stapes.run import (
    own_model as adoption,
)
from stapes.run import (
    steps,
)
from stapes.run.folder import RunFolder, versions
from stapes.run.preparation import (
    choose_clips,
    describe,
    digest,
    load_corpus,
    require_enough,
    synthetic_folder,
    with_copies,
)
from stapes.run.settings import RunSettings
from stapes.system.files import cache_folder, send_output_to, sha256, write_bytes
from stapes.system.isolation import SECONDS, Lost, isolated
from stapes.system.progress import Progress
from stapes.system.workers import pool
from stapes.techniques.registry import STAGES, TECHNIQUES, left_out, select, stages_of

log = logging.getLogger("stapes")


@dataclass(frozen=True)
class Adopted:
    """The user's model as a baseline: what it is, the file that it became, and whose it was."""

    baseline: Baseline
    file: Path
    sha256: str
    """Of the user's file."""


def run(
    settings: RunSettings,
    out: Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Results:
    """Train a baseline, apply the techniques, measure every model, and write the run folder.

    Parameters
    ----------
    settings : RunSettings
    out : Path
        The run folder: new, empty, or this run's own, which is then finished.
    jobs : int > 0, optional
        Worker processes; default: the cores. It does not change any result.
    progress : Progress, optional
        Is told what is happening.

    Returns
    -------
    results : Results
        What results.json holds.

    Raises
    ------
    UsageError
        A setting, the data or the folder is wrong; nothing was written.
    StapesError
        The work failed, and what was finished is kept; or an extra is not installed.
    """
    progress = progress or Progress()
    if settings.model is None and settings.positive != 1:
        raise UsageError("--positive: is for a --model of your own; leave it out.")
    if settings.model is not None and (settings.architecture, settings.sizes) != (
        RunSettings.model_fields["architecture"].default,
        {},
    ):
        raise UsageError("--architecture: a --model of your own has one already; leave it out.")
    detecting.check(settings)
    from_file = settings.model is not None and adoption.is_float_file(settings.model)
    names = select(settings.techniques, from_file=from_file)
    for sentence in left_out(settings.techniques, from_file=from_file):
        progress.note(sentence)
    settings.frontend.require()
    if not from_file:
        backend.require()
    folder = RunFolder(out, settings, from_file=from_file)
    folder.check()
    if settings.model is None:
        return _run(names, settings, folder, None, jobs, progress)
    with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
        adopted = _adopted(settings, Path(scratch) / folder.baseline.name, progress)
        return _run(names, settings, folder, adopted, jobs, progress)


def _run(
    names: list[str],
    settings: RunSettings,
    folder: RunFolder,
    adopted: Adopted | None,
    jobs: int | None,
    progress: Progress,
) -> Results:
    root = settings.data or synthetic_folder(settings, jobs, progress)
    corpus = load_corpus(root, settings)
    with open_cache(cache_folder() / "features", settings.frontend) as cache:
        chosen, skipped = choose_clips(corpus, settings, cache, progress)
        require_enough(chosen, settings)
        training, copies = with_copies(chosen["train"], settings, cache, progress)
        used = {**chosen, "train": training}
        with folder.open(digest(chosen), adopted.sha256 if adopted else None):
            for split in SPLITS:
                path = steps.feature_file(folder.work, split)
                steps.save_features(gather(used[split], cache, path), folder.work, split)
            data = describe(corpus, settings, chosen, copies, skipped)
            # Before hours of training: what is wrong with it is to be mended first.
            sound = detecting.gather(corpus, chosen, skipped, settings, folder.work, progress)
            jobs = jobs or _cores()
            try:
                results, failed = _models(names, settings, folder, data, adopted, jobs, progress)
                measuring.measure_all(
                    results, chosen["test"], sound, settings, folder, jobs=jobs, progress=progress
                )
            except BrokenExecutor:
                raise StapesError(
                    f"A worker process died (out of memory?); {folder.log} may say why. The same "
                    "command goes on from here."
                ) from None
            write_files(results, folder.path)
            if failed:
                said = "; ".join(f"{name} ({reason})" for name, reason in failed.items())
                raise StapesError(
                    f"Not made: {said}. {folder.log} has more; the other models are kept: `stapes "
                    f"report {folder.path}` shows them."
                )
            folder.finish()
    return results


def _models(
    names: list[str],
    settings: RunSettings,
    folder: RunFolder,
    data: Data,
    adopted: Adopted | None,
    jobs: int,
    progress: Progress,
) -> tuple[Results, dict[str, str]]:
    """The baseline and every variant, and what failed; what an earlier try finished is kept."""
    results = _finished(folder, data)
    done = {row.name for row in results.variants} if results else set()
    missing = [name for name in names if name not in done]
    if results and not missing:
        return results, {}
    if adopted:
        write_bytes(folder.baseline, adopted.file.read_bytes())
    workers = max(1, min(jobs, len(missing)))
    with pool(workers, send_output_to, (folder.log.resolve(),)) as executor:
        if results is None:
            made = (
                adopted.baseline
                if adopted
                else train_baseline(settings, folder.work, folder.baseline, executor, progress)
            )
            made.sha256 = sha256(folder.baseline)
            results = Results(
                word=settings.word,
                seed=settings.seed,
                preset=settings.preset,
                versions=versions(),
                data=data,
                baseline=made,
                variants=[],
            )
            results_file.write(results, folder.results)
        failed = _variants(missing, settings, folder, results, executor, progress)
    return results, failed


def _variants(
    missing: list[str],
    settings: RunSettings,
    folder: RunFolder,
    results: Results,
    executor: Executor,
    progress: Progress,
) -> dict[str, str]:
    """Make the stages and variants that are missing, each as soon as what it needs is there.

    Returns what failed, with the reason: one technique that fails must not cost the others.
    """
    progress.begin("Making and measuring models")
    files = (folder.work, folder.baseline)
    stages = [
        name
        for name in stages_of(missing)
        if not steps.stage_file(folder.work, name, folder.baseline).is_file()
    ]
    waiting = {f"stage {name}": STAGES[name].needs for name in stages}
    waiting |= {name: TECHNIQUES[name].needs for name in missing}
    pending: dict[Future[VariantResult | None], str] = {}
    failed: dict[str, str] = {}
    total = len(waiting)
    while waiting or pending:
        blocked = {name for name in stages if f"stage {name}" in {*waiting, *pending.values()}}
        for name in [name for name, needs in waiting.items() if needs not in blocked]:
            del waiting[name]
            stage = name.removeprefix("stage ")
            future: Future[VariantResult | None] = (
                executor.submit(steps.make_stage, stage, settings, *files)
                if name != stage
                else executor.submit(steps.make_variant, name, settings, *files, folder.models)
            )
            pending[future] = name
        progress.update(total - len(waiting) - len(pending), total, ", ".join(pending.values()))
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            name = pending.pop(future)
            try:
                row = future.result()
            except BrokenExecutor:
                raise
            except Exception as error:
                log.info("%s failed: %s", name, error)
                failed[name] = (str(error).splitlines() or [type(error).__name__])[0]
                waiting = {each: on for each, on in waiting.items() if f"stage {on}" not in failed}
                continue
            log.info("%s is done", name)
            if row is not None:
                _add(row, results)
                results_file.write(results, folder.results)
                progress.note(line(row))
    progress.end(f"{len(results.variants)} models")
    return failed


def _add(row: VariantResult, results: Results) -> None:
    order = list(TECHNIQUES)
    results.variants = sorted([*results.variants, row], key=lambda row: order.index(row.name))
    if row.name == "float32":
        results.baseline.accuracy = row.accuracy


def _adopted(settings: RunSettings, target: Path, progress: Progress) -> Adopted:
    """The user's model, read in a process of its own: it may come from anywhere."""
    progress.begin(f"Reading {settings.model}")
    try:
        baseline = isolated(SECONDS, adoption.adopt, settings, target)
    except Lost as lost:
        raise ModelError(
            f"{settings.model} cannot be used: {lost}. The file is broken, loops, or is far too "
            "large for a device: `stapes inspect` shows what is in it."
        ) from None
    progress.end(f"{baseline.parameters:,} parameters")
    assert settings.model is not None
    return Adopted(baseline, target, adoption.digest(settings.model))


def train_baseline(
    settings: RunSettings, work: Path, keras_file: Path, executor: Executor, progress: Progress
) -> Baseline:
    """Train the baseline on the features in `work`, in a worker process."""
    progress.begin("Training the baseline")
    progress.update(0, settings.train.epochs)
    future = executor.submit(steps.train_baseline, settings, work, keras_file)
    _follow(future, lambda: steps.training_progress(work), progress)
    baseline = future.result()
    kept = baseline.kept_epoch or len(baseline.history["loss"])
    said = ", ".join(f"{name} {values[kept - 1]:.3f}" for name, values in baseline.history.items())
    log.info("baseline: epoch %d kept: %s", kept, said)
    progress.end(f"{baseline.parameters:,} parameters, epoch {kept} kept; {said}")
    return baseline


def _follow(
    future: Future[Baseline],
    state: Callable[[], tuple[int, int, str] | None],
    progress: Progress,
) -> None:
    while wait([future], timeout=0.2).not_done:
        reached = state()
        if reached:
            progress.update(*reached)


def _finished(folder: RunFolder, data: Data) -> Results | None:
    """What an earlier try of the same run left whole; None if not even the baseline."""
    if not folder.results.is_file() or not folder.baseline.is_file():
        return None
    try:
        found = results_file.read(folder.results)
    except StapesError as error:
        # Whoever damaged it has lost the figures; the run makes them again.
        log.warning("%s", error)
        return None
    if sha256(folder.baseline) != found.baseline.sha256:
        log.warning(
            "%s is not the baseline that the results are of; it is made again.",
            folder.baseline,
        )
        return None
    found.variants = [
        row
        for row in found.variants
        if (folder.path / row.file).is_file() and sha256(folder.path / row.file) == row.sha256
    ]
    found.data = data
    return found


def _cores() -> int:
    return os.cpu_count() or 1
