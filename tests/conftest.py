"""Fixtures of all rooms: real recordings and models, a cache for the tests, clips."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

# A test never times: how long an example takes depends on the machine. Each run tries the same
# examples, so that a failure repeats.
hypothesis.settings.register_profile(
    "stapes",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("stapes")

ROOT = Path(__file__).parents[1]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell ignores Ctrl-C in background processes, and children inherit that: the tests of
    # interrupts would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than the cores: a test that waits for a process or a browser leaves a core idle."""
    return (os.cpu_count() or 1) + 1


# CPU seconds with child processes: 120 for the first, 15 for the last. Three of them share a run,
# which the first makes: the others come when it is there.
LONGEST = (
    "end_to_end/test_stream_run.py",
    "end_to_end/test_run.py",
    "search/test_evaluating.py",
    "end_to_end/test_own_model.py",
    "end_to_end/test_search.py",
    "end_to_end/test_search_streams.py",
    "end_to_end/test_recordings.py",
    "models/test_training.py",
    "models/keras_import/test_any_keras.py",
    "techniques/test_stream.py",
    "techniques/test_small.py",
    "search/test_cluster.py",
    "end_to_end/test_page.py",
    "end_to_end/test_loop.py",
    "end_to_end/test_export.py",
    "search/test_stream_evaluating.py",
    "end_to_end/test_inspect.py",
    "techniques/test_channel_surgery.py",
    "techniques/test_quantization_aware.py",
    "search/test_study.py",
    "models/test_stream_training.py",
    "end_to_end/test_listen.py",
    "models/test_architectures.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: a worker that began one last would work alone at the end."""
    ranks = {ROOT / "tests" / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


# `write_clip(path, y=None, *, rate=16_000, seconds=0.3, **soundfile_options) -> path`
WriteClip = Callable[..., Path]


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of real recordings; without it, the test skips."""
    return _folder("STAPES_SPEECH", "../shared/speech", "real recordings")


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of other people's models; without it, the test skips."""
    return _folder("STAPES_MODELS", "../shared/models", "published models")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for the tests and the processes that they start."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAPES_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def write_clip() -> WriteClip:
    """Writes a sound file; without samples, noise that differs by folder and name."""

    def write(
        path: Path,
        y: NDArray[Any] | None = None,
        *,
        rate: int = 16_000,
        seconds: float = 0.3,
        **options: Any,
    ) -> Path:
        if y is None:
            seed = zlib.crc32("/".join(path.parts[-2:]).encode("utf-8", "surrogateescape"))
            noise = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * rate))
            y = noise.astype(np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            options.setdefault("format", path.suffix[1:].upper())
            soundfile.write(file, y, rate, **options)
        return path

    return write


@pytest.fixture(scope="module")
def untrained() -> Any:
    """The reference CNN, untrained, with biases that are not zero: zeros would be omitted."""
    from stapes.models.architectures import reference_cnn
    from stapes.models.backend import start_over

    start_over(0)
    model = reference_cnn()
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.count_params():
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.uniform(0.1, 0.5, bias.shape)])
    return model


@pytest.fixture(scope="session")
def dense_model() -> Callable[..., bytes]:
    """`dense_model(weights, scales=1, axis=0)`: a .tflite of one dense layer of int8.

    `weights` is int8 [outputs, inputs]; several scales are spread from 0.01 to 0.02.
    """
    from stapes.tflite.edit.write import write
    from stapes.tflite.format.tree import Table

    def quantized(scales: NDArray[Any], axis: int = 0) -> Table:
        fields: dict[str, Any] = {"scale": scales, "zero_point": np.zeros(len(scales), np.int64)}
        return Table("QuantizationParameters", fields | {"quantized_dimension": axis})

    def make(weights: NDArray[np.int8], scales: int = 1, axis: int = 0) -> bytes:
        outputs, inputs = weights.shape
        one = np.ones(1, np.float32)
        parts = [
            (b"x", (1, inputs), 0, quantized(one)),
            (b"kernel", (outputs, inputs), 1, quantized(np.linspace(1, 2, scales) / 100, axis)),
            (b"y", (1, outputs), 0, quantized(8 * one)),
        ]
        tensors = [
            Table(
                "Tensor",
                {
                    "name": name,
                    "shape": np.array(shape, np.int32),
                    "type": 9,
                    "buffer": buffer,
                    "quantization": quantization,
                },
            )
            for name, shape, buffer, quantization in parts
        ]
        op = Table(
            "Operator",
            {
                "inputs": np.array([0, 1, -1], np.int32),
                "outputs": np.array([2], np.int32),
                "builtin_options_type": 8,
                "builtin_options": Table("FullyConnectedOptions", {}),
            },
        )
        graph = {"inputs": np.array([0], np.int32), "outputs": np.array([2], np.int32)}
        code = Table("OperatorCode", {"builtin_code": 9, "deprecated_builtin_code": 9})
        data = np.ascontiguousarray(weights).view(np.uint8).ravel()
        fields: dict[str, Any] = {
            "version": 3,
            "operator_codes": [code],
            "subgraphs": [Table("SubGraph", {"tensors": tensors, "operators": [op], **graph})],
            "buffers": [Table("Buffer", {}), Table("Buffer", {"data": data})],
        }
        return write(Table("Model", fields))

    return make


def _folder(variable: str, default: str, content: str) -> Path:
    folder = ROOT / os.environ.get(variable, default)
    if not folder.is_dir():
        pytest.skip(f"no {content} at {folder}: set {variable} to their folder")
    return folder.resolve()
