"""What `stapes inspect` says of a .tflite: plain data, which `--json` prints as it is."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

FIRST_VALUES = 8
"""Of a constant, so many values are told."""

Number: TypeAlias = "bool | int | float"
Role: TypeAlias = Literal["weight", "bias", "constant"]


class _Model(BaseModel):
    # A constant may hold numbers that JSON has no word for.
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class Quantization(_Model):
    """How stored integers stand for reals: real = scale * (stored - zero point)."""

    scale: list[float]
    zero_point: list[int]
    """As many as scales, or one for all."""
    axis: int | None
    """The axis that has a scale for each of its places; None for one scale."""
    details: str = ""
    """The schema's table where the quantization is of another kind; empty for the usual one."""


class Histogram(_Model):
    """How many values lie in each of a number of bins of equal width."""

    low: float
    """Where the first bin begins."""
    high: float
    """Where the last bin ends."""
    counts: list[int]


class Statistics(_Model):
    """What can be said of a constant's values, which are taken as they are stored."""

    values: int
    zeros: int
    """Values that stand for 0: those that equal the zero point, if there is one."""
    distinct: int
    not_finite: int
    minimum: float | None
    """Of the finite values, as are `maximum`, `mean`, `deviation` and `histogram`."""
    maximum: float | None
    mean: float | None
    deviation: float | None
    """Standard deviation of the values themselves, not of a sample."""
    entropy_bits: float
    """Shannon entropy a value: no lossless code that treats values one by one needs less."""
    coded_bytes: int
    """What such a code would store, without its table."""
    compliance_2by4: float | None = None
    """The part of groups of four input channels with two zeros or more; None for what is no kernel
    over input channels, and where these are no multiple of four."""
    histogram: Histogram | None = None


class Tensor(_Model):
    """One tensor of a subgraph."""

    number: int
    name: str
    type: str
    shape: list[int]
    shape_signature: list[int] | None
    """The shape with -1 where it is left open; None if the file does not hold it."""
    is_variable: bool
    buffer: int
    bytes: int
    """Of the constant in its buffer; 0 if it is computed."""
    sparse: bool
    role: Role | None
    """What a constant is to the ops that read it; None if it is computed."""
    quantization: Quantization | None
    first_values: list[Number]
    """The first `FIRST_VALUES` of a constant, a sparse one with its zeros."""
    statistics: Statistics | None


class Op(_Model):
    """One op of a subgraph."""

    number: int
    name: str
    """The schema's, or that of a custom op."""
    custom: bool
    version: int
    inputs: list[int]
    """Numbers of tensors; -1 for one that is left out."""
    outputs: list[int]
    intermediates: list[int]
    calls: list[int]
    """Numbers of the subgraphs that it runs."""
    macs: int
    parameters: int


class Subgraph(_Model):
    """One subgraph, its ops in the order they run."""

    number: int
    name: str
    inputs: list[int]
    outputs: list[int]
    data_bytes: int
    """Of the constants of its tensors; a buffer counts for each tensor that uses it."""
    ops: list[Op]
    tensors: list[Tensor]


class NamedTensor(_Model):
    """An input or output of a signature."""

    name: str
    tensor: int


class Signature(_Model):
    """A name by which a subgraph is called."""

    key: str
    subgraph: int
    inputs: list[NamedTensor]
    outputs: list[NamedTensor]


class Metadata(_Model):
    """What the file says of itself."""

    name: str
    buffer: int
    bytes: int


class Budget(_Model):
    """What every byte of the file is for; the parts add up to its size.

    The weights, biases and other constants are data alone. What else belongs to a part counts its
    tables and the lengths of its vectors too, but for vtables, which tables of many kinds share.
    """

    weights: int = 0
    biases: int = 0
    constants: int = 0
    """Data of other buffers: shapes, look-up tables, first states, and what nothing uses."""
    sparsity: int = 0
    """Where the values of sparse tensors are."""
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
    """The same bytes by the field of the schema that owns them, the largest first."""


BUDGET_PARTS = tuple(name for name in Budget.model_fields if name != "owners")
"""The parts that add up to the file's size."""


class Inspection(_Model):
    """The whole of what is said."""

    # Named `schema` in the document; pydantic keeps that name for itself.
    schema_version: Literal[1] = Field(default=1, alias="schema")
    file: str = ""
    """Empty where bytes were inspected."""
    bytes: int
    data_bytes: int
    """Of all buffers: TensorFlow's analyzer calls it the total data buffer size."""
    zero_bytes: int
    """Of the buffers that hold nothing but zero bytes."""
    parameters: int
    """Elements of all weights and biases; a tensor counts once."""
    macs: int
    """Of one run of each subgraph, counted as `stapes.tflite.read.cost` says."""
    description: str
    subgraphs: list[Subgraph]
    signatures: list[Signature]
    metadata: list[Metadata]
    unknown: list[str]
    """What a newer schema may know of the file and this one does not."""
    budget: Budget
