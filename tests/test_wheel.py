"""A wheel holds every file of the package: templates, the stub and the mark of types too."""

from __future__ import annotations

import zipfile

import pytest
from tests.conftest import ROOT


def test_a_wheel_holds_every_file_of_the_package(tmp_path, monkeypatch):
    build = pytest.importorskip("hatchling.build", reason="needs hatchling, which builds the wheel")
    monkeypatch.chdir(ROOT)
    with zipfile.ZipFile(tmp_path / build.build_wheel(str(tmp_path))) as wheel:
        names = set(wheel.namelist())
    package = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "stapes").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {"stapes/py.typed", "stapes/__init__.pyi"} <= package
    assert any(name.endswith(".j2") for name in package)
    assert package <= names
