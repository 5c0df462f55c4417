"""A model that a device runs, of random weights, and a run folder that holds it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.report.results_by_hand import in_stream, known, results, row, streamed
from tests.tflite.windows import Layer, window_model

from stapes.contracts.results import Results, write
from stapes.system.files import sha256
from stapes.tflite.edit.streaming import streaming

__all__ = ["device_model", "in_stream", "known", "results", "row", "run_folder", "streamed"]


@cache
def device_model(seed: int = 0) -> bytes:
    """int8 [1, 3, 40] to uint8 [1, 1], with a ring buffer in a resource variable."""
    layers = [Layer(6), Layer(None, 5, 3), Layer(None, 4), Layer(6)]
    return streaming(window_model(layers, bins=40, seed=seed, device=True))


def run_folder(folder: Path, document: Results | None = None) -> Path:
    """Write a run whose rows all have the model above.

    By default the run of `streamed`: it recommends `stream`, whose cutoff is 191 for one false
    accept an hour.
    """
    document = document or streamed()
    (folder / "models").mkdir(parents=True)
    for one in document.variants:
        path = folder / one.file
        path.write_bytes(device_model())
        one.sha256 = sha256(path)
    write(document, folder / "results.json")
    return folder
