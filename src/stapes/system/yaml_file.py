"""Read YAML that comes from anywhere."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import yaml

_MOST_VALUES = 100_000
_MOST_BYTES = 10_000_000


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, without objects of Python.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError, yaml.YAMLError
        It is no YAML, or a small file whose aliases unfold to very many values.
    """
    # Reading a pipe or a device may never end.
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is no file", str(path))
    if path.is_file() and path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, MemoryError, ValueError, yaml.YAMLError):
        raise
    except Exception as error:
        # PyYAML raises others at lists in thousands of lists, and at values that their tag forbids.
        raise ValueError(f"no YAML can be read from it ({type(error).__name__})") from None
    if _unfolded(content, {}) > _MOST_VALUES:
        raise ValueError("its aliases unfold to too many values")
    return content


def _unfolded(value: Any, counts: dict[int, int]) -> int:
    """The number of values with all aliases written out; `counts` has those of lists and maps."""
    if not isinstance(value, (list, dict)):
        return 1
    if id(value) not in counts:
        counts[id(value)] = _MOST_VALUES + 1  # If it contains itself.
        parts = value if isinstance(value, list) else value.values()
        counts[id(value)] = 1 + sum(_unfolded(part, counts) for part in parts)
    return counts[id(value)]
