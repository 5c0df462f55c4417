"""`stapes data`: make, fetch or check a folder of clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stapes.cli.common import Debug, Jobs, Json, examples, option, show, terminal
from stapes.cli.options import settings_options
from stapes.data.sources import NEWEST_SPEECH_COMMANDS
from stapes.run.settings import RunSettings

data_app = typer.Typer(
    help="Make, fetch or check a folder of clips; show or empty the cache.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data_app.command(
    epilog=examples('stapes data synth --word "hey computer" --out hey_computer --voices 40')
)
@settings_options(RunSettings, "synth")
def synth(
    *,
    word: Annotated[str, typer.Option("--word", metavar="PHRASE", help="The wake word.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    jobs: Jobs = None,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Make a corpus of synthetic speech for any phrase; no voice is in two splits."""
    from stapes import api

    with terminal() as (_, progress):
        api.data.synth(word, out, jobs=jobs, progress=progress, **settings)


@data_app.command(
    epilog=examples(
        "stapes data fetch speech-commands --out corpora/speech_commands",
        "stapes data fetch speech-commands --version 0.01",
    )
)
def fetch(
    name: Annotated[str, typer.Argument(metavar="speech-commands", help="The data set.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="A new folder [speech_commands_vVERSION]."),
    ] = None,
    version: Annotated[str, option("version", "V")] = NEWEST_SPEECH_COMMANDS,
    url: Annotated[str | None, option("url", "URL")] = None,
    sha256: Annotated[str | None, option("sha256", "HASH")] = None,
    debug: Debug = False,
) -> None:
    """Download and unpack Google's Speech Commands; a broken download is resumed."""
    from stapes import api

    with terminal() as (_, progress):
        api.data.fetch(name, out, version=version, url=url, sha256=sha256, progress=progress)


@data_app.command(
    epilog=examples(
        "stapes data check recordings",
        "stapes data check recordings --word computer --json",
        "stapes data check recordings --word computer --where runs/computer",
    )
)
@settings_options(RunSettings, "check")
def check(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of clips.")],
    *,
    word: Annotated[
        str | None, typer.Option("--word", metavar="WORD", help="A label that must be in it.")
    ] = None,
    where: Annotated[Path | None, option("where", "RUN")] = None,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """List what a run would use of a folder, and what it would skip and why."""
    from stapes import api
    from stapes.report.terminal.tables import check_lines

    with terminal(json) as (console, progress):
        state = api.data.check(data, word=word, where=where, progress=progress, **settings)
        show(state, check_lines, console, json)


@data_app.command(
    epilog=examples(
        "stapes data cut recordings --out clips --label computer",
        "stapes data cut recordings --out clips --json",
    )
)
def cut(
    recordings: Annotated[Path, typer.Argument(metavar="RECORDINGS", help="A folder of them.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            metavar="LABEL",
            help="Of what silence divides [the name of the recording's folder].",
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Cut long recordings into clips of a word each, at label tracks or at silence.

    An Audacity label track lies beside its recording, with the ending .txt. The clips of a
    recording stay in one split.
    """
    from stapes import api
    from stapes.report.terminal.tables import cut_lines

    with terminal(json) as (console, progress):
        show(
            api.data.cut(recordings, out, label=label, progress=progress), cut_lines, console, json
        )


@data_app.command(epilog=examples("stapes data label kept", "stapes data label kept --json"))
def label(
    kept: Annotated[
        Path, typer.Argument(metavar="KEPT", help="The folder of stapes listen --keep.")
    ],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask for each capture whether the wake word is in it: yes, no, skip, play again, or quit.

    A capture moves to KEPT/yes or KEPT/no. So a file manager can label too, and the same command
    goes on where it stopped. With --json, nothing is asked.
    """
    from stapes import api
    from stapes.cli.labelling import Questions, lines

    with terminal(json) as (console, _):
        show(api.data.label(kept, None if json else Questions(kept)), lines, console, json)


@data_app.command(epilog=examples("stapes data cache", "stapes data cache --clear"))
def cache(
    clear: Annotated[bool, option("clear")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the folder of features and synthetic speech, and its size; STAPES_CACHE sets it."""
    from stapes import api

    content = api.data.cache(clear=clear)
    features, synthetic, archives = content.features, content.synthetic, content.archives
    lines = [
        content.folder,
        f"{features.count} files of features: {features.bytes:,} bytes",
        f"{synthetic.count} corpora of synthetic speech: {synthetic.bytes:,} bytes",
        f"{archives.count} archives, unpacked: {archives.bytes:,} bytes",
    ]
    if clear and features.bytes + synthetic.bytes + archives.bytes:
        lines.append("A run uses the rest: clear the cache again after it.")
    with terminal(json) as (console, _):
        show(content, lambda _: lines, console, json)
