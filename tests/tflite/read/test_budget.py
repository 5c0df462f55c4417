"""Every byte of a file counts once, under its purpose."""

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
    parts = budget(verify(content))
    sizes = parts.model_dump(include=set(BUDGET_PARTS))
    assert sum(sizes.values()) == len(content)
    assert sum(parts.owners.values()) == len(content)
    assert min(sizes.values()) >= 0
    return parts


def test_weights_and_biases_are_data_alone():
    parts = of(dense())
    assert (parts.weights, parts.biases, parts.constants) == (12, 12, 0)
    assert parts.padding == parts.owners["padding"]
    # Length, letters, final zero.
    assert parts.owners["Tensor.name"] == sum(
        4 + len(name) + 1 for name in ("x", "kernel", "bias", "y")
    )
    assert parts.names == parts.owners["Tensor.name"] + 4 + len("main") + 1


def test_the_budget_of_a_model_by_hand(small):
    parts = of(small)
    assert (parts.weights, parts.biases) == (12, 12)
    assert parts.constants == 40
    # The data, the name, the vector of one entry, its table; the description.
    name, description = 4 + len("min_runtime_version") + 1, 4 + len("MLIR Converted.") + 1
    entry = parts.owners["Metadata"]
    assert parts.metadata == 16 + name + (4 + 4) + entry + description
    assert parts.quantization == sum(
        size for owner, size in parts.owners.items() if owner.startswith("Quantization")
    )
    assert parts.signatures == parts.owners["Model.signature_defs"] + sum(
        size
        for owner, size in parts.owners.items()
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


def test_unused_bytes_are_unreachable():
    assert of(dense() + b"left behind by an editor").unreachable == 24


def test_a_buffer_outside_the_tree_is_data():
    root = schema.ModelT.InitFromPackedBuf(bytearray(dense()), 0)
    kernel = bytes(root.buffers[1].data)
    root.buffers[1].data = None
    root.buffers[1].size = len(kernel)
    # The first file gives the length, which does not depend on the offset.
    root.buffers[1].offset = 1 << 40
    tree = packed(root)
    root.buffers[1].offset = len(tree)
    content = packed(root) + kernel
    parts = of(content)
    assert parts.weights == 12
    assert inspect(content).subgraphs[0].tensors[1].first_values == list(range(8))


def test_sparse_indices_are_a_part_of_their_own():
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
    parts = of(content)
    assert parts.weights == 2
    assert parts.sparsity > 2 * 4 + 4 + 4 + 2
    kernel = inspect(content).subgraphs[0].tensors[1]
    assert kernel.sparse
    assert kernel.statistics is not None
    assert kernel.first_values == [0, 0, 0, 5, 0, 0, 0, 0]
    assert (kernel.statistics.zeros, kernel.statistics.distinct) == (10, 3)


@pytest.mark.parametrize("name", REAL)
def test_published_models_add_up(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    parts = of(content)
    inspection = inspect(content)
    assert parts.weights + parts.biases <= inspection.data_bytes
    assert parts.unreachable == 0
    assert inspection.parameters >= parts.weights
    runtimes: tuple[Literal["any", "tflm"], ...] = ("any", "tflm")
    for runtime in runtimes:
        slimmed = of(slim(content, runtime=runtime))
        assert (slimmed.weights, slimmed.names) == (parts.weights, 0)


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
            inspection = inspect(bytes(mutant))
        except ModelError:
            continue
        budget = inspection.budget.model_dump()
        assert sum(budget.pop("owners").values()) == sum(budget.values()) == len(content)
        passed += 1
    assert passed


def budgets_in(text):
    """{part: row} of a table of budgets in the page."""
    return {
        cells[0]: [int(cell.replace(",", "")) for cell in cells[1:]]
        for cells in (
            [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()
        )
        if cells[0] in (*BUDGET_PARTS, "file")
    }


def test_the_page_has_the_measured_numbers(models):
    page = (Path(__file__).parents[3] / "docs" / "file-anatomy.md").read_text("utf-8")
    before, any_one, micro = re.split("## After slimming|After `--runtime tflm`", page)
    contents = [(models / f"{name}.tflite").read_bytes() for name in IN_PAGE]
    slimmed = {
        any_one: [slim(content) for content in contents],
        micro: [slim(content, runtime="tflm") for content in contents],
    }
    for text, files in {before: contents, **slimmed}.items():
        rows = budgets_in(text)
        assert rows.pop("file") == [len(content) for content in files]
        budgets = [inspect(content).budget for content in files]
        sizes = {part: [getattr(budget, part) for budget in budgets] for part in BUDGET_PARTS}
        # The tables of slimmed files have no rows of zeros.
        assert {part: row for part, row in sizes.items() if any(row)} == {
            part: row for part, row in rows.items() if any(row)
        }
    inspections = [inspect(content) for content in contents]
    for owner in re.findall(r"^\| ([A-Z]\w+\.\w+) ", page, re.MULTILINE):
        cells = [f"{inspection.budget.owners.get(owner, 0):,}" for inspection in inspections]
        assert f"| {owner} | {' | '.join(cells)} |" in page
    names = ("alexa", "hey_jarvis", "mlperf_tiny_kws", "micro_speech")
    for name, inspection in zip(names, inspections, strict=True):
        figures = rf"{inspection.parameters:,} \| {inspection.macs:,}"
        assert re.search(rf"^\| `{name}` .*\| {figures} \|$", page, re.MULTILINE)
