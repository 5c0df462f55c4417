"""Versions of the packages that decide what a run makes."""

from __future__ import annotations

import contextlib
import platform
from importlib import metadata

from stapes.frontends.registry import FRONTENDS
from stapes.system.version import __version__

OPTIONAL = (
    "ai-edge-quantizer",
    "ethos-u-vela",
    "optuna",
    *filter(None, (frontend.package for frontend in FRONTENDS.values())),
    "tflite-micro",
)
"""Packages of extras: a run continues when one of them was installed since."""

_PACKAGES = (
    *OPTIONAL,
    "ai-edge-litert",
    "espeakng-loader",
    "numpy",
    "scipy",
    "soundfile",
    "soxr",
    "tensorflow",
    "tensorflow-model-optimization",
    "tf-keras",
)


def versions() -> dict[str, str]:
    """Versions of Python, Stapes and the packages that decide what a run makes."""
    by_package = {"python": platform.python_version(), "stapes": __version__}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            by_package[name] = metadata.version(name)
    return by_package
