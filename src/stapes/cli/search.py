"""The verb `stapes search`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from stapes.cli.common import (
    Config,
    Data,
    Debug,
    Jobs,
    Json,
    Negatives,
    Seed,
    Verbose,
    console_for,
    examples,
    progress_for,
    show_results,
)
from stapes.errors import UsageError
from stapes.frontends.registry import FRONTENDS

search_app = typer.Typer(rich_markup_mode=None)


class ClusterChoice(str, Enum):
    """Engines that send trials to many machines."""

    ray = "ray"


@search_app.command(
    epilog=examples(
        "stapes search --data recordings --word computer",
        "stapes search --data recordings --word computer --budget flash=4k,arena=8k",
        "stapes search --data recordings --word computer --metric frr@0.5 --trials 200",
        "stapes search --data recordings --words computer,jarvis,alexa --out runs/three",
        "stapes search --data recordings --word computer --frontends micro --techniques int8,qat",
        "RAY_ADDRESS=head:6379 stapes search --data recordings --word computer --cluster ray",
    )
)
def search(
    data: Data = None,
    word: Annotated[
        str | None, typer.Option("--word", metavar="WORD", help="The wake word [house].")
    ] = None,
    words: Annotated[
        str | None,
        typer.Option("--words", metavar="A,B,C", help="Several, a search for each of them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="The run folder [runs/search-WORD]."),
    ] = None,
    negatives: Negatives = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="LIMITS", help="What the chip has [flash=6k,arena=12k]."),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            metavar="frr@P",
            help="False rejects at P percent of false positives [frr@0.5].",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", metavar="N", help="Models that are trained [60].")
    ] = None,
    architectures: Annotated[
        str | None,
        typer.Option(
            "--architectures",
            metavar="A,B",
            help="Of temporal_cnn, ds_cnn and bc_resnet; default: all.",
        ),
    ] = None,
    frontends: Annotated[
        str | None,
        typer.Option(
            "--frontends", metavar="A,B", help=f"Of {', '.join(FRONTENDS)}; default: all."
        ),
    ] = None,
    techniques: Annotated[
        str | None,
        typer.Option("--techniques", metavar="all|a,b", help="Integer techniques to choose from."),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option("--ratio", metavar="R", help="Negative clips for each positive one [1]."),
    ] = None,
    seed: Seed = None,
    jobs: Jobs = None,
    cluster: Annotated[
        ClusterChoice | None,
        typer.Option(
            "--cluster", help="Run trials on the Ray cluster at RAY_ADDRESS, or on one made here."
        ),
    ] = None,
    config: Config = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A try with few trials; its figures mean little.")
    ] = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Search for the smallest model of a word that a chip has room for.

    Tries architectures, sizes, frontends and techniques; a model that cannot fit is not trained.
    The same command goes on where it was stopped, and with more --trials where it was done.
    """
    from stapes import api_search
    from stapes.report.page.words import words_table

    if word is not None and words is not None:
        raise UsageError("--words: names the words already; leave --word out.")
    with console_for(json) as console, progress_for(console) as progress:
        given = {
            "data": data,
            "out": out,
            "negatives": negatives,
            "budget": budget,
            "metric": metric,
            "trials": trials,
            "architectures": architectures,
            "frontends": frontends,
            "techniques": techniques,
            "negatives_per_positive": ratio,
            "seed": seed,
            "jobs": jobs,
            "cluster": cluster.value if cluster else None,
            "config": config,
            "quick": quick,
            "progress": progress,
        }
        if words is None:
            results = api_search.search(word=word, **given)
            if json:
                print(results.model_dump_json(by_alias=True, indent=1))
            else:
                show_results(results, console, verbose)
            return
        found = api_search.search_words(words, **given)
        if json:
            parts = (
                f'"{name}": {each.model_dump_json(by_alias=True)}' for name, each in found.items()
            )
            print("{" + ",\n".join(parts) + "}")
        else:
            console.print(words_table(found))
