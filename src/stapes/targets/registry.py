"""All targets, in the order of every list. A target is its file and an entry here."""

from __future__ import annotations

from stapes.targets import esphome, ethos_u, litert_cost, tflm, tflm_cost
from stapes.targets.target import Target

COMPARED = ("agrees", "decisions_that_differ", "largest_difference", "n_compared")
"""Figures of a target that runs clips, whose decisions are compared with LiteRT's."""
_NPU = ("flash_bytes", "sram_bytes", "weight_bytes", "cycles", "inferences_per_second")

TARGETS: dict[str, Target] = {
    "litert": Target(
        "LiteRT",
        "LiteRT",
        litert_cost.attempt,
        figures=("latency_us_p50", "latency_us_p99"),
        runs=True,
    ),
    "tflm": Target(
        "TFLite Micro",
        "TFLM",
        tflm_cost.attempt,
        figures=("arena_bytes", *COMPARED),
        package=tflm.PACKAGE,
        extra=tflm.EXTRA,
        runs=True,
    ),
    "ethos_u55": Target(
        "Ethos-U55", "U55", ethos_u.attempt_u55, figures=_NPU, package="ethosu", extra="npu"
    ),
    "ethos_u85": Target(
        "Ethos-U85", "U85", ethos_u.attempt_u85, figures=_NPU, package="ethosu", extra="npu"
    ),
    "esphome": Target(
        "ESPHome",
        "ESPHome",
        esphome.attempt,
        built_on="tflm",
        frontend="micro",
        lists_obstacles=True,
    ),
}
"""By the name in results.json."""


def title_of(name: str) -> str:
    """A target's title; for a target of another version's results, its name."""
    return TARGETS[name].title if name in TARGETS else name
