"""Arm's Ethos-U: what Vela makes of a .tflite, and what it estimates; nothing runs on an NPU here.

Vela compiles the ops that the NPU takes into commands, packs the weights (zeros and repeated values
take less: here pruning and clustering pay), and estimates cycles. What it leaves to the CPU is not
in the estimates. Its figures hold for one configuration of the NPU and of the memories around it:

- Ethos-U55-128, High_End_Embedded, Shared_Sram: constants are read from flash while the model runs,
  activations are in the SRAM that the NPU shares with the CPU.
- Ethos-U85-256, SYS_DRAM_Mid, Dedicated_Sram_384KB: constants and the arena are in DRAM, and up to
  384 KiB of SRAM are the NPU's cache. What is in DRAM has to come from flash at the start.

`flash_bytes` is the same for both: all constants of the compiled file, which are the packed weights
with their biases (`read_only`), the commands, and what ops on the CPU need. Vela's own figure (off-
chip flash, or DRAM) is the first alone; on the Ethos-U85 it has the arena in DRAM on top.
`sram_bytes` is Vela's peak of SRAM: the arena on the Ethos-U55, the cache on the Ethos-U85.

Source: Vela 5, `Arm/vela.ini` that ships with it, and its `stats_writer.py`.
"""

from __future__ import annotations

import csv
import importlib.metadata
import re
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.system.isolation import SECONDS, Lost, isolated_module
from stapes.targets.target import Tried, refused
from stapes.tflite.format.reader import read
from stapes.tflite.graph import Model

_KIB = 1024
_MOST_WORDS = 300

_FALLBACK = re.compile(r"Warning \(supported operators\) operator: (\S+), ofm:.*\nReason: (.+)")
_COUNT = re.compile(r"^(CPU|NPU) operators = (\d+)", re.MULTILINE)
_NAME = re.compile(r" \([^()]*\)$")


@dataclass(frozen=True)
class Configuration:
    """An NPU and the memories around it, by the names of `Arm/vela.ini`."""

    accelerator: str
    system: str
    memory: str


U55 = Configuration("ethos-u55-128", "Ethos_U55_High_End_Embedded", "Shared_Sram")
U85 = Configuration("ethos-u85-256", "Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB")


def attempt_u55(model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Compile a model for an Ethos-U55; the clips are not looked at."""
    return _attempt(model, U55)


def attempt_u85(model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Compile a model for an Ethos-U85; the clips are not looked at."""
    return _attempt(model, U85)


def _attempt(model: bytes, configuration: Configuration) -> Tried:
    try:
        return Tried(footprint(model, configuration))
    except ModelError as error:
        return refused(error)


def footprint(model: bytes, configuration: Configuration, seconds: float = SECONDS) -> TargetResult:
    """Compile a model with Vela, in a process of its own, and read what it says.

    Parameters
    ----------
    model : bytes
        The .tflite.
    configuration : Configuration
    seconds : float > 0
        The longest that it may take.

    Returns
    -------
    result : TargetResult
        It does not run where no op of it is the NPU's, or Vela stops at it. Where a part is the
        CPU's, cycles and inferences a second are of the NPU's part, and the reason says so.

    Raises
    ------
    ModelError
        Vela took too long, or what it wrote cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
        folder = Path(scratch)
        (folder / "model.tflite").write_bytes(model)
        try:
            done = isolated_module(
                "ethosu.vela",
                ["model.tflite", "--output-dir", "out",
                 "--accelerator-config", configuration.accelerator, "--config", "Arm/vela.ini",
                 "--system-config", configuration.system, "--memory-mode", configuration.memory],
                folder,
                seconds,
            )  # fmt: skip
        except Lost as lost:
            raise ModelError(f"Vela {str(lost).removeprefix('it ')}.") from None
        said = done.stdout.decode("utf-8", "replace")
        fallbacks = _fallbacks(said)
        ops = {which: int(count) for which, count in _COUNT.findall(said)}
        result = TargetResult(
            runs=False,
            configuration=_described(configuration),
            cpu_ops=[f"{op}: {why}" for op, why in fallbacks],
        )
        if done.returncode:
            result.reason = _death(done.returncode, done.stderr.decode("utf-8", "replace"))
        elif not ops.get("NPU"):
            result.reason = _nothing(fallbacks)
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
        raise ModelError(f"What Vela wrote cannot be read ({error}).") from None
    result.runs = True


def constant_bytes(compiled: bytes) -> int:
    """All constants of a compiled .tflite: its buffers but for metadata.

    Raises
    ------
    ModelError
        It is no .tflite.
    """
    model = Model(read(compiled))
    apart = {buffer for _, buffer in model.metadata}
    return sum(len(data) for number, data in enumerate(model.buffers) if number not in apart)


def _fallbacks(said: str) -> list[tuple[str, str]]:
    """Each op that falls back to the CPU and why, in Vela's words without names of tensors."""
    found = [(op, _NAME.sub("", why.strip())) for op, why in _FALLBACK.findall(said)]
    # It goes from the last op to the first, and names the call of a subgraph None.
    named = [("CALL_ONCE" if op == "None" else op, why) for op, why in reversed(found)]
    return list(dict.fromkeys(named))


def _nothing(fallbacks: list[tuple[str, str]]) -> str:
    """Why nothing of a model is the NPU's."""
    if not fallbacks:
        return "no op of it is the NPU's"
    why, _ = Counter(why for _, why in fallbacks).most_common(1)[0]
    mend = "; quantize its activations too" if "Float" in why else ""
    return f"no op of it is the NPU's: {why}{mend}"


def _death(code: int, printed: str) -> str:
    """Why Vela stopped: a signal, or the last line of its traceback."""
    if code < 0:
        name = signal.strsignal(-code) or f"signal {-code}"
        return f"Vela crashes on it ({name.lower()})"
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    last = re.sub(r"^\w*(?:Error|Exception): ", "", lines[-1]) if lines else f"exit status {code}"
    return f"Vela stops at it: {last.rstrip('.')[:_MOST_WORDS]}"


def _described(configuration: Configuration) -> str:
    version = importlib.metadata.version("ethos-u-vela")
    parts = (configuration.accelerator, configuration.system, configuration.memory)
    return f"{', '.join(parts)}; Vela {version}"
