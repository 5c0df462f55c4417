"""YAML is read as plain values, and a small file that unfolds to gigabytes is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from stapes.system.yaml_file import read_yaml


def test_aliases_are_read(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("a: &a [1, 2]\nb: *a\n")
    assert read_yaml(path) == {"a": [1, 2], "b": [1, 2]}


def test_aliases_that_unfold_to_gigabytes_are_refused(tmp_path):
    path = tmp_path / "run.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="unfold"):
        read_yaml(path)


def test_a_list_in_itself_is_refused(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("a: &a [*a]\n")
    with pytest.raises(ValueError, match="unfold"):
        read_yaml(path)


def test_objects_are_refused(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("a: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(yaml.YAMLError):
        read_yaml(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_and_a_device_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run.yaml")
    for path in (tmp_path / "run.yaml", Path("/dev/zero")):
        with pytest.raises(OSError, match="it is no file"):
            read_yaml(path)


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "run.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="more than 10,000,000 bytes"):
        read_yaml(path)
