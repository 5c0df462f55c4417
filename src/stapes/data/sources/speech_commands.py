"""The Google Speech Commands archive, fetched whole or not at all.

Source: Warden 2018, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition",
arXiv:1804.03209. A `.part` file next to the folder keeps what is downloaded; the folder itself
appears in one step, when all is unpacked. This is own code, since pooch starts 2.4 GB again after a
broken connection.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import filelock

from stapes.data.sources import NEWEST_SPEECH_COMMANDS
from stapes.errors import StapesError, UsageError
from stapes.system.progress import SILENT, Progress

_Answer = http.client.HTTPResponse | HTTPError  # urllib raises answers that are not 2xx

_ADDRESS = "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v{}.tar.gz"
# SHA-256 from torchaudio (`datasets/speechcommands.py`), for 0.02 also from TensorFlow Datasets
# (`url_checksums/speech_commands.txt`).
PUBLISHED = {
    "0.01": "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
    "0.02": "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
}
MARKER = ".stapes-fetched"  # in the finished folder: the source of its content
_TIMEOUT = 60.0  # seconds without a byte
# Version 0.02 has 2,428,923,189 bytes and some 106,000 members; far more is a bomb.
_MOST_BYTES = 20 << 30
_MOST_MEMBERS = 1_000_000


def fetch(
    out: Path,
    *,
    version: str = NEWEST_SPEECH_COMMANDS,
    url: str | None = None,
    sha256: str | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Download, check and unpack Speech Commands.

    The same call again resumes a broken download. Returns `out`; where that holds this archive
    already, the network is not used.

    Parameters
    ----------
    out : Path
        The new folder; it must not exist, or be empty.
    version : str
        Of `PUBLISHED`.
    url, sha256 : str, optional
        Another address of a .tar.gz, and the archive's SHA-256 in hexadecimal.

    Raises
    ------
    UsageError
        A wrong argument, a url without sha256, or an `out` with other content.
    StapesError
        The network, the server or the disk failed, or the archive has another hash, is broken or
        has a member that leaves the folder. `out` was not made.
    """
    url, digest = _source(version, url, sha256)
    target = Path(out).resolve()
    if _is_fetched(target, digest):
        progress.note(f"{out} is there already.")
        return out
    if not hasattr(tarfile, "data_filter"):
        raise StapesError("This Python cannot unpack safely: update to 3.10.12, 3.11.4 or later.")
    key = hashlib.sha256(url.encode()).hexdigest()[:8]  # One file for each archive.
    part = target.with_name(f"{target.name}-{key}.part")
    with _alone(part):
        if not _is_fetched(target, digest):  # Another process may have done it.
            progress.begin("Downloading the archive (bytes)")
            _download(url, part, progress)
            progress.end()
            progress.begin("Checking the archive (bytes)")
            _check(url, part, digest, progress)
            progress.end()
            progress.begin("Unpacking the archive (bytes)")
            _install(url, part, digest, target, progress)
            progress.end(str(out))
    return out


def _source(version: str, url: str | None, sha256: str | None) -> tuple[str, str]:
    """Address and lower-case hash of the archive."""
    if url is None:
        if version not in PUBLISHED:
            raise UsageError(f"There is no version {version!r}: use {' or '.join(PUBLISHED)}.")
        url, sha256 = _ADDRESS.format(version), sha256 or PUBLISHED[version]
    if not re.match(r"https?://[^/]", url):
        raise UsageError(f"{url} cannot be fetched: give an address with http:// or https://.")
    if sha256 is None:
        raise UsageError(f"{url} needs its sha256 too, to show that the copy is whole.")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise UsageError(f"{sha256!r} is no SHA-256: give its 64 hexadecimal digits.")
    return url, sha256.lower()


def _is_fetched(target: Path, digest: str) -> bool:
    """Whether `target` holds the archive already; an error if it holds something else."""
    with _disk(target):
        if not target.exists():
            return False
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if json.loads((target / MARKER).read_text("utf-8"))["sha256"] == digest:
                return True
        if not target.is_dir() or any(target.iterdir()) or os.path.ismount(target):
            raise UsageError(f"{target} is no empty folder, or a mount: name a new one.")
    return False


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one sentence."""
    try:
        yield
    except filelock.Timeout:
        raise StapesError(f"{path} is in use by another process: wait until that ends.") from None
    except OSError as error:
        fix = "free some space" if error.errno == errno.ENOSPC else "choose another folder"
        raise StapesError(f"{path} is not usable ({error.strerror or error}): {fix}.") from error


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Hold the lock of a part file: two processes that append to it would break it."""
    lock = filelock.FileLock(f"{part}.lock", timeout=0)
    with _disk(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps a file that is open
            Path(lock.lock_file).unlink()
        lock.release()


def _request(url: str, start: int) -> _Answer:
    """Request the archive from byte `start` on; 416, no bytes are left, is an answer too."""
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        answer = urlopen(Request(url, headers=headers), timeout=_TIMEOUT)
        if not isinstance(answer, http.client.HTTPResponse):  # urllib also follows to ftp
            answer.close()
            raise ValueError("it leads away from http and https")
        return answer
    except HTTPError as error:
        if error.code == 416:
            return error
        error.close()
        reason: object = error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
    fix = "check the address and the network, or try again later"
    raise StapesError(f"{url} cannot be fetched ({reason}): {fix}.")


def _extent(answer: _Answer) -> tuple[int | None, int | None]:
    """First byte of the answer, and the size of the whole file; None where it does not tell."""
    if answer.status == 200:
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    span = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", answer.headers.get("Content-Range", ""))
    if span is None:
        return None, None
    # "*/N" comes with 416: all N bytes are before the requested ones.
    return int(span[1] or span[2]), int(span[2])


def _download(url: str, part: Path, progress: Progress) -> None:
    """Fetch the missing bytes of `part`; the hash will show a mix of two files."""
    with _disk(part):
        have = part.stat().st_size if part.exists() else 0
        for first in (have, 0):
            answer = _request(url, first)
            start, total = _extent(answer)
            if start is not None and start in (0, have):
                break
            answer.close()  # It does not continue after our bytes: request all of them.
        else:
            raise StapesError(f"{url} answers {answer.status}: give another url with its sha256.")
        with answer:
            progress.update(start, total)
            if answer.status == 416:
                return
            with part.open("ab" if start else "wb") as file:
                for piece in _body(url, answer, part, start, total):
                    file.write(piece)
                    progress.update(file.tell(), total)


def _body(url: str, answer: _Answer, part: Path, done: int, total: int | None) -> Iterator[bytes]:
    """The pieces of an answer; an error, which keeps `part`, if they end before `total`."""
    reason = "the connection was closed"
    try:
        while piece := answer.read(1 << 16):
            done += len(piece)
            yield piece
        if total is None or done >= total:
            return
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
    fix = f"{part} is kept, and the same command continues from there"
    raise StapesError(f"{url} broke off after {done:,} bytes ({reason}): {fix}.")


def _check(url: str, part: Path, expected: str, progress: Progress) -> None:
    """Compare the hash; a bad download is deleted, so that the next call starts again."""
    digest = hashlib.sha256()
    with _disk(part):
        total = part.stat().st_size
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                progress.update(file.tell(), total)
        if digest.hexdigest() != expected:
            part.unlink()
            raise StapesError(
                f"{url} has SHA-256 {digest.hexdigest()}, not {expected}, and is deleted: run the "
                "same command again, or give another url with its sha256 if it was changed there."
            )


def _install(url: str, part: Path, digest: str, target: Path, progress: Progress) -> None:
    """Unpack next to `target`, move it into place, and delete the archive."""
    folder = part.with_suffix(".unpacking")
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    try:
        with _disk(target):
            folder.mkdir()
            _unpack(url, part, folder, progress)
            (folder / MARKER).write_text(json.dumps({"url": url, "sha256": digest}), "utf-8")
            if target.exists():  # empty, but Windows moves nothing onto it
                target.rmdir()
            folder.rename(target)
            part.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(url: str, part: Path, folder: Path, progress: Progress) -> None:
    """Unpack an archive into `folder`; a malicious one is deleted."""
    total, unpacked = part.stat().st_size, 0
    try:
        with part.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:gz") as archive:
            for count, member in enumerate(archive, start=1):
                unpacked += member.size
                _refuse(member, count, unpacked)
                archive.extract(member, folder, filter="data")
                progress.update(raw.tell(), total)
    except (tarfile.TarError, zlib.error, BadGzipFile, EOFError, ValueError, RecursionError) as bad:
        part.unlink()
        raise StapesError(f"The archive of {url} is refused ({bad}): give another url.") from bad
    progress.update(total, total)


def _refuse(member: tarfile.TarInfo, count: int, unpacked: int) -> None:
    """Refuse what tarfile's filter accepts: absolute names, and in some versions links out."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise tarfile.ReadError(f"its member {member.name!r} leaves the folder")
    if not (member.isreg() or member.isdir()):
        raise tarfile.ReadError(f"its member {member.name!r} is a link or a device")
    if member.size < 0 or unpacked > _MOST_BYTES or count > _MOST_MEMBERS:
        raise tarfile.ReadError(f"it holds too much, seen at its member {member.name!r}")
