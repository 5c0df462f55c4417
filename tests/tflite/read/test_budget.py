"""Every byte of a file is counted once, for what it is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.tflite.models_by_hand import OP, dense, model, op, packed, tensor

from stapes.contracts.inspection import BUDGET_PARTS
from stapes.errors import ModelError
from stapes.tflite.edit.slim import slim
from stapes.tflite.format.tree import Table
from stapes.tflite.read.budget import budget
from stapes.tflite.read.inspect import inspect
from stapes.tflite.read.verify import verify

IN_PAGE = ("alexa", "hey_jarvis", "mlperf_tiny_kws", "micro_speech_quantized")
REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")


def of(content):
    found = budget(verify(content))
    sizes = found.model_dump(include=set(BUDGET_PARTS))
    assert sum(sizes.values()) == len(content)
    assert sum(found.owners.values()) == len(content)
    assert min(sizes.values()) >= 0
    return found


def test_weights_and_biases_are_data_alone():
    found = of(dense())
    assert (found.weights, found.biases, found.constants) == (12, 12, 0)
    assert found.padding == found.owners["padding"]
    # Length, letters, final zero.
    assert found.owners["Tensor.name"] == sum(
        4 + len(name) + 1 for name in ("x", "kernel", "bias", "y")
    )
    assert found.names == found.owners["Tensor.name"] + 4 + len("main") + 1


def test_the_budget_of_a_model_by_hand(small):
    found = of(small)
    assert (found.weights, found.biases) == (12, 12)
    assert found.constants == 40
    # The data, the name, the vector of one entry, its table; the description.
    name, description = 4 + len("min_runtime_version") + 1, 4 + len("MLIR Converted.") + 1
    entry = found.owners["Metadata"]
    assert found.metadata == 16 + name + (4 + 4) + entry + description
    assert found.quantization == sum(
        size for owner, size in found.owners.items() if owner.startswith("Quantization")
    )
    assert found.signatures == found.owners["Model.signature_defs"] + sum(
        size
        for owner, size in found.owners.items()
        if owner.startswith(("SignatureDef", "TensorMap"))
    )


def test_a_buffer_that_is_a_weight_and_a_constant_is_a_weight(changed):
    def share(model: Table) -> None:
        model["subgraphs"][0]["tensors"][1].fields.update(buffer=1, shape=np.array([3], np.int32))

    assert of(changed(share)).weights == 12


def test_a_widened_weight_is_a_weight():
    content = model(
        [
            tensor((1, 2)),
            tensor((3, 2), values=np.ones(6, np.int8)),
            tensor((3, 2)),
            tensor((1, 3)),
        ],
        [op(OP.DEQUANTIZE, (1,), (2,)), op(OP.FULLY_CONNECTED, (0, 2), (3,))],
    )
    assert of(content).weights == 6


def test_what_an_editor_left_behind_is_unreachable():
    assert of(dense() + b"left behind by an editor").unreachable == 24


def test_a_buffer_behind_the_tree_is_data():
    root = schema.ModelT.InitFromPackedBuf(bytearray(dense()), 0)
    kernel = bytes(root.buffers[1].data)
    root.buffers[1].data = None
    root.buffers[1].size = len(kernel)
    # Once to learn the length, which the offset does not change.
    root.buffers[1].offset = 1 << 40
    tree = packed(root)
    root.buffers[1].offset = len(tree)
    content = packed(root) + kernel
    found = of(content)
    assert found.weights == 12
    assert inspect(content).subgraphs[0].tensors[1].first_values == list(range(8))


def test_sparse_places_are_apart():
    root = schema.ModelT.InitFromPackedBuf(bytearray(dense()), 0)
    kernel = root.subgraphs[0].tensors[1]
    root.buffers[1].data = np.array([5, 6], np.uint8)
    dense_level, sparse_level = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    dense_level.denseSize = 3
    sparse_level.format = schema.DimensionType.SPARSE_CSR
    for part, values in (("Segments", [0, 1, 1, 2]), ("Indices", [3, 0])):
        vector = schema.Uint8VectorT()
        vector.values = np.array(values, np.uint8)
        setattr(sparse_level, f"array{part}", vector)
        setattr(sparse_level, f"array{part}Type", schema.SparseIndexVector.Uint8Vector)
    kernel.sparsity = schema.SparsityParametersT()
    kernel.sparsity.traversalOrder = [0, 1]
    kernel.sparsity.dimMetadata = [dense_level, sparse_level]
    content = packed(root)
    found = of(content)
    assert found.weights == 2
    assert found.sparsity > 2 * 4 + 4 + 4 + 2
    told = inspect(content).subgraphs[0].tensors[1]
    assert told.sparse
    assert told.statistics is not None
    assert told.first_values == [0, 0, 0, 5, 0, 0, 0, 0]
    assert (told.statistics.zeros, told.statistics.distinct) == (10, 3)


@pytest.mark.parametrize("name", REAL)
def test_published_models_add_up(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    found = of(content)
    told = inspect(content)
    assert found.weights + found.biases <= told.data_bytes
    assert found.unreachable == 0
    assert told.parameters >= found.weights
    runtimes: tuple[Literal["any", "tflm"], ...] = ("any", "tflm")
    for runtime in runtimes:
        slimmed = of(slim(content, runtime=runtime))
        assert (slimmed.weights, slimmed.names) == (found.weights, 0)


@pytest.mark.parametrize("name", REAL)
def test_mutants_that_verify_add_up(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(40):
        mutant = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            mutant[place] = rng.integers(256)
        try:
            found = inspect(bytes(mutant))
        except ModelError:
            continue
        sizes = found.budget.model_dump(include=set(BUDGET_PARTS))
        assert sum(sizes.values()) == sum(found.budget.owners.values()) == len(content)
        passed += 1
    assert passed


def budgets_in(text):
    """The rows of a table of budgets in the page, by part."""
    return {
        cells[0]: [int(cell.replace(",", "")) for cell in cells[1:]]
        for cells in (
            [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()
        )
        if cells[0] in (*BUDGET_PARTS, "file")
    }


def test_the_page_says_what_is_measured(models):
    page = (Path(__file__).parents[3] / "docs" / "file-anatomy.md").read_text("utf-8")
    before, any_one, micro = re.split("## After slimming|After `--runtime tflm`", page)
    contents = [(models / f"{name}.tflite").read_bytes() for name in IN_PAGE]
    slimmed = {
        any_one: [slim(each) for each in contents],
        micro: [slim(each, runtime="tflm") for each in contents],
    }
    for text, files in {before: contents, **slimmed}.items():
        rows = budgets_in(text)
        assert rows.pop("file") == [len(each) for each in files]
        measured = [inspect(each).budget for each in files]
        told = {part: [getattr(each, part) for each in measured] for part in BUDGET_PARTS}
        # The tables of slimmed files leave out what they have none of.
        assert {part: found for part, found in told.items() if any(found)} == {
            part: found for part, found in rows.items() if any(found)
        }
    found = [inspect(each) for each in contents]
    for owner in re.findall(r"^\| ([A-Z]\w+\.\w+) ", page, re.MULTILINE):
        told_of = [f"{each.budget.owners.get(owner, 0):,}" for each in found]
        assert f"| {owner} | {' | '.join(told_of)} |" in page
    for name, each in zip(
        ("alexa", "hey_jarvis", "mlperf_tiny_kws", "micro_speech"), found, strict=True
    ):
        assert re.search(rf"^\| `{name}` .*\| {each.parameters:,} \| {each.macs:,} \|$", page, re.M)
