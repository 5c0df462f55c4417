"""What must be said of a run beside its figures: what did not take or run, data, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stapes.contracts.results import Results
from stapes.system.text import percent, plural
from stapes.targets.registry import TARGETS
from stapes.targets.registry import title_of as title_of

MOST_SKIPPED = 100


def not_taken(results: Results) -> list[tuple[str, list[str]]]:
    """The notes of models and layers, each with the models that it is said of."""
    said: dict[str, list[str]] = {}
    for row in results.variants:
        for note in row.notes:
            said.setdefault(note, []).append(row.name)
        for layer in row.layers:
            if layer.note:
                said.setdefault(f"{layer.name}: {layer.note}", []).append(row.name)
    return list(said.items())


def reasons(results: Results, *, runs: bool) -> list[tuple[str, str, list[str]]]:
    """Why targets do not run models, or run them in part: the target, the reason, the models.

    Models with the same reason stand together, and so do reasons of the same models.
    """
    found = []
    names = [*TARGETS, *(name for row in results.variants for name in row.targets)]
    for target in dict.fromkeys(names):
        by_reason: dict[str, list[str]] = {}
        for row in results.variants:
            result = row.targets.get(target)
            if result is not None and result.runs == runs and (result.reason or not runs):
                reason = result.reason or "no reason was given"
                # ESPHome lists all that is in the way, each part true of other models.
                for part in reason.split("; ") if target == "esphome" else [reason]:
                    by_reason.setdefault(part, []).append(row.name)
        by_models: dict[tuple[str, ...], list[str]] = {}
        for reason, of in by_reason.items():
            by_models.setdefault(tuple(of), []).append(reason)
        found += [(target, "; ".join(parts), list(of)) for of, parts in by_models.items()]
    return found


def models(names: list[str], results: Results) -> str:
    """Names of models, or that it is all of them."""
    return "every model" if len(names) == len(results.variants) > 1 else ", ".join(names)


def headline(results: Results) -> str:
    """What was measured on what, in a line."""
    test = results.data.splits.get("test")
    if test is None:
        return ""
    of = "" if test.speakers is None else f" of {plural(test.speakers, 'speaker')}"
    speech = "synthetic speech" if results.data.synthetic else results.data.source
    return (
        f"{plural(test.positives + test.negatives, 'test clip')}{of}, {test.positives:,} of the "
        f"word; {speech}"
    )


def about_data(results: Results) -> list[str]:
    """Data, split and baseline, a sentence each."""
    data, baseline = results.data, results.baseline
    said = []
    if data.synthetic:
        said.append(
            "The speech is synthetic (espeak-ng): these figures compare the models with each "
            "other and say nothing of people's voices."
        )
    said.append(f"Split {data.split_rule}.")
    if data.shared_speakers:
        said.append(
            "Speakers may stand in more than one split, so that the test may be easier than life."
        )
    if data.copies:
        said.append(
            f"Each training clip has {plural(data.copies, 'copy')} that sounds otherwise.".replace(
                "copys that sounds", "copies that sound"
            )
        )
    made = "trained here" if baseline.model is None else f"read from {baseline.model}"
    line = f"The baseline, {made}, has {plural(baseline.parameters, 'parameter')} and "
    line += f"{baseline.macs:,} multiply-accumulates an inference"
    if baseline.accuracy is not None:
        line += f"; its LiteRT conversion, float32, decides {percent(baseline.accuracy)} rightly"
    said.append(f"{line}.")
    if results.detection is not None and results.detection.skipped:
        unused = plural(len(results.detection.skipped), "file")
        said.append(f"{unused} of continuous sound could not be used.")
    return said


def flat(settings: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Settings in one list, each named with those that it stands in: `train.epochs`."""
    found: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found += flat(value, f"{above}{name}.")
        else:
            found.append((f"{above}{name}", _written(value)))
    return found


def _written(value: Any) -> str:
    """A value as YAML writes it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return ", ".join(_written(each) for each in value)
    return str(value)
