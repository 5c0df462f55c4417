"""The registry has all facts about a target; a new target is a file and an entry."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys

import pytest
from tests.tflite.models_by_hand import dense

from stapes.contracts.measurements import TargetResult
from stapes.targets.registry import TARGETS, title_of
from stapes.targets.target import tried


def test_the_order_of_the_targets():
    assert list(TARGETS) == ["litert", "tflm", "ethos_u55", "ethos_u85", "esphome"]


@pytest.mark.parametrize("name", list(TARGETS))
def test_figures_are_fields_of_a_result(name):
    assert set(TARGETS[name].figures) <= set(TargetResult.model_fields)


def test_each_target_has_its_own_titles():
    assert len({target.title for target in TARGETS.values()}) == len(TARGETS)
    assert len({target.short for target in TARGETS.values()}) == len(TARGETS)
    assert title_of("tflm") == "TFLite Micro"
    assert title_of("a_later_one") == "a_later_one"


@pytest.mark.parametrize(("name", "extra"), [("tflm", "micro"), ("ethos_u55", "npu")])
def test_a_missing_extra_is_a_reason_with_the_fix(monkeypatch, name, extra):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    result = tried(TARGETS[name], dense()).result
    assert result == TargetResult(
        runs=False, tried=False, reason=f"not tried: install stapes[{extra}]"
    )


def test_a_target_without_an_extra_is_never_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    assert [name for name in TARGETS if TARGETS[name].missing is None] == ["litert", "esphome"]


@pytest.mark.parametrize("name", list(TARGETS))
def test_targets_can_go_to_another_process(name):
    assert pickle.loads(pickle.dumps(TARGETS[name])) == TARGETS[name]  # noqa: S301


TOY = """
from stapes.targets import registry
from stapes.targets.target import Target

registry.TARGETS["toy"] = Target(
    "Toy Runtime", "Toy", None, figures=("cycles",), package="no_such", extra="toys"
)

from stapes.report.page.table import MODELS
from stapes.report.target_columns import TARGET_COLUMNS, shown_figures

titles = {column.key: (column.title, column.help) for column in TARGET_COLUMNS}
assert titles["toy_runs"] == ("Toy", "Whether Toy Runtime runs the model."), titles
assert titles["toy_cycles"][0] == "Toy cycles", titles
assert MODELS[-1] == "toy_runs"
assert shown_figures()[-1] == "toy_runs"
print(registry.TARGETS["toy"].missing)
"""


def test_a_new_target_is_a_file_and_an_entry():
    output = subprocess.check_output([sys.executable, "-c", TOY], text=True)
    assert output == "not tried: install stapes[toys]\n"
