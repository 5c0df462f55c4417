"""One row of the table: a .tflite, run on the test clips and weighed."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np

from stapes.data.features import FeatureSet
from stapes.flatbuffer.read import Constant, constants, data_bytes
from stapes.measure.accuracy import Accuracy, accuracy
from stapes.results import CastFault, Confusion, Layer, TargetResult, VariantResult
from stapes.targets.litert import LiteRT
from stapes.techniques.variant import Variant


def measure(variant: Variant, test: FeatureSet, layer_names: list[str]) -> VariantResult:
    """Measure a variant as it is shipped.

    Parameters
    ----------
    variant : Variant
    test : FeatureSet
        Clips that neither training nor calibration saw.
    layer_names : list of str
        Of the baseline's layers with weights, in order; used where the file has as many.

    Raises
    ------
    ModelError
        LiteRT refuses the file or it does not fit the features.
    """
    stored = constants(variant.tflite)
    interpreter = LiteRT(variant.tflite)
    result = accuracy(interpreter.predict(test.x), test.y)
    fault = None
    notes = list(variant.notes)
    if interpreter.signature.quantized_input:
        fault = _cast_fault(interpreter, test)
        low, high = (100 * bound for bound in fault.accuracy_ci95)
        notes.append(
            f"whoever casts floats to {interpreter.signature.input_dtype} without scale and zero "
            f"point gets {100 * fault.accuracy:.1f} % [{low:.1f}, {high:.1f}]"
        )
    return VariantResult(
        name=variant.name,
        technique=variant.technique,
        settings=variant.settings,
        file=f"models/{variant.name}.tflite",
        sha256=hashlib.sha256(variant.tflite).hexdigest(),
        bytes=len(variant.tflite),
        data_bytes=data_bytes(variant.tflite),
        gzip_bytes=len(gzip.compress(variant.tflite, 9, mtime=0)),
        parameters=sum(constant.values.size for constant in stored),
        nonzero_parameters=sum(int(np.count_nonzero(c.values)) for c in stored),
        accuracy=result.value,
        accuracy_ci95=result.ci95,
        n_test=result.n,
        confusion=confusion(result),
        if_cast_unscaled=fault,
        layers=_layers(stored, layer_names),
        notes=notes,
        targets={"litert": TargetResult(runs=True)},
    )


def confusion(result: Accuracy) -> Confusion:
    """The counts as results.json has them."""
    return Confusion(
        true_positives=result.true_positives,
        false_negatives=result.false_negatives,
        false_positives=result.false_positives,
        true_negatives=result.true_negatives,
    )


def _cast_fault(interpreter: LiteRT, test: FeatureSet) -> CastFault:
    result = accuracy(interpreter.predict_cast(test.x), test.y)
    return CastFault(
        accuracy=result.correct / max(1, result.n),
        accuracy_ci95=result.ci95,
        confusion=confusion(result),
    )


def _layers(stored: list[Constant], names: list[str]) -> list[Layer]:
    kernels = [constant for constant in stored if constant.role == "kernel"]
    if len(kernels) != len(names):
        names = [kernel.name for kernel in kernels]
    return [
        Layer(
            name=name,
            weights=kernel.values.size,
            zeros=int(kernel.values.size - np.count_nonzero(kernel.values)),
            distinct=len(np.unique(kernel.values)),
        )
        for name, kernel in zip(names, kernels, strict=True)
    ]
