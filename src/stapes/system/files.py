"""Files that are either whole or absent, and content hashes.

Every file is written next to its place and moved there: a killed process leaves the old file or
the new one, never a part of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from stapes.errors import UsageError


@contextlib.contextmanager
def atomic_path(target: Path, *, follow: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `target`; move it there if the block ends well.

    A link is followed, or replaced if `follow` is False. A folder or a device at `target` is left
    alone: UsageError. An OSError of the block names `target`, unless it names another file.
    """
    target = target.resolve() if follow else target.parent.resolve() / target.name
    replaced = not follow and target.is_symlink()
    if target.exists() and not target.is_file() and not replaced:
        raise UsageError(f"{target} is no file and cannot be replaced by one: name another.")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes a file for its owner alone; the user's umask decides.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        if error.filename in (None, str(temporary), temporary) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(target)) from None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def reserve(path: Path) -> None:
    """Make room on the disk for all of a memory-mapped file, or raise an OSError that names it.

    Without it, a write to a full disk kills the process without a message.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("r+b") as file:
        size = path.stat().st_size
        try:
            if size:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None


def write_bytes(target: Path, content: bytes, *, follow: bool = True) -> None:
    """Write `content` to `target` in one step."""
    with atomic_path(target, follow=follow) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, content: str, *, follow: bool = True) -> None:
    """Write `content` to `target` as UTF-8 in one step."""
    write_bytes(target, content.encode("utf-8"), follow=follow)


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def cache_folder() -> Path:
    """The folder of features and synthetic speech: `$STAPES_CACHE`, or the user's cache folder."""
    folder = os.environ.get("STAPES_CACHE")
    return Path(folder).expanduser() if folder else Path(platformdirs.user_cache_dir("stapes"))


def send_output_to(path: Path) -> None:
    """Append what this process and its C++ libraries print to a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
