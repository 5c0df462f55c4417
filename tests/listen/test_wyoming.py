"""The Wyoming service, as the protocol's own client meets it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
import pytest
import soxr
from tests.listen.models import RATE, bursts, manifest
from tests.processes import free_port

from stapes.listen.wake_word import WakeWord

pytest.importorskip("pymicro_features", reason="needs the extra `wyoming`")
pytest.importorskip("wyoming", reason="needs the extra `wyoming`")

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient, AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncServer
from wyoming.wake import Detect, Detection, NotDetected

from stapes.listen import wyoming

SOUND = bursts(6.0, 2.0, 5.0)
QUIET = bursts(3.0)
MOST = 60.0
"""Only a hang takes longer [s]."""


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> dict[str, Callable[[], WakeWord]]:
    folder = tmp_path_factory.mktemp("words")
    # The second word needs a louder sound than there is: it is never detected.
    paths = [manifest(folder, "loud"), manifest(folder, "never", probability_cutoff=1.0)]
    return {path.stem: partial(WakeWord, path) for path in paths}


@asynccontextmanager
async def service(words):
    """A service on a free port; yields the port and the set of its clients."""
    port = free_port()
    clients: set[wyoming.Client] = set()
    server = AsyncServer.from_uri(f"tcp://127.0.0.1:{port}")
    info = wyoming.info_of([make() for make in words.values()])
    await server.start(partial(wyoming.Client, words, info, clients))
    try:
        yield port, clients
    finally:
        await server.stop()


def served(words, visit: Callable[[int, set[wyoming.Client]], Awaitable[None]]) -> None:
    """Run a visit of a service to its end."""

    async def main():
        async with service(words) as (port, clients):
            await asyncio.wait_for(visit(port, clients), MOST)

    asyncio.run(main())


async def send_sound(client: AsyncClient, y=SOUND, *, rate=RATE, width=2, channels=1, stamps=True):
    """Sound in chunks of 30 ms, as a satellite sends it."""
    await client.write_event(AudioStart(rate, width, channels).event())
    content = y.tobytes()
    size = rate * 30 // 1000 * width * channels
    for number, begin in enumerate(range(0, len(content), size)):
        stamp = 1_000 + 30 * number if stamps else None
        chunk = AudioChunk(rate, width, channels, content[begin : begin + size], timestamp=stamp)
        await client.write_event(chunk.event())
    await client.write_event(AudioStop().event())


async def answers(client, count: int) -> list[Event]:
    return [await client.read_event() for _ in range(count)]


async def assert_detects(client: AsyncClient, **options) -> None:
    """The two sounds are detected, and nothing else is."""
    await send_sound(client, stamps=False, **options)
    await client.write_event(Ping("all").event())
    events = await answers(client, 3)
    assert [event.type for event in events] == ["detection", "detection", "pong"]
    found = [Detection.from_event(event) for event in events[:2]]
    assert [detection.name for detection in found] == ["loud", "loud"]
    assert [detection.timestamp for detection in found] == pytest.approx([2_060, 5_060], abs=40)


def test_a_service_describes_its_words(words):
    async def visit(port, _):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Describe().event())
            info = Info.from_event(await client.read_event())
            await client.write_event(Ping("there?").event())
            assert Pong.from_event(await client.read_event()).text == "there?"
        [program] = info.wake
        assert (program.name, program.installed) == ("stapes", True)
        assert [model.name for model in program.models] == ["loud", "never"]
        assert [model.phrase for model in program.models] == ["Loud", "Loud"]
        assert program.models[0].languages == ["en"]

    served(words, visit)


def test_a_detection_comes_at_once_with_the_time_of_its_chunk(words):
    async def visit(port, _):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect(names=["loud"]).event())
            await client.write_event(AudioStart(RATE, 2, 1).event())
            first = SOUND[: round(2.3 * RATE)].tobytes()
            chunk = AudioChunk(RATE, 2, 1, first, timestamp=77_000)
            await client.write_event(chunk.event())
            # No further sound was sent, and no end.
            detection = Detection.from_event(await client.read_event())
            assert (detection.name, detection.timestamp) == ("loud", 77_000)

    served(words, visit)


def test_each_of_two_clients_at_once_has_its_own_stream(words):
    async def visit(port, _):
        tcp = partial(AsyncTcpClient, "127.0.0.1", port)
        async with tcp() as one, tcp() as two:
            for client in (one, two):
                await client.write_event(AudioStart(RATE, 2, 1).event())
            # One sends its sound while the other sends quiet, chunk by chunk.
            for begin in range(0, 3 * RATE, 480):
                for client, y in ((one, SOUND), (two, QUIET)):
                    chunk = AudioChunk(RATE, 2, 1, y[begin : begin + 480].tobytes())
                    await client.write_event(chunk.event())
            for client in (one, two):
                await client.write_event(AudioStop().event())
            detection = Detection.from_event(await one.read_event())
            assert detection.timestamp == pytest.approx(2_060, abs=40)
            assert NotDetected.is_type((await two.read_event()).type)

    served(words, visit)


def test_a_new_stream_begins_after_the_end_of_one(words):
    async def visit(port, _):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await assert_detects(client)
            await send_sound(client, QUIET)
            assert NotDetected.is_type((await client.read_event()).type)
            await assert_detects(client)

    served(words, visit)


@pytest.mark.parametrize("names", [None, [], ["loud"], ["alexa"], ["alexa", "loud"]])
def test_an_unknown_name_is_logged_and_others_are_chosen(words, names, caplog):
    async def visit(port, _):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect(names=names).event())
            await assert_detects(client)

    with caplog.at_level(logging.WARNING, "stapes.wyoming"):
        served(words, visit)
    messages = [record.getMessage() for record in caplog.records]
    if names and "alexa" in names:
        gets = "loud" if "loud" in names else "loud, never"
        [message] = messages
        assert message.endswith(f" asks for alexa: no such word is served. It gets {gets}.")
    else:
        assert not messages


def test_only_the_chosen_word_listens(words):
    async def visit(port, _):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect(names=["never"]).event())
            await send_sound(client)
            assert NotDetected.is_type((await client.read_event()).type)

    served(words, visit)


def in_format(rate, width, channels):
    y = soxr.resample(SOUND / 32_768, RATE, rate)
    y = np.repeat(np.clip(y, -1, 1), channels)
    if width == 1:
        return np.rint(y * 127 + 128).astype(np.uint8)
    return np.rint(y * (2 ** (8 * width - 1) - 1)).astype(f"<i{width}")


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [(48_000, 2, 2), (16_000, 4, 1), (44_100, 4, 2), (22_050, 2, 1), (16_000, 2, 2)],
)
def test_sound_of_any_format_is_detected_in(words, rate, width, channels):
    async def visit(port, _):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            y = in_format(rate, width, channels)
            await assert_detects(client, y=y, rate=rate, width=width, channels=channels)

    served(words, visit)


def test_eight_bits_are_read_as_unsigned(words):
    # Read as signed, faint noise around 128 would be the loudest sound there is.
    async def visit(port, _):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            quiet = np.full(3 * RATE, 128, np.uint8)
            await send_sound(client, quiet, width=1)
            assert NotDetected.is_type((await client.read_event()).type)
            await send_sound(client, in_format(RATE, 1, 1), width=1)
            assert Detection.is_type((await client.read_event()).type)

    served(words, visit)


async def until_gone(clients):
    while clients:
        await asyncio.sleep(0.01)


def test_a_client_that_vanishes_leaves_nothing_and_others_go_on(words):
    async def visit(port, clients):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(AudioStart(RATE, 2, 1).event())
            # Half a chunk, and the connection is reset.
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            head = {"type": "audio-chunk", "payload_length": 960}
            writer.write(json.dumps(head).encode() + b"\n" + b"\0" * 100)
            await writer.drain()
            writer.transport.abort()
            while len(clients) > 1:
                await asyncio.sleep(0.01)
            await assert_detects(client)
        await until_gone(clients)

    served(words, visit)


LINE = b'{"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 1}'


@pytest.mark.parametrize(
    ("garbage", "message"),
    [
        (b"\x00\xff\xfe rubbish\n", "no event of Wyoming"),
        (b"GET / HTTP/1.1\r\n\r\n", "no event of Wyoming"),
        (b"[1, 2]\n", "no event of Wyoming"),
        (b"{}\n", "no event of Wyoming"),
        (b"[" * 50_000 + b"\n", "no event of Wyoming"),
        (b'{"type": "audio-chunk", "data": "text"}\n', "no event of Wyoming"),
        (b'{"type": "audio-chunk", "data_length": 3}\n{x}', "no event of Wyoming"),
        (b'{"type": "detect", "data": {"names": 7}}\n', "no event of Wyoming"),
        (b"x" * (1 << 17), "a line is too long"),
        (LINE + b', "payload_length": 99999999999}\n', "at most 1,048,576 bytes, not 99999999999"),
        (LINE + b', "payload_length": 1.5}\n', "at most 1,048,576 bytes, not 1.5"),
        (LINE.replace(b"16000", b"1") + b', "payload_length": 2}\n..', "rate: give 1,000 to"),
        (LINE.replace(b"16000", b"1e9") + b', "payload_length": 2}\n..', "rate: give 1,000 to"),
    ],
)
def test_garbage_ends_its_own_connection_with_a_reason(words, garbage, message, caplog):
    async def visit(port, clients):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(AudioStart(RATE, 2, 1).event())
            async with AsyncTcpClient("127.0.0.1", port) as other:
                other._writer.write(garbage)
                event = await other.read_event()
                assert Error.is_type(event.type)
                assert message in Error.from_event(event).text
                assert await other.read_event() is None
            await assert_detects(client)
        await until_gone(clients)

    with caplog.at_level(logging.WARNING):
        served(words, visit)
    [record] = caplog.records
    assert message in record.getMessage()
    assert record.getMessage().isprintable()


def test_random_bytes_as_sound_and_unknown_events_do_no_harm(words):
    async def visit(port, _):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Event("transcribe", {"language": "en"}))
            noise = np.random.default_rng(0).bytes(999)
            await client.write_event(AudioChunk(11_025, 3, 2, noise).event())
            await client.write_event(AudioStop().event())
            assert NotDetected.is_type((await client.read_event()).type)
            await assert_detects(client)

    served(words, visit)


def test_a_model_that_broke_since_is_reported_to_its_client(words, tmp_path):
    path = manifest(tmp_path, "later")
    words = {**words, "later": partial(WakeWord, path)}

    async def visit(port, _):
        path.unlink()
        path.with_suffix(".tflite").unlink()
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect(names=["later"]).event())
            await client.write_event(AudioChunk(RATE, 2, 1, b"\0" * 960).event())
            assert "later" in Error.from_event(await client.read_event()).text
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect(names=["loud"]).event())
            await assert_detects(client)

    served(words, visit)


def test_clients_are_limited_and_silent_ones_are_disconnected(words, monkeypatch):
    monkeypatch.setattr(wyoming, "MOST_CLIENTS", 2)

    async def visit(port, clients):
        tcp = partial(AsyncTcpClient, "127.0.0.1", port)
        async with tcp() as one, tcp() as two:
            for client in (one, two):
                await client.write_event(Describe().event())
                assert Info.is_type((await client.read_event()).type)
            async with tcp() as three:
                text = Error.from_event(await three.read_event()).text
                assert text == "2 clients are connected, which is the most."
                assert await three.read_event() is None
            monkeypatch.setattr(wyoming, "IDLE_SECONDS", 0.05)
            for client in (one, two):
                await client.write_event(Describe().event())
                assert Info.is_type((await client.read_event()).type)
                assert await client.read_event() is None
        await until_gone(clients)

    served(words, visit)
