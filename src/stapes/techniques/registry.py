"""All techniques, in the order of the table's rows, and the stages that they build on."""

from __future__ import annotations

from stapes.errors import MissingExtraError, UsageError
from stapes.techniques import (
    channels,
    clustering,
    distillation,
    int4,
    post_training,
    pruning,
    quantization_aware,
)
from stapes.techniques.variant import Stage, Technique

_PTQ = "LiteRT's guide Post-training quantization"
_MAGNITUDE = "Zhu and Gupta 2017, arXiv:1710.01878"
_2BY4 = "Mishra et al. 2021, arXiv:2104.08378"
_QAT = "Jacob et al. 2018, arXiv:1712.05877"
_CLUSTERING = "Han et al. 2016, arXiv:1510.00149"
_COLLABORATIVE = "TFMOT's guide Collaborative optimization"

STAGES: dict[str, Stage] = {
    "pruned": Stage(pruning.prune),
    "clustered": Stage(clustering.cluster),
    "sparse_clustered": Stage(clustering.sparse_cluster, needs="pruned"),
}
"""Trained models that several techniques share, by name; `baseline` is the first of all."""

TECHNIQUES: dict[str, Technique] = {
    "float32": Technique("LiteRT conversion only", _PTQ, post_training.float32),
    "dynamic_range": Technique("post-training dynamic range", _PTQ, post_training.dynamic_range),
    "uint8": Technique(
        "post-training full integer, uint8 input and output", _PTQ, post_training.uint8
    ),
    "int8": Technique(
        "post-training full integer, int8 input and output", _PTQ, post_training.int8
    ),
    "float16": Technique("post-training float16", _PTQ, post_training.float16),
    "int16x8": Technique(
        "post-training int16 activations, int8 weights", _PTQ, post_training.int16x8
    ),
    "int4": Technique(
        "4-bit weights, float activations",
        "Sakr et al. 2022, arXiv:2206.06501",
        int4.int4,
        package="ai_edge_quantizer",
        extra="int4",
    ),
    "pruned": Technique("magnitude pruning", _MAGNITUDE, pruning.pruned, "pruned"),
    "pruned_int8": Technique(
        "magnitude pruning, full integer", _MAGNITUDE, pruning.pruned_int8, "pruned"
    ),
    "pruned_sparse": Technique(
        "magnitude pruning, TFLite's sparse encoding", _MAGNITUDE, pruning.pruned_sparse, "pruned"
    ),
    "pruned_2by4": Technique(
        "2:4 pruning of the published small CNN, from scratch", _2BY4, pruning.pruned_2by4
    ),
    "pruned_2by4_full": Technique("2:4 pruning", _2BY4, pruning.pruned_2by4_full),
    "pruned_channels": Technique(
        "whole filters removed by their importance",
        "Molchanov et al. 2019, arXiv:1906.10771",
        channels.pruned_channels,
    ),
    "qat": Technique("quantization-aware training", _QAT, quantization_aware.qat),
    "clustered": Technique("weight clustering", _CLUSTERING, clustering.clustered, "clustered"),
    "clustered_int8": Technique(
        "weight clustering, full integer", _CLUSTERING, clustering.clustered_int8, "clustered"
    ),
    "sparse_clustered": Technique(
        "pruning, then clustering that keeps the zeros",
        _COLLABORATIVE,
        clustering.sparse_clustered,
        "sparse_clustered",
    ),
    "pqat": Technique(
        "QAT that keeps the zeros", _COLLABORATIVE, quantization_aware.pqat, "pruned"
    ),
    "cqat": Technique(
        "QAT that keeps the clusters", _COLLABORATIVE, quantization_aware.cqat, "clustered"
    ),
    "pcqat": Technique(
        "QAT that keeps zeros and clusters",
        _COLLABORATIVE,
        quantization_aware.pcqat,
        "sparse_clustered",
    ),
    "distilled": Technique(
        "a small student of the baseline, full integer",
        "Hinton et al. 2015, arXiv:1503.02531",
        distillation.distilled,
    ),
}


def select(names: str) -> list[str]:
    """The techniques that `all` or `a,b,c` names, in the table's order.

    `float32` is always among them: every other row is held against it. `all` leaves out what needs
    an extra that is not installed (`left_out` says which).

    Raises
    ------
    UsageError
        A name is unknown.
    MissingExtraError
        A technique that is named needs an extra that is not installed.
    """
    if names == "all":
        return [name for name, technique in TECHNIQUES.items() if not technique.missing]
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = sorted(wanted - set(TECHNIQUES))
    if unknown or not wanted:
        raise UsageError(
            f"--techniques: unknown {', '.join(unknown) or '(none given)'}; "
            f"known are {', '.join(TECHNIQUES)}, or all."
        )
    for name in wanted:
        if TECHNIQUES[name].missing:
            raise MissingExtraError(f"The technique {name}", TECHNIQUES[name].extra)
    return [name for name in TECHNIQUES if name in wanted | {"float32"}]


def left_out(names: str) -> list[str]:
    """What `all` leaves out, with the mend, one sentence each."""
    if names != "all":
        return []
    return [
        f"{name} is left out: install stapes[{technique.extra}]."
        for name, technique in TECHNIQUES.items()
        if technique.missing
    ]


def stages_of(names: list[str]) -> list[str]:
    """The stages that these techniques build on, each after what it needs."""
    found: list[str] = []
    for name in names:
        chain = []
        stage = TECHNIQUES[name].needs
        while stage != "baseline":
            chain.append(stage)
            stage = STAGES[stage].needs
        found += [stage for stage in reversed(chain) if stage not in found]
    return found
