"""Documents of a contract: what is no file, too large, or another document."""

from __future__ import annotations

import os

import pytest
from pydantic import BaseModel, ConfigDict

from stapes.contracts.reading import read_document
from stapes.errors import StapesError, UsageError


class Inner(BaseModel):
    number: int


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner


def read(path, **options):
    return read_document(path, Outer, "outer document", fix="name one", **options)


def test_a_document_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"inner": {"number": 3}}')
    assert read(path) == Outer(inner=Inner(number=3))
    assert read(path, most_bytes=24) == read(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"inner": {"number": "x"}}', r"inner\.number: Input should be a valid integer"),
        (b'{"inner": {"number": 1}, "more": 2}', "more: Extra inputs"),
        (b'{"inner": {"number": 1}', "Invalid JSON"),
        (b'{"inner": "\xff"}', "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
    ],
)
def test_another_document_is_refused_with_the_place_of_its_fault(tmp_path, content, reason):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(StapesError, match=rf"a\.json is no outer document \({reason}.*\): repair"):
        read(path, broken="repair it")


def test_a_document_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"inner": {"number": 3}}')
    with pytest.raises(StapesError, match="no outer document, as it is larger than 23 bytes"):
        read(path, most_bytes=23)


def test_what_cannot_be_read_is_named_with_the_fix(tmp_path):
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "none" / "a.json"):
        with pytest.raises(UsageError, match=r"cannot be read \(.*\): name one\."):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(UsageError, match="it is no file"):
        read(tmp_path / "a.json")
