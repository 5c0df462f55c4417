"""The content of a .tflite; `stapes inspect --json` prints it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from stapes.contracts.measurements import Part

FIRST_VALUES = 8
"""Of a constant."""

Number: TypeAlias = "bool | int | float"
Role: TypeAlias = Literal["weight", "bias", "constant"]


class Quantization(Part):
    """How integers stand for reals: real = scale * (stored - zero point)."""

    scale: list[float]
    zero_point: list[int]
    """As many as scales, or one for all."""
    axis: int | None
    """The axis of the scales; None for one scale."""
    details: str = ""
    """The schema's table of another kind of quantization; else empty."""


class Histogram(Part):
    """The number of values in bins of equal width."""

    low: float
    """The start of the first bin."""
    high: float
    """The end of the last bin."""
    counts: list[int]


class Statistics(Part):
    """Statistics of a constant's values, as they are stored."""

    values: int
    zeros: int
    """Values that stand for 0: the zero point, if there is one."""
    distinct: int
    not_finite: int
    minimum: float | None
    """Of the finite values, as are `maximum`, `mean`, `deviation` and `histogram`."""
    maximum: float | None
    mean: float | None
    deviation: float | None
    """Standard deviation."""
    entropy_bits: float
    """Shannon entropy of a value: no lossless code of single values needs less."""
    coded_bytes: int
    """The size of the values in such a code, without its table."""
    compliance_2by4: float | None = None
    """The part of groups of four input channels with two zeros or more; None if it has no input
    channels, or no multiple of four."""
    histogram: Histogram | None = None


class Tensor(Part):
    """One tensor of a subgraph."""

    number: int
    name: str
    type: str
    shape: list[int]
    shape_signature: list[int] | None
    """The shape with -1 for an open size; None if the file has none."""
    is_variable: bool
    buffer: int
    bytes: int
    """Of the constant; 0 if it is computed."""
    sparse: bool
    role: Role | None
    """Of a constant in the ops that read it; None if it is computed."""
    quantization: Quantization | None
    first_values: list[Number]
    """The first `FIRST_VALUES` of a constant, a sparse one with its zeros."""
    statistics: Statistics | None


class Op(Part):
    """One op of a subgraph."""

    number: int
    name: str
    """In the schema, or the custom op's own."""
    custom: bool
    version: int
    inputs: list[int]
    """Numbers of tensors; -1 for a missing one."""
    outputs: list[int]
    intermediates: list[int]
    calls: list[int]
    """Numbers of subgraphs."""
    macs: int
    parameters: int


class Subgraph(Part):
    """One subgraph, its ops in the order they run."""

    number: int
    name: str
    inputs: list[int]
    outputs: list[int]
    data_bytes: int
    """Of its constants; a shared buffer counts for every tensor."""
    ops: list[Op]
    tensors: list[Tensor]


class NamedTensor(Part):
    """An input or output of a signature."""

    name: str
    tensor: int


class Signature(Part):
    """A named way to call a subgraph."""

    key: str
    subgraph: int
    inputs: list[NamedTensor]
    outputs: list[NamedTensor]


class Metadata(Part):
    """A named buffer of metadata."""

    name: str
    buffer: int
    bytes: int


class Budget(Part):
    """The purpose of every byte of the file; the parts add up to its size.

    Weights, biases and constants are data alone. Other parts include their tables and the lengths
    of their vectors, but no vtables: tables of several kinds share them.
    """

    weights: int = 0
    biases: int = 0
    constants: int = 0
    """Data of other buffers: shapes, look-up tables, initial states, and unused data."""
    sparsity: int = 0
    """The indices of sparse tensors."""
    quantization: int = 0
    """Scales, zero points and ranges."""
    names: int = 0
    """Of tensors and subgraphs."""
    metadata: int = 0
    signatures: int = 0
    tables: int = 0
    """Ops, tensors, buffers, shapes, vtables and the file's header."""
    padding: int = 0
    unreachable: int = 0
    """Bytes that nothing points at."""
    owners: dict[str, int] = Field(default_factory=dict)
    """The same bytes by field of the schema, the largest first."""


BUDGET_PARTS = tuple(name for name in Budget.model_fields if name != "owners")
"""The parts that add up to the file's size."""


class Inspection(Part):
    """The whole document."""

    # `schema` in the document: pydantic reserves that name.
    schema_version: Literal[1] = Field(default=1, alias="schema")
    file: str = ""
    """Empty for a model that is no file."""
    bytes: int
    data_bytes: int
    """Of all buffers: the total data buffer size of TensorFlow's analyzer."""
    zero_bytes: int
    """Of the buffers that hold only zero bytes."""
    parameters: int
    """Elements of all weights and biases; a tensor counts once."""
    macs: int
    """Of one run of every subgraph; see `stapes.tflite.read.cost`."""
    macs_inputs: list[list[int]] = Field(default_factory=list)
    """The shapes of the inputs that the MACs are for, where the file leaves sizes open, and LiteRT
    runs it; else empty, and open sizes count as 1."""
    description: str
    subgraphs: list[Subgraph]
    signatures: list[Signature]
    metadata: list[Metadata]
    unknown: list[str]
    """Parts of the file that only a newer schema knows."""
    budget: Budget
