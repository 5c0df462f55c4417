"""Read a JSON document of a contract from a file that may come from anywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from stapes.errors import StapesError, UsageError

Document = TypeVar("Document", bound=BaseModel)


def read_document(
    path: Path,
    model: type[Document],
    title: str,
    *,
    fix: str,
    broken: str | None = None,
    most_bytes: int | None = None,
) -> Document:
    """Read a document and check it.

    Parameters
    ----------
    path : Path
    model : type
        Of the document.
    title : str
        What the file should be, e.g. `results.json of schema 1`.
    fix : str
        What to do if there is no such file.
    broken : str, optional
        What to do if it is another document; by default nothing can be done.
    most_bytes : int, optional
        A larger file is none.

    Raises
    ------
    UsageError
        It cannot be read.
    StapesError
        It is too large, broken, or another document.
    """
    try:
        # Reading a pipe or a device may never end.
        if path.exists() and not path.is_file() and not path.is_dir():
            raise UsageError(f"{path} cannot be read (it is no file): {fix}.")
        with path.open("rb") as file:
            content = file.read(-1 if most_bytes is None else most_bytes + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): {fix}.") from None
    end = "" if broken is None else f": {broken}"
    if most_bytes is not None and len(content) > most_bytes:
        raise StapesError(f"{path} is no {title}, as it is larger than {most_bytes:,} bytes{end}.")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise StapesError(f"{path} is no {title} ({_reason(error)}){end}.") from None


@contextlib.contextmanager
def consistent(path: Path, broken: str) -> Iterator[None]:
    """Name a document as the cause of an error in a block that uses it.

    Each of its parts may be valid, and together they may make no sense: an index that points
    nowhere, a count that no loop ends at. `--debug` shows the error itself.

    Parameters
    ----------
    path : Path
    broken : str
        What to do then.

    Raises
    ------
    StapesError
        Anything but a StapesError, an OSError or a lack of memory was raised.
    """
    try:
        yield
    except (StapesError, OSError, MemoryError):
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0][:100]
        raise StapesError(
            f"{path}: its values do not fit together ({type(error).__name__}: {first}): {broken}."
        ) from error


def _reason(error: ValidationError) -> str:
    """The first fault, with its place in the document."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
