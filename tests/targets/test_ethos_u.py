"""Vela's figures are read as it writes them, and its reasons are in its words."""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.processes import crash
from tests.tflite.models_by_hand import OP, TYPE, dense, model, moved_outside, op, tensor

from stapes.errors import ModelError
from stapes.system.isolation import Lost
from stapes.targets import ethos_u
from stapes.targets.ethos_u import (
    U55,
    U85,
    attempt_u55,
    attempt_u85,
    constant_bytes,
    footprint,
)
from stapes.tflite.edit.slim import slim
from stapes.tflite.format.reader import read

needs_vela = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None, reason="needs the extra `npu`"
)
FALLBACKS = """
Warning (supported operators) operator: SOFTMAX, ofm: 'a (b)'
Reason: Operation has tensor with unsupported DataType Float32 (<unnamed>)
Feature-map dataTypes must be one of {"INT8"}

Warning (supported operators) operator: None, ofm: 'x'
Reason: Unsupported opType

Warning (supported operators) operator: SOFTMAX, ofm: 'c'
Reason: Operation has tensor with unsupported DataType Float32 (model/relu)
"""


def by_vela(content, configuration, folder):
    """Vela's own summary and compiled model, by its console command's module."""
    (folder / "m.tflite").write_bytes(content)
    command = [sys.executable, "-m", "ethosu.vela", "m.tflite", "--config", "Arm/vela.ini",
               "--accelerator-config", configuration.accelerator,
               "--system-config", configuration.system, "--memory-mode", configuration.memory,
               "--output-dir", "."]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    with (folder / f"m_summary_{configuration.system}.csv").open() as file:
        [row] = csv.DictReader(file)
    return row, (folder / "m_vela.tflite").read_bytes()


def sizes(compiled):
    """Bytes of the constants of the first subgraph, by the names that Vela gives them."""
    root = read(compiled).root
    return {
        op["name"].decode(): len(root["buffers"][op["buffer"]].items("data"))
        for op in root["subgraphs"][0]["tensors"]
    }


@needs_vela
@pytest.mark.parametrize(
    ("attempt", "configuration", "area"),
    [(attempt_u55, U55, "off_chip_flash"), (attempt_u85, U85, "dram")],
)
def test_figures_are_velas(models, tmp_path, attempt, configuration, area):
    content = slim((models / "mlperf_tiny_kws.tflite").read_bytes())
    result = attempt(content).result
    row, compiled = by_vela(content, configuration, tmp_path)
    assert (result.runs, result.reason, result.cpu_ops) == (True, None, [])
    assert result.sram_bytes == float(row["sram_memory_used"]) * 1024
    assert result.weight_bytes == int(row["total_npu_encoded_weights"])
    assert result.cycles == int(row["cycles_total"])
    assert result.inferences_per_second == float(row["inferences_per_second"])
    constants = sizes(compiled)
    assert result.flash_bytes == constants["read_only"] + constants["ethos_u_command_stream"]
    # Vela's figure leaves out the commands, and in DRAM includes the arena.
    flash = float(row[f"{area}_memory_used"]) * 1024
    scratch = read(compiled).root["subgraphs"][0]["tensors"][2]
    assert scratch["name"] == b"scratch"
    arena = 0 if configuration is U55 else int(scratch["shape"][0])
    assert flash == constants["read_only"] + arena
    for part in (configuration.accelerator, configuration.system, configuration.memory, "Vela "):
        assert part in (result.configuration or "")


@needs_vela
def test_constants_behind_the_flatbuffer_are_compiled(models):
    content = (models / "micro_speech_quantized.tflite").read_bytes()
    expected = attempt_u55(content).result
    assert expected.runs
    assert attempt_u55(moved_outside(content)).result == expected


@needs_vela
def test_the_npu_takes_no_op_of_a_float_model():
    weights = np.ones((3, 4), np.float32)
    tensors = [tensor((1, 4), "x"), tensor((3, 4), "w", weights), tensor((1, 3), "y")]
    options = schema.FullyConnectedOptionsT()
    content = model(tensors, [op(OP.FULLY_CONNECTED, (0, 1, -1), (2,), options)], (0,), (2,))
    result = attempt_u55(content).result
    assert not result.runs
    assert "no op of it is the NPU's" in (result.reason or "")
    assert "Float32" in (result.reason or "")
    assert [op.partition(":")[0] for op in result.cpu_ops] == ["FULLY_CONNECTED"]
    assert result.flash_bytes is None


@needs_vela
def test_ops_that_fall_back_to_the_cpu_are_named(models):
    result = attempt_u55((models / "hey_jarvis.tflite").read_bytes()).result
    assert result.runs
    assert {op.partition(":")[0] for op in result.cpu_ops} == {
        "CALL_ONCE", "VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE",
    }  # fmt: skip
    assert "their time is not counted" in (result.reason or "")
    assert result.inferences_per_second


@needs_vela
def test_a_file_that_it_cannot_read_is_a_reason():
    result = attempt_u55(b"no model at all").result
    assert not result.runs
    assert result.reason
    assert "\n" not in result.reason


@needs_vela
def test_a_timeout_is_a_reason(monkeypatch):
    with pytest.raises(ModelError, match=r"took more than 0 s"):
        footprint(dense(), U55, seconds=0)
    monkeypatch.setattr(ethos_u, "footprint", lambda model, configuration: footprint(
        model, configuration, seconds=0))  # fmt: skip
    assert attempt_u55(dense()).result.reason == "Vela took more than 0 s"


class Ended:
    """In place of the child: Vela printed this, and stopped for this reason or was lost."""

    def __init__(self, printed: str, failure: str | Lost | None):
        self.printed, self.failure = printed, failure

    def run(self, seconds, call, folder, configuration):
        (folder / "printed.txt").write_text(self.printed)
        if isinstance(self.failure, Lost):
            raise self.failure
        return self.failure


def attempt_with(monkeypatch, printed="", failure=None):
    """The result where Vela prints this and ends so."""
    monkeypatch.setattr(ethos_u, "_child", Ended(printed, failure))
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "5.2.0")
    return attempt_u55(b"").result


@needs_vela
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")
def test_models_share_a_process_until_one_crashes_it(monkeypatch):
    before = attempt_u55(dense()).result
    first = ethos_u._child.run(600, os.getpid)
    assert attempt_u55(dense()).result == before
    assert ethos_u._child.run(600, os.getpid) == first
    with monkeypatch.context() as patch:
        patch.setattr(ethos_u, "_compile", crash)
        result = attempt_u55(dense()).result
    assert not result.runs
    assert result.reason == "Vela crashes on it (segmentation fault)"
    assert attempt_u55(dense()).result == before
    assert ethos_u._child.run(600, os.getpid) != first


def test_too_little_memory_is_a_reason(monkeypatch):
    lost = Lost("it needs more than 6 GiB of memory")
    assert attempt_with(monkeypatch, failure=lost).reason == "Vela needs more than 6 GiB of memory"


def test_ops_are_named_where_vela_stops(monkeypatch):
    result = attempt_with(monkeypatch, FALLBACKS, "Vela stops at it: Non-passthrough op")
    assert result.reason == "Vela stops at it: Non-passthrough op"
    assert result.cpu_ops == [
        "SOFTMAX: Operation has tensor with unsupported DataType Float32",
        "CALL_ONCE: Unsupported opType",
    ]


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        (lambda arguments: 1, "Vela stops at it: exit status 1"),
        (lambda arguments: sys.exit(2), "Vela stops at it: 2"),
        (lambda arguments: sys.exit("a\nNot so. "), "Vela stops at it: Not so"),
    ],
)
def test_the_last_line_of_why_vela_ends_is_a_reason(monkeypatch, tmp_path, ends, reason):
    vela = types.SimpleNamespace(main=ends)
    monkeypatch.setitem(sys.modules, "ethosu.vela.vela", vela)
    monkeypatch.setattr(ethos_u, "send_output_to", lambda path: None)
    assert ethos_u._compile(tmp_path, U55) == reason
    assert Path.cwd() != tmp_path


def test_no_summary_is_a_reason(monkeypatch):
    result = attempt_with(monkeypatch, "CPU operators = 0 (0.0%)\nNPU operators = 3 (100.0%)\n")
    assert result.reason is not None
    assert "Vela's files cannot be read" in result.reason


def test_constants_leave_out_metadata():
    values = np.ones((3, 4), np.int8)
    tensors = [tensor((1, 4), kind=TYPE.INT8), tensor((3, 4), values=values), tensor((1, 3))]
    content = model(tensors, [op(OP.FULLY_CONNECTED, (0, 1, -1), (2,))], (0,), (2,))
    assert constant_bytes(content) == 12
