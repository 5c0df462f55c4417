"""`fetch` against a small archive of the same layout, served on this machine."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import random
import socket
import tarfile
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.response import addinfourl

import filelock
import pytest
from tests.recorded import Interrupts, Recorded

from stapes.data.sources import speech_commands
from stapes.data.sources.speech_commands import MARKER, fetch
from stapes.errors import StapesError, UsageError

CLIP = random.Random(1).randbytes(300_000)  # does not compress: the archive has several pieces
FILES = {
    "house/0a7c2a8d_nohash_0.wav": CLIP,
    "_background_noise_/white_noise.wav": b"noise",
    "validation_list.txt": b"house/0a7c2a8d_nohash_0.wav\n",
    "testing_list.txt": b"",
    "README.md": b"## Speech Commands\n",
    "LICENSE": b"CC BY 4.0\n",
}


def tar_of(*members: tarfile.TarInfo) -> bytes:
    """A tar of `FILES`, named as the official one names them, and then of `members`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in ("./", "./house", "./_background_noise_"):
            archive.addfile(member(folder, type=tarfile.DIRTYPE, mode=0o755))
        for name, content in FILES.items():
            archive.addfile(member(f"./{name}", size=len(content)), io.BytesIO(content))
        for extra in members:
            archive.addfile(extra, io.BytesIO(bytes(extra.size)))
    return buffer.getvalue()


def member(name: str, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def header(name: str, **fields: Any) -> bytes:
    return member(name, **fields).tobuf(tarfile.GNU_FORMAT)


@dataclass
class Served:
    """The content of the server, its faults, and its requests."""

    url: str
    body: bytes = field(default_factory=lambda: gzip.compress(tar_of()))
    cut_after: int | None = None
    ignore_range: bool = False
    chunked: bool = False
    status: int | None = None
    location: str | None = None
    hang: threading.Event | None = None
    requests: list[str | None] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        served, span = self.served, self.headers["Range"]
        served.requests.append(span)
        if served.status or served.location:
            self.answer(served.status or 302, b"", {"Location": served.location or ""})
            return
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        size = len(served.body)
        if not span or served.ignore_range:
            self.answer(200, served.body, {})
        elif start >= size:
            self.answer(416, b"no such range", {"Content-Range": f"bytes */{size}"})
        else:
            headers = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
            self.answer(206, served.body[start:], headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if self.served.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % len(body))
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
        sent = body[: self.served.cut_after]
        self.served.sent.append(len(sent))
        self.wfile.write(sent)
        if self.served.hang:
            self.served.hang.wait(30)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("no_proxy", "*")

    class Mine(Handler):
        pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        Mine.served = Served(f"http://127.0.0.1:{server.server_port}/speech_commands.tar.gz")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Mine.served
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "speech"


def files_of(folder: Path) -> dict[str, bytes]:
    paths = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if name != MARKER}


def assert_only_out(out: Path) -> None:
    assert files_of(out) == FILES
    assert list(out.parent.iterdir()) == [out]


def part_of(out: Path) -> Path:
    (part,) = out.parent.glob("*.part")
    return part


def break_off(served: Served, out: Path, after: int = 100_000) -> Path:
    served.cut_after = after
    with pytest.raises(StapesError, match="continues from there"):
        fetch(out, url=served.url, sha256=served.sha256)
    served.cut_after = None
    return part_of(out)


def test_fetch_makes_the_folder_and_nothing_else(served: Served, out: Path) -> None:
    assert fetch(out, url=served.url, sha256=served.sha256.upper()) == out
    assert_only_out(out)
    assert json.loads((out / MARKER).read_text()) == {"url": served.url, "sha256": served.sha256}


def test_fetch_fills_an_empty_folder_and_makes_its_parents(served: Served, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for out in (tmp_path / "empty", tmp_path / "a" / "b" / "speech"):
        fetch(out, url=served.url, sha256=served.sha256)
        assert files_of(out) == FILES


def test_version_names_the_address_and_the_published_hash(
    served: Served, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_commands, "_ADDRESS", served.url + "?v{}")
    monkeypatch.setitem(speech_commands.PUBLISHED, "0.02", served.sha256)
    fetch(out)
    assert json.loads((out / MARKER).read_text())["url"] == served.url + "?v0.02"


def test_progress_reaches_the_total_in_every_stage(served: Served, out: Path) -> None:
    progress = Recorded()
    fetch(out, url=served.url, sha256=served.sha256, progress=progress)
    size = len(served.body)
    assert [step.split()[0] for step in progress.steps] == ["Downloading", "Checking", "Unpacking"]
    for calls in progress.steps.values():
        assert calls[-1] == (size, size)
        assert calls == sorted(calls)


def test_broken_download_continues_with_the_rest(served: Served, out: Path) -> None:
    part = break_off(served, out)
    assert part.stat().st_size == 100_000
    assert not out.exists()
    fetch(out, url=served.url, sha256=served.sha256)
    assert served.requests == [None, "bytes=100000-"]
    assert served.sent == [100_000, len(served.body) - 100_000]
    assert_only_out(out)


def test_broken_off_names_the_part_file(served: Served, out: Path) -> None:
    served.cut_after = 5
    with pytest.raises(StapesError) as caught:
        fetch(out, url=served.url, sha256=served.sha256)
    assert str(part_of(out)) in str(caught.value)


def test_chunked_answer_is_whole_or_broken_off(served: Served, out: Path) -> None:
    served.chunked = True
    break_off(served, out)
    served.chunked = False
    fetch(out, url=served.url, sha256=served.sha256)
    assert_only_out(out)


def test_silent_server_is_a_broken_download(
    served: Served, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_commands, "_TIMEOUT", 0.2)
    served.cut_after, served.hang = 100_000, threading.Event()
    with pytest.raises(StapesError, match=r"broke off .*timed out"):
        fetch(out, url=served.url, sha256=served.sha256)
    served.hang.set()
    served.cut_after = None
    fetch(out, url=served.url, sha256=served.sha256)
    assert_only_out(out)


def test_server_without_ranges_sends_all_again(served: Served, out: Path) -> None:
    break_off(served, out)
    served.ignore_range = True
    fetch(out, url=served.url, sha256=served.sha256)
    assert served.sent[1:] == [len(served.body)]
    assert_only_out(out)


def test_part_longer_than_the_archive_starts_again(served: Served, out: Path) -> None:
    with break_off(served, out).open("ab") as file:
        file.write(bytes(len(served.body)))
    fetch(out, url=served.url, sha256=served.sha256)
    assert served.requests[2:] == [None]
    assert_only_out(out)


def test_interrupted_unpacking_leaves_no_folder_and_downloads_nothing_again(
    served: Served, out: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        fetch(out, url=served.url, sha256=served.sha256, progress=Interrupts(step="Unpacking"))
    assert list(out.parent.iterdir()) == [part_of(out)]
    fetch(out, url=served.url, sha256=served.sha256)
    assert served.requests == [None, f"bytes={len(served.body)}-"]
    assert_only_out(out)


def test_files_of_a_killed_run_are_removed(served: Served, out: Path) -> None:
    left = break_off(served, out).with_suffix(".unpacking")
    (left / "house").mkdir(parents=True)
    (left / "house" / "half.wav").write_bytes(b"half")
    fetch(out, url=served.url, sha256=served.sha256)
    assert_only_out(out)


def test_another_archive_at_the_official_address_is_refused(
    served: Served, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_commands, "_ADDRESS", served.url + "?v{}")
    for version, published in speech_commands.PUBLISHED.items():
        with pytest.raises(StapesError, match=f"not {published}, and is deleted: run the same"):
            fetch(out, version=version)
        assert list(out.parent.iterdir()) == []


def test_wrong_hash_is_named_and_the_download_deleted(served: Served, out: Path) -> None:
    with pytest.raises(StapesError) as caught:
        fetch(out, url=served.url, sha256="0" * 64)
    assert served.sha256 in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert list(out.parent.iterdir()) == []


def test_path_outside_link_or_device_is_refused(served: Served, out: Path) -> None:
    """Each is the last member, so that those before it were unpacked already."""
    outside = out.parent / "outside"
    outside.write_text("untouched")
    for evil in (
        member("../evil", size=3),
        member("house/../../evil", size=3),
        member("house/../evil", size=3),
        member(str(out.parent / "evil"), size=3),
        member("..", type=tarfile.DIRTYPE, mode=0o777),
        member("evil_link", type=tarfile.SYMTYPE, linkname="../outside"),
        member("evil_link", type=tarfile.SYMTYPE, linkname=str(outside)),
        member("evil_link", type=tarfile.LNKTYPE, linkname="../outside"),
        member("evil_link", type=tarfile.SYMTYPE, linkname="README.md"),
        member("evil_device", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("evil_pipe", type=tarfile.FIFOTYPE),
    ):
        served.body = gzip.compress(tar_of(evil))
        with pytest.raises(StapesError) as caught:
            fetch(out, url=served.url, sha256=served.sha256)
        assert evil.name in str(caught.value)
        assert list(out.parent.iterdir()) == [outside]
        assert outside.read_text() == "untouched"


def test_filter_of_tarfile_is_used(
    served: Served, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(info: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        raise tarfile.AbsolutePathError(info)

    # Python gives `filter="data"` to whatever this table names.
    monkeypatch.setitem(tarfile._NAMED_FILTERS, "data", refuse)  # type: ignore[attr-defined]
    with pytest.raises(StapesError, match="refused"):
        fetch(out, url=served.url, sha256=served.sha256)
    assert list(out.parent.iterdir()) == []


def test_bombs_are_refused(served: Served, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_commands, "_MOST_BYTES", 2_000_000)
    monkeypatch.setattr(speech_commands, "_MOST_MEMBERS", 100)
    for bomb in (
        [member("big.wav", size=1_900_000)],
        [member(f"{number}.wav") for number in range(100)],
    ):
        served.body = gzip.compress(tar_of(*bomb))
        with pytest.raises(StapesError, match="too much"):
            fetch(out, url=served.url, sha256=served.sha256)
        assert list(out.parent.iterdir()) == []


def test_broken_archive_is_one_sentence(served: Served, out: Path) -> None:
    whole, tar = served.body, tar_of()
    at = tarfile.TarFile(fileobj=io.BytesIO(tar)).getmember("./README.md").offset
    packer = zlib.compressobj(wbits=31)
    half = packer.compress(tar[: at // 2]) + packer.flush(zlib.Z_FULL_FLUSH)
    for broken in (
        whole[:-100],  # gzip ends early
        half + b"?" * 100,  # gzip is spoiled within a clip
        b"no archive",
        gzip.compress(b"no tar"),
        gzip.compress(b""),
        gzip.compress(tar[: at // 2]),  # tar ends within a clip
        gzip.compress(tar.rstrip(b"\0")),  # within the last member
        gzip.compress(tar[:at] + header("a.wav", size=-16_384)),  # which would be read for ever
        gzip.compress((header("a", type=tarfile.GNUTYPE_LONGNAME, size=1) + bytes(512)) * 2000),
        gzip.compress(
            header("a", type=tarfile.XHDTYPE, size=13) + b"13 path=a\0b\n".ljust(512) + tar
        ),
    ):
        served.body = broken
        with pytest.raises(StapesError, match=r"^The archive of .* is refused \(.+\): .*\.$"):
            fetch(out, url=served.url, sha256=served.sha256)
        assert list(out.parent.iterdir()) == []


def test_fetched_folder_needs_no_server(served: Served, out: Path) -> None:
    fetch(out, url=served.url, sha256=served.sha256)
    del served.requests[:]
    assert fetch(out, url="http://elsewhere.invalid/a.tar.gz", sha256=served.sha256) == out
    assert served.requests == []


@pytest.mark.parametrize("marker", [None, "{}", "[]", "not json", '{"sha256": "another"}'])
def test_folder_with_other_content_is_refused(
    served: Served, out: Path, marker: str | None
) -> None:
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    if marker is not None:
        (out / MARKER).write_text(marker)
    with pytest.raises(UsageError, match="speech"):
        fetch(out, url=served.url, sha256=served.sha256)
    assert (out / "mine.txt").read_text() == "mine"
    assert served.requests == []


def test_file_or_mount_point_is_no_folder_to_make(
    served: Served, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out.write_text("mine")
    with pytest.raises(UsageError, match="speech"):
        fetch(out, url=served.url, sha256=served.sha256)
    out.unlink()
    out.mkdir()
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == out)
    with pytest.raises(UsageError, match="mount"):
        fetch(out, url=served.url, sha256=served.sha256)
    assert served.requests == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"version": "0.03"}, "0.01 or 0.02"),
        ({"url": "https://example.invalid/a.tar.gz"}, "sha256"),
        ({"url": "ftp://example.invalid/a.tar.gz", "sha256": "0" * 64}, "https://"),
        ({"url": "file:///etc/passwd", "sha256": "0" * 64}, "https://"),
        ({"url": "http:///a.tar.gz", "sha256": "0" * 64}, "https://"),
        ({"sha256": "short"}, "64"),
    ],
)
def test_wrong_call_writes_nothing(out: Path, arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        fetch(out, **arguments)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 416, 500, 204, 206])
def test_answer_without_an_archive_is_one_sentence(served: Served, out: Path, status: int) -> None:
    served.status = status
    with pytest.raises(StapesError, match=str(status)):
        fetch(out, url=served.url, sha256=served.sha256)
    assert list(out.parent.iterdir()) == []


def test_redirect_to_another_scheme_is_refused(
    served: Served, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.location = "file:///etc/passwd"
    with pytest.raises(StapesError, match="cannot be fetched"):
        fetch(out, url=served.url, sha256=served.sha256)
    ftp = addinfourl(io.BytesIO(served.body), Message(), "ftp://127.0.0.1/a.tar.gz")
    monkeypatch.setattr(speech_commands, "urlopen", lambda *_, **__: ftp)
    with pytest.raises(StapesError, match="away from http"):
        fetch(out, url=served.url, sha256=served.sha256)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("url", ["http://[", "http://a:b/", "http://a b/", "http://nowhere/a"])
def test_unreachable_address_is_one_sentence(
    out: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(StapesError, match="check the address and the network"):
        fetch(out, url=url, sha256="0" * 64)
    assert list(out.parent.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_is_one_sentence(served: Served, out: Path) -> None:
    part = break_off(served, out)
    part.unlink()
    part.symlink_to("/dev/full")
    with pytest.raises(StapesError, match="free some space"):
        fetch(out, url=served.url, sha256=served.sha256)


def test_folder_that_cannot_be_made_is_one_sentence(served: Served, out: Path) -> None:
    out.write_text("a file")
    with pytest.raises(StapesError, match="choose another folder"):
        fetch(out / "speech", url=served.url, sha256=served.sha256)
    assert served.requests == []


def test_two_at_once_do_not_share_a_part_file(served: Served, out: Path) -> None:
    part = break_off(served, out)
    with filelock.FileLock(f"{part}.lock"), pytest.raises(StapesError, match="another process"):
        fetch(out, url=served.url, sha256=served.sha256)
    with contextlib.suppress(FileNotFoundError):
        Path(f"{part}.lock").unlink()
    fetch(out, url=served.url, sha256=served.sha256)
    assert_only_out(out)
