"""Valid .tflite files: `inspect` must read each that LiteRT runs, and `slim` prove it.

    python benchmarks/fuzz_valid.py [--models 500] [--seed 0]

Each model is a random graph of builtin ops (`valid_models.py`), written as old or new writers do.
It prints how many of those that LiteRT runs were inspected, how many were slimmed and proven equal
for LiteRT and for TFLite Micro, and each reason for the others. The exit status is 1 if a model is
not read, or computes something else.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time

import valid_models
from fuzz import check
from stapes.errors import ModelError
from stapes.system.isolation import Child, Lost
from stapes.targets.proof import prove
from stapes.tflite.edit.choices import Runtime
from stapes.tflite.edit.slim import slim

_SECONDS = 120.0
_INPUTS = 3
_RUNTIMES: dict[Runtime, tuple[str, ...]] = {"any": ("litert", "litert_plain"), "tflm": ("tflm",)}


def made(seed: int) -> tuple[bytes, list[str], str]:
    """A model, its ops, and why LiteRT does not run it; empty if it does."""
    content, names = valid_models.random_model(seed)
    try:
        valid_models.runs(content)
    except (RuntimeError, ValueError) as error:
        return content, names, str(error)
    return content, names, ""


def judged(content: bytes) -> dict[str, str]:
    """The outcome of inspecting and of slimming for each runtime: "equal", or why not."""
    outcomes = {"inspect": check(content)}
    for runtime, interpreters in _RUNTIMES.items():
        try:
            smaller = slim(content, runtime=runtime)
            proof = prove(
                content, smaller, interpreters=interpreters, inputs=_INPUTS, isolate=False
            )
        except ModelError as error:
            outcomes[runtime] = f"refused: {error}"
            continue
        if proof.difference is not None:
            outcomes[runtime] = f"differs: {proof.difference}"
        elif not proof.interpreters:
            outcomes[runtime] = f"refused: {next(iter(proof.refused.values()))}"
        else:
            outcomes[runtime] = "equal"
    return outcomes


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    ops: set[str] = set()
    counts: collections.Counter[str] = collections.Counter()
    reasons: collections.Counter[str] = collections.Counter()
    failures, start = 0, time.monotonic()
    with Child() as child:
        for seed in range(arguments.seed, arguments.seed + arguments.models):
            try:
                content, names, why = child.run(_SECONDS, made, seed)
            except Lost as lost:
                counts[f"made, LiteRT was lost ({lost})"] += 1
                continue
            if why:
                counts["made, LiteRT does not run it"] += 1
                continue
            counts["LiteRT runs"] += 1
            ops.update(names)
            try:
                outcomes = child.run(_SECONDS, judged, content)
            except Lost as lost:
                outcomes = {"inspect": "not known", "any": f"refused: {lost}"}
            counts["inspected"] += outcomes["inspect"] == "passed"
            for runtime in _RUNTIMES:
                outcome = outcomes.get(runtime, "not known")
                counts[f"slimmed for {runtime} and equal"] += outcome == "equal"
                reasons[f"{runtime}: {outcome}"] += outcome != "equal"
            wrong = outcomes["inspect"] != "passed" or "differs" in str(outcomes)
            failures += wrong
            if wrong or outcomes["any"] != "equal":
                print(f"seed {seed}: {outcomes} ({' '.join(names)})", flush=True)
    for name, number in [*counts.items(), *reasons.most_common(20)]:
        print(f"{number:6,} {name}") if number else None
    print(f"{len(ops)} ops, {time.monotonic() - start:.0f} s, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(_main())
