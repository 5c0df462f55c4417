"""What the tests of a file share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of a file's commands."""
    return tmp_path_factory.mktemp("cache")
