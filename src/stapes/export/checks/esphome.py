"""The checks of what was exported for ESPHome, by the programs that will read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stapes.contracts.export import ExportCheck
from stapes.errors import StapesError
from stapes.export.checks import decisions, esphome_config, pymicro
from stapes.export.checks.tested_sound import tested_sound
from stapes.export.source import Source
from stapes.system.isolation import Lost
from stapes.system.progress import Progress
from stapes.targets import tflm


def checks(
    source: Source, files: Mapping[str, bytes], stem: str, progress: Progress
) -> list[ExportCheck]:
    """`esphome config`, TFLite Micro and pymicro-wakeword in the run's test sound.

    What is not installed or not there is not checked, and the check says so.
    """
    progress.begin("Checking the configuration")
    done = [esphome_config.check(files, stem)]
    progress.end()
    reason = ""
    try:
        for check in _in_sound(source, files, stem, progress):
            done.append(check)
    except StapesError as error:
        reason = error.typed.rstrip(".")
    except (Lost, ValueError) as error:  # A long window does not fit into the device's rule.
        reason = str(error)
    names = (decisions.NAME, pymicro.NAME)[len(done) - 1 :]
    return [*done, *(ExportCheck(name=name, passed=None, detail=reason) for name in names)]


def _in_sound(
    source: Source, files: Mapping[str, bytes], stem: str, progress: Progress
) -> Iterator[ExportCheck]:
    if source.run is None or source.results is None:
        raise StapesError("a file has no test sound; the folder of a run has.")
    tflm.require("To decide as a device does")
    with tested_sound(source.run, source.results, progress) as tested:
        progress.begin("Streaming the run's sound through TFLite Micro")
        device = decisions.outputs_of_tflm(source, tested, progress)
        yield decisions.check(source, tested, device)
        progress.end()
        if not pymicro.available():
            raise StapesError("install pymicro-wakeword.")
        progress.begin("Streaming the run's sound through pymicro-wakeword")
        for suffix in ("tflite", "json"):
            (tested.scratch / f"{stem}.{suffix}").write_bytes(files[f"{stem}.{suffix}"])
        manifest = tested.scratch / f"{stem}.json"
        yield pymicro.check(source, tested, device, manifest, progress)
        progress.end()
