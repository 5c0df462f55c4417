"""The commands for a single model file: `stapes inspect` and `stapes slim`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from stapes.cli.common import Debug, Json, examples, show, terminal
from stapes.cli.options import settings_options
from stapes.model_files.settings import SlimSettings

model_app = typer.Typer(rich_markup_mode=None)

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A .tflite, or a Keras model to convert.")
]


@model_app.command(
    epilog=examples(
        "stapes inspect model.tflite",
        "stapes inspect model.tflite --weights --plot weights.svg",
        "stapes inspect my_model.keras --json",
    )
)
def inspect(
    model: Model,
    weights: Annotated[
        bool, typer.Option("--weights", help="Show how each constant's values are distributed.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw them, as .svg or .html."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what is in a model: ops, tensors, cost, weights, and where every byte goes."""
    from stapes import api
    from stapes.report.figures.weight_plots import draw
    from stapes.report.terminal.anatomy import lines

    with terminal(json) as (console, progress):
        inspection = api.inspect(model, progress=progress)
        if plot is not None:
            draw(inspection, plot)
        show(inspection, partial(lines, weights=weights), console, json)


@model_app.command(
    epilog=examples(
        "stapes slim model.tflite -o small.tflite",
        "stapes slim model.tflite -o small.tflite --runtime tflm",
        "stapes slim model.tflite -o small.tflite --lut",
        "stapes slim my_model.keras -o small.tflite",
        "stapes slim model.tflite -o small.tflite --keep signatures,names --inputs 1000",
    )
)
@settings_options(SlimSettings, "slim")
def slim(
    model: Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="The file to write.")
    ],
    *,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Remove from a .tflite what no interpreter reads; the outputs stay the same, bit for bit.

    Nothing is written unless every interpreter that runs the original proves it.
    """
    from stapes import api
    from stapes.report.terminal.tables import slim_lines

    with terminal(json) as (console, progress):
        slimmed = api.slim(model, output, progress=progress, **settings)
        show(slimmed, slim_lines, console, json)
