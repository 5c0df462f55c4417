"""The verbs of a model file on its own: `stapes inspect` and `stapes slim`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from stapes.cli.common import Debug, Json, console_for, examples, progress_for, show_lines

model_app = typer.Typer(rich_markup_mode=None)


class RuntimeChoice(str, Enum):
    """Who is to run what `slim` makes."""

    any = "any"
    tflm = "tflm"


@model_app.command(
    epilog=examples(
        "stapes inspect model.tflite",
        "stapes inspect model.tflite --weights --plot weights.svg",
        "stapes inspect my_model.keras --json",
    )
)
def inspect(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A .tflite, or a Keras model to convert.")
    ],
    weights: Annotated[
        bool, typer.Option("--weights", help="Show how each constant's values are distributed.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw that, as .svg or .html."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what is in a model: ops, tensors, cost, weights, and where every byte goes."""
    from stapes import api
    from stapes.report.figures.weight_plots import draw
    from stapes.report.terminal.anatomy import lines

    with console_for(json) as console, progress_for(console) as progress:
        found = api.inspect(model, progress=progress)
        if plot is not None:
            draw(found, plot)
        if json:
            print(found.model_dump_json(by_alias=True, indent=1))
        else:
            show_lines(console, lines(found, weights=weights))


@model_app.command(
    epilog=examples(
        "stapes slim model.tflite -o small.tflite",
        "stapes slim model.tflite -o small.tflite --for tflm",
        "stapes slim model.tflite -o small.tflite --lut",
        "stapes slim model.tflite -o small.tflite --keep signatures,names --check 1000",
    )
)
def slim(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .tflite.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="The file to write.")
    ],
    runtime: Annotated[
        RuntimeChoice,
        typer.Option("--for", help="Who runs it: LiteRT and TFLite Micro, or the latter alone."),
    ] = RuntimeChoice.any,
    keep: Annotated[
        str,
        typer.Option(
            "--keep", metavar="a,b", help="Of signatures, names, metadata, bias_scales [none]."
        ),
    ] = "",
    lut: Annotated[
        bool,
        typer.Option(
            "--lut", help="Look-up tables for weights of few values; for TFLite Micro alone."
        ),
    ] = False,
    check: Annotated[
        int, typer.Option("--check", metavar="N", min=1, help="Inputs to prove it with.")
    ] = 100,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Take out of a .tflite what no interpreter reads: the same outputs, bit for bit.

    Nothing is written unless it was proven in every interpreter that runs the original.
    """
    from dataclasses import asdict
    from json import dumps

    from stapes import api
    from stapes.report.terminal.tables import slim_lines

    with console_for(json) as console, progress_for(console) as progress:
        progress.begin(f"Slimming {model} and proving it")
        names = [name.strip() for name in keep.split(",") if name.strip()]
        made = api.slim(model, output, runtime=runtime.value, keep=names, lut=lut, inputs=check)
        progress.end()
        if json:
            print(dumps(asdict(made), indent=1))
        else:
            show_lines(console, slim_lines(made))
