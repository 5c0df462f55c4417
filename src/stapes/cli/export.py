"""The command that makes files for a device: `stapes export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stapes.cli.common import Debug, Json, examples, option, show, terminal
from stapes.cli.options import settings_options
from stapes.export.settings import ExportSettings

export_app = typer.Typer(rich_markup_mode=None)


@export_app.command(
    epilog=examples(
        "stapes export runs/computer --to esphome -o computer",
        "stapes export runs/computer --to esphome -o computer --check",
        "stapes export runs/computer --to esphome -o strict --variant stream_tiny --cutoff-for 0.5",
        "stapes export theirs.tflite --to esphome -o theirs --name 'Hey You' --cutoff 0.97 "
        "--window 5",
    )
)
@settings_options(ExportSettings, "export")
def export(
    model: Annotated[
        Path,
        typer.Argument(metavar="RUN|MODEL", help="The folder of a run, or a .tflite of others."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")
    ],
    to: Annotated[str, option("to", "esphome")],
    *,
    check: Annotated[bool, option("check")] = False,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Write the files that a device takes, with the cutoff that was measured.

    For ESPHome, Home Assistant, Linux Voice Assistant and pymicro-wakeword: a model, its manifest,
    a complete ESPHome configuration, and a README that says where each goes.
    """
    from stapes import api
    from stapes.report.terminal.export import export_lines

    with terminal(json) as (console, progress):
        exported = api.export(model, output, to, check=check, progress=progress, **settings)
        show(exported, export_lines, console, json)
    if any(one.passed is False for one in exported.checks):
        raise typer.Exit(1)
