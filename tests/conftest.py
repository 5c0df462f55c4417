"""What tests of every room share: the real recordings and models, a cache of their own, clips."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background with Ctrl-C ignored, and children inherit that:
    # the tests of interrupts would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
    """A cache for the tests alone, seen by the processes that they start too."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAPES_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def write_clip() -> WriteClip:
    """Writes a sound file; without samples, noise that is another for each folder and name."""

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


def _folder(variable: str, usual: str, what: str) -> Path:
    folder = ROOT / os.environ.get(variable, usual)
    if not folder.is_dir():
        pytest.skip(f"no {what} at {folder}: set {variable} to their folder")
    return folder.resolve()
