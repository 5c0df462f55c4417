"""Any frontend by its settings; a new one is a class and a line in the registry."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from stapes.errors import MissingExtraError
from stapes.frontends import registry
from stapes.frontends.frontend import Frontend
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro
from stapes.frontends.registry import FRONTENDS, AnyFrontend
from stapes.run.settings import RunSettings
from stapes.search.settings import SearchSettings

ANY: TypeAdapter[Frontend] = TypeAdapter(AnyFrontend)


@pytest.mark.parametrize("kind", FRONTENDS)
def test_each_frontend_has_the_sizes_that_data_needs(kind: str) -> None:
    frontend = FRONTENDS[kind](window_seconds=0.5)
    assert frontend.kind == kind
    assert frontend.window == frontend.sample_rate / 2
    assert frontend.shape == (frontend.frames, frontend.bins, 1)
    assert frontend.hop_length > 0
    assert (frontend.warm_up > 0) == (kind == "micro")


@pytest.mark.parametrize("kind", FRONTENDS)
def test_settings_are_the_same_after_json(kind: str) -> None:
    frontend = FRONTENDS[kind](window_seconds=0.5)
    assert ANY.validate_json(ANY.dump_json(frontend)) == frontend
    assert ANY.validate_python(frontend) is frontend


def test_settings_without_a_kind_are_of_mfcc() -> None:
    assert ANY.validate_python({}) == Mfcc()
    assert ANY.validate_python({"n_mfcc": 10}) == Mfcc(n_mfcc=10)


@pytest.mark.parametrize("wrong", [{"kind": "mel"}, {"kind": None}, {"kind": [1]}, 5, None])
def test_an_unknown_frontend_is_refused_with_the_known_ones(wrong: object) -> None:
    with pytest.raises(ValidationError, match="known are mfcc, logmel, micro"):
        ANY.validate_python(wrong)


def test_a_missing_package_is_reported_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_features", None)
    for kind, frontend in FRONTENDS.items():
        if kind != "micro":
            frontend().require()
    with pytest.raises(MissingExtraError, match=r"frontend micro .*stapes\[micro\]"):
        Micro().require()
    with pytest.raises(MissingExtraError):
        Micro().features(np.zeros((1, 16_000), np.float32))


def test_settings_load_no_numpy() -> None:
    code = "import sys, stapes.frontends.registry; print({'numpy', 'scipy'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


class Level(Frontend):
    """The peak of each tenth of a second."""

    kind: Literal["level"] = "level"
    sample_rate: int = 8_000
    hop_length: int = 800

    @property
    def frames(self) -> int:
        """Whole hops of the window."""
        return self.window // self.hop_length

    @property
    def bins(self) -> int:
        """One: the peak."""
        return 1

    def _features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        hops = samples[:, : self.frames * self.hop_length].reshape(-1, self.frames, self.hop_length)
        peaks: NDArray[np.float32] = np.abs(hops).max(axis=2)[..., None, None]
        return peaks

    def _sliding(
        self, y: NDArray[np.float32], hop_frames: int, windows: int
    ) -> NDArray[np.float32]:
        step = hop_frames * self.hop_length
        return self._features(
            np.stack([y[i * step : i * step + self.window] for i in range(windows)])
        )


def test_a_new_frontend_is_a_class_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FRONTENDS, "level", Level)
    settings = RunSettings.model_validate({"frontend": {"kind": "level", "hop_length": 400}})
    assert settings.frontend == Level(hop_length=400)
    assert settings.model_dump()["frontend"]["hop_length"] == 400
    assert RunSettings.model_validate_json(settings.model_dump_json()) == settings
    assert SearchSettings().frontends[-1] == Level()
    assert registry.shapes().endswith("level [10, 1, 1]")
    with pytest.raises(ValidationError, match="known are mfcc, logmel, micro, level"):
        RunSettings.model_validate({"frontend": {"kind": "wavelet"}})
    y = np.random.default_rng(0).normal(0, 0.1, 20_000).astype(np.float32)
    expected = Level().features(np.stack([y[:8_000], y[1_600:9_600]]))
    np.testing.assert_array_equal(Level().sliding(y, 2)[:2], expected)


TOY = """
import sys
from typing import ClassVar, Literal
from stapes.frontends.logmel import LogMel
from stapes.frontends.registry import FRONTENDS

class Toy(LogMel):
    summary: ClassVar[str] = "for a test"
    extra: ClassVar[str] = "toys"
    kind: Literal["toy"] = "toy"

FRONTENDS["toy"] = Toy
from stapes.cli.app import main
sys.argv = ["stapes", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("verb", ["run", "evaluate", "search"])
def test_help_offers_a_new_frontend(verb: str) -> None:
    command = [sys.executable, "-c", TOY, verb, "--help"]
    text = subprocess.check_output(command, text=True, env={**os.environ, "COLUMNS": "200"})
    assert "mfcc" in text
    assert "toy" in text


def test_the_examples_in_the_source_run() -> None:
    result = doctest.testmod(registry)
    assert result.attempted > 0
    assert result.failed == 0
