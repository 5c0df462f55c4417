"""The model of an earlier run in the test sound of this run: what training again changed.

Both models get the same sound, word by word. Thus McNemar's test tells whether the words that only
one of them misses are more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.before import Before, Compared
from stapes.contracts.measurements import OperatingPoint
from stapes.contracts.results import Results, VariantResult
from stapes.contracts.results import read as read_results
from stapes.data.slug import slug
from stapes.data.stream import hearing
from stapes.data.stream.frames import HOP
from stapes.data.stream.mixing import RATE
from stapes.errors import StapesError, UsageError
from stapes.frontends.registry import STREAMS
from stapes.measure.device_rule import DeviceRule
from stapes.measure.operating_points import at_rate, at_threshold, lowest_rate
from stapes.measure.paired import mcnemar
from stapes.measure.stream_curve import StreamCurve, sweep
from stapes.measure.stream_outputs import StreamOutputs
from stapes.model_files.sources import measured, row_path
from stapes.run.job import Job
from stapes.run.settings import RunSettings
from stapes.run.stream_detection import Heard, outputs_file, outputs_of, plan_of, words_of
from stapes.system.options import unknown
from stapes.system.text import printable

_SAME = ("data", "negatives", "noise", "seed", "validation", "test", "synthetic")
"""Settings that decide which sound is held out."""


def check(settings: RunSettings, folder: Path) -> None:
    """Raise UsageError if `--before` names no finished run of the word with a detector."""
    if settings.before is not None:
        if settings.before.resolve() == folder.resolve():
            raise UsageError(f"--before {settings.before}: is this run's own folder; name another.")
        _earlier(settings)


def compare(job: Job, results: Results, heard: Heard | None) -> Before | None:
    """Measure the earlier model and this run's in `heard`; None if that is not asked for.

    What was compared in the same sound already stays.
    """
    settings, progress = job.settings, job.progress
    if settings.before is None:
        return None
    earlier, row = _earlier(settings)
    after = shipped(results)
    if after is None or results.detection is None or heard is None:
        progress.note("--before: no detector in a stream was measured, so nothing is compared.")
        return None
    known, key = results.before, (row.sha256, after.sha256, results.detection.sha256)
    if known is not None and (known.sha256, known.after_sha256, known.sound_sha256) == key:
        return known
    progress.begin(f"Comparing with {settings.before}")
    files = {"before": row_path(settings.before, row), "after": job.folder.path / after.file}
    rows = {"before": row, "after": after}
    curves = {
        name: _curve(part, rows[name], settings)
        for name, part in _outputs(job, results, heard, files, rows).items()
    }
    # The target, or the lowest rate that the sound resolves.
    hours = min(curve.hours for curve in curves.values())
    rate = max(settings.detection.target_fa_per_hour, lowest_rate(hours))
    thresholds = {name: _threshold(row) for name, row in rows.items()}
    progress.end()
    return Before(
        run=str(settings.before),
        variant=row.name,
        sha256=row.sha256,
        after=after.name,
        after_sha256=after.sha256,
        sound_sha256=results.detection.sha256,
        same_data=all(earlier.settings.get(name) == results.settings.get(name) for name in _SAME),
        as_shipped=compared(
            curves,
            {name: at_threshold(curve, thresholds[name]) for name, curve in curves.items()},
        ),
        at_rate=compared(curves, {name: at_rate(curve, rate) for name, curve in curves.items()}),
    )


def shipped(results: Results) -> VariantResult | None:
    """The recommended detector in a stream, or the first that LiteRT runs; `stream` comes first."""
    best = None if results.recommendation is None else results.recommendation.variant
    rows = [row for row in results.variants if row.stream is not None and row.detection is not None]
    # LiteRT reads no look-up tables.
    rows = [row for row in rows if "litert" not in row.targets or row.targets["litert"].runs]
    return min(rows, key=lambda row: (row.name != best, row.name != "stream"), default=None)


def _earlier(settings: RunSettings) -> tuple[Results, VariantResult]:
    """The results of the earlier run, and its model's row."""
    run = settings.before
    assert run is not None
    results = read_results(run / "results.json")
    if slug(results.word) != slug(settings.word):
        raise UsageError(f"--before {run}: its word is {results.word}, not {settings.word}.")
    row = shipped(results)
    if row is None:
        raise UsageError(f"--before {run}: no detector in a stream was measured in it.")
    try:
        measured(run, row)
    except StapesError as error:
        raise UsageError(f"--before {run}: {error.typed}") from None
    assert row.stream is not None
    frontend = row.stream.frontend
    if frontend not in STREAMS:
        raise UsageError(f"--before {run}: the frontend {printable(unknown(frontend, STREAMS))}.")
    STREAMS[frontend].require()
    return results, row


def _outputs(
    job: Job,
    results: Results,
    heard: Heard,
    files: Mapping[str, Path],
    rows: Mapping[str, VariantResult],
) -> dict[str, StreamOutputs]:
    """The outputs of both models in the sound without noise."""
    work, words = job.folder.work / "before", sum(clip.word for clip in results.clips)
    work.mkdir(parents=True, exist_ok=True)
    forms = {name: row.stream for name, row in rows.items() if row.stream is not None}
    plans = {
        kind: plan_of(job.settings, heard, None, words, kind)
        for kind in dict.fromkeys(form.frontend for form in forms.values())
    }
    for kind, plan in plans.items():
        hearing.write(
            heard.sound, heard.clips, plan, work / f"frames-{kind}.npy",
            snr_db=None, seed=job.settings.seed, progress=job.progress,
        )  # fmt: skip
    with job.workers(len(files)) as executor:
        waiting = [
            executor.submit(
                outputs_file,
                files[name],
                work / f"frames-{form.frontend}.npy",
                plans[form.frontend].parts,
                work / f"{name}.npy",
            )
            for name, form in forms.items()
        ]
        for future in waiting:
            future.result()
    for kind in plans:
        (work / f"frames-{kind}.npy").unlink()
    return {
        name: words_of(outputs_of(work / f"{name}.npy", plans[form.frontend], form.stride), words)
        for name, form in forms.items()
    }


def _curve(outputs: StreamOutputs, row: VariantResult, settings: RunSettings) -> StreamCurve:
    assert row.stream is not None
    assert row.detection is not None
    stride, window = row.stream.stride, row.detection.sliding_window
    rule = DeviceRule(stride * HOP / RATE, stride, window or settings.detection.sliding_window)
    return sweep(outputs, rule, settings.detection.tolerance_seconds)


def _threshold(row: VariantResult) -> float | None:
    return None if row.detection is None else row.detection.threshold


def compared(
    curves: Mapping[str, StreamCurve], points: Mapping[str, OperatingPoint]
) -> Compared | None:
    """The models `before` and `after`, each at its point; None if one has no threshold there."""
    missed = {}
    for name, curve in curves.items():
        threshold = points[name].threshold
        if threshold is None:
            return None
        missed[name] = _missed(curve, threshold)
    return Compared(
        before=points["before"],
        after=points["after"],
        words=mcnemar(missed["after"], missed["before"]),
    )


def _missed(curve: StreamCurve, threshold: float) -> NDArray[np.bool_]:
    """Whether each word is missed at a threshold [shape=(words,)]."""
    cutoffs = np.array([curve.outputs.cutoff(threshold)])
    return sweep(curve.outputs, curve.rule, curve.tolerance_seconds, cutoffs).missed[:, 0]
