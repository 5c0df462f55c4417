"""Packed constants are unpacked as by SciPy and LiteRT."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
import scipy.sparse
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stapes.errors import ModelError
from stapes.tflite.format.packed import densify, unpack
from stapes.tflite.format.tree import Table

# Small integers, so that half of them can be zero.
MATRICES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 0, 0, 1, -2, 3.5]),
)


def vector(values):
    numbers = schema.Int32VectorT()
    numbers.values = [int(value) for value in values]
    return numbers


def dense(size):
    level = schema.DimensionMetadataT()
    level.format = schema.DimensionType.DENSE
    level.denseSize = size
    return level


def compressed(segments, indices):
    level = schema.DimensionMetadataT()
    level.format = schema.DimensionType.SPARSE_CSR
    level.arraySegmentsType = level.arrayIndicesType = schema.SparseIndexVector.Int32Vector
    level.arraySegments, level.arrayIndices = vector(segments), vector(indices)
    return level


def encoding(order, levels, blocks=None):
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder, sparsity.blockMap, sparsity.dimMetadata = order, blocks, levels
    return sparsity


def as_read(sparsity):
    """An object of the generated classes as our reader gives it."""
    levels = [
        Table(
            "DimensionMetadata",
            {
                "format": level.format,
                "dense_size": level.denseSize,
                "array_segments": values_as_read(level.arraySegments),
                "array_indices": values_as_read(level.arrayIndices),
            },
        )
        for level in sparsity.dimMetadata
    ]
    fields = {"traversal_order": sparsity.traversalOrder, "dim_metadata": levels}
    blocks = {} if sparsity.blockMap is None else {"block_map": sparsity.blockMap}
    return Table("SparsityParameters", {**fields, **blocks})


def densified(values, shape, sparsity):
    return densify(values, shape, as_read(sparsity))


def values_as_read(vector):
    return vector and Table("Int32Vector", {"values": np.array(vector.values, np.int32)})


def by_rows(matrix):
    """The values of a matrix and their encoding, from SciPy's CSR."""
    csr = scipy.sparse.csr_matrix(matrix)
    levels = [dense(matrix.shape[0]), compressed(csr.indptr, csr.indices)]
    return csr.data, encoding([0, 1], levels)


def by_columns(matrix):
    csc = scipy.sparse.csc_matrix(matrix)
    levels = [dense(matrix.shape[1]), compressed(csc.indptr, csc.indices)]
    return csc.data, encoding([1, 0], levels)


def by_blocks(matrix, size):
    bsr = scipy.sparse.bsr_matrix(matrix, blocksize=size)
    rows = dense(matrix.shape[0] // size[0])
    levels = [rows, compressed(bsr.indptr, bsr.indices), dense(size[0]), dense(size[1])]
    return bsr.data.ravel(), encoding([0, 1, 2, 3], levels, [0, 1])


def densified_by_litert(values, shape, sparsity):
    """The result of LiteRT's DENSIFY."""
    code, op, graph, model = (
        schema.OperatorCodeT(),
        schema.OperatorT(),
        schema.SubGraphT(),
        schema.ModelT(),
    )
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DENSIFY
    stored, whole = schema.TensorT(), schema.TensorT()
    for number, tensor in enumerate((stored, whole)):
        tensor.name, tensor.shape, tensor.buffer = f"tensor{number}", list(shape), number
        tensor.type = schema.TensorType.FLOAT32
    stored.sparsity, stored.buffer, whole.buffer = sparsity, 1, 0
    op.opcodeIndex, op.inputs, op.outputs = 0, [0], [1]
    op.builtinOptionsType = schema.BuiltinOptions.DensifyOptions
    op.builtinOptions = schema.DensifyOptionsT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [stored, whole], [op], [], [1]
    buffers = [schema.BufferT(), schema.BufferT()]
    buffers[1].data = np.frombuffer(np.asarray(values, np.float32).tobytes(), np.uint8)
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers, model.description = buffers, "one DENSIFY"
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    interpreter = Interpreter(
        model_content=bytes(builder.Output()),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    interpreter.invoke()
    return interpreter.get_tensor(1)


def test_known_half_bytes_the_lower_half_first():
    data = np.array([0x10, 0xF7, 0x89], np.uint8)
    assert unpack(data, 6, 4).tolist() == [0, 1, 7, -1, -7, -8]
    assert unpack(data, 5, 4).tolist() == [0, 1, 7, -1, -7]
    assert unpack(np.zeros(0, np.uint8), 0, 4).tolist() == []


@given(st.lists(st.integers(-8, 7)))
def test_packed_integers_come_back(values):
    nibbles = [value & 0x0F for value in values] + [0] * (len(values) % 2)
    packed = [low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True)]
    unpacked = unpack(np.array(packed, np.uint8), len(values), 4)
    assert unpacked.dtype == np.int8
    assert unpacked.tolist() == values


def test_a_known_matrix_by_its_rows():
    # [[5, 0, 0], [0, 0, 0], [0, 6, 7]]
    levels = [dense(3), compressed([0, 1, 1, 3], [0, 1, 2])]
    whole = densified(np.array([5, 6, 7], np.int8), [3, 3], encoding([0, 1], levels))
    assert whole.dtype == np.int8
    assert whole.tolist() == [[5, 0, 0], [0, 0, 0], [0, 6, 7]]


def test_rows_may_be_sparse_too():
    levels = [compressed([0, 1], [2]), compressed([0, 2], [0, 3])]
    whole = densified(np.array([8, 9]), [3, 4], encoding([0, 1], levels))
    assert whole.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [8, 0, 0, 9]]


@settings(max_examples=50, deadline=None)
@given(MATRICES)
def test_matrices_are_scipys(matrix):
    for values, sparsity in (by_rows(matrix), by_columns(matrix)):
        whole = densified(values, list(matrix.shape), sparsity)
        np.testing.assert_array_equal(whole, matrix)


@settings(max_examples=50, deadline=None)
@given(
    arrays.arrays(np.float32, (4, 12), elements=st.sampled_from([0, 0, 0, 0, 1, -2])),
    st.sampled_from([(1, 4), (2, 2), (4, 1), (2, 3), (4, 12)]),
)
def test_blocks_are_scipys(matrix, size):
    values, sparsity = by_blocks(matrix, size)
    np.testing.assert_array_equal(densified(values, [4, 12], sparsity), matrix)


@settings(max_examples=25, deadline=None)
@given(arrays.arrays(np.float32, (3, 8), elements=st.sampled_from([0, 0, 0, 1, -2, 3.5])))
def test_litert_unpacks_the_same(matrix):
    if not matrix.any():
        return  # LiteRT takes an empty buffer for no constant.
    for values, sparsity in (by_rows(matrix), by_columns(matrix), by_blocks(matrix, (1, 4))):
        expected = densified_by_litert(values, (3, 8), sparsity)
        np.testing.assert_array_equal(densified(values, [3, 8], sparsity), expected)
        np.testing.assert_array_equal(expected, matrix)


def test_a_kernel_of_four_dimensions():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(2, 3, 3, 4)) * (rng.random((2, 3, 3, 4)) < 0.3)
    csr = scipy.sparse.csr_matrix(kernel.reshape(-1, 4))
    levels = [dense(2), dense(3), dense(3), compressed(csr.indptr, csr.indices)]
    whole = densified(csr.data, [2, 3, 3, 4], encoding([0, 1, 2, 3], levels))
    np.testing.assert_array_equal(whole, kernel)


ONE_ROW = (np.array([1.0, 2.0]), [1, 3])


@pytest.mark.parametrize(
    ("sparsity", "reason"),
    [
        (encoding([0, 1], [dense(1), dense(3)]), "number of values"),
        (encoding([0, 1], [dense(1), compressed([0, 1], [0])]), "number of values"),
        (encoding([0, 1], [dense(2**31 - 1), dense(2**31 - 1)]), "larger"),
    ],
)
def test_an_encoding_that_does_not_fit_is_refused(sparsity, reason):
    with pytest.raises(ModelError, match=reason):
        densified(*ONE_ROW, sparsity)


def test_a_huge_shape_is_refused():
    levels = [dense(1), compressed([0, 2], [0, 1])]
    with pytest.raises(ModelError, match="larger"):
        densified(ONE_ROW[0], [2**20, 2**20], encoding([0, 1], levels))
