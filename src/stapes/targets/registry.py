"""All targets, in the order in which they are shown."""

from __future__ import annotations

from stapes.targets import esphome, ethos_u, litert_cost, tflm_cost
from stapes.targets.target import Target

TARGETS: dict[str, Target] = {
    "litert": Target("LiteRT", litert_cost.attempt, runs=True),
    "tflm": Target(
        "TFLite Micro", tflm_cost.attempt, package="tflite_micro", extra="micro", runs=True
    ),
    "ethos_u55": Target("Ethos-U55", ethos_u.attempt_u55, package="ethosu", extra="npu"),
    "ethos_u85": Target("Ethos-U85", ethos_u.attempt_u85, package="ethosu", extra="npu"),
    "esphome": Target("ESPHome", esphome.attempt),
}
"""By the name that results.json has for it."""
