"""The command that serves wake words to others: `stapes serve`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stapes.cli.common import Debug, examples
from stapes.cli.options import settings_options
from stapes.listen.settings import ListenSettings
from stapes.system.text import printable

if TYPE_CHECKING:
    from stapes.listen.wake_word import WakeWord

serve_app = typer.Typer(rich_markup_mode=None)


@serve_app.command(
    epilog=examples(
        "stapes serve --wyoming tcp://0.0.0.0:10400 computer.json",
        "stapes serve --wyoming tcp://0.0.0.0:10400 --zeroconf runs/computer alexa.json",
        "stapes serve --wyoming tcp://127.0.0.1:10400 computer.tflite --cutoff 0.9",
        "stapes serve --wyoming unix:///run/stapes/wyoming computer.json",
    )
)
@settings_options(ListenSettings, "serve")
def serve(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...",
            help="Manifests (.json), .tflite files, or folders of runs.",
            show_default=False,
        ),
    ],
    wyoming: Annotated[
        str,
        typer.Option("--wyoming", metavar="URI", help="tcp://HOST:PORT, or unix:///PATH."),
    ],
    *,
    zeroconf: Annotated[
        bool,
        typer.Option("--zeroconf", help="Let Home Assistant find the service in the network."),
    ] = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Be a wake service for Home Assistant and its satellites, by the Wyoming protocol.

    Each client gets the detections in its own sound. Wyoming has no authorisation: whoever reaches
    the port may use the service. Ctrl-C ends it.
    """
    from stapes.listen.listening import require_run
    from stapes.listen.serving import serve as serve_words
    from stapes.listen.wake_word import WakeWord

    def ready(words: Sequence[WakeWord]) -> None:
        names = ", ".join(f"{word.name} ({word.wake_word})" for word in words)
        print(f"Listening on {wyoming} for {printable(names)}.", flush=True)

    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
    logging.getLogger("stapes").setLevel(logging.DEBUG if debug else logging.INFO)
    variant = settings.pop("variant")
    require_run(variant, models)
    words = [
        partial(WakeWord, model, variant=variant if model.is_dir() else None, **settings)
        for model in models
    ]
    serve_words(wyoming, words, zeroconf=zeroconf, ready=ready)
