"""Invented results that fill every part of a page.

The figures follow simple rules, which tests may rely on:
variant `n` of the list misses `words[n]`, its curve is a power law, and so on.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile

from stapes.contracts.inspection import Histogram
from stapes.contracts.layers import Layer
from stapes.contracts.measurements import (
    ClipMisses,
    Condition,
    DetCurve,
    Detection,
    DetectionSetup,
    DeviceCutoff,
    Difference,
    OperatingPoint,
    Paired,
    Recommendation,
    SkippedFile,
    SourceRate,
    TargetResult,
    TestClip,
)
from stapes.contracts.results import (
    Baseline,
    Confusion,
    Data,
    Results,
    Search,
    Split,
    Trial,
    VariantResult,
)
from stapes.contracts.streams import StreamBaseline, StreamForm, Streams, StreamSound

RATES = [0.1, 0.5, 1.0, 2.0]
LEVELS = [None, 20.0, 10.0, 5.0, 0.0]
HOURS = 3.0


def known(value):
    """The value, where there must be one."""
    assert value is not None
    return value


def row(name, size=80_000, right=36, n=40, **changed):
    """A variant that decides `right` of `n` clips rightly."""
    half = (n - right) // 2
    return VariantResult(
        **{
            "name": name,
            "technique": f"post-training, {name}",
            "file": f"models/{name}.tflite",
            "sha256": "0" * 64,
            "bytes": size,
            "bytes_before_slim": size + 2_000,
            "data_bytes": size - 1_000,
            "gzip_bytes": size - 5_000,
            "parameters": 20_226,
            "nonzero_parameters": 20_200,
            "accuracy": right / n,
            "accuracy_ci95": (max(0.0, right / n - 0.1), min(1.0, right / n + 0.05)),
            "n_test": n,
            "confusion": Confusion(
                true_positives=n // 2 - half,
                false_negatives=half,
                false_positives=n - right - half,
                true_negatives=n // 2 - (n - right - half),
            ),
            "layers": [],
            "notes": [],
            "targets": {},
            **changed,
        }
    )


def results(*rows, **changed):
    """A run with these rows and nothing that newer runs measure."""
    return Results(
        **{
            "word": "house",
            "seed": 0,
            "preset": "default",
            "versions": {"stapes": "0.1.0", "numpy": "2.0.0"},
            "data": Data(
                source="recordings",
                synthetic=False,
                split_rule="by the speaker's name",
                shared_speakers=False,
                splits={
                    name: Split(positives=20, negatives=20, negatives_available=25, speakers=7)
                    for name in ("train", "validation", "test")
                },
                skipped=[],
            ),
            "baseline": Baseline(
                parameters=20_226,
                macs=1_388_164,
                accuracy=0.95,
                history={"loss": [1.0, 0.5, 0.25], "val_loss": [0.9, 0.6, 0.5]},
                kept_epoch=3,
            ),
            "variants": list(rows),
            **changed,
        }
    )


def whole():
    """A run of four models with everything that the contract holds."""
    layers = [
        Layer(
            name="conv",
            weights=288,
            zeros=0,
            distinct=200,
            biases=32,
            nonzero_biases=32,
            compliance_2by4=None,
        ),
        Layer(
            name="dense",
            weights=1_000,
            zeros=800,
            distinct=16,
            biases=2,
            nonzero_biases=2,
            compliance_2by4=0.5,
            note="the last layer is left as it is",
        ),
    ]
    rows = [
        row("float32", 80_000, 36, layers=layers),
        row("int8", 23_000, 36, layers=layers),
        row("qat", 23_100, 34, layers=layers, notes=["two epochs"]),
        row("small", 5_000, 30, layers=layers),
    ]
    data = results().data.model_copy(
        update={"skipped": [SkippedFile(file="bad.wav", reason="it holds no sound")]}
    )
    settings = {"word": "house", "train": {"epochs": 3, "keep_best": True}}
    return measured(results(*rows, data=data, settings=settings))


def measured(bare):
    """The same run with plausible values in every field of the contract that is still empty."""
    n = bare.variants[0].n_test
    clips = [
        TestClip(
            name=f"{'house' if place < n // 2 else 'mouse'}/{place:04d}.wav",
            label="house" if place < n // 2 else "mouse",
            word=place < n // 2,
            sound=beep(300 + 40 * place) if place % 13 == 0 and place < 520 else None,
        )
        for place in range(n)
    ]
    first = next(one for one in bare.variants if one.name == "float32")
    rows = [_measured(number, one, first, n) for number, one in enumerate(bare.variants)]
    small = min(rows, key=lambda one: (one.bytes > 24_000, -(one.accuracy or 0), one.bytes))
    setup = DetectionSetup(
        source="speech of no corpus",
        files=12,
        hours=HOURS,
        words_seconds=7_200.0,
        hop_ms=100.0,
        smoothing=3,
        refractory_seconds=1.0,
        tolerance_seconds=0.5,
        target_fa_per_hour=0.5,
        rates=RATES,
        noise="pink noise",
        snr_db=[level for level in LEVELS if level is not None],
        skipped=[SkippedFile(file="speech/short.wav", reason="too short")],
    )
    front = [one.name for one in rows if one.name in {small.name, "small", "distilled", "int4"}]
    return bare.model_copy(
        update={
            "variants": rows,
            "clips": clips,
            "detection": setup,
            "recommendation": Recommendation(
                budget={"flash": 65_536},
                max_drop=1.0,
                variant=small.name,
                sentence=f"Ship {small.name}: the smallest within a point of float32.",
                front=front,
            ),
        }
    )


def in_stream(name, size, frr, **changed):
    """A detector in a stream that misses this part of 40 words at 1 false accept an hour."""
    ends = (frr / 2, min(1.0, 2 * frr))
    point = OperatingPoint(
        target_fa_per_hour=1.0,
        threshold=0.75,
        cutoff=191,
        false_accepts=5,
        fa_per_hour=1.0,
        fa_per_hour_ci95=(0.3, 2.3),
        misses=round(40 * frr),
        frr=frr,
        frr_ci95=ends,
        delay_seconds_p50=0.125,
        delay_seconds_p95=0.5,
    )
    conditions = [
        Condition(
            name="clean" if level is None else f"{level:g} dB",
            snr_db=level,
            hours=5.0,
            words=40,
            at_rates=[point, point.model_copy(update={"target_fa_per_hour": 2.0})],
            at_clean_threshold=point,
            det=_curve(frr, 40),
        )
        for level in (None, 10.0)
    ]
    detection = Detection(
        auc=0.99,
        eer=0.02,
        threshold=0.75,
        chosen=point,
        conditions=conditions,
        sliding_window=5,
        by_source=[
            SourceRate(
                source=source,
                hours=hours,
                false_accepts=count,
                fa_per_hour=count / hours,
                fa_per_hour_ci95=(0.5 * count / hours, 3.0),
            )
            for source, hours, count in (("meetings", 2.0, 4), ("read speech", 3.0, 1))
        ],
        device=DeviceCutoff(
            cutoff=191, probability_cutoff=0.751, pymicro_cutoff=0.746, steps_to_spare=64
        ),
    )
    return row(
        name,
        size,
        **{
            "detection": detection,
            "stream": StreamForm(stride=3, step_ms=30.0, receptive_field=90),
            "targets": {
                "litert": TargetResult(runs=True, latency_us_p50=6.0),
                "tflm": TargetResult(runs=True, arena_bytes=11_000, agrees=True),
                "esphome": TargetResult(runs=True),
            },
            **changed,
        },
    )


def streams(**baseline):
    """Detectors in a stream that were trained on twelve recordings."""
    return Streams(
        baseline=StreamBaseline(
            **{
                "parameters": 2_353,
                "macs": 3_552,
                "receptive_field": 90,
                "stride": 3,
                "step_ms": 30.0,
                "history": {"loss": [1.5, 0.75], "val_frr": [0.5, 0.125]},
                "kept_epoch": 2,
                **baseline,
            }
        ),
        sound=StreamSound(
            words=264,
            hours=2.5,
            train_minutes=50.0,
            validation_minutes=5.0,
            recordings=12,
            word_frames=54,
            made_rooms=True,
            made_noise=False,
            skipped=[],
        ),
    )


def streamed():
    """A run of two detectors in a stream, and a model of windows that no sound was measured for."""
    setup = DetectionSetup(
        source="speech of no corpus",
        files=12,
        hours=5.0,
        words_seconds=60.0,
        hop_ms=30.0,
        smoothing=4,
        refractory_seconds=1.0,
        tolerance_seconds=0.75,
        target_fa_per_hour=1.0,
        rates=[1.0, 2.0],
        noise="pink noise",
        snr_db=[10.0],
        skipped=[],
    )
    return results(
        in_stream("stream", 8_000, 0.05),
        in_stream("stream_qat", 9_000, 0.25),
        row("float32"),
        detection=setup,
        streams=streams(),
        recommendation=Recommendation(
            max_drop=0.5,
            max_frr=10.0,
            variant="stream",
            sentence="Ship stream, 8,000 bytes.",
            front=["stream"],
        ),
    )


def beep(pitch):
    """A tenth of a second of a tone, an MP3 in base64."""
    time = np.arange(2_205) / 22_050
    file = io.BytesIO()
    soundfile.write(file, 0.2 * np.sin(2 * np.pi * pitch * time), 22_050, format="MP3")
    return base64.b64encode(file.getvalue()).decode("ascii")


def _measured(number, variant, float32, n):
    rng = np.random.default_rng(number)
    counts = variant.confusion
    half = n // 2
    # Some clips are hard for every model, some for this one.
    hard = list(range(0, half, 13)) + list(range(7, half, 5))
    missed = hard[: counts.false_negatives]
    false = [half + place for place in hard[: counts.false_positives]]
    scores = np.concatenate([rng.uniform(0.6, 1, half), rng.uniform(0, 0.4, n - half)])
    scores[missed], scores[false] = 0.2, 0.8
    kinds = {
        "weights": variant.data_bytes - 600,
        "biases": 400,
        "constants": 200,
        "tables": variant.bytes - variant.data_bytes,
    }
    layers = [
        layer.model_copy(
            update={
                "histogram": Histogram(
                    low=-0.4,
                    high=0.4,
                    counts=np.histogram(
                        np.r_[
                            rng.normal(0, 0.1, layer.weights - layer.zeros), np.zeros(layer.zeros)
                        ],
                        33,
                        (-0.4, 0.4),
                    )[0].tolist(),
                )
            }
        )
        for layer in variant.layers
    ]
    difference = abs(counts.false_negatives - float32.confusion.false_negatives)
    return variant.model_copy(
        update={
            "scores": [round(float(score), 4) for score in scores],
            "wrong": sorted(missed + false),
            "bytes_by_kind": kinds,
            "layers": layers,
            "detection": _detection(number, n // 2),
            "targets": _targets(number, variant),
            "against_float32": None
            if variant is float32
            else Paired(
                n=n,
                only_this_wrong=difference,
                only_other_wrong=1,
                p=0.5 ** max(0, difference - 1),
            ),
        }
    )


def _targets(number, variant):
    float_ops = number % 5 in (0, 1)
    tables = variant.name.endswith("_lut")
    return {
        "litert": TargetResult(
            runs=not tables,
            reason="the op TFLM_DECODE is none of LiteRT's: build without --lut"
            if tables
            else None,
            configuration="one thread, XNNPACK",
            latency_us_p50=None if tables else 110.0 + 7 * number,
            latency_us_p99=None if tables else 160.0 + 7 * number,
        ),
        "tflm": TargetResult(
            runs=not float_ops or number == 0,
            reason=None if not float_ops or number == 0 else "hybrid models are not supported",
            arena_bytes=None if float_ops and number else 23_600 + 512 * number,
            agrees=None if float_ops and number else True,
            n_compared=variant.n_test,
            decisions_that_differ=0,
        ),
        "ethos_u55": TargetResult(
            runs=not float_ops,
            reason="float ops run on the CPU" if float_ops else None,
            configuration="128 MACs, Shared_Sram",
            flash_bytes=None if float_ops else 21_000,
            sram_bytes=None if float_ops else 40_000,
            cycles=None if float_ops else 61_234,
            cpu_ops=["SOFTMAX: batch above 1"] if number % 5 == 3 else [],
        ),
        "ethos_u85": TargetResult(runs=False, tried=False, reason="not tried: install stapes[npu]"),
        "esphome": TargetResult(
            runs=number % 3 == 1,
            reason=None if number % 3 == 1 else "the input is no int8 of 40 features",
        ),
    }


def _detection(number, words):
    frr = [min(0.9, 0.02 + 0.006 * (number % 9) + 0.05 * level**1.6) for level in range(5)]
    conditions = [
        Condition(
            name="clean" if level is None else f"{level:g} dB",
            snr_db=level,
            hours=HOURS,
            words=words,
            at_rates=[_point(rate, frr[place] / (rate + 0.5), words) for rate in RATES],
            at_clean_threshold=_point(0.5, frr[place], words),
            det=_curve(frr[place], words),
        )
        for place, level in enumerate(LEVELS)
    ]
    return Detection(
        auc=0.998 - 0.001 * (number % 9),
        eer=0.01 + 0.002 * (number % 9),
        threshold=0.8,
        chosen=_point(0.5, frr[0], words),
        conditions=conditions,
        against_float32=Difference(difference=0.05, ci95=(-0.02, 0.12), p=0.2) if number else None,
    )


def _point(rate, frr, words):
    if rate < 1 / HOURS:
        return OperatingPoint(
            target_fa_per_hour=rate,
            resolvable=False,
            reason=f"{HOURS:g} hours resolve no rate below {1 / HOURS:.2g} an hour",
        )
    misses = round(frr * words)
    part = misses / words
    return OperatingPoint(
        target_fa_per_hour=rate,
        threshold=0.8,
        false_accepts=int(rate * HOURS),
        fa_per_hour=int(rate * HOURS) / HOURS,
        fa_per_hour_ci95=(0.0, 1.9),
        misses=misses,
        frr=part,
        frr_ci95=(max(0.0, part - 0.02), min(1.0, part + 0.03)),
    )


def _curve(frr, words):
    threshold = np.linspace(1, 0, 120)
    accepts = np.floor(300 * (1 - threshold) ** 4)
    misses = np.round(words * np.minimum(1, frr * 3 * threshold**3 + (threshold > 0.99)))
    return DetCurve(
        threshold=threshold.tolist(),
        fa_per_hour=(accepts / HOURS).tolist(),
        frr=(np.maximum.accumulate(misses[::-1])[::-1] / words).tolist(),
    )


ARCHITECTURES = ("ds_cnn", "temporal_cnn", "bc_resnet", "reference_cnn")
"""Trial `n` of `searched` has the architecture `n` modulo four."""

FLASH, ARENA = 4_096, 8_192


def trial(number, size=4_000, frr=0.1, **changed):
    """A trial that was measured."""
    name = ARCHITECTURES[number % 4]
    return Trial(
        **{
            "number": number,
            "candidate": {"architecture": name, "sizes": [8, 16], "technique": "int8"},
            "summary": f"{name} of {8 + number} filters, 20 MFCCs, int8",
            "file": f"trials/{number}.tflite",
            "bytes": size,
            "arena_bytes": size + 3_000,
            "macs": 30 * size,
            "parameters": size // 2,
            "frr": frr,
            "accuracy": None if frr is None else 1 - frr / 2,
            "seconds": 12.5,
            **changed,
        }
    )


def refused(number, size=90_000):
    """A trial that was not trained."""
    reason = f"its file has {size:,} bytes, more than the {FLASH:,} of flash"
    return trial(number, size, None, refused=reason, file=None, seconds=0.1)


def search(*trials, **changed):
    """A search of these trials."""
    return Search(
        **{
            "metric": "frr@0.5",
            "objectives": ["bytes", "arena_bytes", "macs", "frr"],
            "budget": {"flash": FLASH, "arena": ARENA},
            "validation_words": 400,
            "validation_others": 800,
            "validation_copies": 3,
            "trials": list(trials),
            "best": None,
            **changed,
        }
    )


def misses(frr, against=None):
    """At half a percent of 400 other clips."""
    return ClipMisses(
        false_positive_percent=0.5,
        allowed=2,
        words=200,
        others=400,
        threshold=0.875,
        frr=frr,
        frr_ci95=(frr / 2, min(1.0, 2 * frr)),
        against_float32=against,
    )


def searched(trials=100, word="house"):
    """A search: every tenth of the trials was refused, number 7 failed, 12 is the best.

    The larger a trial's file, the fewer words it misses, except for some noise.
    """
    rng = np.random.default_rng(5)
    tried = []
    for number in range(trials):
        size = round(float(1_200 * 1.03 ** (number * 37 % 100)))
        frr = round(min(1.0, 40 / size + float(rng.exponential(0.03))), 4)
        if number % 10 == 9:
            tried.append(refused(number))
        elif number == 7:
            tried.append(trial(number, size, None, failed="its training diverged", file=None))
        else:
            tried.append(trial(number, size, frr))
    tried[12] = trial(12, 3_900, 0.0125, variant="best")
    best_frr = 2.0
    for entry in sorted((entry for entry in tried if entry.frr is not None), key=size_of):
        if entry.frr < best_frr:
            best_frr, entry.front = entry.frr, True
    tried[12].front = True
    others = [entry for entry in tried if entry.front and entry.number != 12][:2]
    for entry in others:
        entry.variant = f"trial_{entry.number}"
    worse = Difference(difference=0.015, ci95=(-0.01, 0.04), p=0.25)
    paired = Paired(n=40, only_this_wrong=3, only_other_wrong=1, p=0.625)
    rows = [
        row("float32", 80_000, 38, misses=misses(0.01)),
        row(
            "best", 3_900, 36, gzip_bytes=2_800, misses=misses(0.025, worse), against_float32=paired
        ),
        *(
            row(entry.variant, entry.bytes, 32, gzip_bytes=900, misses=misses(0.1, worse))
            for entry in others
        ),
    ]
    return results(
        *rows,
        word=word,
        search=search(*tried, best=12),
        recommendation=Recommendation(
            budget={"flash": FLASH, "arena": ARENA},
            max_drop=1.0,
            variant="best",
            sentence="Ship best: it fits and misses the fewest words on validation clips.",
            front=["float32", "best"],
        ),
    )


def size_of(trial):
    """By size, and of one size by FRR."""
    return trial.bytes, trial.frr
