"""`stapes serve` as a service manager starts and stops it."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from functools import partial

import pytest
from tests.end_to_end.command import STAPES, stapes_here
from tests.listen.models import RATE, bursts, manifest
from tests.processes import MOST_SECONDS, free_port

from stapes.errors import MissingExtraError, StapesError
from stapes.listen.serving import serve
from stapes.listen.wake_word import WakeWord

pytest.importorskip("pymicro_features", reason="needs the extra `wyoming`")
pytest.importorskip("wyoming", reason="needs the extra `wyoming`")

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info
from wyoming.wake import Detect, Detection


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return manifest(tmp_path_factory.mktemp("model"))


@contextmanager
def running(*arguments):
    """A service that listens, and the line in which it says so."""
    process = subprocess.Popen(
        [STAPES, "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.wait(MOST_SECONDS)


async def visit(uri: str) -> tuple[list[str], Detection]:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        await client.write_event(Detect(names=["other"]).event())
        await client.write_event(AudioChunk(RATE, 2, 1, bursts(3.0, 2.0).tobytes()).event())
        await client.write_event(AudioStop().event())
        detection = Detection.from_event(await client.read_event())
        return [found.name for found in info.wake[0].models], detection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_says_where_it_listens_and_ends_cleanly(model, number):
    uri = f"tcp://127.0.0.1:{free_port()}"
    with running("--wyoming", uri, model) as (process, line):
        assert line == f"Listening on {uri} for loud (Loud).\n"
        names, detection = asyncio.run(visit(uri))
        assert (names, detection.name) == (["loud"], "loud")
        # A client that stays does not keep the service from ending.
        with socket.create_connection(("127.0.0.1", int(uri.rpartition(":")[2]))):
            process.send_signal(number)
            rest, log = process.communicate(timeout=MOST_SECONDS)
        assert (process.returncode, rest) == (0, "")
        asked, detected = log.splitlines()
        assert asked.endswith("asks for other: no such word is served. It gets loud.")
        assert ": loud after 2.0" in detected


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
def test_a_service_listens_on_a_socket_and_removes_it(model, tmp_path):
    path = tmp_path / "socket"
    with running("--wyoming", f"unix://{path}", model) as (process, line):
        assert line == f"Listening on unix://{path} for loud (Loud).\n"
        names, _ = asyncio.run(visit(f"unix://{path}"))
        assert names == ["loud"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(MOST_SECONDS) == 0
    assert not path.exists()


def test_wrong_calls_are_one_sentence(model, tmp_path, own_cache):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    busy = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    file = tmp_path / "letter.txt"
    file.write_text("dear")
    twin = manifest(tmp_path / "other")
    calls = {
        ("--wyoming", busy, model, "--variant", "x"): ("no folder of a run is given", ""),
        ("--wyoming", "unix:///none/x", model): ("unix:///none/x: cannot listen there", ""),
        ("--wyoming", busy, model): (f"{busy}: cannot listen there", "address already in use"),
        ("--wyoming", "10400", model): ("give tcp://HOST:PORT", "tcp://0.0.0.0:10400"),
        ("--wyoming", "tcp://[::1", model): ("give tcp://HOST:PORT", ""),
        ("--wyoming", "tcp://localhost", model): ("give tcp://HOST:PORT", ""),
        ("--wyoming", "tcp://localhost:99999", model): ("give tcp://HOST:PORT", ""),
        ("--wyoming", "http://localhost:10400", model): ("give tcp://HOST:PORT", ""),
        ("--wyoming", f"unix://{file}", model): (f"{file} is no socket", "choose another name"),
        ("--wyoming", f"unix://{file}", "--zeroconf", model): ("--zeroconf", "omit it"),
        ("--wyoming", busy, model, twin): ("loud: 2 models have this name", "rename"),
        ("--wyoming", busy, tmp_path / "none.json"): ("none.json", ""),
        ("--wyoming", busy): ("MODEL", ""),
        (model,): ("--wyoming", ""),
    }
    for arguments, (first, second) in calls.items():
        status, output, errors = stapes_here("serve", *arguments, cache=own_cache, cwd=tmp_path)
        assert (status, output) == (2, ""), errors
        assert first in errors
        assert second in errors.lower()
        assert len(errors.splitlines()) == 1
    assert file.read_text() == "dear"
    taken.close()


def test_without_the_package_the_extra_is_named(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "wyoming", None)
    with pytest.raises(MissingExtraError, match=r"install stapes\[wyoming\]"):
        serve("tcp://127.0.0.1:10400", [])


def test_the_service_is_announced_in_the_network(model, monkeypatch):
    announced = []

    class NoNetwork:
        def __init__(self, port, name, host):
            announced.append((port, name, host))

        async def register_server(self):
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("wyoming.zeroconf.HomeAssistantZeroconf", NoNetwork)
    ports = [free_port(), free_port()]
    for host, port in zip(("0.0.0.0", "127.0.0.1"), ports, strict=True):
        with pytest.raises(StapesError, match=r"announce in \(Network is unreachable\)"):
            serve(f"tcp://{host}:{port}", [partial(WakeWord, model)], zeroconf=True)
    name = f"stapes-{socket.gethostname().partition('.')[0]}"
    assert announced == [
        (ports[0], f"{name}-{ports[0]}", None),
        (ports[1], f"{name}-{ports[1]}", "127.0.0.1"),
    ]
