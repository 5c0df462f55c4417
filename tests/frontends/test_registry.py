"""Any frontend by its settings."""

from __future__ import annotations

import doctest
import sys

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from stapes.errors import MissingExtraError
from stapes.frontends import registry as frontend
from stapes.frontends.logmel import logmel
from stapes.frontends.mfcc import mfcc
from stapes.frontends.micro import micro
from stapes.frontends.registry import FRONTENDS, Frontend, LogMel, Mfcc, Micro, features, require

ANY: TypeAdapter[Frontend] = TypeAdapter(Frontend)


def test_settings_choose_the_frontend() -> None:
    y = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 16_000)).astype(np.float32)
    assert features(y, Mfcc()).tobytes() == mfcc(y).tobytes()
    assert features(y, LogMel()).tobytes() == logmel(y).tobytes()
    pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    assert features(y, Micro()).tobytes() == micro(y).tobytes()


@pytest.mark.parametrize("kind", FRONTENDS)
def test_each_has_what_the_data_room_asks_for(kind: str) -> None:
    chosen = FRONTENDS[kind](window_seconds=0.5)
    assert chosen.kind == kind
    assert chosen.window == chosen.sample_rate / 2
    assert chosen.shape[0] == chosen.frames
    assert chosen.shape[2] == 1
    assert chosen.hop_length > 0
    assert (chosen.warm_up > 0) == (kind == "micro")


@pytest.mark.parametrize("kind", FRONTENDS)
def test_settings_come_back_from_json(kind: str) -> None:
    chosen = FRONTENDS[kind](window_seconds=0.5)
    assert ANY.validate_json(ANY.dump_json(chosen)) == chosen
    assert ANY.validate_python(chosen) is chosen


def test_settings_without_a_kind_are_of_mfcc() -> None:
    assert ANY.validate_python({}) == Mfcc()
    assert ANY.validate_python({"n_mfcc": 10}) == Mfcc(n_mfcc=10)


@pytest.mark.parametrize("wrong", [{"kind": "mel"}, {"kind": None}, {"kind": [1]}, 5, None])
def test_what_is_no_frontend_is_told_those_there_are(wrong: object) -> None:
    with pytest.raises(ValidationError, match="known are mfcc, logmel, micro"):
        ANY.validate_python(wrong)


def test_a_missing_package_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_features", None)
    require(Mfcc())
    require(LogMel())
    with pytest.raises(MissingExtraError):
        require(Micro())


def test_the_examples_in_the_source_run() -> None:
    found = doctest.testmod(frontend)
    assert found.attempted > 0
    assert found.failed == 0
