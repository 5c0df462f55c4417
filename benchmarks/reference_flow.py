"""The time of the published experiment's scripts and of `stapes run`, on the same data.

    python benchmarks/reference_flow.py --data DIR --word WORD [--rounds 1]

There was one script for each technique, and they ran one after the other. Each decoded and
resampled every clip and computed its features with librosa, clip by clip. Each that trains made its
own baseline first. Each ran the interpreter clip by clip. This does that work with the same
architecture, epochs and number of clips. Then `stapes run --preset reference` makes the same rows
with an empty cache. The result is the ratio of the two times.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEECH = Path(os.environ.get("STAPES_SPEECH", "speech"))
"""Recordings of people."""

ROWS = ("float32", "dynamic_range", "uint8", "float16", "int16x8", "pruned", "qat", "clustered")


def script(row: str, listing: Path) -> None:
    """One published script: features, a baseline, one technique, and its measure."""
    import librosa
    import numpy as np

    from stapes.models.architectures import reference_cnn
    from stapes.models.backend import keras, start_over, tensorflow
    from stapes.techniques.post_training import convert, convert_int8
    from stapes.techniques.recipes import PUBLISHED, Recipes

    def features(path: str) -> np.ndarray:
        y, _ = librosa.load(path, sr=22_050)
        y = y[:22_050] / max(float(np.abs(y).max()), 1e-9)
        rows = librosa.feature.mfcc(y=y, sr=22_050, n_mfcc=13).T[:50]
        return np.pad(rows, ((0, 50 - len(rows)), (0, 0)))[..., None].astype(np.float32)

    sets: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    lines = [line.split("\t") for line in listing.read_text("utf-8").splitlines()]
    for split in ("train", "test"):
        chosen = [(path, int(label)) for part, label, path in lines if part == split]
        x = np.stack([features(path) for path, _ in chosen])
        sets[split] = x, np.array([label for _, label in chosen])

    tf = tensorflow()
    import tensorflow_model_optimization as tfmot

    start_over(0)
    x, y = sets["train"]

    def fit(model: object, epochs: int, rate: float, callbacks: tuple[object, ...] = ()) -> None:
        model.compile(  # type: ignore[attr-defined]
            keras().optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        model.fit(  # type: ignore[attr-defined]
            x, y, batch_size=32, epochs=epochs, verbose=0, callbacks=list(callbacks)
        )

    model = reference_cnn()
    fit(model, 15, 1e-3)
    recipes = Recipes.model_validate(PUBLISHED)
    if row == "pruned":
        recipe = recipes.pruning
        end = -(-len(y) // 32) * recipe.epochs
        schedule = tfmot.sparsity.keras.PolynomialDecay(0.5, 0.8, 0, end, frequency=10)
        model = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
        fit(model, recipe.epochs, 1e-3, (tfmot.sparsity.keras.UpdatePruningStep(),))
        model = tfmot.sparsity.keras.strip_pruning(model)
    elif row == "clustered":
        init = tfmot.clustering.keras.CentroidInitialization.LINEAR
        model = tfmot.clustering.keras.cluster_weights(
            model, number_of_clusters=16, cluster_centroids_init=init
        )
        fit(model, 1, 1e-5)
        model = tfmot.clustering.keras.strip_clustering(model)
    elif row == "qat":
        model = tfmot.quantization.keras.quantize_model(model)
        fit(model, 1, 1e-3)

    def settle(converter: object) -> None:
        if row in ("dynamic_range", "float16", "int16x8", "qat"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]  # type: ignore[attr-defined]
        if row == "float16":
            converter.target_spec.supported_types = [tf.float16]  # type: ignore[attr-defined]
        if row == "int16x8":
            converter.representative_dataset = lambda: ([c[None]] for c in x[:100])  # type: ignore[attr-defined]
            converter.target_spec.supported_ops = [  # type: ignore[attr-defined]
                tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            ]

    tflite = convert_int8(model, x[:100], tf.uint8) if row == "uint8" else convert(model, settle)
    from stapes.targets.litert import LiteRT

    interpreter = LiteRT(tflite)
    right = [
        interpreter.predict(clip[None]).argmax() == label
        for clip, label in zip(*sets["test"], strict=True)
    ]
    print(f"    {row}: {len(tflite):,} bytes, {100 * float(np.mean(right)):.2f} %", flush=True)


def list_clips(data: Path, word: str, listing: Path, cache: Path) -> None:
    """The clips that `stapes run --preset reference` chooses: split, label and path a line."""
    from stapes.data import corpus as corpora
    from stapes.data.cache import open_cache
    from stapes.data.features import choose
    from stapes.run.settle import settle

    settings = settle({"preset": "reference", "data": data, "word": word})
    corpus = corpora.load(data, word, validation=settings.validation, test=settings.test)
    with open_cache(cache, settings.frontend) as opened:
        chosen, _ = choose(corpus, settings.frontend, opened)
    lines = [
        f"{split}\t{label}\t{clip.path}"
        for split, part in chosen.items()
        for clip, label in zip(part.clips, part.y, strict=True)
    ]
    listing.write_text("\n".join(lines), "utf-8")


def main() -> None:
    """Parse, run both, print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=SPEECH / "wakewords")
    parser.add_argument("--word", default="computer")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--script", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("--listing", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.script:
        script(arguments.script, arguments.listing)
        return
    ratios = []
    for number in range(arguments.rounds):
        with tempfile.TemporaryDirectory(prefix="stapes-benchmark-") as folder:
            ratios.append(measure(arguments.data, arguments.word, Path(folder)))
        print(f"round {number + 1}: ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}, {len(ROWS)} rows, {os.cpu_count()} cores")


def measure(data: Path, word: str, folder: Path) -> float:
    """Seconds of the published way over seconds of `stapes run`."""
    listing = folder / "clips.txt"
    list_clips(data, word, listing, folder / "cache-of-the-listing")
    quiet = {"stderr": subprocess.DEVNULL, "check": True}
    print("the published way, a script a technique:", flush=True)
    began = time.perf_counter()
    for row in ROWS:
        command = [sys.executable, __file__, "--script", row, "--listing", str(listing)]
        subprocess.run(command, **quiet)  # type: ignore[call-overload]
    middle = time.perf_counter()
    print(f"  {middle - began:.1f} s\nstapes run, the same rows:", flush=True)
    stapes = Path(sys.executable).with_name("stapes")
    command = [str(stapes), "run", "--preset", "reference", "--data", str(data), "--word", word]
    command += ["--techniques", ",".join(ROWS), "--out", str(folder / "run")]
    environment = {**os.environ, "STAPES_CACHE": str(folder / "cache")}
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, **quiet)  # type: ignore[call-overload]
    ended = time.perf_counter()
    print(f"  {ended - middle:.1f} s", flush=True)
    return (middle - began) / (ended - middle)


if __name__ == "__main__":
    main()
