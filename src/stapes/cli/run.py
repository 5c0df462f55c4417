"""The verbs of runs: `stapes run`, `search`, `evaluate` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stapes.cli.common import (
    Config,
    Debug,
    Jobs,
    Json,
    Out,
    Quick,
    Verbose,
    console_for,
    examples,
    print_json,
    progress_for,
    show,
    show_lines,
    show_results,
)
from stapes.cli.options import settings_options
from stapes.run.settings import EvaluationSettings, RunSettings
from stapes.search.settings import SearchSettings

run_app = typer.Typer(rich_markup_mode=None)


@run_app.command(
    epilog=examples(
        "stapes run",
        "stapes run --data recordings --word computer --out runs/computer",
        "stapes run --word computer --data recordings --techniques uint8,int16x8 --seed 1",
        "stapes run --data recordings --word computer --continuous speech --noise noises",
        "stapes run --data recordings --word computer --budget flash=20k,arena=24k --max-drop 0.5",
        "stapes run --model my_model.keras --data recordings --word computer",
        "stapes run --architecture temporal_cnn --data recordings --word computer",
        "stapes run --frontend logmel --data recordings --word computer",
        "stapes run --config runs/computer/run.yaml --out runs/again",
    )
)
@settings_options(RunSettings, "run")
def run(
    *,
    out: Out = None,
    config: Config = None,
    quick: Quick = False,
    jobs: Jobs = None,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Train a wake-word model, shrink it by every technique, and measure each result.

    Without --data the speech is synthetic, made by espeak-ng. With --model no baseline is trained:
    the techniques are applied to the model that is given.
    """
    from stapes import api

    with console_for(json) as console, progress_for(console) as progress:
        results = api.run(
            out=out, config=config, quick=quick, jobs=jobs, progress=progress, **settings
        )
        if json:
            print_json(results)
        else:
            show_results(results, console, verbose)


@run_app.command(
    epilog=examples(
        "stapes search --data recordings --word computer",
        "stapes search --data recordings --word computer --budget flash=4k,arena=8k",
        "stapes search --data recordings --word computer --metric frr@0.5 --trials 200",
        "stapes search --data recordings --words computer,jarvis,alexa --out runs/three",
        "stapes search --data recordings --word computer --frontends micro --techniques int8,qat",
        "RAY_ADDRESS=head:6379 stapes search --data recordings --word computer --cluster ray",
    )
)
@settings_options(SearchSettings, "search")
def search(
    *,
    words: Annotated[
        str | None,
        typer.Option("--words", metavar="A,B,C", help="Several words, a search for each of them."),
    ] = None,
    out: Out = None,
    config: Config = None,
    quick: Quick = False,
    jobs: Jobs = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="ray",
            help="Run trials on the Ray cluster at RAY_ADDRESS, or on one made here.",
        ),
    ] = None,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Search for the smallest model of a word that a chip has room for.

    Tries architectures, sizes, frontends and techniques; a model that cannot fit is not trained.
    The same command goes on where it was stopped, and with more --trials where it was done.
    """
    from stapes import api
    from stapes.report.page.words import words_table

    with console_for(json) as console, progress_for(console) as progress:
        results = api.search(
            words=words,
            out=out,
            config=config,
            quick=quick,
            jobs=jobs,
            cluster=cluster,  # type: ignore[arg-type]  # It is checked there.
            progress=progress,
            **settings,
        )
        if json:
            print_json(results)
        elif isinstance(results, dict):
            console.print(words_table(results))
        else:
            show_results(results, console, verbose)


@run_app.command(
    epilog=examples(
        "stapes evaluate model.tflite --data recordings --word computer",
        "stapes evaluate runs/computer/models/uint8.tflite --config runs/computer/run.yaml --json",
    )
)
@settings_options(EvaluationSettings, "evaluate")
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A classifier .tflite.")],
    *,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Measure a .tflite whose input fits the frontend: mfcc, unless another is named."""
    from stapes import api
    from stapes.report.terminal.tables import evaluation_lines

    with console_for(json) as console, progress_for(console) as progress:
        result = api.evaluate(model, config=config, progress=progress, **settings)
        show(result, evaluation_lines, console, json)


@run_app.command(
    epilog=examples(
        "stapes report runs/computer",
        "stapes report runs/computer --plot computer.svg",
        "stapes report runs/computer runs/again",
    )
)
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    other: Annotated[
        Path | None, typer.Argument(metavar="RUN2", help="Another, to compare it with.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page",
            metavar="FILE.html",
            help="The page [RUN/report.html; of two, RUN/comparison-RUN2.html].",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.svg", help="Draw size and accuracy.")
    ] = None,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show a run again, or two beside each other, from results.json alone.

    Of one run, its page and results.csv are written again; of two, a page that compares them.
    """
    from stapes import api
    from stapes.report.page.comparison import Comparison, lines

    with console_for(json) as console:
        result = api.report(run, other, page=page, plot=plot)
        if json:
            print_json(result)
        elif isinstance(result, Comparison):
            show_lines(console, lines(result))
        else:
            show_results(result, console, verbose)
