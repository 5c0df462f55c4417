"""One row of the table: a .tflite, its accuracy on the test clips and its sizes."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np

from stapes.contracts.inspection import BUDGET_PARTS
from stapes.contracts.layers import Layer
from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import CastFault, Confusion, VariantResult
from stapes.data.features import FeatureSet
from stapes.errors import ModelError
from stapes.measure.accuracy import Accuracy, accuracy, decide, word_scores
from stapes.system.text import interval, percent
from stapes.targets import tflm
from stapes.targets.classifier import Classifier
from stapes.targets.litert import LiteRT
from stapes.targets.registry import title_of
from stapes.techniques.variant import Variant
from stapes.tflite.read.budget import budget
from stapes.tflite.read.constants import Constant, constants, data_bytes
from stapes.tflite.read.statistics import statistics
from stapes.tflite.read.verify import verify
from stapes.tflite.read.weights import two_by_four_compliance

_DECIMALS = 6
"""Of a score in results.json; a float32 has about as many."""


def measure(
    name: str,
    title: str,
    variant: Variant,
    test: FeatureSet | None,
    layer_names: list[str],
    positive: int = 1,
    bytes_before_slim: int | None = None,
    arena_bytes: int | None = None,
) -> VariantResult:
    """Measure a variant as it is shipped.

    TFLite Micro runs what LiteRT refuses. Where neither runs it, the row has both reasons and no
    accuracy.

    Parameters
    ----------
    name, title : str
        Of the row.
    variant : Variant
    test : FeatureSet or None
        Clips that neither training nor calibration used. None for a detector in a stream, which is
        measured in continuous sound.
    layer_names : list of str
        Of the baseline's layers with weights, in order; used where the file has as many.
    positive : int
        The output of the wake word, where there are several.
    bytes_before_slim : int, optional
        The length of the file before it was slimmed; default: its length.
    arena_bytes : int, optional
        Of TFLite Micro, if measured.
    """
    stored = constants(variant.tflite)
    notes = list(variant.notes)
    targets, interpreter = interpreters(variant.tflite, arena_bytes)
    result, fault = accuracy(np.zeros((0, 2)), np.zeros(0, np.uint8)), None
    words: list[float] = []
    wrong: list[int] = []
    if interpreter is not None and test is not None:
        try:
            scores = interpreter.predict(test.x)
            result = accuracy(scores, test.y, positive)
            words = [round(float(score), _DECIMALS) for score in word_scores(scores, positive)]
            wrong = np.flatnonzero(decide(scores, positive) != test.y.astype(bool)).tolist()
            fault = _cast_fault(interpreter, test, positive)
        except ModelError as error:
            targets[list(targets)[-1]] = TargetResult(runs=False, reason=str(error))
    if "tflm" in targets and targets["tflm"].runs:
        notes.append("measured in TFLite Micro, as LiteRT refuses the file")
    else:
        for target, outcome in targets.items():
            if not outcome.runs:
                reason = (outcome.reason or "").rstrip(".")
                notes.append(f"does not run in {title_of(target)}: {reason}")
    if fault and interpreter and interpreter.signature.input_dtype == np.uint8:
        notes.append(
            "whoever casts floats to uint8 without scale and zero point gets "
            f"{percent(fault.accuracy, 1)} (95 %: {interval(fault.accuracy_ci95)})"
        )
    spent = budget(verify(variant.tflite)).model_dump(include=set(BUDGET_PARTS)).items()
    return VariantResult(
        name=name,
        technique=title,
        settings=variant.settings,
        file=f"models/{name}.tflite",
        sha256=hashlib.sha256(variant.tflite).hexdigest(),
        bytes=len(variant.tflite),
        bytes_before_slim=bytes_before_slim or len(variant.tflite),
        data_bytes=data_bytes(variant.tflite),
        gzip_bytes=len(gzip.compress(variant.tflite, 9, mtime=0)),
        parameters=sum(constant.values.size for constant in stored),
        nonzero_parameters=sum(int(np.count_nonzero(c.values)) for c in stored),
        accuracy=result.value,
        accuracy_ci95=result.ci95,
        n_test=result.n,
        confusion=confusion(result),
        if_cast_unscaled=fault,
        layers=_layers(stored, layer_names, variant.layer_notes),
        notes=notes,
        targets=targets,
        bytes_by_kind={name: size for name, size in spent if size},
        scores=words,
        wrong=wrong,
    )


def interpreters(
    tflite: bytes, arena_bytes: int | None = None
) -> tuple[dict[str, TargetResult], Classifier | None]:
    """Results of LiteRT, and of TFLite Micro where LiteRT refuses, and the one that runs a file."""
    try:
        return {"litert": TargetResult(runs=True)}, LiteRT(tflite)
    except ModelError as error:
        targets = {"litert": TargetResult(runs=False, reason=str(error))}
    if not tflm.available():
        return targets, None
    try:
        interpreter = tflm.TFLMClassifier(tflite)
    except ModelError as error:
        return targets | {"tflm": TargetResult(runs=False, reason=str(error))}, None
    return targets | {"tflm": TargetResult(runs=True, arena_bytes=arena_bytes)}, interpreter


def confusion(result: Accuracy) -> Confusion:
    """The counts of decisions, as results.json has them."""
    return Confusion.model_validate(result, from_attributes=True)


def _cast_fault(interpreter: Classifier, test: FeatureSet, positive: int) -> CastFault | None:
    if not interpreter.signature.quantized_input:
        return None
    result = accuracy(interpreter.predict_cast(test.x), test.y, positive)
    return CastFault(
        accuracy=result.correct / max(1, result.n),
        accuracy_ci95=result.ci95,
        confusion=confusion(result),
    )


def _layers(stored: list[Constant], names: list[str], notes: list[str]) -> list[Layer]:
    kernels = [place for place, constant in enumerate(stored) if constant.role == "kernel"]
    if len(kernels) != len(names):
        names = [stored[place].name for place in kernels]
    layers = []
    for number, place in enumerate(kernels):
        kernel = stored[place].values
        following = stored[place + 1 : place + 2]
        biases = following[0].values if following and following[0].role == "bias" else np.zeros(0)
        layers.append(
            Layer(
                name=names[number],
                weights=kernel.size,
                zeros=int(kernel.size - np.count_nonzero(kernel)),
                distinct=len(np.unique(kernel)),
                biases=biases.size,
                nonzero_biases=int(np.count_nonzero(biases)),
                compliance_2by4=two_by_four_compliance(kernel),
                note=notes[number] if number < len(notes) else "",
                histogram=statistics(kernel).histogram if kernel.size else None,
            )
        )
    return layers
