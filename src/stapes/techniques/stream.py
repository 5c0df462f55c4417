"""A detector in a stream: its window model through a technique, then in its streaming form.

Every technique works on the window model, as on any other. The streaming form has the same weights
and scales, so both compute the same (`tflite.edit.streaming`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from stapes.models.stream_cnn import sizes_of, stream_cnn
from stapes.models.stream_training import scorer, train_stream
from stapes.techniques.post_training import convert_int8
from stapes.techniques.variant import Material, Variant
from stapes.tflite.edit.logits import with_logit_range, with_logits_moved
from stapes.tflite.edit.streaming import streaming

LOGITS = (-7.0, 5.0)
"""The range of quantized logits: steps of 0.05, which are at most 3 of 256 of the score."""
THRESHOLD = -1.0
"""The logit of a quantized detector at its threshold on validation sound.

Other sound asks for a higher one, of words and false accepts up to 5 above it. A score has few
steps left near 1, so the threshold lies below one half.
"""


def streamed(make: Callable[[Material], Variant]) -> Callable[[Material], Variant]:
    """A technique whose .tflite is turned into its streaming form.

    Its logits get a range around the threshold, which is then moved: a technique may have moved
    that of the baseline. Without sound, it stays where the baseline's is.
    """

    @functools.wraps(make)
    def stream(material: Material) -> Variant:
        variant = make(material)
        tflite = streaming(with_logit_range(variant.tflite, *LOGITS))
        if material.stream is not None:
            tflite = _centred(tflite, material.stream.threshold)
        return replace(variant, tflite=tflite)

    return stream


def _centred(tflite: bytes, threshold: Callable[[bytes], float | None]) -> bytes:
    """The same detector with its threshold on validation sound at `THRESHOLD`.

    The first move is coarse where scores saturate, so there is a second.
    """
    for _ in range(2):
        logit = threshold(tflite)
        if logit is not None:
            tflite = with_logits_moved(tflite, THRESHOLD - logit)
    return tflite


def tiny(material: Material) -> Variant:
    """The narrowest detector that misses hardly more words on validation sound, int8.

    Each width is trained from scratch, from the widest on, until one misses too many more: one that
    is narrower would miss more yet. If none is near enough, the widest is chosen.
    """
    stream, recipe = material.stream, material.recipes.stream_tiny
    assert stream is not None
    if stream.judge is None:
        return Variant(
            convert_int8(material.baseline, material.calibration),
            recipe.model_dump(mode="json"),
            ["no width was tried, as there is no validation sound: the same as `stream`"],
        )
    sizes = sizes_of(material.baseline)
    most = stream.judge(scorer(material.baseline))["val_frr"] + recipe.max_rise / 100
    settings = stream.settings.model_copy(update={"epochs": recipe.epochs})
    models, missed = {}, {}
    for width in [width for width in reversed(recipe.widths) if width < sizes["width"]]:
        trained, _ = train_stream(
            functools.partial(stream_cnn, **{**sizes, "width": width}),
            lambda field, stride: stream.crops.copied(),
            settings,
            seed=material.seed,
            judge=stream.judge,
        )
        models[width] = stream.finish(trained.model)
        missed[width] = stream.judge(scorer(models[width]))["val_frr"]
        if missed[width] > most:
            break
    if not models:
        models[sizes["width"]], missed[sizes["width"]] = material.baseline, most
    chosen = min(missed, key=lambda width: (missed[width] > most, width))
    why = "the narrowest" if missed[chosen] <= most else "the widest tried, as it is not"
    tried = ", ".join(f"{width}: {100 * frr:.1f} %" for width, frr in missed.items())
    note = (
        f"width {chosen}, {why} at most {recipe.max_rise:g} points above the FRR of width "
        f"{sizes['width']} on validation sound (mean FRR by width: {tried})"
    )
    return Variant(
        convert_int8(models[chosen], material.calibration),
        {**recipe.model_dump(mode="json"), "width": chosen},
        [note],
    )
