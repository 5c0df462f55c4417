"""The limits of the house: imports, sizes of files, modules in the root."""

from __future__ import annotations

import ast
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import LONGEST, ROOT

SOURCE = ROOT / "src" / "stapes"
TENSORFLOW = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization"}
FILES = sorted(SOURCE.rglob("*.py"))


def lint_imports(source: Path, settings: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--config", settings, "--no-cache"]
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=settings.parent,
        env={**os.environ, "PYTHONPATH": str(source)},
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with its contracts."""
    pytest.importorskip("importlinter", reason="needs the development tools")
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(SOURCE, folder / "src" / "stapes")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_rooms_import_downward(copy: Path) -> None:
    done = lint_imports(copy / "src", copy / "pyproject.toml")
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("audio/levels.py", "stapes.report.style"),
        ("errors.py", "stapes.system.files"),
        ("tflite/read/verify.py", "stapes.models.backend"),
    ],
)
def test_an_upward_import_fails_and_is_named(copy: Path, importer: str, imported: str) -> None:
    path = copy / "src" / "stapes" / importer
    content = path.read_text()
    path.write_text(f"{content}\n\ndef planted():\n    import {imported}\n")
    try:
        done = lint_imports(copy / "src", copy / "pyproject.toml")
    finally:
        path.write_text(content)
    assert done.returncode == 1
    assert "Rooms import downward BROKEN" in done.stdout
    lower, upper = f"stapes.{importer[:-3].split('/')[0]}", ".".join(imported.split(".")[:2])
    assert f"{lower} is not allowed to import {upper}" in done.stdout


def test_tensorflow_in_another_room_fails_and_is_named(copy: Path) -> None:
    path = copy / "src" / "stapes" / "audio" / "levels.py"
    content = path.read_text()
    path.write_text(f"{content}\n\ndef planted():\n    import tensorflow\n")
    try:
        done = lint_imports(copy / "src", copy / "pyproject.toml")
    finally:
        path.write_text(content)
    assert done.returncode == 1
    assert "stapes.audio is not allowed to import tensorflow" in done.stdout


def test_the_root_holds_only_the_face() -> None:
    assert {path.stem for path in SOURCE.glob("*.py")} == {"__init__", "api", "errors"}


def test_files_are_small() -> None:
    lines = {
        path.relative_to(SOURCE).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in FILES
    }
    assert {name: n for name, n in lines.items() if n > 300} == {}
    assert statistics.median(lines.values()) < 130


def test_only_functions_of_two_rooms_import_tensorflow() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text())
        room = path.relative_to(SOURCE).parts[0]
        anywhere = imports(tree) & TENSORFLOW
        assert not anywhere or room in {"models", "techniques"}, path
        # At the top of a module it would load with the room.
        assert not imports(*top(tree.body)) & TENSORFLOW, path


def top(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that run when a module is imported, but not those for types alone."""
    return [
        node
        for node in body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]


def imports(*nodes: ast.AST) -> set[str]:
    """The packages that code imports by a statement."""
    names: set[str] = set()
    for part in (part for node in nodes for part in ast.walk(node)):
        if isinstance(part, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            names.add((part.module or "").partition(".")[0])
    return names


def test_the_files_that_begin_first_are_there() -> None:
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []
