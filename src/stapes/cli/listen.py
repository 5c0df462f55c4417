"""The command that listens: `stapes listen`."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import to_json

from stapes.cli.common import Debug, examples, show, terminal
from stapes.cli.options import settings_options
from stapes.listen.listener import Listener
from stapes.listen.settings import ListenSettings
from stapes.system.text import printable, shown

if TYPE_CHECKING:
    from stapes.contracts.listening import Heard
    from stapes.listen.wake_word import WakeWord
    from stapes.report.terminal.progress import StoppableProgress

listen_app = typer.Typer(rich_markup_mode=None)

_ERASE = "\r\x1b[K"
"""To the begin of the line, and nothing on it."""


@listen_app.command(
    epilog=examples(
        "stapes listen runs/computer",
        "stapes listen computer.json test.wav",
        "stapes listen mine.json theirs.json --data recordings --page heard.html",
        "stapes listen runs/computer recordings --keep kept --labels labels",
        "arecord -f S16_LE -r 16000 -c 1 -t raw | stapes listen computer.json - --json",
        "stapes listen okay_nabu.tflite --features openwakeword",
    )
)
@settings_options(ListenSettings, "listen")
def listen(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL|SOUND",
            help="One or more models: folders of runs, manifests (.json), .tflite files. Then "
            "sound files, a folder of them, or - for raw 16 kHz int16 on standard input. Without "
            "sound: the microphone.",
        ),
    ],
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for each event and the summary.")
    ] = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Listen as the device would: live, or to hours of recordings.

    The same frontend, ring, cutoff and deafness as on the device decide. Ctrl-C ends with a
    summary, and so does SIGTERM. Several models are compared on the same sound.
    """
    # Not the API, which imports what trains: on a Raspberry Pi that would take seconds.
    from stapes.listen.listening import listen as heard_with
    from stapes.listen.sounds import divided
    from stapes.report.terminal.listening import lines

    # As a service manager ends a program.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    models, sound = divided(arguments)
    with terminal(json) as (console, progress):
        # Without sound: the recordings of --data, or the microphone.
        listener = _Json() if json else _Terminal(progress)
        try:
            listening = heard_with(models, sound or None, listener=listener, **settings)
            if json:
                _print(listening)
            else:
                show(listening, lines, console, json=False)
        except BrokenPipeError:
            # Who read the output has enough. Python would complain when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
    if listening.stopped and listening.files:
        raise typer.Exit(130)


class _Json(Listener):
    """A line of JSON for each event; messages to standard error."""

    def heard(self, heard: Heard) -> None:
        _print(heard)

    def note(self, text: str) -> None:
        print(shown(f"stapes: {text}"), file=sys.stderr)


class _Terminal(Listener):
    """A line for each event of live sound, with a meter below; progress through recordings."""

    def __init__(self, progress: StoppableProgress) -> None:
        self._progress, self._recordings = progress, False
        self._meter = sys.stderr.isatty() and sys.stdout.isatty()
        self._shown = False

    def begins(self, words: Sequence[WakeWord], source: str, *, live: bool) -> None:
        names = ", ".join(f"{word.wake_word} ({word.name})" for word in words)
        if live:
            self.note(printable(f"Listening to {source} for {names}; Ctrl-C ends."))
        else:
            self._recordings = True
            self._progress.begin(printable(f"Listening for {names}"))

    def recording(self, done: int, total: int, name: str) -> None:
        self._progress.update(done, total, printable(name))

    def heard(self, heard: Heard) -> None:
        from stapes.report.terminal.listening import event_line

        if not self._recordings:
            self._erase()
            print(event_line(heard), flush=True)

    def scores(self, words: Sequence[WakeWord], seconds: float) -> None:
        from stapes.report.terminal.listening import meter

        if self._meter and not self._recordings:
            scores = [(word.name, word.score, word.threshold) for word in words]
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(_ERASE + meter(scores, width))
            sys.stderr.flush()
            self._shown = True

    def note(self, text: str) -> None:
        self._erase()
        print(shown(text), file=sys.stderr)

    def ends(self) -> None:
        self._erase()
        if self._recordings:
            self._progress.end()

    def _erase(self) -> None:
        if self._shown:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
            self._shown = False


def _print(document: Any) -> None:
    print(to_json(document, by_alias=True).decode(), flush=True)
