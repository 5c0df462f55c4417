"""A client of the Wyoming wake service: what it asks for, its sound, and what it is sent.

Wyoming has no authorisation: anyone who reaches the port is a client. So each client has limits,
and nothing that one sends reaches another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from numpy.typing import NDArray
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event
from wyoming.info import Attribution, Describe, Info, WakeModel, WakeProgram
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler
from wyoming.wake import Detect, Detection, NotDetected

from stapes.errors import StapesError
from stapes.listen.pcm import PcmFormat, PcmStream
from stapes.listen.wake_word import WakeWord
from stapes.system.text import printable
from stapes.system.version import __version__

MOST_CLIENTS = 64
MOST_BYTES = 1 << 20
"""Of the data or the payload of an event. A line has at most 64 KiB, by asyncio."""
IDLE_SECONDS = 300.0
"""After which a silent client is disconnected, or one that does not read."""

_PIECE_SECONDS = 0.5
"""Sound after which other clients have their turn."""
_SHOWN = 200
"""Characters of a client's text in the log."""

log = logging.getLogger("stapes.wyoming")

Words = Mapping[str, Callable[[], WakeWord]]
"""How to make the state of each word for a client, by the model's name."""


def info_of(words: Sequence[WakeWord]) -> Event:
    """The answer to `describe`."""
    nobody = Attribution(name="", url="")
    models = [
        WakeModel(
            name=word.name,
            attribution=nobody,
            installed=True,
            description=word.wake_word,
            version=None,
            languages=list(word.languages),
            phrase=word.wake_word,
        )
        for word in words
    ]
    program = WakeProgram(
        name="stapes",
        attribution=Attribution(name="Stapes", url="https://pypi.org/project/stapes/"),
        installed=True,
        description="Wake words as their devices decide",
        version=__version__,
        models=models,
    )
    return Info(wake=[program]).event()


class Client(AsyncEventHandler):
    """One connection, with its own state of each word.

    Parameters
    ----------
    words : dict of str to callable
        The words that are served.
    info : Event
        See `info_of`.
    clients : set of Client
        All that are connected; this one adds itself.
    """

    def __init__(
        self,
        words: Words,
        info: Event,
        clients: set[Client],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._input = _LimitedReader(reader)
        super().__init__(cast(asyncio.StreamReader, self._input), writer)
        self._all, self._info, self._clients = words, info, clients
        self._names = list(words)
        self._words: dict[str, WakeWord] = {}
        self._pcm: PcmStream | None = None
        self._detected = False
        self._timestamp: int | None = None
        peer = writer.get_extra_info("peername")
        self._peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "a local client"

    async def run(self) -> None:
        """Serve the client until it leaves; what is wrong with it ends nothing else."""
        try:
            if len(self._clients) >= MOST_CLIENTS:
                raise StapesError(f"{MOST_CLIENTS} clients are connected, which is the most.")
            self._clients.add(self)
            log.debug("%s is connected.", self._peer)
            while (event := await async_read_event(self.reader)) is not None:
                await self.handle_event(event)
            if not self._input.ended:
                # The package has no word for what is no JSON.
                raise ValueError("no JSON")
        except StapesError as error:
            await self._refuse(str(error))
        except (ConnectionError, asyncio.IncompleteReadError):
            log.debug("%s vanished.", self._peer)
        except asyncio.TimeoutError:
            log.info("%s is disconnected: silent for %.0f seconds.", self._peer, IDLE_SECONDS)
        except Exception as error:
            # Any part of what comes from anywhere may have a wrong type.
            await self._refuse(f"that is no event of Wyoming ({type(error).__name__}: {error}).")
        finally:
            self._clients.discard(self)
            self.writer.close()

    async def handle_event(self, event: Event) -> bool:
        """Handle an event; unknown ones are ignored, as the protocol has it."""
        if Describe.is_type(event.type):
            await self._send(self._info)
        elif Detect.is_type(event.type):
            self._choose(Detect.from_event(event).names)
        elif AudioStart.is_type(event.type):
            self._begin()
        elif AudioChunk.is_type(event.type):
            await self._hear(AudioChunk.from_event(event))
        elif AudioStop.is_type(event.type):
            await self._end()
        elif Ping.is_type(event.type):
            await self._send(Pong(Ping.from_event(event).text).event())
        return True

    def _choose(self, names: Any) -> None:
        """Listen for the named words; for all of them if none is named, or none is known."""
        names = [str(name) for name in names or ()]
        known = [name for name in self._all if name in names]
        unknown = [name for name in names if name not in self._all]
        if unknown:
            log.warning(
                "%s asks for %s: no such word is served. It gets %s.",
                self._peer, _shown(", ".join(unknown)), ", ".join(known or self._all),
            )  # fmt: skip
        self._names = known or list(self._all)

    def _begin(self) -> None:
        """A new stream: each word forgets what it heard."""
        self._pcm, self._detected, self._timestamp = None, False, None
        for word in self._words.values():
            word.reset()

    async def _hear(self, chunk: AudioChunk) -> None:
        pcm_format = PcmFormat(chunk.rate, chunk.width, chunk.channels)
        if self._pcm is None or self._pcm.format != pcm_format:
            self._pcm = PcmStream(pcm_format)
        self._timestamp = chunk.timestamp
        step = int(_PIECE_SECONDS * pcm_format.rate) * pcm_format.frame
        for begin in range(0, len(chunk.audio), step):
            await self._listen(self._pcm.process(chunk.audio[begin : begin + step]))
            await asyncio.sleep(0)

    async def _listen(self, samples: NDArray[Any]) -> None:
        for name in self._names:
            if name not in self._words:
                self._words[name] = self._all[name]()
            for detection in self._words[name].process(samples):
                self._detected = True
                log.info(
                    "%s: %s after %.2f seconds, score %.2f.",
                    self._peer, name, detection.seconds, detection.score,
                )  # fmt: skip
                timestamp = self._timestamp
                if timestamp is None:
                    timestamp = round(1000 * detection.seconds)
                await self._send(Detection(name, timestamp).event())

    async def _end(self) -> None:
        if self._pcm is not None:
            await self._listen(self._pcm.process(b"", last=True))
        if not self._detected:
            await self._send(NotDetected().event())
        self._begin()

    async def _refuse(self, message: str) -> None:
        log.warning("%s is disconnected: %s", self._peer, _shown(message))
        try:
            await self._send(Error(message[:_SHOWN]).event())
        except (OSError, asyncio.TimeoutError):
            log.debug("%s vanished.", self._peer)

    async def _send(self, event: Event) -> None:
        await asyncio.wait_for(self.write_event(event), IDLE_SECONDS)


class _LimitedReader:
    """What the package reads events from: a stream with limits on sizes and time.

    ended : whether the client has closed its side
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader, self.ended = reader, False

    async def readline(self) -> bytes:
        try:
            line = await asyncio.wait_for(self._reader.readline(), IDLE_SECONDS)
        except ValueError:
            raise StapesError("a line is too long.") from None
        self.ended = not line
        return line

    async def readexactly(self, n: int) -> bytes:
        if type(n) is not int or n > MOST_BYTES:
            raise StapesError(f"an event has at most {MOST_BYTES:,} bytes, not {n!r:.20}.")
        return await asyncio.wait_for(self._reader.readexactly(n), IDLE_SECONDS)

    def feed_eof(self) -> None:
        self._reader.feed_eof()


def _shown(text: str) -> str:
    return printable(text[:_SHOWN])
