"""The Wyoming wake service: where it listens, and how it begins and ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import ParseResult, urlparse

from stapes.errors import MissingExtraError, StapesError, UsageError
from stapes.listen.wake_word import WakeWord, all_of


def serve(
    uri: str,
    words: Sequence[Callable[[], WakeWord]],
    *,
    zeroconf: bool = False,
    ready: Callable[[Sequence[WakeWord]], None] = lambda words: None,
) -> None:
    """Serve wake words by Wyoming until Ctrl-C or SIGTERM.

    Parameters
    ----------
    uri : str
        tcp://HOST:PORT, or unix:///PATH.
    words : sequence of callable
        Each makes the state of a word; every client has its own.
    zeroconf : bool
        Whether Home Assistant finds the service in the local network by itself.
    ready : callable
        Is called when clients can connect.

    Raises
    ------
    MissingExtraError
        The extra `wyoming` is not installed.
    UsageError
        The address is wrong or taken, or two words have one name.
    """
    try:
        import wyoming  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("A Wyoming service", "wyoming") from None
    address = _checked(uri, zeroconf)
    served = all_of(words)
    for name, count in Counter(word.name for word in served).items():
        if count > 1:
            raise UsageError(f"{name}: {count} models have this name; rename a file.")
    by_name = {word.name: make for word, make in zip(served, words, strict=True)}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(uri, address, by_name, served, zeroconf, ready))


async def _serve(
    uri: str,
    address: ParseResult,
    words: dict[str, Callable[[], WakeWord]],
    served: Sequence[WakeWord],
    zeroconf: bool,
    ready: Callable[[Sequence[WakeWord]], None],
) -> None:
    from wyoming.server import AsyncServer

    from stapes.listen.wyoming import Client, info_of

    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Elsewhere than on Unix, Ctrl-C is a KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, end.set)
    server = AsyncServer.from_uri(address.geturl())
    try:
        await server.start(functools.partial(Client, words, info_of(served), set()))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"--wyoming {uri}: cannot listen there ({reason}).") from None
    try:
        if zeroconf:
            await _announce(address)
        ready(served)
        await end.wait()
    finally:
        await server.stop()


async def _announce(address: ParseResult) -> None:
    from wyoming.zeroconf import HomeAssistantZeroconf

    name = f"stapes-{socket.gethostname().partition('.')[0]}-{address.port}"
    anywhere = address.hostname in ("0.0.0.0", "::")
    try:
        host = None if anywhere else socket.gethostbyname(str(address.hostname))
        await HomeAssistantZeroconf(int(address.port or 0), name, host).register_server()
    except OSError as error:
        reason = error.strerror or str(error)
        raise StapesError(f"--zeroconf: there is no network to announce in ({reason}).") from None


def _checked(uri: str, zeroconf: bool) -> ParseResult:
    """The parts of the address."""
    try:
        address = urlparse(uri)
        port = address.port
    except ValueError:
        # Of the port, or of the brackets of IPv6.
        address, port = urlparse(""), None
    if address.scheme == "tcp" and address.hostname and port:
        return address
    if address.scheme != "unix" or not address.path:
        raise UsageError(
            f"--wyoming {uri}: give tcp://HOST:PORT, e.g. tcp://0.0.0.0:10400, or unix:///PATH."
        )
    if zeroconf:
        raise UsageError("--zeroconf: it announces tcp://HOST:PORT; omit it for a socket.")
    path = Path(address.path)
    if path.exists() and not path.is_socket():
        # The package deletes what is there.
        raise UsageError(f"--wyoming {uri}: {path} is no socket; choose another name.")
    return address
