"""ESPHome's own command accepts what is exported, and refuses what is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import filelock
import platformdirs
import pytest
from tests.export.by_hand import run_folder
from tests.processes import MOST_SECONDS

import stapes
from stapes.export.checks import esphome_config
from stapes.export.checks.esphome_config import check, command

VERSION = "2026.6.5"


@pytest.fixture(scope="session")
def esphome() -> str:
    """The command, installed once into an environment of its own in the user's cache folder."""
    if (installed := command()) is not None:
        return installed
    folder = Path(platformdirs.user_cache_dir("stapes-tests")) / f"esphome-{VERSION}"
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if not (scripts / "esphome").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _call(sys.executable, "-m", "venv", folder)
            _call(scripts / "python", "-m", "pip", "install", "--quiet", f"esphome=={VERSION}")
    return str(scripts / "esphome")


def _call(*command: object) -> None:
    """Run a command, or skip the test with the last line of its message."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=MOST_SECONDS
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        pytest.skip(f"esphome {VERSION} cannot be installed: {' '.join(last)}")


@pytest.fixture
def on_path(esphome, monkeypatch):
    monkeypatch.setattr(esphome_config, "command", lambda: esphome)


def exported(folder, model=None, **options):
    """The files of an export, by name, and their stem."""
    model = model or run_folder(folder / "run")
    result = stapes.export(model, folder / "out", "esphome", **options)
    return {name: (folder / "out" / name).read_bytes() for name in result.files}, result.id


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"name": "Größe, bitte!", "languages": "de", "author": "Ä", "website": "https://x.org"},
        {"name": "Привет", "cutoff": 0.0, "window": 50},
        {"name": "${7 * 7} !lambda: x", "id": "a-1_b"},
        {"name": "yes"},
    ],
)
def test_esphome_accepts_what_is_exported(on_path, tmp_path, options):
    one = check(*exported(tmp_path, **options))
    assert one.passed, one.detail
    assert one.detail.startswith("ESPHome 20")


@pytest.mark.slow
def test_esphome_accepts_a_published_model_exported(on_path, models, tmp_path):
    pytest.importorskip("tflite_micro", reason="needs the extra `micro`")
    one = check(*exported(tmp_path, models / "alexa.json"))
    assert one.passed, one.detail


@pytest.mark.slow
def test_a_key_of_ours_in_the_manifest_would_be_refused(on_path, tmp_path):
    files, stem = exported(tmp_path)
    manifest = {**json.loads(files["house.json"]), "stapes": {"frr": 0.05}}
    one = check({**files, "house.json": json.dumps(manifest).encode()}, stem)
    assert one.passed is False
    assert "refuses house.yaml: " in one.detail
    assert "house.json" in one.detail or "manifest" in one.detail
    assert "\n" not in one.detail


def test_without_esphome_it_is_not_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(esphome_config, "command", lambda: None)
    one = check(*exported(tmp_path))
    assert one.passed is None
    assert "install esphome" in one.detail


def test_the_command_is_looked_up_on_the_path(tmp_path, monkeypatch):
    program = tmp_path / "esphome"
    program.write_text("#!/bin/sh\necho INFO ESPHome 2099.1.0\necho Failed config >&1\nexit 2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert command() == str(program)
    one = check(*exported(tmp_path))
    assert one.passed is False
    assert one.detail == (
        "ESPHome 2099.1.0 refuses house.yaml: INFO ESPHome 2099.1.0 Failed config"
    )
