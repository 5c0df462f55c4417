"""Whether ESPHome accepts the configuration, by its own command."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stapes.contracts.export import ExportCheck
from stapes.system.text import printable

NAME = "esphome config"
_SECONDS = 600.0
_MISSING = (
    "install esphome in an environment of its own (`pipx install esphome`), so that the command is "
    "on the PATH"
)


def command() -> str | None:
    """The command `esphome`: on the PATH, or in this environment."""
    own = Path(sys.executable).with_name("esphome")
    return shutil.which("esphome") or (str(own) if own.is_file() else None)


def check(files: Mapping[str, bytes], stem: str) -> ExportCheck:
    """Run `esphome config` on exported files in a folder of its own, as it writes beside them."""
    program = command()
    if program is None:
        return ExportCheck(name=NAME, passed=None, detail=_MISSING)
    with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
        for name, content in files.items():
            (Path(scratch) / name).write_bytes(content)
        try:
            done = subprocess.run(
                [program, "config", f"{stem}.yaml"],
                cwd=scratch,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return ExportCheck(name=NAME, passed=None, detail=f"it did not end ({error})")
    version = re.search(r"ESPHome (\d\S*)", done.stderr + done.stdout)
    which = f"ESPHome {version[1]}" if version else "ESPHome"
    if done.returncode == 0:
        return ExportCheck(name=NAME, passed=True, detail=f"{which} accepts {stem}.yaml")
    return ExportCheck(
        name=NAME, passed=False, detail=f"{which} refuses {stem}.yaml: {_reason(done.stdout)}"
    )


def _reason(printed: str) -> str:
    """What ESPHome has against a configuration, in one line."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines()]
    return printable(" ".join(line for line in lines if line)[:400]) or "it gives no reason"
