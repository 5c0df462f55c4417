"""Detectors in a stream on real words: false rejects at rates of false accepts, several seeds each.

    python benchmarks/results_streams.py --speech DIR [--out runs/streams] [--seeds 0,1,2] [--write]

DIR has `wakewords`, `commands` and `telephone_words`, with a folder of clips for every word,
`negatives`, `noise`, `music` and `rooms` to train with, and `continuous`, `hours` and
`telephone_sentences` to measure in. Every word and seed
is a `stapes run`, as `command` below writes it: the first makes all rows of detectors in a stream,
the others the row `stream`. A second call resumes unfinished runs and reads
finished ones. With --theirs, a streaming model of others (the word of its file's name) is measured
in the same sound, at the same moments and by the same rule. With --write, the tables go into the
docs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Set
from pathlib import Path
from statistics import fmean

import numpy as np

from results import finished, put
from results_sentences import in_sentences, not_test_sound
from stapes.contracts import results as results_file
from stapes.contracts.measurements import Detection, OperatingPoint
from stapes.contracts.results import Results, VariantResult
from stapes.data.corpus import Corpus
from stapes.data.stream import hearing
from stapes.data.stream.frames import HOP
from stapes.data.stream.mixing import RATE
from stapes.frontends.registry import STREAMS
from stapes.measure.stream import detection_in_stream
from stapes.measure.stream_outputs import StreamOutputs
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.preparation import choose_clips, feature_cache, load_corpus
from stapes.run.settings import RunSettings
from stapes.run.settle import settle
from stapes.run.sound import gather
from stapes.system.files import write_text
from stapes.system.text import interval, percent
from stapes.targets.streams import outputs
from stapes.targets.tflm_cost import arena_bytes
from stapes.tflite.read.verify import verify

SPEECH = Path(os.environ.get("STAPES_SPEECH", "speech"))
"""Recordings of people."""

WORDS = {
    "computer": "wakewords",
    "jarvis": "wakewords",
    "alexa": "wakewords",
    "left": "commands",
    "voyager": "telephone_words",
}
SPOKEN_INSIDE = "voyager"
"""Also measured inside sentences."""
SOUND = ("continuous", "hours")
PROMISED = ("computer", "jarvis", "alexa")
"""The words of the mean."""
RATES = (1.0, 2.0, 5.0)
NOISE_DB = 10.0
PAGE = Path(__file__).parents[1] / "docs" / "results.md"


def main() -> None:
    """Do the missing runs, print the tables, and with --write put them into the docs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, default=SPEECH)
    parser.add_argument("--out", type=Path, default=Path("runs/streams"))
    parser.add_argument("--seeds", default="0,1,2", help="with commas between them")
    parser.add_argument("--words", default=",".join(WORDS))
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--theirs", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--write", action="store_true", help="put the tables in docs/results.md")
    arguments = parser.parse_args()
    noise = _linked(arguments.speech, arguments.out / "noise", ("noise", "music"))
    everywhere = _linked(arguments.speech, arguments.out / "sound", SOUND)
    runs: dict[str, list[Results]] = {}
    techniques = "stream*"
    options: dict[str, RunSettings] = {}
    seeds = arguments.seeds.split(",")
    for seed in seeds:
        for word in arguments.words.split(","):
            folder = arguments.out / f"{word}-{seed}"
            sound = everywhere
            if word == SPOKEN_INSIDE:
                sound = _without(arguments, word, seed, folder.with_name(f"{folder.name}-sound"))
            call = command(arguments, word, seed, folder, sound, noise)
            call += ["--techniques", techniques]
            techniques = "stream"
            if not finished(folder):
                with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
                    config.write(_config())
                    config.flush()
                    subprocess.run([*call, "--config", config.name], check=True)
            runs.setdefault(word, []).append(results_file.read(folder / "results.json"))
            options.setdefault(word, _settings(folder))
    theirs = {
        path.stem: measured(path, options[path.stem], arguments.out / "theirs")
        for path in arguments.theirs
    }
    first = next(iter(runs.values()))[0]
    parts = {"streams": table(runs, theirs), "stream rows": rows(first)}
    if SPOKEN_INSIDE in runs:
        folders = [arguments.out / f"{SPOKEN_INSIDE}-{seed}" for seed in seeds]
        parts["stream sentences"] = [
            in_sentences(arguments.speech, folder, run, corpus_of(_settings(folder)))
            for folder, run in zip(folders, runs[SPOKEN_INSIDE], strict=True)
        ]
    print("\n\n".join("\n".join(lines) for lines in parts.values()))
    if arguments.write:
        page = PAGE.read_text("utf-8")
        for name, lines in parts.items():
            page = put(page, name, "\n".join(lines))
        write_text(PAGE, page)


def command(
    arguments: argparse.Namespace, word: str, seed: str, folder: Path, sound: Path, noise: Path
) -> list[str]:
    """One `stapes run` of detectors in a stream."""
    speech = arguments.speech
    call = [str(Path(sys.executable).with_name("stapes")), "run", "--word", word, "--seed", seed]
    call += ["--data", str(speech / WORDS[word]), "--negatives", str(speech / "negatives")]
    call += ["--noise", str(noise), "--rooms", str(speech / "rooms"), "--continuous", str(sound)]
    call += ["--jobs", arguments.jobs, "--out", str(folder)]
    return call


def _config() -> str:
    return f"settings: {{detection: {{snr_db: [{NOISE_DB}], rates: {list(RATES)}}}}}\n"


def _settings(folder: Path) -> RunSettings:
    return settle({}, config=folder / "run.yaml")


def _linked(
    speech: Path, out: Path, parts: tuple[str, ...], leave_out: Set[Path] = frozenset()
) -> Path:
    """A folder of links to the recordings in some folders; returns `out`."""
    for part in parts:
        for path in sorted((speech / part).rglob("*")):
            link = out / part / path.relative_to(speech / part)
            if path.suffix in (".flac", ".ogg") and path not in leave_out and not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.resolve())
    return out


def _without(arguments: argparse.Namespace, word: str, seed: str, out: Path) -> Path:
    """The sound to count in, without the word and without people of the training clips."""
    settings = RunSettings(word=word, seed=int(seed), data=arguments.speech / WORDS[word])
    corpus = load_corpus(arguments.speech / WORDS[word], settings)
    return _linked(arguments.speech, out, SOUND, not_test_sound(arguments.speech, word, corpus))


def measured(model: Path, settings: RunSettings, folder: Path) -> tuple[Detection, int, int]:
    """A streaming model of others in the test sound of a run: figures, bytes and arena."""
    job = Job(settings, RunFolder(folder / model.stem, settings))
    job.folder.work.mkdir(parents=True, exist_ok=True)
    corpus = corpus_of(settings)
    with feature_cache(settings) as cache:
        chosen, skipped = choose_clips(corpus, settings, cache, job.progress)
    tested = gather(job, corpus, chosen, skipped, windows=False, streams=True)
    sound = tested.streams
    assert sound is not None
    content = model.read_bytes()
    graph = verify(content).graphs[0]
    stride = graph.tensor(graph.inputs[0]).shape[1]
    heard = {}
    for snr_db in (None, NOISE_DB):
        noisy = 3600 * settings.detection.noise_hours if snr_db is not None else None
        plan = hearing.plan(
            sound,
            sound.words,
            settings.detection.tolerance_seconds,
            frontend=STREAMS[settings.stream.frontend],
            most_seconds=noisy,
        )
        path = job.folder.work / "frames.npy"
        hearing.write(sound, sound.words, plan, path, snr_db=snr_db, seed=settings.seed)
        x = np.load(path, mmap_mode="r", allow_pickle=False)
        parts = [outputs(content, np.asarray(x[begin : begin + n])) for begin, n in plan.parts]
        count = plan.recordings
        heard[snr_db] = StreamOutputs(parts[:count], plan.sources, parts[count:], plan.clips)
    detection = detection_in_stream(
        heard,
        settings.detection,
        step_seconds=stride * HOP / RATE,
        stride=stride,
        seed=settings.seed,
        clip_scores=np.zeros(0),
        clip_is_word=np.zeros(0, np.uint8),
    )
    return detection, len(content), arena_bytes(content)


def table(
    runs: dict[str, list[Results]], theirs: dict[str, tuple[Detection, int, int]]
) -> list[str]:
    """The row `stream` of each word, and the models of others below."""
    heads = [f"{rate:g} FA/h" for rate in RATES]
    lines = [
        f"| model | words | bytes | arena | {' | '.join(heads)} | at {NOISE_DB:g} dB | each seed |",
        f"|---|---:|---:|---:|{'---:|' * len(heads)}---:|---|",
    ]
    at_one: list[float] = []
    in_noise: list[float] = []
    for word, results in runs.items():
        found = [_row(run, "stream") for run in results]
        detections = [row.detection for row in found if row.detection is not None]
        frr = [[_frr(_at(d, rate)) for d in detections] for rate in RATES]
        noisy = [_in_noise(d) for d in detections]
        if word in PROMISED:
            at_one.append(fmean(frr[RATES.index(1.0)]))
            in_noise.append(fmean(noisy))
        cells = [f"`stream`, {word}", str(detections[0].conditions[0].words)]
        cells += [f"{max(row.bytes for row in found):,}"]
        cells += [f"{max(row.targets['tflm'].arena_bytes or 0 for row in found):,}"]
        cells += [percent(fmean(values), 1) for values in frr]
        cells += [percent(fmean(noisy), 1)]
        cells += [", ".join(percent(value, 1) for value in frr[RATES.index(1.0)])]
        lines.append(f"| {' | '.join(cells)} |")
        if word in theirs:
            detection, size, arena = theirs[word]
            cells = [f"microWakeWord, {word}", str(detection.conditions[0].words), f"{size:,}"]
            cells += [f"{arena:,}", *(percent(_frr(_at(detection, rate)), 1) for rate in RATES)]
            cells += [percent(_in_noise(detection), 1), ""]
            lines.append(f"| {' | '.join(cells)} |")
    names = ", ".join(f"`{word}`" for word in runs if word in PROMISED)
    if names:
        lines += [
            "",
            f"The mean over {names}: {percent(fmean(at_one), 1)} missed at 1 false accept an hour, "
            f"{percent(fmean(in_noise), 1)} at {NOISE_DB:g} dB.",
        ]
    return lines


def corpus_of(settings: RunSettings) -> Corpus:
    """The clips of a run."""
    assert settings.data is not None
    return load_corpus(settings.data, settings)


def rows(run: Results) -> list[str]:
    """Every row of a run."""
    lines = [
        "| row | bytes | arena | FRR at 1 FA/h | interval | at 10 dB | ESPHome | TFLM agrees |",
        "|---|---:|---:|---:|---|---:|---|---|",
    ]
    for row in run.variants:
        if row.detection is None:
            continue
        point, tflm = _at(row.detection, 1.0), row.targets["tflm"]
        cells = [f"`{row.name}`", f"{row.bytes:,}"]
        cells += ["-" if tflm.arena_bytes is None else f"{tflm.arena_bytes:,}"]
        cells += [percent(_frr(point), 1), interval(point.frr_ci95)]
        cells += [percent(_in_noise(row.detection), 1)]
        cells += ["yes" if row.targets["esphome"].runs else "no"]
        cells += ["yes" if tflm.agrees else "no"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _row(results: Results, name: str) -> VariantResult:
    return results[name]


def _at(detection: Detection, rate: float) -> OperatingPoint:
    points = detection.conditions[0].at_rates
    return next(point for point in points if point.target_fa_per_hour == rate)


def _in_noise(detection: Detection) -> float:
    condition = next(part for part in detection.conditions if part.snr_db == NOISE_DB)
    return _frr(condition.at_clean_threshold)


def _frr(point: OperatingPoint) -> float:
    return 1.0 if point.frr is None else point.frr


if __name__ == "__main__":
    main()
