"""The command line: one command a verb; parse, call, print."""

from __future__ import annotations

import io
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from stapes.cli.common import (
    Config,
    Data,
    Debug,
    Frontend,
    Jobs,
    Json,
    Negatives,
    Positive,
    Seed,
    Verbose,
    console_for,
    examples,
    progress_for,
    show_lines,
    show_results,
)
from stapes.cli.data import data_app
from stapes.cli.model_files import model_app
from stapes.cli.search import search_app
from stapes.errors import StapesError, UsageError
from stapes.system.version import __version__

if TYPE_CHECKING:
    pass


app = typer.Typer(
    name="stapes",
    help="Make wake-word models small enough for the chip they run on, and measure what it cost.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: rich alone would take half of the time that --help may take.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(search_app)
app.add_typer(model_app)
app.add_typer(data_app, name="data")


class SplitChoice(str, Enum):
    """The clips that `evaluate` takes."""

    test = "test"
    validation = "validation"
    train = "train"
    all = "all"


def main() -> NoReturn:
    """Run the command line; errors become one sentence and an exit status."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        # What a pipe or an old terminal cannot show is a question mark, not an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except SystemExit as end:
        # What typer makes of Ctrl-C, without a word.
        if end.code == 130:
            resumed = {"run", "search", "synth", "fetch"} & set(sys.argv[1:3])
            kept = " What was finished is kept: the same command goes on from here."
            _fail(f"Stopped.{kept if resumed else ''}", 130)
        raise
    except StapesError as error:
        if debug:
            raise
        _fail(str(error), error.exit_code)
    except OSError as error:
        if debug:
            raise
        name = f"{error.filename}: " if error.filename else ""
        _fail(f"{name}{error.strerror or error}.", 1)
    except Exception as error:
        if debug:
            raise
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        _fail(f"A fault of Stapes itself ({said}); --debug shows where. Please report it.", 1)
    sys.exit(0)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"stapes {__version__}")
        raise typer.Exit


@app.command(
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
def run(
    data: Data = None,
    word: Annotated[
        str | None, typer.Option("--word", metavar="WORD", help="The wake word [house].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The run folder [runs/WORD].")
    ] = None,
    negatives: Negatives = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="FILE",
            help="A trained model of your own: .keras, .h5, SavedModel or a float .tflite.",
        ),
    ] = None,
    positive: Positive = None,
    continuous: Annotated[
        Path | None,
        typer.Option(
            "--continuous",
            metavar="DIR",
            help="Recordings without the word, to count false accepts in; default: test clips.",
        ),
    ] = None,
    noise: Annotated[
        Path | None,
        typer.Option("--noise", metavar="DIR", help="Recordings of noise [pink noise is made]."),
    ] = None,
    target_fa_per_hour: Annotated[
        float | None,
        typer.Option(
            "--target-fa-per-hour",
            metavar="R",
            help="False accepts an hour that the threshold is for [0.5].",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="LIMITS",
            help="What the chip has, e.g. flash=20k,arena=24k,latency=5ms: one variant is chosen.",
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop", metavar="P", help="Points of accuracy that it may lose to float32 [0.5]."
        ),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            "--architecture",
            metavar="NAME",
            help="The baseline: [reference_cnn], temporal_cnn, ds_cnn or bc_resnet.",
        ),
    ] = None,
    frontend: Frontend = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="default|reference", help="Settings.")
    ] = None,
    techniques: Annotated[
        str | None, typer.Option("--techniques", metavar="all|a,b,c", help="Rows of the table.")
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option("--ratio", metavar="R", help="Negative clips for each positive one [1]."),
    ] = None,
    seed: Seed = None,
    jobs: Jobs = None,
    config: Config = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A try with few epochs; its figures mean little.")
    ] = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a wake-word model, shrink it by every technique, and measure each result.

    Without --data the speech is synthetic, made by espeak-ng. With --model no baseline is trained:
    the techniques are applied to the model that is given.
    """
    from stapes import api

    with console_for(json) as console, progress_for(console) as progress:
        results = api.run(
            word=word,
            data=data,
            out=out,
            negatives=negatives,
            model=model,
            positive=positive,
            continuous=continuous,
            noise=noise,
            target_fa_per_hour=target_fa_per_hour,
            budget=budget,
            max_drop=max_drop,
            architecture=architecture,
            frontend=frontend,
            preset=preset,
            techniques=techniques,
            negatives_per_positive=ratio,
            seed=seed,
            jobs=jobs,
            config=config,
            quick=quick,
            progress=progress,
        )
        if json:
            print(results.model_dump_json(by_alias=True, indent=1))
        else:
            show_results(results, console, verbose)


@app.command(
    epilog=examples(
        "stapes evaluate model.tflite --data recordings --word computer",
        "stapes evaluate runs/computer/models/uint8.tflite --config runs/computer/run.yaml --json",
    )
)
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A classifier .tflite.")],
    data: Data = None,
    word: Annotated[
        str | None, typer.Option("--word", metavar="WORD", help="The wake word.")
    ] = None,
    negatives: Negatives = None,
    split: Annotated[
        SplitChoice, typer.Option("--split", help="Which clips to measure on.")
    ] = SplitChoice.test,
    positive: Positive = None,
    frontend: Frontend = None,
    seed: Seed = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure a .tflite whose input fits the frontend: mfcc, unless another is named."""
    from stapes import api
    from stapes.report.terminal.tables import evaluation_lines

    with console_for(json) as console, progress_for(console) as progress:
        result = api.evaluate(
            model,
            data=data,
            word=word,
            negatives=negatives,
            split=split.value,
            seed=seed,
            positive=positive,
            frontend=frontend,
            config=config,
            progress=progress,
        )
        if json:
            print(result.model_dump_json(indent=1))
        else:
            show_lines(console, evaluation_lines(result))


@app.command(
    epilog=examples(
        "stapes report runs/computer",
        "stapes report runs/computer --plot computer.svg",
        "stapes report runs/computer runs/again",
    )
)
def report(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
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
    from dataclasses import asdict
    from json import dumps

    from stapes.report.writing import write_comparison, write_report

    with console_for(json) as console:
        if other is None:
            results = write_report(run_folder, page=page, plot=plot)
            if json:
                print(results.model_dump_json(by_alias=True, indent=1))
            else:
                show_results(results, console, verbose)
            return
        from stapes.report.page.comparison import lines

        if plot is not None:
            raise UsageError("--plot: draws one run; name one, or leave it out.")
        found = write_comparison(run_folder, other, page=page)
        if json:
            print(dumps(asdict(found), indent=1))
        else:
            show_lines(console, lines(found))


def _fail(message: str, status: int) -> NoReturn:
    print(f"stapes: {message}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
