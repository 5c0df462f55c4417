"""The files that ESPHome, Home Assistant and programs on a Raspberry Pi take.

`<id>.tflite` and `<id>.json`, of the same stem: Home Assistant looks for the model by the stem of
the manifest, the others by its key `model`. `<id>.yaml` is an example of ESPHome, README.md says
where each goes.

Source: `docs/devices.md` lists where each condition was confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from stapes.contracts import manifest as manifests
from stapes.contracts.manifest import Manifest, Micro
from stapes.errors import UsageError
from stapes.export.folder import README
from stapes.export.names import ascii_slug
from stapes.export.notes import missed_by_pymicro
from stapes.export.source import Source
from stapes.export.templates import render
from stapes.measure.stream import device_cutoff
from stapes.system.text import interval, rate_interval

_LONGEST_NAME = 31
"""Of a device in ESPHome."""


def manifest_of(source: Source, stem: str) -> Manifest:
    """The manifest of version 2.

    Raises
    ------
    UsageError
        ESPHome takes the wake word for something else.
    """
    if source.wake_word == "vad":
        raise UsageError(
            "--name: give another; ESPHome takes a model with the wake word vad for its detector "
            "of voices."
        )
    return Manifest(
        type="micro",
        wake_word=source.wake_word,
        author=source.author,
        website=source.website,
        model=f"{stem}.tflite",
        trained_languages=source.languages,
        micro=Micro(
            probability_cutoff=source.point.probability_cutoff,
            sliding_window_size=source.point.sliding_window,
            feature_step_size=source.step_ms,
            tensor_arena_size=source.tensor_arena_size,
        ),
    )


def files(source: Source, stem: str, mark: str) -> Mapping[str, bytes]:
    """The content of each file by name; the manifest, which makes them known, comes last."""
    texts = {
        README: _readme(source, stem, mark),
        f"{stem}.yaml": _example(source, stem),
        f"{stem}.json": manifests.text(manifest_of(source, stem)),
    }
    contents = {name: text.encode("utf-8") for name, text in texts.items()}
    return {f"{stem}.tflite": source.content, **contents}


def _example(source: Source, stem: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", ascii_slug(stem).lower()).strip("-") or "wake-word"
    return render(
        "esphome.yaml.j2",
        id=stem,
        wake_word=source.wake_word,
        device=plain[:_LONGEST_NAME].strip("-"),
        identifier=plain.replace("-", "_"),
    )


def _readme(source: Source, stem: str, mark: str) -> str:
    row, chosen = source.row, source.point
    point = chosen.point
    detection = row.detection if row else None
    clean = detection.conditions[0] if detection else None
    # The others are at the threshold of the run alone.
    own = detection is not None and point is not None and point.cutoff == detection.chosen.cutoff
    return render(
        "esphome.md.j2",
        mark=mark,
        id=stem,
        wake_word=source.wake_word,
        variant=row.name if row else None,
        bytes=len(source.content),
        probability_cutoff=chosen.probability_cutoff,
        cutoff=chosen.cutoff,
        window=chosen.sliding_window,
        arena_size=source.tensor_arena_size,
        arena_bytes=source.arena_bytes,
        step_ms=source.step_ms,
        pymicro_mean=chosen.pymicro_mean,
        pymicro_cutoff=device_cutoff(chosen.cutoff).pymicro_cutoff,
        pymicro_frr=missed_by_pymicro(source),
        point=point,
        sound_hours=clean.hours if clean else None,
        words=clean.words if clean else None,
        fa_interval=rate_interval(point.fa_per_hour_ci95)
        if point and point.fa_per_hour_ci95
        else "",
        frr_interval=f"{interval(point.frr_ci95)} %" if point and point.frr_ci95 else "",
        sources=detection.by_source if detection and own else None,
        noisy=detection.conditions[1:] if detection and own else None,
        notes=source.notes,
    )
