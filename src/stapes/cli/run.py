"""The commands of runs: `stapes run`, `search`, `evaluate` and `report`."""

from __future__ import annotations

from functools import partial
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
    examples,
    option,
    results_lines,
    show,
    terminal,
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

    Without --data, espeak-ng makes synthetic speech. With --model, the techniques are applied to
    your own model and no baseline is trained.
    """
    from stapes import api

    with terminal(json) as (console, progress):
        results = api.run(
            out=out, config=config, quick=quick, jobs=jobs, progress=progress, **settings
        )
        show(results, partial(results_lines, verbose=verbose), console, json)


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
    words: Annotated[str | None, option("words", "A,B,C")] = None,
    out: Out = None,
    config: Config = None,
    quick: Quick = False,
    jobs: Jobs = None,
    cluster: Annotated[str | None, option("cluster", "ray")] = None,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Search for the smallest model of a word that fits a chip.

    It tries architectures, sizes, frontends and techniques, and trains only models that can fit.
    The same command continues a stopped search; with more --trials also one that is done.
    """
    from stapes import api
    from stapes.report.page.words import words_table

    with terminal(json) as (console, progress):
        results = api.search(
            words=words,
            out=out,
            config=config,
            quick=quick,
            jobs=jobs,
            cluster=cluster,  # type: ignore[arg-type]  # search checks it.
            progress=progress,
            **settings,
        )
        one = partial(results_lines, verbose=verbose)
        lines = (lambda of: [words_table(of)]) if isinstance(results, dict) else one
        show(results, lines, console, json)


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
    """Measure a .tflite whose input fits the frontend."""
    from stapes import api
    from stapes.report.terminal.tables import evaluation_lines

    with terminal(json) as (console, progress):
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
        Path | None, typer.Argument(metavar="OTHER", help="Another run, to compare.")
    ] = None,
    page: Annotated[Path | None, option("page", "FILE.html")] = None,
    plot: Annotated[Path | None, option("plot", "FILE.svg")] = None,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show one run again, or compare two, from results.json alone.

    The page and results.csv of one run are written again; for two, a page compares them.
    """
    from stapes import api
    from stapes.contracts.results import used
    from stapes.report.page.comparison import Comparison, lines

    with terminal(json) as (console, _):
        result = api.report(run, other, page=page, plot=plot)
        one = partial(results_lines, verbose=verbose)
        with used(run / "results.json"):
            show(result, lines if isinstance(result, Comparison) else one, console, json)
