"""A CNN for streams depends on its receptive field alone, and has the sizes that it says."""

from __future__ import annotations

import numpy as np
import pytest
from tests.extras import require

from stapes.models.lowering import lower
from stapes.models.stream_cnn import (
    SIZES,
    field_of,
    is_stream,
    kernel_for,
    receptive_field,
    sizes_of,
    stream_cnn,
)
from stapes.techniques.post_training import convert
from stapes.tflite.edit.streaming import streaming

require(train="tf_keras")

SMALL = {"width": 4, "blocks": 2, "kernel": 5, "stride": 3}


@pytest.mark.parametrize(
    "sizes",
    [{}, SMALL, {**SMALL, "stride": 1}, {**SMALL, "stride": 5}, {**SMALL, "kernel": 1}],
    ids=str,
)
def test_it_has_the_sizes_that_it_says(sizes: dict[str, int]) -> None:
    model = stream_cnn(**sizes)
    whole = {**SIZES, **sizes}
    assert field_of(model) == (receptive_field(**sizes), whole["stride"])
    assert sizes_of(model) == {"bins": 40, **whole}
    assert sizes_of(lower(model)) == {"bins": 40, **whole}
    assert field_of(lower(model)) == field_of(model)
    assert is_stream(model)


def test_the_default_has_as_many_parameters_as_its_text_says() -> None:
    model = stream_cnn()
    assert model.count_params() == 4_655
    assert lower(model).count_params() == 4_343


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_output_depends_on_its_receptive_field_alone(stride: int) -> None:
    model = stream_cnn(**{**SMALL, "stride": stride})
    field, _ = field_of(model)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 26, (1, field + 9 * stride, 40)).astype(np.float32)
    whole = model(x).numpy()[0, :, 0, 0]
    assert len(whole) == 10
    for step in range(10):
        window = x[:, step * stride : step * stride + field]
        assert model(window).numpy().ravel() == pytest.approx(whole[step : step + 1], abs=1e-5)
    changed = x.copy()
    changed[:, 4 * stride + field :] = 0
    np.testing.assert_array_equal(model(changed).numpy()[0, :5, 0, 0], whole[:5])


def test_one_frame_more_has_one_output_more_after_each_stride() -> None:
    model = stream_cnn(**SMALL)
    field, stride = field_of(model)
    counts = [model(np.zeros((1, field + n, 40), np.float32)).shape[1] for n in range(7)]
    assert counts == [1 + n // stride for n in range(7)]


@pytest.mark.parametrize("frames", [1, 60, 113, 114, 250, 525])
@pytest.mark.parametrize("stride", [1, 3, 5])
def test_the_kernel_is_the_smallest_that_is_long_enough(frames: int, stride: int) -> None:
    kernel = kernel_for(frames, stride=stride)
    assert receptive_field(kernel=kernel, stride=stride) >= frames
    assert kernel == 5 or receptive_field(kernel=kernel - 2, stride=stride) < frames


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5])
def test_its_window_form_has_a_streaming_form(stride: int) -> None:
    from stapes.targets.streams import outputs

    model = lower(stream_cnn(**{**SMALL, "stride": stride}))
    field, _ = field_of(model)
    x = np.random.default_rng(0).uniform(0, 26, (field + 20 * stride, 40)).astype(np.float32)
    stream = outputs(streaming(convert(model)), x)
    # A step ends with a whole stride.
    logits = model(x[None, -field % stride :]).numpy()[0, :, 0, 0]
    expected = 1 / (1 + np.exp(-logits))
    first = -(-field // stride) - 1
    assert len(stream) == first + len(expected)
    np.testing.assert_allclose(stream[first:], expected, atol=1e-5)
