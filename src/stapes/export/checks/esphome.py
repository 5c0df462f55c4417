"""The checks of what was exported for ESPHome, by the programs that will read it."""

from __future__ import annotations

from pathlib import Path

from stapes.contracts.export import ExportCheck
from stapes.errors import StapesError
from stapes.export.checks import decisions, esphome_config, pymicro
from stapes.export.checks.tested_sound import tested_sound
from stapes.export.source import Source
from stapes.system.isolation import Lost
from stapes.system.progress import Progress
from stapes.targets import tflm

_NO_RUN = "a file has no test sound; the folder of a run has"


def checks(source: Source, folder: Path, stem: str, progress: Progress) -> list[ExportCheck]:
    """`esphome config`, TFLite Micro and pymicro-wakeword in the run's test sound.

    What is not installed or not there is not checked, and the check says so.
    """
    progress.begin("Checking the configuration")
    config = esphome_config.check(folder, stem)
    progress.end()
    try:
        return [config, *_in_sound(source, folder / f"{stem}.json", progress)]
    except StapesError as error:
        reason = error.typed
    except Lost as lost:
        reason = str(lost)
    return [config, *(_unchecked(name, reason) for name in (decisions.NAME, pymicro.NAME))]


def _in_sound(source: Source, manifest: Path, progress: Progress) -> list[ExportCheck]:
    if source.run is None or source.results is None:
        return [_unchecked(name, _NO_RUN) for name in (decisions.NAME, pymicro.NAME)]
    tflm.require("To decide as a device does")
    with tested_sound(source.run, source.results, progress) as tested:
        progress.begin("Streaming the run's sound through TFLite Micro")
        device = decisions.outputs_of_tflm(source, tested, progress)
        first = decisions.check(source, tested, device)
        progress.end()
        if not pymicro.available():
            return [first, _unchecked(pymicro.NAME, "install pymicro-wakeword")]
        progress.begin("Streaming the run's sound through pymicro-wakeword")
        second = pymicro.check(source, tested, device, manifest, progress)
        progress.end()
    return [first, second]


def _unchecked(name: str, reason: str) -> ExportCheck:
    return ExportCheck(name=name, passed=None, detail=reason)
