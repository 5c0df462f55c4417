"""Rows whose right and wrong test clips are named, for what is computed from a results.json."""

from __future__ import annotations

from stapes.contracts.measurements import TargetResult, TestClip
from stapes.contracts.results import Baseline, Confusion, Data, Results, VariantResult
from stapes.measure.intervals import wilson

N = 200


def variant(name, size=1_000, wrong=(), n=N, arena=None, latency_us=None, tflm=True, litert=True):
    """A row of `n` test clips, half of them of the word, first the word's."""
    half = n // 2
    misses = sum(place < half for place in wrong)
    false = len(wrong) - misses
    return VariantResult(
        name=name,
        technique=name,
        file=f"models/{name}.tflite",
        sha256="",
        bytes=size,
        data_bytes=size,
        gzip_bytes=size,
        parameters=1,
        nonzero_parameters=1,
        accuracy=1 - len(wrong) / n,
        accuracy_ci95=wilson(n - len(wrong), n),
        n_test=n,
        confusion=Confusion(
            true_positives=half - misses,
            false_negatives=misses,
            false_positives=false,
            true_negatives=n - half - false,
        ),
        layers=[],
        notes=[],
        targets={
            "litert": TargetResult(runs=litert, latency_us_p50=latency_us),
            "tflm": TargetResult(runs=tflm, arena_bytes=arena),
        },
        wrong=list(wrong),
        scores=[float((place < half) != (place in wrong)) for place in range(n)],
    )


def results(*rows, n=N):
    """A run of these rows."""
    return Results(
        word="house",
        seed=0,
        preset="default",
        versions={},
        data=Data(
            source="", synthetic=False, split_rule="", shared_speakers=False, splits={}, skipped=[]
        ),
        baseline=Baseline(parameters=1, macs=1),
        variants=list(rows),
        clips=[
            TestClip(name=f"clip{place}", label="house" if word else "cat", word=word)
            for place, word in enumerate([True] * (n // 2) + [False] * (n - n // 2))
        ],
    )
