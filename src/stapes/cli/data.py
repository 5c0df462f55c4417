"""`stapes data`: make, fetch or check a folder of clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stapes.cli.common import (
    Debug,
    Jobs,
    Json,
    Negatives,
    console_for,
    examples,
    progress_for,
    show_lines,
)

data_app = typer.Typer(
    help="Make, fetch or check a folder of clips; show or empty the cache.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data_app.command(
    epilog=examples(
        'stapes data synth --word "hey computer" --out corpora/hey_computer --voices 40',
    )
)
def synth(
    word: Annotated[str, typer.Option("--word", metavar="PHRASE", help="What is said.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    voices: Annotated[
        int | None, typer.Option("--voices", metavar="N", min=3, help="Speakers [160].")
    ] = None,
    takes: Annotated[
        int | None, typer.Option("--takes", metavar="N", min=1, help="By each voice [7].")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Decides every draw.")] = 0,
    jobs: Jobs = None,
    debug: Debug = False,
) -> None:
    """Make a corpus of synthetic speech for any phrase; no voice is in two splits."""
    from stapes.data.sources.synthetic import make_corpus
    from stapes.run.settings import SyntheticSettings

    given = {"voices": voices, "takes": takes}
    wanted = SyntheticSettings(**{key: value for key, value in given.items() if value is not None})
    with console_for() as console, progress_for(console) as progress:
        make_corpus(
            word,
            out,
            voices=wanted.voices,
            takes=wanted.takes,
            seed=seed,
            jobs=jobs,
            progress=progress,
        )


@data_app.command(
    epilog=examples(
        "stapes data fetch speech-commands --out corpora/speech_commands",
        "stapes data fetch speech-commands --version 0.01",
    )
)
def fetch(
    name: Annotated[str, typer.Argument(metavar="speech-commands", help="The data set.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="[speech_commands_vVERSION]")
    ] = None,
    version: Annotated[
        str, typer.Option("--version", metavar="V", help="Of the data set.")
    ] = "0.02",
    url: Annotated[
        str | None, typer.Option("--url", help="Another place of the archive; needs --sha256.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="Instead of the published one.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Download and unpack Google's Speech Commands; a broken download is resumed."""
    from stapes.data.sources.speech_commands import fetch as fetch_archive
    from stapes.errors import UsageError

    if name != "speech-commands":
        raise UsageError(f"{name}: unknown data set; known is speech-commands.")
    folder = out or Path(f"speech_commands_v{version}")
    with console_for() as console, progress_for(console) as progress:
        fetch_archive(folder, version=version, url=url, sha256=sha256, progress=progress)


@data_app.command(
    epilog=examples(
        "stapes data check recordings",
        "stapes data check recordings --word computer --json",
    )
)
def check(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of clips.")],
    word: Annotated[
        str | None, typer.Option("--word", metavar="WORD", help="See that it is there.")
    ] = None,
    negatives: Negatives = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List what a run would use of a folder, and what it would skip and why."""
    from stapes.data.check import check as check_corpus
    from stapes.data.corpus import load
    from stapes.frontends.mfcc import Mfcc
    from stapes.report.terminal.tables import check_lines

    corpus = load(data, word, negatives=negatives)
    with console_for(json) as console, progress_for(console) as progress:
        progress.begin("Decoding every clip")
        found = check_corpus(corpus, Mfcc(), progress)
        progress.end()
        if json:
            print(found.model_dump_json(indent=1))
        else:
            show_lines(console, check_lines(found))


@data_app.command(
    epilog=examples(
        "stapes data cache",
        "stapes data cache --clear",
    )
)
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete what Stapes keeps there.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the folder of features and synthetic speech, and its size; STAPES_CACHE chooses it."""
    from stapes.data import cache_folder

    content = cache_folder.clear() if clear else cache_folder.content()
    if json:
        print(content.model_dump_json(indent=1))
        return
    features, synthetic = content.features, content.synthetic
    with console_for() as console:
        lines = [
            content.folder,
            f"{features.count} files of features: {features.bytes:,} bytes",
            f"{synthetic.count} corpora of synthetic speech: {synthetic.bytes:,} bytes",
        ]
        if clear and features.bytes + synthetic.bytes:
            lines.append("What is left is in use: clear the cache again when that run is over.")
        show_lines(console, lines)
