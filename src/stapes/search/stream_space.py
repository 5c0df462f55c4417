"""The search space of detectors in a stream: the parameters of a trial, and the first trials.

The frontend and the architecture are fixed. `kernel` decides the receptive field, `stride` how many
frames a step takes. The bounds of the epochs keep a trial short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stapes.search.candidate import Candidate
from stapes.search.settings import STREAM_SIZES
from stapes.search.space import learning_rate_of, technique_of

ARCHITECTURE = "stream_cnn"

_FEWEST_EPOCHS, _MOST_EPOCHS = 4, 10

_STARTS: tuple[dict[str, int], ...] = (
    {"width": 26, "blocks": 3, "kernel": 11, "stride": 3},
    {"width": 20, "blocks": 3, "kernel": 11, "stride": 3},
    {"width": 16, "blocks": 4, "kernel": 7, "stride": 3},
    {"width": 12, "blocks": 4, "kernel": 7, "stride": 3},
)
"""Sizes near those of a run, which did well on recorded words."""


def suggest(trial: Any, techniques: Sequence[str], frontend: str, epochs: int) -> Candidate:
    """Draw a candidate for an optuna.trial.Trial; the choices are the same in a whole study.

    `frontend` is the kind that the whole search has, `epochs` the most of a trial.
    """
    sizes = {
        name: trial.suggest_int(name, least, largest, step=step)
        for name, (least, largest, step) in STREAM_SIZES.items()
    }
    most = min(_MOST_EPOCHS, epochs)
    return Candidate(
        architecture=ARCHITECTURE,
        sizes=sizes,
        frontend=frontend,
        **technique_of(trial, techniques),
        learning_rate=learning_rate_of(trial),
        epochs=trial.suggest_int("epochs", min(_FEWEST_EPOCHS, most), most),
        masks=trial.suggest_categorical("masks", [False, True]),
    )


def starts(techniques: Sequence[str], epochs: int) -> Iterator[dict[str, Any]]:
    """Parameters of the first trials; `epochs` is the most of a trial."""
    training = {"learning_rate": 3e-3, "epochs": min(_MOST_EPOCHS, epochs), "masks": True}
    for sizes in _STARTS:
        technique = {"technique": "stream"} if "stream" in techniques else {}
        yield {**sizes, **technique, **training}
