"""What must be said of a run beside its figures: what did not take or run, data, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stapes.contracts.results import Results
from stapes.system.text import percent, plural
from stapes.targets.registry import TARGETS, title_of

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


def not_run(results: Results) -> list[tuple[str, str, list[str]]]:
    """Targets that do not run a model: the target, the reason, and the models."""
    said: dict[tuple[str, str], list[str]] = {}
    names = [*TARGETS, *{name: 0 for row in results.variants for name in row.targets}]
    for target in dict.fromkeys(names):
        for row in results.variants:
            found = row.targets.get(target)
            if found is not None and not found.runs:
                reason = found.reason or "no reason was given"
                said.setdefault((title_of(target), reason), []).append(row.name)
    return [(target, reason, models) for (target, reason), models in said.items()]


def models(names: list[str], results: Results) -> str:
    """Names of models, or that it is all of them."""
    every = len(results.variants)
    return f"all {every} models" if len(names) == every > 2 else ", ".join(names)


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
