"""The search space: the parameters of a trial, and the first trials.

Each architecture has its own parameters for its sizes, so the sampler learns them separately. The
first trials are not drawn. They are small models that were good on recorded words
(docs/results.md), one of each family and frontend, so that a short search tries them too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stapes.errors import UsageError
from stapes.search.candidate import Candidate
from stapes.search.settings import SIZES
from stapes.system.options import unknown
from stapes.techniques import registry
from stapes.techniques.registry import TECHNIQUES
from stapes.techniques.selection import streams_only

_STARTS: tuple[dict[str, Any], ...] = (
    {"architecture": "temporal_cnn", "width": 8, "blocks": 3, "kernel": 9, "frontend": "logmel"},
    {"architecture": "temporal_cnn", "width": 12, "blocks": 3, "kernel": 9, "frontend": "mfcc"},
    {"architecture": "temporal_cnn", "width": 6, "blocks": 3, "kernel": 9, "frontend": "mfcc"},
    {"architecture": "temporal_cnn", "width": 8, "blocks": 3, "kernel": 9, "frontend": "micro"},
    {"architecture": "temporal_cnn", "width": 6, "blocks": 3, "kernel": 9, "frontend": "logmel"},
    {"architecture": "ds_cnn", "width": 8, "blocks": 2, "frontend": "mfcc"},
    {"architecture": "bc_resnet", "width": 6, "blocks": 2, "kernel": 3, "frontend": "mfcc"},
    {"architecture": "temporal_cnn", "width": 4, "blocks": 3, "kernel": 9, "frontend": "logmel"},
)
_AS_SMALL = {
    "technique": "int8",
    "slim": "tflm",
    "learning_rate": 4e-3,
    "teacher": 0.3,
    "label_smoothing": 0.0,
    "masks": False,
}
"""How the row `small` of a run is trained."""


def chains(names: str, missing: Sequence[str] = ()) -> list[str]:
    """The techniques that `all` or `a,b,c` names; `all` leaves out what is `missing`.

    Raises
    ------
    UsageError
        A name is not a technique of a search.
    """
    # The sampler draws by position, so another order gives other models. Techniques without a stage
    # come first, then the order is by name.
    searched = [name for name, technique in TECHNIQUES.items() if technique.searched]
    searched.sort(key=lambda name: (TECHNIQUES[name].needs != "baseline", name))
    if names == "all":
        return [name for name in searched if name not in missing]
    selected = {name.strip() for name in names.split(",") if name.strip()}
    for name in sorted(selected - set(searched)) or ([] if selected else ["an empty list"]):
        if streams_only(name):
            raise UsageError(
                f"--techniques {name}: a search makes no detectors in a stream; `stapes run` does."
            )
        raise UsageError(f"--techniques: {unknown(name, (*searched, 'all'))}.")
    return [name for name in TECHNIQUES if name in selected]


def suggest(
    trial: Any, architectures: Sequence[str], frontends: Sequence[str], techniques: Sequence[str]
) -> Candidate:
    """Draw a candidate for an optuna.trial.Trial; the choices are the same in a whole study."""
    architecture = trial.suggest_categorical("architecture", list(architectures))
    sizes = {
        name: trial.suggest_int(_of(architecture, name), least, largest, step=step)
        for name, (least, largest, step) in SIZES[architecture].items()
    }
    technique = trial.suggest_categorical("technique", list(techniques))
    sparsity = clusters = None
    if registry.prunes(technique):
        sparsity = round(trial.suggest_float("sparsity", 0.3, 0.8, step=0.1), 1)
    if registry.clusters(technique):
        clusters = 2 ** trial.suggest_int("bits", 2, 5)
    return Candidate(
        architecture=architecture,
        sizes=sizes,
        frontend=trial.suggest_categorical("frontend", list(frontends)),
        technique=technique,
        sparsity=sparsity,
        clusters=clusters,
        slim=trial.suggest_categorical("slim", ["tflm", "any"]),
        learning_rate=float(f"{trial.suggest_float('learning_rate', 1e-3, 1e-2, log=True):.3g}"),
        teacher=round(trial.suggest_float("teacher", 0.0, 0.9, step=0.3), 1),
        label_smoothing=round(trial.suggest_float("label_smoothing", 0.0, 0.1, step=0.05), 2),
        masks=trial.suggest_categorical("masks", [False, True]),
    )


def starts(
    architectures: Sequence[str], frontends: Sequence[str], techniques: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Parameters of the first trials, of those that the search's choices allow."""
    for start in map(dict, _STARTS):
        architecture = start["architecture"]
        if architecture not in architectures or start["frontend"] not in frontends:
            continue
        for name in SIZES[architecture]:
            start[_of(architecture, name)] = start.pop(name)
        start |= _AS_SMALL
        if start["technique"] not in techniques:
            del start["technique"]
        yield start


def _of(architecture: str, size: str) -> str:
    return f"{architecture}.{size}"
