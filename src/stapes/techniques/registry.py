"""All techniques, in the order of the table's rows, and the stages that they build on."""

from __future__ import annotations

import importlib.util

from stapes.errors import MissingExtraError, UsageError
from stapes.system.options import unknown
from stapes.targets import tflm
from stapes.techniques import (
    channels,
    clustering,
    distillation,
    float_file,
    int4,
    post_training,
    pruning,
    quantization_aware,
    small,
)
from stapes.techniques.variant import Stage, Technique

_PTQ = "LiteRT's guide Post-training quantization"
_MAGNITUDE = "Zhu and Gupta 2017, arXiv:1710.01878"
_2BY4 = "Mishra et al. 2021, arXiv:2104.08378"
_QAT = "Jacob et al. 2018, arXiv:1712.05877"
_CLUSTERING = "Han et al. 2016, arXiv:1510.00149"
_QUANTIZER, _QUANTIZER_EXTRA, _TRAINING = "ai_edge_quantizer", "int4", "training"
_TABLES = "TFLite Micro's compression package; Han et al. 2016, arXiv:1510.00149"
_TEMPORAL = "Choi et al. 2019, arXiv:1904.03814"
_COLLABORATIVE = "TFMOT's guide Collaborative optimization"

STAGES: dict[str, Stage] = {
    "pruned": Stage(pruning.prune, prunes=True),
    "clustered": Stage(clustering.cluster, clusters=True),
    "sparse_clustered": Stage(clustering.sparse_cluster, needs="pruned", clusters=True),
}
"""Trained models that several techniques share, by name; each builds on `baseline`."""

TECHNIQUES: dict[str, Technique] = {
    "float32": Technique(
        "LiteRT conversion only", _PTQ, post_training.float32, from_file=float_file.float32
    ),
    "dynamic_range": Technique(
        "post-training dynamic range",
        _PTQ,
        post_training.dynamic_range,
        from_file=float_file.dynamic_range,
    ),
    "uint8": Technique(
        "post-training full integer, uint8 input and output",
        _PTQ,
        post_training.uint8,
        from_file=float_file.uint8,
    ),
    "int8": Technique(
        "post-training full integer, int8 input and output",
        _PTQ,
        post_training.int8,
        from_file=float_file.int8,
        searched=True,
    ),
    "float16": Technique(
        "post-training float16", _PTQ, post_training.float16, from_file=float_file.float16
    ),
    "int16x8": Technique(
        "post-training int16 activations, int8 weights",
        _PTQ,
        post_training.int16x8,
        from_file=float_file.int16x8,
        slow=True,
    ),
    "int4": Technique(
        "4-bit weights, float activations",
        "Sakr et al. 2022, arXiv:2206.06501",
        int4.int4,
        package=_QUANTIZER,
        extra=_QUANTIZER_EXTRA,
        from_file=float_file.int4,
    ),
    "pruned": Technique("magnitude pruning", _MAGNITUDE, pruning.pruned, "pruned"),
    "pruned_int8": Technique(
        "magnitude pruning, full integer",
        _MAGNITUDE,
        pruning.pruned_int8,
        "pruned",
        searched=True,
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
    "qat": Technique("quantization-aware training", _QAT, quantization_aware.qat, searched=True),
    "clustered": Technique("weight clustering", _CLUSTERING, clustering.clustered, "clustered"),
    "clustered_int8": Technique(
        "weight clustering, full integer",
        _CLUSTERING,
        clustering.clustered_int8,
        "clustered",
        searched=True,
    ),
    "clustered_lut": Technique(
        "weight clustering, full integer, look-up tables",
        _TABLES,
        clustering.clustered_int8,
        "clustered",
        package=tflm.PACKAGE,
        extra=tflm.EXTRA,
        tables=True,
        searched=True,
    ),
    "sparse_clustered": Technique(
        "pruning, then clustering that keeps the zeros",
        _COLLABORATIVE,
        clustering.clustered,
        "sparse_clustered",
    ),
    "pqat": Technique(
        "QAT that keeps the zeros",
        _COLLABORATIVE,
        quantization_aware.pqat,
        "pruned",
        searched=True,
    ),
    "cqat": Technique(
        "QAT that keeps the clusters",
        _COLLABORATIVE,
        quantization_aware.cqat,
        "clustered",
        searched=True,
    ),
    "pcqat": Technique(
        "QAT that keeps zeros and clusters",
        _COLLABORATIVE,
        quantization_aware.pcqat,
        "sparse_clustered",
        searched=True,
    ),
    "pcqat_lut": Technique(
        "QAT that keeps zeros and clusters, look-up tables",
        _TABLES,
        quantization_aware.pcqat,
        "sparse_clustered",
        package=tflm.PACKAGE,
        extra=tflm.EXTRA,
        tables=True,
        searched=True,
    ),
    "distilled": Technique(
        "a small student of the baseline, full integer",
        "Hinton et al. 2015, arXiv:1503.02531",
        distillation.distilled,
    ),
    "small": Technique(
        "a temporal CNN taught by the baseline, full integer", _TEMPORAL, small.small
    ),
    "tiny": Technique(
        "the narrowest temporal CNN that holds on validation clips, full integer",
        _TEMPORAL,
        small.tiny,
    ),
}


def select(names: str, *, from_file: bool = False) -> list[str]:
    """The techniques that `all` or `a,b,c` names, in the table's order.

    `float32` is always among them, for comparison. `all` leaves out techniques that need an extra
    that is not installed, or training where the baseline is a .tflite (`left_out`).

    Parameters
    ----------
    names : str
    from_file : bool
        The baseline is a user's float .tflite, which cannot be trained.

    Raises
    ------
    UsageError
        A name is unknown, or needs training where there can be none.
    MissingExtraError
        A technique that is named needs an extra that is not installed.
    """
    if names == "all":
        return [name for name in TECHNIQUES if not _missing(name, from_file)]
    chosen = {name.strip() for name in names.split(",") if name.strip()}
    if not chosen or "all" in chosen:
        raise UsageError("--techniques: give `all` alone, or names with commas between them.")
    for name in sorted(chosen - set(TECHNIQUES)):
        raise UsageError(f"--techniques: {unknown(name, (*TECHNIQUES, 'all'))}.")
    for name in [name for name in TECHNIQUES if name in chosen]:
        missing = _missing(name, from_file)
        if missing == _TRAINING:
            trainless = [name for name in TECHNIQUES if TECHNIQUES[name].from_file]
            raise UsageError(
                f"--techniques {name}: needs training, which a .tflite cannot have; give the Keras "
                f"model, or choose from {', '.join(trainless)}."
            )
        if missing:
            raise MissingExtraError(f"The technique {name}", missing)
    return [name for name in TECHNIQUES if name in chosen | {"float32"}]


def left_out(names: str, *, from_file: bool = False) -> list[str]:
    """The techniques that `all` leaves out, one sentence for each fix."""
    reasons: dict[str, list[str]] = {}
    for name in TECHNIQUES if names == "all" else ():
        if missing := _missing(name, from_file):
            reasons.setdefault(missing, []).append(name)
    fixes = {_TRAINING: "a .tflite cannot be trained, give the Keras model"}
    return [
        f"Left out: {', '.join(names)} ({fixes.get(reason, f'install stapes[{reason}]')})."
        for reason, names in reasons.items()
    ]


def _missing(name: str, from_file: bool) -> str:
    """What a technique lacks: the name of an extra, `training`, or nothing."""
    technique = TECHNIQUES[name]
    if from_file and technique.from_file is None:
        return _TRAINING
    if from_file and name != "float32" and importlib.util.find_spec(_QUANTIZER) is None:
        return _QUANTIZER_EXTRA
    return technique.extra if technique.missing else ""


def stages_of(names: list[str]) -> list[str]:
    """The stages that these techniques build on, each after those that it needs."""
    stages: list[str] = []
    for name in names:
        chain = []
        stage = TECHNIQUES[name].needs
        while stage != "baseline":
            chain.append(stage)
            stage = STAGES[stage].needs
        stages += [stage for stage in reversed(chain) if stage not in stages]
    return stages


def prunes(name: str) -> bool:
    """Whether the recipe `pruning` decides a technique's weights."""
    return any(STAGES[stage].prunes for stage in stages_of([name]))


def clusters(name: str) -> bool:
    """Whether the recipe `clustering` decides a technique's weights."""
    return any(STAGES[stage].clusters for stage in stages_of([name]))
