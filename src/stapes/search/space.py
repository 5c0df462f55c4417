"""The search space: the parameters of a trial, and the first trials.

Each architecture has its own parameters for its sizes, so the sampler learns them separately. The
first trials are not drawn. They are small models that were good on recorded words
(docs/results.md), one of each family and frontend, so that a short search tries them too.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from typing import Any

from stapes.errors import UsageError
from stapes.search.candidate import Candidate
from stapes.search.settings import SIZES
from stapes.system.options import unknown
from stapes.techniques import registry
from stapes.techniques.registry import TECHNIQUES

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


def chains(names: str, missing: Sequence[str] = (), *, root: str = "baseline") -> list[str]:
    """The techniques that `all` or `a,b,c` names; `all` leaves out what is `missing`.

    A name may be a pattern. All are of models of one root (`techniques.registry.ROOTS`).

    Raises
    ------
    UsageError
        A name is not a technique of a search.
    """
    # The sampler draws by position, so another order gives other models. Techniques without a stage
    # come first, then the order is by name.
    others = [name for name in TECHNIQUES if registry.root_of(name) != root]
    searched = [n for n, technique in TECHNIQUES.items() if technique.searched and n not in others]
    searched.sort(key=lambda name: (TECHNIQUES[name].needs != root, name))
    if names == "all":
        return [name for name in searched if name not in missing]
    selected = {
        match
        for name in map(str.strip, names.split(","))
        if name
        for match in fnmatch.filter(searched, name) or [name]
    }
    for name in sorted(selected - set(searched)) or ([] if selected else ["an empty list"]):
        if fnmatch.filter(others, name):
            made = "models of windows" if root == "stream" else "detectors in a stream"
            metric = "frr@0.5" if root == "stream" else "frr@1/h"
            raise UsageError(
                f"--techniques {name}: makes {made}; search for them with --metric {metric}."
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
    return Candidate(
        architecture=architecture,
        sizes=sizes,
        **technique_of(trial, techniques),
        frontend=trial.suggest_categorical("frontend", list(frontends)),
        slim=trial.suggest_categorical("slim", ["tflm", "any"]),
        learning_rate=learning_rate_of(trial),
        teacher=round(trial.suggest_float("teacher", 0.0, 0.9, step=0.3), 1),
        label_smoothing=round(trial.suggest_float("label_smoothing", 0.0, 0.1, step=0.05), 2),
        masks=trial.suggest_categorical("masks", [False, True]),
    )


def technique_of(trial: Any, techniques: Sequence[str]) -> dict[str, Any]:
    """Draw a technique with its settings, as fields of a candidate."""
    technique = trial.suggest_categorical("technique", list(techniques))
    fields: dict[str, Any] = {"technique": technique}
    if registry.prunes(technique):
        fields["sparsity"] = round(trial.suggest_float("sparsity", 0.3, 0.8, step=0.1), 1)
    if registry.clusters(technique):
        fields["clusters"] = 2 ** trial.suggest_int("bits", 2, 5)
    return fields


def learning_rate_of(trial: Any) -> float:
    """Draw a learning rate."""
    return float(f"{trial.suggest_float('learning_rate', 1e-3, 1e-2, log=True):.3g}")


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
