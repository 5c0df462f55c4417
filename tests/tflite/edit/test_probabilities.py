"""A softmax or a sigmoid after the logits of a float model."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.tflite.models_by_hand import OP, model, op, packed, tensor, unpacked

from stapes.targets.litert import LiteRT
from stapes.tflite.edit.probabilities import with_probabilities


def logits(outputs):
    kernel = np.random.default_rng(0).normal(size=(outputs, 4)).astype(np.float32)
    tensors = [tensor((1, 4), "x"), tensor(kernel.shape, "k", kernel), tensor((1, outputs), "y")]
    dense = op(OP.FULLY_CONNECTED, (0, 1), (2,), schema.FullyConnectedOptionsT())
    return kernel, model(tensors, [dense], (0,), (2,))


@pytest.mark.parametrize("outputs", [1, 3])
def test_outputs_are_the_probabilities_of_the_logits(outputs):
    kernel, content = logits(outputs)
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    y = x @ kernel.T
    expected = 1 / (1 + np.exp(-y)) if outputs == 1 else np.exp(y)
    if outputs > 1:
        expected = expected / expected.sum(axis=1, keepdims=True)
    scores = LiteRT(with_probabilities(content)).predict(x)
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_a_signature_names_the_probabilities():
    root = unpacked(logits(3)[1])
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = b"y", 2
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.outputs, signature.inputs = b"serve", [entry], []
    root.signatureDefs = [signature]
    result = unpacked(with_probabilities(packed(root)))
    assert result.signatureDefs[0].outputs[0].tensorIndex == result.subgraphs[0].outputs[0] == 3
