"""A folder of exported files, whole or absent, that leaves files of others alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from stapes.errors import UsageError

README = "README.md"


def write_folder(
    out: Path, files: Mapping[str, bytes], mark: str, edited: Collection[str] = ()
) -> list[str]:
    """Write files into a folder, which may hold others.

    A new folder is whole or absent. In a folder that exists, the files are replaced in their order.

    Parameters
    ----------
    files : mapping of str to bytes
        Contents by name.
    mark : str
        The first line of README.md. Files of these names may be replaced where it is there.

    edited : collection of str
        Examples that a person may have changed: one that is there stays.

    Returns
    -------
    stayed : list of str
        The names of these.

    Raises
    ------
    UsageError
        `out` is a file, cannot be written, or has another file of one of the names.
    """
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise UsageError(f"--output {out}: is a file; name a folder.")
    clashes = [name for name in files if (out / name).exists()]
    if clashes and not _is_signed(out / README, mark):
        # README.md has the same name in every export.
        fix = "another folder" if README in clashes else "another folder or another --id"
        raise UsageError(
            f"--output {out}: holds {clashes[0]}, which is of no export of this model; choose "
            f"{fix}."
        )
    # Its number makes the name of a process's folder unique.
    part = out.parent / f".{out.name}-{os.getpid()}.part"
    try:
        part.mkdir(parents=True)
        for name, content in files.items():
            (part / name).write_bytes(content)
        if not out.exists():
            part.rename(out)
            return []
        stayed = [name for name in clashes if name in edited]
        for name in files:
            if name not in stayed:
                (part / name).replace(out / name)
        return stayed
    except OSError as error:
        raise UsageError(
            f"--output {out}: cannot be written ({error.strerror}); choose another folder."
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _is_signed(path: Path, mark: str) -> bool:
    try:
        return path.read_text("utf-8").startswith(f"{mark}\n")
    except (OSError, UnicodeDecodeError):
        return False
