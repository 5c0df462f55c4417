"""Sentences about a run, for the page and for a terminal: its data, notes, and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stapes.contracts.measurements import ClipMisses
from stapes.contracts.results import Baseline, Results
from stapes.contracts.streams import Streams
from stapes.report.about_words import about_words
from stapes.system.text import hours, percent, plural
from stapes.system.text import limits as limits
from stapes.targets.registry import TARGETS
from stapes.targets.registry import title_of as title_of

MOST_SKIPPED = 100


def model_notes(results: Results) -> list[tuple[str, list[str]]]:
    """The notes on models and layers, each with the models that have it."""
    names: dict[str, list[str]] = {}
    for row in results.variants:
        for note in row.notes:
            names.setdefault(note, []).append(row.name)
        for layer in row.layers:
            if layer.note:
                names.setdefault(f"{layer.name}: {layer.note}", []).append(row.name)
    return list(names.items())


def reasons(results: Results, *, runs: bool) -> list[tuple[str, str, list[str]]]:
    """Why targets do not run models, or run them in part: the target, the reason, the models.

    Models with the same reason are one entry, and so are reasons of the same models.
    """
    entries = []
    listing = {name for name, target in TARGETS.items() if target.lists_obstacles}
    targets = [*TARGETS, *(name for row in results.variants for name in row.targets)]
    for target in dict.fromkeys(targets):
        by_reason: dict[str, list[str]] = {}
        for row in results.variants:
            result = row.targets.get(target)
            if result is not None and result.runs == runs and (result.reason or not runs):
                reason = result.reason or "no reason was given"
                # Models share some obstacles.
                for part in reason.split("; ") if target in listing else [reason]:
                    by_reason.setdefault(part, []).append(row.name)
        by_models: dict[tuple[str, ...], list[str]] = {}
        for reason, names in by_reason.items():
            by_models.setdefault(tuple(names), []).append(reason)
        entries += [(target, "; ".join(parts), list(names)) for names, parts in by_models.items()]
    return entries


def models(names: list[str], results: Results) -> str:
    """Names of models, or that it is all of them."""
    return "every model" if len(names) == len(results.variants) > 1 else ", ".join(names)


def headline(results: Results) -> str:
    """The test clips in a line."""
    test = results.data.splits.get("test")
    if test is None:
        return ""
    speakers = "" if test.speakers is None else f" of {plural(test.speakers, 'speaker')}"
    speech = "synthetic speech" if results.data.synthetic else results.data.source
    return (
        f"{plural(test.positives + test.negatives, 'test clip')}{speakers}, {test.positives:,} of "
        f"the word; {speech}"
    )


def about_data(results: Results) -> list[str]:
    """Data, split and baseline, a sentence each."""
    data, baseline = results.data, results.baseline
    sentences = []
    if data.synthetic:
        sentences.append(
            "The speech is synthetic (espeak-ng): these figures compare the models with each "
            "other, and do not predict how well they detect people's voices."
        )
    if results.detection is not None and results.detection.spoken_hours:
        sentences.append(
            f"False accepts are counted in {hours(results.detection.spoken_hours)} of sentences "
            "that espeak-ng speaks. Real speech fools a detector more often: expect more false "
            "accepts an hour, and give hours of recordings with --continuous."
        )
    sentences.append(f"Split {data.split_rule}.")
    if data.shared_speakers:
        sentences.append(
            "A speaker can be in more than one split: the test may be easier than real use."
        )
    if data.copies:
        copies = "copy" if data.copies == 1 else "copies"
        sentences.append(f"Each training clip has {data.copies:,} augmented {copies}.")
    if not streams_alone(results):
        sentences.append(_about_baseline(baseline))
    if results.streams is not None:
        sentences += _about_streams(results.streams)
    sentences += about_words(results)
    if results.detection is not None and results.detection.skipped:
        unused = plural(len(results.detection.skipped), "file")
        sentences.append(f"{unused} of continuous sound could not be used.")
    return sentences


def streams_alone(results: Results) -> bool:
    """Whether the run made detectors in a stream alone, whose float model is its baseline."""
    streams = results.streams
    return streams is not None and streams.baseline.history == results.baseline.history


def headed(text: str) -> tuple[str, str]:
    """The first sentence of a text, and the others."""
    first, _, rest = text.partition(". ")
    return (f"{first}." if rest else first), rest


def limits_of(results: Results) -> str:
    """The limits of the recommendation in words."""
    recommendation, setup = results.recommendation, results.detection
    if recommendation is None:
        return ""
    parts = list(filter(None, [limits(recommendation.budget)]))
    if recommendation.max_frr is not None and setup is not None:
        target = plural(setup.target_fa_per_hour, "false accept")
        parts.append(
            f"at most {recommendation.max_frr:g} % of the words missed at {target} an hour"
        )
    else:
        most = plural(recommendation.max_drop, "point")
        parts.append(f"at most {most} of accuracy below float32")
    return "; ".join(parts)


def _about_baseline(baseline: Baseline) -> str:
    origin = "trained here" if baseline.model is None else f"read from {baseline.model}"
    sentence = f"The baseline, {origin}, has {plural(baseline.parameters, 'parameter')} and "
    sentence += f"{baseline.macs:,} multiply-accumulates per inference"
    if baseline.accuracy is not None:
        sentence += (
            f"; float32 is its LiteRT conversion and has {percent(baseline.accuracy)} accuracy"
        )
    return f"{sentence}."


def _about_streams(streams: Streams) -> list[str]:
    """The detectors in a stream, and what they were trained on."""
    baseline, sound = streams.baseline, streams.sound
    field_seconds = baseline.receptive_field * baseline.step_ms / baseline.stride / 1000
    if sound.recordings:
        other = (
            f"{hours(sound.hours)} of sound without the word, made from "
            f"{sound.train_minutes:.3g} minutes in {plural(sound.recordings, 'recording')}"
        )
    elif sound.spoken:
        other = (
            f"{hours(sound.hours)} of sentences, made from {sound.train_minutes:.3g} minutes that "
            "espeak-ng speaks, as no recording was given with --negatives"
        )
    else:
        other = (
            f"{hours(sound.hours)} of joined clips without the word, as no recording was given "
            "with --negatives"
        )
    rooms = "made rooms" if sound.made_rooms else "measured rooms"
    noise = "made noise" if sound.made_noise else "recorded noise"
    captured = sound.captured_words + sound.captured_others
    if captured:
        other += f", and {plural(captured, 'capture')} ({sound.captured_words:,} of the word)"
    return [
        f"The detectors in a stream, on the frontend {sound.frontend}, have "
        f"{plural(baseline.parameters, 'parameter')} and {baseline.macs:,} multiply-accumulates a "
        f"step of {baseline.step_ms:g} ms; an output depends on {field_seconds:.2f} s.",
        f"They were trained on {sound.words:,} embedded words and {other}, with {rooms} and "
        f"{noise}.",
    ]


def first_misses(results: Results) -> ClipMisses | None:
    """FRR of clips of the first model that has it; every model is measured in the same way."""
    return next((row.misses for row in results.variants if row.misses is not None), None)


def at_rate(misses: ClipMisses) -> str:
    """`0.5 % false positives`."""
    return f"{misses.false_positive_percent:g} % false positives"


def frr_of_clips(results: Results) -> str:
    """How FRR of clips was measured, in a sentence; empty if it was not."""
    misses = first_misses(results)
    if misses is None:
        return ""
    return (
        f"FRR of clips is at {at_rate(misses)}: on {misses.words:,} test clips of the word, with "
        f"at most {misses.allowed:,} of {misses.others:,} other test clips above the threshold."
    )


def flat(settings: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Settings in one list, each with the names of its groups: `train.epochs`."""
    pairs: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            pairs += flat(value, f"{above}{name}.")
        else:
            pairs.append((f"{above}{name}", _yaml(value)))
    return pairs


def _yaml(value: Any) -> str:
    """A value as YAML writes it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_yaml, value))
    return str(value)
