"""All techniques, in the order of the table's rows, and the stages that they build on."""

from __future__ import annotations

from collections.abc import Callable

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
    stream,
)
from stapes.techniques.variant import Material, Stage, Technique, Variant

_PTQ = "LiteRT's guide Post-training quantization"
_MAGNITUDE = "Zhu and Gupta 2017, arXiv:1710.01878"
_2BY4 = "Mishra et al. 2021, arXiv:2104.08378"
_QAT = "Jacob et al. 2018, arXiv:1712.05877"
_CLUSTERING = "Han et al. 2016, arXiv:1510.00149"
QUANTIZER, QUANTIZER_EXTRA = "ai_edge_quantizer", "int4"
_TABLES = "TFLite Micro's compression package; Han et al. 2016, arXiv:1510.00149"
_TEMPORAL = "Choi et al. 2019, arXiv:1904.03814"
_POOLING = "Sun et al. 2016, arXiv:1705.02411"
_COLLABORATIVE = "TFMOT's guide Collaborative optimization"

STAGES: dict[str, Stage] = {
    "pruned": Stage(pruning.prune, prunes=True),
    "clustered": Stage(clustering.cluster, clusters=True),
    "sparse_clustered": Stage(clustering.sparse_cluster, needs="pruned", clusters=True),
    "stream_pruned": Stage(pruning.prune, needs="stream", prunes=True),
    "stream_clustered": Stage(clustering.cluster, needs="stream", clusters=True),
}
"""Trained models that several techniques share, by name; each builds on one of `ROOTS`."""

ROOTS = ("baseline", "stream")
"""Models that are trained from scratch: one for windows, and a detector in a stream."""


def _stream(
    title: str,
    make: Callable[[Material], Variant],
    source: str = _POOLING,
    needs: str = "stream",
    *,
    searched: bool = False,
    tables: bool = False,
    trains: bool = False,
) -> Technique:
    """A row of a detector in a stream; its frontend may need a package."""
    return Technique(
        title,
        source,
        stream.streamed(make),
        needs,
        searched=searched,
        tables=tables,
        trains=trains,
    )


TECHNIQUES: dict[str, Technique] = {
    "stream_float32": _stream("a detector in a stream, float", post_training.float32),
    "stream": _stream("a detector in a stream, full integer", post_training.int8, searched=True),
    "stream_tiny": _stream(
        "the narrowest detector in a stream that holds on validation sound, full integer",
        stream.tiny,
        trains=True,
    ),
    "stream_int16x8": _stream(
        "a detector in a stream, int16 activations, int8 weights", post_training.int16x8
    ),
    "stream_qat": _stream(
        "a detector in a stream, quantization-aware training",
        quantization_aware.qat,
        _QAT,
        searched=True,
        trains=True,
    ),
    "stream_pruned": _stream(
        "a detector in a stream, magnitude pruning, full integer",
        pruning.pruned_int8,
        _MAGNITUDE,
        "stream_pruned",
        searched=True,
    ),
    "stream_clustered": _stream(
        "a detector in a stream, weight clustering, full integer",
        clustering.clustered_int8,
        _CLUSTERING,
        "stream_clustered",
        searched=True,
    ),
    "stream_lut": _stream(
        "a detector in a stream, weight clustering, full integer, look-up tables",
        clustering.clustered_int8,
        _TABLES,
        "stream_clustered",
        tables=True,
    ),
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
        package=QUANTIZER,
        extra=QUANTIZER_EXTRA,
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
        "2:4 pruning of the published small CNN, from scratch",
        _2BY4,
        pruning.pruned_2by4,
        trains=True,
    ),
    "pruned_2by4_full": Technique("2:4 pruning", _2BY4, pruning.pruned_2by4_full, trains=True),
    "pruned_channels": Technique(
        "whole filters removed by their importance",
        "Molchanov et al. 2019, arXiv:1906.10771",
        channels.pruned_channels,
        trains=True,
    ),
    "qat": Technique(
        "quantization-aware training", _QAT, quantization_aware.qat, searched=True, trains=True
    ),
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
        trains=True,
    ),
    "cqat": Technique(
        "QAT that keeps the clusters",
        _COLLABORATIVE,
        quantization_aware.cqat,
        "clustered",
        searched=True,
        trains=True,
    ),
    "pcqat": Technique(
        "QAT that keeps zeros and clusters",
        _COLLABORATIVE,
        quantization_aware.pcqat,
        "sparse_clustered",
        searched=True,
        trains=True,
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
        trains=True,
    ),
    "distilled": Technique(
        "a small student of the baseline, full integer",
        "Hinton et al. 2015, arXiv:1503.02531",
        distillation.distilled,
        trains=True,
    ),
    "small": Technique(
        "a temporal CNN taught by the baseline, full integer",
        _TEMPORAL,
        small.small,
        trains=True,
    ),
    "tiny": Technique(
        "the narrowest temporal CNN that holds on validation clips, full integer",
        _TEMPORAL,
        small.tiny,
        trains=True,
    ),
}


FLOATS = {"baseline": "float32", "stream": "stream_float32"}
"""The row that the others of a root are compared with."""


def stages_of(names: list[str]) -> list[str]:
    """The stages that these techniques build on, each after those that it needs."""
    stages: list[str] = []
    for name in names:
        chain = []
        stage = TECHNIQUES[name].needs
        while stage not in ROOTS:
            chain.append(stage)
            stage = STAGES[stage].needs
        stages += [stage for stage in reversed(chain) if stage not in stages]
    return stages


def root_of(name: str) -> str:
    """Which of `ROOTS` a technique builds on."""
    stages = stages_of([name])
    return STAGES[stages[0]].needs if stages else TECHNIQUES[name].needs


def is_stream(name: str) -> bool:
    """Whether a technique makes a detector in a stream."""
    return root_of(name) == "stream"


def prunes(name: str) -> bool:
    """Whether the recipe `pruning` decides a technique's weights."""
    return any(STAGES[stage].prunes for stage in stages_of([name]))


def clusters(name: str) -> bool:
    """Whether the recipe `clustering` decides a technique's weights."""
    return any(STAGES[stage].clusters for stage in stages_of([name]))
