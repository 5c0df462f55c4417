"""Arm's Ethos-U: Vela compiles a .tflite and estimates its costs; nothing runs on an NPU here.

Vela compiles the ops that the NPU takes into commands, packs the weights and estimates cycles.
Zeros and repeated weights pack well, so pruning and clustering pay. The estimates leave out what
runs on the CPU. They hold for one configuration of the NPU and its memories:

- Ethos-U55-128, High_End_Embedded, Shared_Sram: constants are read from flash while the model runs,
  activations are in the SRAM that the NPU shares with the CPU.
- Ethos-U85-256, SYS_DRAM_Mid, Dedicated_Sram_384KB: constants and the arena are in DRAM, loaded
  from flash at the start; up to 384 KiB of SRAM are the NPU's cache.

`flash_bytes` counts all constants of the compiled file: packed weights and biases (`read_only`),
commands, and constants of the CPU's ops. Vela's own figure (off-chip flash, or DRAM) counts the
first alone, and on the Ethos-U85 the arena too. `sram_bytes` is Vela's peak of SRAM: the arena on
the Ethos-U55, the cache on the Ethos-U85.

Source: Vela 5, `Arm/vela.ini` that ships with it, and its `stats_writer.py`.
"""

from __future__ import annotations

import csv
import ctypes
import importlib.metadata
import os
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.system.files import send_output_to
from stapes.system.isolation import SECONDS, Child, Lost
from stapes.targets.target import Tried, refused
from stapes.tflite.edit.inside import inside
from stapes.tflite.format.reader import read
from stapes.tflite.graph import Model

_KIB = 1024
_MOST_WORDS = 300

_FALLBACK = re.compile(r"Warning \(supported operators\) operator: (\S+), ofm:.*\nReason: (.+)")
_COUNT = re.compile(r"^(CPU|NPU) operators = (\d+)", re.MULTILINE)
_NAME = re.compile(r" \([^()]*\)$")
_PRINTED = "printed.txt"

_child = Child()
"""Imports Vela once for all models that this process tries, and ends with it."""


@dataclass(frozen=True)
class Configuration:
    """An NPU and the memories around it, by the names of `Arm/vela.ini`."""

    accelerator: str
    system: str
    memory: str


U55 = Configuration("ethos-u55-128", "Ethos_U55_High_End_Embedded", "Shared_Sram")
U85 = Configuration("ethos-u85-256", "Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB")


def attempt_u55(model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Compile a model for an Ethos-U55; the clips are not used."""
    return _attempt(model, U55)


def attempt_u85(model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Compile a model for an Ethos-U85; the clips are not used."""
    return _attempt(model, U85)


def _attempt(model: bytes, configuration: Configuration) -> Tried:
    try:
        return Tried(footprint(model, configuration))
    except ModelError as error:
        return refused(error)


def footprint(model: bytes, configuration: Configuration, seconds: float = SECONDS) -> TargetResult:
    """Compile a model with Vela in an isolated process, for at most so many seconds.

    The model does not run where the NPU takes no op of it, or Vela stops. Where the CPU has a part,
    cycles and inferences a second are of the NPU's part, and there is a reason.

    Raises
    ------
    ModelError
        Vela took too long, or its files cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
        folder = Path(scratch)
        (folder / "model.tflite").write_bytes(_with_constants(model))
        (folder / _PRINTED).touch()
        try:
            failure = _child.run(seconds, _compile, folder, configuration)
        except Lost as lost:
            if lost.signal is None:
                raise ModelError(f"Vela {str(lost).removeprefix('it ')}.") from None
            failure = f"Vela crashes on it ({lost.signal})"
        printed = (folder / _PRINTED).read_text("utf-8", "replace")
        fallbacks = _fallbacks(printed)
        ops = {which: int(count) for which, count in _COUNT.findall(printed)}
        result = TargetResult(
            runs=False,
            configuration=_text_of(configuration),
            cpu_ops=[f"{op}: {why}" for op, why in fallbacks],
        )
        if failure:
            result.reason = failure
        elif not ops.get("NPU"):
            result.reason = _no_npu_op(fallbacks)
        else:
            summary = folder / "out" / f"model_summary_{configuration.system}.csv"
            _fill(result, summary, folder / "out" / "model_vela.tflite")
            if ops.get("CPU"):
                names = ", ".join(dict.fromkeys(op for op, _ in fallbacks)) or "not named"
                result.reason = (
                    f"{ops['CPU']} of {sum(ops.values())} ops are the CPU's ({names}), "
                    "and their time is not counted"
                )
        return result


def _with_constants(model: bytes) -> bytes:
    """The file with its constants inside the flatbuffer, as Vela ignores those behind it."""
    try:
        return inside(model)
    except ModelError:
        return model  # Vela says why it cannot read it.


def _fill(result: TargetResult, summary: Path, compiled: Path) -> None:
    try:
        with summary.open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file))
        result.sram_bytes = round(float(row["sram_memory_used"]) * _KIB)
        result.weight_bytes = int(row["total_npu_encoded_weights"])
        result.cycles = int(float(row["cycles_total"]))
        result.inferences_per_second = float(row["inferences_per_second"])
        result.flash_bytes = constant_bytes(compiled.read_bytes())
    except (OSError, KeyError, ValueError, StopIteration) as error:
        raise ModelError(f"Vela's files cannot be read ({error}).") from None
    result.runs = True


def constant_bytes(compiled: bytes) -> int:
    """The bytes of all buffers of a compiled .tflite, except metadata.

    Raises
    ------
    ModelError
        It is no .tflite.
    """
    model = Model(read(compiled))
    metadata = {buffer for _, buffer in model.metadata}
    return sum(len(data) for number, data in enumerate(model.buffers) if number not in metadata)


def _fallbacks(printed: str) -> list[tuple[str, str]]:
    """Each op that falls back to the CPU and why, in Vela's words without names of tensors."""
    # Vela goes from the last op to the first, and the call of a subgraph is None to it.
    fallbacks = [
        ("CALL_ONCE" if op == "None" else op, _NAME.sub("", why.strip()))
        for op, why in reversed(_FALLBACK.findall(printed))
    ]
    return list(dict.fromkeys(fallbacks))


def _no_npu_op(fallbacks: list[tuple[str, str]]) -> str:
    """The most common reason why the NPU takes no op, with the fix."""
    if not fallbacks:
        return "no op of it is the NPU's"
    why, _ = Counter(why for _, why in fallbacks).most_common(1)[0]
    fix = "; quantize its activations too" if "Float" in why else ""
    return f"no op of it is the NPU's: {why}{fix}"


def _compile(folder: Path, configuration: Configuration) -> str | None:
    """Compile `model.tflite` in a folder as Vela's command does; return why Vela stopped, or None.

    What Vela prints is in a file there. Its compiler keeps nothing from one model to the next.
    """
    from ethosu.vela.vela import main

    before = Path.cwd()
    os.chdir(folder)  # Vela prints the path of its input.
    Path(_PRINTED).write_bytes(b"")  # A try that was killed may have printed before.
    send_output_to(Path(_PRINTED))
    try:
        code = main(
            ["model.tflite", "--output-dir", "out",
             "--accelerator-config", configuration.accelerator, "--config", "Arm/vela.ini",
             "--system-config", configuration.system, "--memory-mode", configuration.memory]
        )  # fmt: skip
        return f"Vela stops at it: exit status {code}" if code else None
    except (Exception, SystemExit) as error:
        if isinstance(error, MemoryError):
            raise
        [*_, message] = str(error).strip().splitlines() or [type(error).__name__]
        return f"Vela stops at it: {message.strip().rstrip('.')[:_MOST_WORDS]}"
    finally:
        sys.stdout.flush()
        # Its compiler is C++, which prints into a buffer of its own.
        ctypes.CDLL(None if os.name == "posix" else "ucrtbase").fflush(None)
        send_output_to(Path(os.devnull))
        os.chdir(before)


def _text_of(configuration: Configuration) -> str:
    version = importlib.metadata.version("ethos-u-vela")
    parts = (configuration.accelerator, configuration.system, configuration.memory)
    return f"{', '.join(parts)}; Vela {version}"
