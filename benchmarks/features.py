"""Features: Stapes and a librosa loop on the same files, and the memory of many clips.

    python benchmarks/features.py [--data DIR] [--rounds 5] [--clips 100000]

Speed: both compute features from files in the same process, in turn, round by round. It prints the
ratio of each round, and checks that the values are equal. Stapes uses as many threads as there are
cores; the loop does what the reference does: load, resample, divide by the peak, MFCC, pad.

Memory: `--clips` generated clips pass the choice, the cache and the memory-mapped file in a process
of its own, which reports its peak memory. `--clips 0` leaves this out.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile

from stapes.data import corpus as corpora
from stapes.data.cache import open_cache
from stapes.data.clip import Clip
from stapes.data.extraction import extract, in_threads
from stapes.data.features import choose, gather
from stapes.frontends.mfcc import Mfcc

SPEECH = Path(os.environ.get("STAPES_SPEECH", "speech"))
"""Recordings of people."""

SETTINGS = Mfcc()


def librosa_loop(paths: list[Path]) -> np.ndarray:
    """The reference's way, clip by clip."""
    rows = []
    for path in paths:
        y, _ = librosa.load(path, sr=SETTINGS.sample_rate)
        features = librosa.feature.mfcc(y=y / np.abs(y).max(), sr=SETTINGS.sample_rate, n_mfcc=13).T
        rows.append(np.pad(features, ((0, SETTINGS.frames - len(features)), (0, 0))))
    return np.stack(rows)


def stapes_threads(paths: list[Path]) -> np.ndarray:
    """Ours, as a run does it."""
    clips = [Clip(path.name, path, "") for path in paths]
    chunks = iter([clips[begin : begin + 32] for begin in range(0, len(clips), 32)])
    rows = []
    for _, results in in_threads(chunks, lambda part: extract(part, SETTINGS)):
        for result in results:
            if isinstance(result, Exception):
                raise result
            rows.append(result[..., 0])
    return np.stack(rows)


def speed(paths: list[Path], rounds: int) -> None:
    """Print clips per second of both, their ratio, and how far their values differ."""
    librosa_loop(paths[:8])
    stapes_threads(paths[:8])
    ratios = []
    for number in range(rounds):
        began = time.perf_counter()
        theirs = librosa_loop(paths)
        middle = time.perf_counter()
        ours = stapes_threads(paths)
        ended = time.perf_counter()
        ratios.append((middle - began) / (ended - middle))
        print(
            f"round {number + 1}: librosa {len(paths) / (middle - began):7.0f} clips/s, "
            f"stapes {len(paths) / (ended - middle):7.0f} clips/s, ratio {ratios[-1]:.2f}, "
            f"largest difference {np.abs(ours - theirs).max():.1e}",
            flush=True,
        )
    print(
        f"median ratio {statistics.median(ratios):.2f} on {len(paths)} files, "
        f"{os.cpu_count()} cores"
    )


def memory(clips: int) -> None:
    """Make `clips` clips up and let another process take them."""
    with tempfile.TemporaryDirectory(prefix="stapes-benchmark-") as folder:
        root = Path(folder)
        rng = np.random.default_rng(0)
        for number in range(clips):
            label = "word" if number % 2 else "other"
            (root / "data" / label).mkdir(parents=True, exist_ok=True)
            y = rng.standard_normal(1000).astype(np.float32) * 0.1
            name = f"{number % 997:08x}_nohash_{number}.wav"
            soundfile.write(root / "data" / label / name, y, 8000)
        subprocess.run([sys.executable, __file__, "--take", str(root)], check=True)


def take(root: Path) -> None:
    """Choose and gather every clip of a folder; print the most memory that was held."""
    corpus = corpora.load(root / "data", "word")
    with open_cache(root / "cache", SETTINGS) as cache:
        chosen, _ = choose(corpus, SETTINGS, cache)
        total = 0
        for split, part in chosen.items():
            features = gather(part, cache, root / f"{split}.npy")
            total += len(features.y)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{total} clips: at most {peak:.2f} GiB held")


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=SPEECH / "commands")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--take", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.take:
        take(arguments.take)
        return
    paths = sorted(arguments.data.glob("*/*.flac")) + sorted(arguments.data.glob("*/*.wav"))
    if not paths:
        sys.exit(f"{arguments.data}: no .wav or .flac in its folders; name one with --data")
    speed(paths, arguments.rounds)
    if arguments.clips:
        memory(arguments.clips)


if __name__ == "__main__":
    main()
