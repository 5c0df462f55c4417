"""Each layer of the shipped file has the zeros of the recipe, or a note why not."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.tflite.read.constants import constants
from stapes.tflite.read.verify import verify

FINAL = 0.8  # The recipe's default.


def zeros(kernels):
    return [int((kernel == 0).sum()) for kernel in kernels]


def in_fours(kernel):
    """Zeros in each group of four input channels, which come last."""
    return (kernel.reshape(-1, 4) == 0).sum(axis=1)


def test_every_layer_has_the_zeros_of_the_target(kernels):
    layers = kernels("pruned")
    assert [kernel.shape for kernel in layers] == [(8, 3, 3, 1), (16, 3, 3, 8), (2, 64)]
    for kernel in layers:
        assert abs(int((kernel == 0).sum()) - FINAL * kernel.size) <= 1


def test_quantization_keeps_every_zero(kernels):
    for kernel, before in zip(kernels("pruned_int8"), kernels("pruned"), strict=True):
        assert kernel.dtype == np.int8
        assert not kernel[before == 0].any()


def test_the_sparse_file_holds_the_weights_of_the_dense_one(kernels, variant):
    stored = [constant.values for constant in constants(variant("pruned_sparse").tflite)]
    dense = kernels("pruned")
    for kernel, decoded, expected in zip(kernels("pruned_sparse"), stored[::2], dense, strict=True):
        np.testing.assert_array_equal(kernel, expected)
        np.testing.assert_array_equal(decoded, expected)


def test_the_sparse_file_stores_no_zeros(variant):
    [graph] = verify(variant("pruned_sparse").tflite).graphs
    sparse = [tensor for tensor in graph.tensors if tensor.table["sparsity"] is not None]
    assert len(sparse) == 3
    for tensor in sparse:
        assert tensor.data.view(np.float32).all()
    assert len(variant("pruned_sparse").tflite) < 0.8 * len(variant("pruned").tflite)


@pytest.mark.parametrize("name", ["pruned", "pruned_int8", "pruned_sparse"])
def test_a_reached_target_needs_no_note(variant, name):
    assert variant(name).layer_notes == ["", "", ""]
    assert variant(name).settings["final_sparsity"] == FINAL


def test_a_missed_target_is_noted_with_the_zeros(variant, material):
    from stapes.techniques.pruning import with_sparsity

    noted = with_sparsity(variant("float32").tflite, material).layer_notes
    assert noted == [
        "target of 58 zeros not reached: 0",
        "target of 922 zeros not reached: 0",
        "target of 102 zeros not reached: 0",
    ]


def test_two_of_every_four_input_channels_are_zero(kernels, variant):
    first, *others = kernels("pruned_2by4_full")
    assert first.all()
    for kernel in others:
        assert (in_fours(kernel) >= 2).all()
        # No more than that, except by accident.
        assert (in_fours(kernel) == 2).mean() > 0.99
    assert variant("pruned_2by4_full").layer_notes == [
        "2:4 not applied: 1 input channel cannot be divided into fours; 0 % zeros",
        "",
        "",
    ]


def test_the_published_cnn_has_2by4_where_its_channels_allow(kernels, variant):
    conv, conv_1, dense = kernels("pruned_2by4")
    assert (conv.shape, conv_1.shape) == ((2, 3, 3, 1), (64, 3, 3, 2))
    assert zeros([conv, conv_1]) == [conv.size // 2, 0]
    assert (in_fours(dense) >= 2).all()
    assert variant("pruned_2by4").layer_notes == [
        "2:4 not applied: 1 input channel cannot be divided into fours; 50 % zeros",
        "2:4 not applied: 2 input channels cannot be divided into fours; 0 % zeros",
        "",
    ]


def test_the_baseline_does_not_change(variant, baseline, weights_before):
    assert variant("pruned").tflite != variant("pruned_2by4_full").tflite
    for before, after in zip(weights_before, baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
