"""Skip a module whose extra is not installed."""

from __future__ import annotations

import importlib.util

import pytest


def require(**packages: str) -> None:
    """Skip a module without the package of an extra; TensorFlow would take seconds to import."""
    for extra, package in packages.items():
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the extra `{extra}` is not installed", allow_module_level=True)
