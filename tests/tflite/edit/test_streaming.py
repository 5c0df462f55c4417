"""A stream gives the bits of its window model slid over the sound, with the rings of few ops."""

from __future__ import annotations

import importlib.util
from collections import Counter

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tflite.models_by_hand import OP, TYPE, model, op, packed, tensor, unpacked
from tests.tflite.windows import HAS_TFLM, INTERPRETERS, Layer, both, features, field, window_model

from stapes.errors import ModelError
from stapes.frontends.numerics.stream import real
from stapes.frontends.registry import STREAMS
from stapes.targets import esphome
from stapes.targets.proof import prove
from stapes.tflite.edit.slim import slim
from stapes.tflite.edit.streaming import streaming
from stapes.tflite.read.constants import constants
from stapes.tflite.read.verify import verify
from stapes.tflite.read.window import window

needs_tflm = pytest.mark.skipif(not HAS_TFLM, reason="needs the extra `micro`")

SMALL = [Layer(6), Layer(None, 5, 3), Layer(None, 3), Layer(6), Layer(None, 4), Layer(6)]
LONG = [Layer(16), Layer(None, 5, 3), *(
    layer for kernel in (7, 9, 11, 13) for layer in (Layer(None, kernel), Layer(16))
)]  # fmt: skip


def ops(content):
    return Counter(op.name for op in verify(content).operators)


def agree(layers, interpreter, steps=20, bins=4, **choices):
    content = window_model(layers, bins, **choices)
    step = window(content).step
    kind = choices.get("kind", "int8")
    frames = features(kind, field(layers) + steps * step, bins)
    expected, actual = both(content, slim(streaming(content)), frames, interpreter)
    assert len(expected) >= steps
    assert len(set(expected.tolist())) > 5
    if kind == "float32":
        np.testing.assert_allclose(actual, expected, atol=1e-5)
    else:
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("kind", ["int8", "float32"])
@pytest.mark.parametrize("dense", [False, True])
def test_a_stream_agrees_from_reset_until_long_after(kind, interpreter, dense):
    agree(SMALL, interpreter, steps=200, kind=kind, dense=dense)


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_a_stream_agrees_on_log_mel_features(kind):
    y = np.random.default_rng(0).normal(0, 0.1, 32_000) * np.abs(np.sin(np.arange(32_000) / 4_000))
    content = window_model(SMALL, 40, kind=kind)
    steps = STREAMS["logmel"].stream(y.astype(np.float32))[: field(SMALL) + 3 * 50]
    frames = steps if kind == "int8" else real(steps)
    expected, actual = both(content, streaming(content), frames, INTERPRETERS[-1])
    assert len(expected) >= 50
    assert len(set(expected.tolist())) > 2
    np.testing.assert_allclose(actual, expected, atol=0 if kind == "int8" else 1e-5)


@pytest.mark.parametrize("interpreter", INTERPRETERS[-1:])
@settings(max_examples=40)
@given(
    layers=st.lists(
        st.builds(
            lambda width, stride, more, dilation: Layer(
                width, -(-(stride - 1) // dilation) + 1 + more, stride, dilation
            ),
            width=st.sampled_from([None, 2, 5]),
            stride=st.integers(1, 3),
            more=st.integers(0, 4),
            dilation=st.integers(1, 2),
        ).filter(lambda layer: layer.dilation == 1 or layer.stride == 1),
        min_size=1,
        max_size=4,
    ),
    bins=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_kernels_strides_and_widths_do_not_matter(interpreter, layers, bins, seed):
    content = window_model(layers, bins, seed)
    plan = window(content)
    assert plan.receptive_field == field(layers)
    frames = features("int8", field(layers) + 8 * plan.step, bins, seed)
    expected, actual = both(content, streaming(content), frames, interpreter)
    np.testing.assert_array_equal(actual, expected)


@needs_tflm
@pytest.mark.parametrize(
    ("layers", "variables"),
    [
        ([Layer(3), Layer(4)], 0),
        ([Layer(3), Layer(None, 3, 3), Layer(2, 4)], 1),
        ([Layer(3, 4, 2), Layer(None, 3), Layer(5, 2), Layer(None, 3)], 3),
        ([Layer(4), *[Layer(None, 2)] * 11], 2),
    ],
)
def test_rings_of_as_many_channels_are_one_variable(layers, variables):
    content = streaming(window_model(layers))
    graph = verify(content).graphs[0]
    reads = sum(op.name == "READ_VARIABLE" for op in graph.operators)
    assert reads == variables == ops(content)["VAR_HANDLE"] // 2
    agree(layers, "tflm")


def test_rings_of_one_variable_share_its_ops():
    counts = ops(streaming(window_model(LONG, 40, dense=True)))
    del counts["CONV_2D"], counts["DEPTHWISE_CONV_2D"]
    assert counts == {
        "CALL_ONCE": 1, "VAR_HANDLE": 2, "READ_VARIABLE": 1, "SPLIT_V": 1, "CONCATENATION": 6,
        "STRIDED_SLICE": 5, "ASSIGN_VARIABLE": 2, "RESHAPE": 1, "FULLY_CONNECTED": 1, "LOGISTIC": 1,
    }  # fmt: skip


def test_weights_and_scales_stay_as_they_are():
    before = window_model(SMALL)
    after = streaming(before)
    assert [row.values.tobytes() for row in constants(before)] == [
        row.values.tobytes() for row in constants(after)
    ]
    ends = []
    for content in (before, after):
        graph = verify(content).graphs[0]
        labels = [graph.tensor(n).quantization for n in (*graph.inputs, *graph.outputs)]
        ends.append([(label.scales.tolist(), label.zero_points.tolist()) for label in labels])
    assert ends[0] == ends[1]
    assert graph.tensor(graph.inputs[0]).shape == [1, 3, 4]


@needs_tflm
def test_a_slimmed_stream_is_proven_with_its_state_and_small():
    from stapes.targets.tflm_cost import arena_bytes

    content = streaming(window_model(LONG, 40))
    slimmed = slim(content)
    proof = prove(content, slimmed, inputs=30, isolate=False)
    assert (proof.equal, proof.interpreters) == (True, ("litert", "litert_plain", "tflm"))
    assert slim(slimmed) == slimmed
    # Its weights and biases take 3,044 bytes. Pointers of 64 bits.
    assert len(slimmed) < 9_500
    assert arena_bytes(slimmed) < 12_500


@pytest.fixture(scope="module")
def converted():
    """Window models of `stream_cnn` as the techniques convert them, by the type of the input."""
    if importlib.util.find_spec("tf_keras") is None:
        pytest.skip("needs the extra `train`")
    from stapes.data.features import FeatureSet
    from stapes.models.backend import start_over
    from stapes.models.lowering import lower
    from stapes.models.stream_cnn import receptive_field, stream_cnn
    from stapes.techniques import post_training
    from stapes.techniques.recipes import Recipes
    from stapes.techniques.variant import Material

    start_over(0)
    sizes = {"width": 8, "blocks": 2, "kernel": 5}
    keras_model = lower(stream_cnn(**sizes))
    rng = np.random.default_rng(0)
    for weights in keras_model.weights:
        spread = 0.3 if weights.shape.rank == 1 else 1 / np.sqrt(np.prod(weights.shape[:3]))
        weights.assign(rng.normal(0, spread, weights.shape))
    clips = rng.uniform(0, 26, (8, receptive_field(**sizes), 40)).astype(np.float32)
    clips[:, 0, :2] = 0, 26
    nothing = FeatureSet(clips[:0], np.zeros(0, np.uint8), [])
    material = Material(keras_model, keras_model, nothing, clips, Recipes(), seed=0)
    rows = {"float32": "float32", "int8": "int8", "int16": "int16x8"}
    return {kind: getattr(post_training, row)(material).tflite for kind, row in rows.items()}


def compare(content, frames, interpreter):
    expected, actual = both(content, slim(streaming(content)), frames, interpreter)
    assert len(set(expected.tolist())) > 5
    tolerance = 1e-5 if frames.dtype.kind == "f" else 0.0
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("kind", ["float32", "int8", "int16"])
def test_converted_models_agree_on_noise(converted, kind, interpreter):
    compare(converted[kind], features(kind, 600, 40), interpreter)


@pytest.mark.slow
@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("kind", ["float32", "int8", "int16"])
def test_converted_models_agree_on_sound(converted, speech, kind, interpreter):
    pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    from stapes.audio.read import read
    from stapes.frontends.numerics.micro import frames, quantized

    path = next(path for path in sorted((speech / "continuous").rglob("*.flac")))
    heard = frames(read(path, 16_000)[: 16_000 * 10], 160)
    scale = verify(converted["int16"]).graphs[0].tensor(0).quantization.scales[0]
    steps = {"float32": heard, "int8": quantized(heard), "int16": heard / scale}[kind]
    compare(converted[kind], steps.astype(kind), interpreter)


@pytest.mark.slow
def test_esphome_takes_an_int8_stream(converted):
    assert esphome.obstacles(slim(streaming(converted["int8"]))) == []


def changed(content, change):
    root = unpacked(content)
    change(root.subgraphs[0], root)
    return packed(root)


def named(graph, root, code):
    return next(
        op for op in graph.operators if root.operatorCodes[op.opcodeIndex].builtinCode == code
    )


def pad(graph, root):
    named(graph, root, OP.DEPTHWISE_CONV_2D).builtinOptions.padding = schema.Padding.SAME


def softmax(graph, root):
    root.operatorCodes[named(graph, root, OP.LOGISTIC).opcodeIndex].builtinCode = OP.SOFTMAX
    for code in root.operatorCodes:
        if code.builtinCode == OP.SOFTMAX:
            code.deprecatedBuiltinCode = OP.SOFTMAX


def join(graph, root):
    conv = named(graph, root, OP.CONV_2D)
    logistic = named(graph, root, OP.LOGISTIC)
    root.operatorCodes[logistic.opcodeIndex].builtinCode = OP.ADD
    root.operatorCodes[logistic.opcodeIndex].deprecatedBuiltinCode = OP.ADD
    logistic.inputs = [*logistic.inputs, conv.outputs[0]]


def flatten(graph, root):
    reshape = named(graph, root, OP.RESHAPE)
    target = graph.tensors[reshape.outputs[0]]
    target.shape = [1, target.shape[3], 1, target.shape[1]]


def no_stride(graph, root):
    named(graph, root, OP.CONV_2D).builtinOptions.strideH = 0


def short(graph, root):
    target = graph.tensors[named(graph, root, OP.CONV_2D).outputs[0]]
    target.shape = [1, target.shape[1] - 1, 1, target.shape[3]]


def hybrid(graph, root):
    conv = named(graph, root, OP.CONV_2D)
    graph.tensors[conv.inputs[0]].type = TYPE.FLOAT32


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (pad, r"Op 2, DEPTHWISE_CONV_2D, cannot be streamed \(it pads its input\): a stream is a"),
        (softmax, r"Op 8, SOFTMAX, cannot be streamed: a stream is a chain of CONV_2D and DEPTH"),
        (join, r"Op 8, ADD, cannot be streamed \(it is no op of one computed input"),
        (
            flatten,
            r"Op 0, RESHAPE, .*makes \[1, 4, 1, 20\] of .* the receptive field is 1 of 20 frames",
        ),
        (short, r"Op 1, CONV_2D, .* \(its output is \[1, 19, 1, 6\], not 20 frames\)"),
        (no_stride, r"Op 1, CONV_2D, cannot be streamed \(it has no stride or dilation\)"),
        (hybrid, r"Op 1, CONV_2D, .*its weights are INT8, so that it scales its input by the win"),
    ],
)
def test_an_op_that_cannot_be_streamed_is_refused_by_name(change, reason):
    with pytest.raises(ModelError, match=reason):
        streaming(changed(window_model(SMALL), change))


def test_a_kernel_that_skips_frames_is_refused():
    with pytest.raises(ModelError, match="kernel of 2 frames is shorter than its stride of 3"):
        streaming(window_model([Layer(3), Layer(None, 2, 3)], frames=6))


@pytest.mark.parametrize("frames", [19, 21, 23])
def test_another_window_than_the_receptive_field_is_refused_with_both(frames):
    assert field(SMALL) == 20
    with pytest.raises(ModelError, match=f"window has {frames} frames and its receptive field 20"):
        streaming(window_model(SMALL, frames=frames))


@pytest.mark.parametrize("shape", [(1, 4), (2, 5, 4), (1, 5, 4, 2)])
def test_another_input_is_refused(shape):
    content = model([tensor(shape), tensor(shape)], [op(OP.LOGISTIC, (0,), (1,))], (0,), (1,))
    with pytest.raises(ModelError, match=r"that of a window model is \[1, frames, channels\]"):
        streaming(content)


def test_a_stream_is_no_window_model():
    with pytest.raises(ModelError, match="has 2 graphs, 1 inputs and 1 outputs"):
        streaming(streaming(window_model(SMALL)))


def test_files_with_changed_bytes_are_refused_or_streamed():
    content = window_model(SMALL)
    rng = np.random.default_rng(0)
    outcomes: Counter[str] = Counter()
    for _ in range(1_000):
        mutant = bytearray(content)
        for at in rng.integers(len(content), size=2):
            mutant[at] = (0, 1, 255, int(rng.integers(256)))[rng.integers(4)]
        try:
            streaming(bytes(mutant))
            outcomes["streamed"] += 1
        except ModelError:
            outcomes["refused"] += 1
    assert min(outcomes["streamed"], outcomes["refused"]) > 100


def test_a_broken_file_is_refused():
    with pytest.raises(ModelError, match="broken"):
        streaming(window_model(SMALL)[:-100])
