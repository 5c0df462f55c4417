"""The TensorFlow Lite schema as data: every table, field, slot, type and default.

Notation, one table a line (a line that begins with blanks continues the one before):

    Table: field:type field:type=default - field:[type]

A field's slot is its place; `-` is a slot that is no longer in use. Types are scalars (u8, i8, u16,
i16, u32, i32, u64, i64, f32, f64, bool), `str`, a table, a union, or a vector `[type]` of scalars,
strings or tables. A scalar without a default defaults to zero. A union field holds the table whose
number is in the field before it, which ends in `_type`.

No table reaches itself by its fields, so a file's tree is never deeper than the schema.

Source: the TensorFlow Lite schema (schema.fbs) of LiteRT 2.3; the tests compare it with the classes
generated from it that ship with ai-edge-litert. FlatBuffers' file format:
https://flatbuffers.dev/internals.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from ai_edge_litert import schema_py_generated as generated

from stapes.tflite.format.options import OPTIONS

_CORE = """
CustomQuantization: custom:[u8]
BlockwiseQuantization: scales:i32 zero_points:i32 block_size:i32 block_shape:[i32]
MultiAxisQuantization: scales:i32 zero_points:i32 block_size:i32 quantized_dimensions:[i32]
QuantizationParameters: min:[f32] max:[f32] scale:[f32] zero_point:[i64] details_type:u8
    details:QuantizationDetails quantized_dimension:i32
Int32Vector: values:[i32]
Uint16Vector: values:[u16]
Uint8Vector: values:[u8]
DimensionMetadata: format:i8 dense_size:i32 array_segments_type:u8 array_segments:SparseIndexVector
    array_indices_type:u8 array_indices:SparseIndexVector
SparsityParameters: traversal_order:[i32] block_map:[i32] dim_metadata:[DimensionMetadata]
VariantSubType: shape:[i32] type:i8 has_rank:bool
Tensor: shape:[i32] type:i8 buffer:u32 name:str quantization:QuantizationParameters is_variable:bool
    sparsity:SparsityParameters shape_signature:[i32] has_rank:bool variant_tensors:[VariantSubType]
    external_buffer:u32
OperatorCode: deprecated_builtin_code:i8 custom_code:str version:i32=1 builtin_code:i32
Operator: opcode_index:u32 inputs:[i32] outputs:[i32] builtin_options_type:u8
    builtin_options:BuiltinOptions custom_options:[u8] custom_options_format:i8
    mutating_variable_inputs:[bool] intermediates:[i32] large_custom_options_offset:u64
    large_custom_options_size:u64 builtin_options2_type:u8 builtin_options2:BuiltinOptions2
    debug_metadata_index:i32=-1
SubGraph: tensors:[Tensor] inputs:[i32] outputs:[i32] operators:[Operator] name:str
    debug_metadata_index:i32=-1
Buffer: data:[u8] offset:u64 size:u64
ExternalBufferGroup: name:str
ExternalBuffer: id:u32 group:u32 offset:u64 length:u64 packing:str
Metadata: name:str buffer:u32
TensorMap: name:str tensor_index:u32
SignatureDef: inputs:[TensorMap] outputs:[TensorMap] signature_key:str - subgraph_index:u32
Model: version:u32 operator_codes:[OperatorCode] subgraphs:[SubGraph] description:str
    buffers:[Buffer] metadata_buffer:[i32] metadata:[Metadata] signature_defs:[SignatureDef]
    external_buffer_groups:[ExternalBufferGroup] external_buffers:[ExternalBuffer]
"""

SCALARS = {
    "bool": struct.Struct("<?"),
    "i8": struct.Struct("<b"),
    "u8": struct.Struct("<B"),
    "i16": struct.Struct("<h"),
    "u16": struct.Struct("<H"),
    "i32": struct.Struct("<i"),
    "u32": struct.Struct("<I"),
    "i64": struct.Struct("<q"),
    "u64": struct.Struct("<Q"),
    "f32": struct.Struct("<f"),
    "f64": struct.Struct("<d"),
}

Shape = Literal["scalar", "string", "table", "union", "scalars", "strings", "tables"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table.

    `type` is a scalar's name, "str", or the name of a table or union; for a vector, that of its
    elements. `size` is its size and its alignment in its table [bytes].
    """

    name: str
    slot: int
    shape: Shape
    type: str
    default: float
    size: int


def _field(slot: int, text: str) -> Field:
    name, _, rest = text.partition(":")
    kind, _, default = rest.partition("=")
    vector = kind.startswith("[")
    kind = kind.strip("[]")
    shape: Shape
    if kind in SCALARS:
        shape = "scalars" if vector else "scalar"
    elif kind == "str":
        shape = "strings" if vector else "string"
    elif kind in UNIONS:
        shape = "union"
    else:
        shape = "tables" if vector else "table"
    size = SCALARS[kind].size if shape == "scalar" else 4
    value = float(default or 0) if kind in ("f32", "f64") else int(default or 0)
    return Field(name, slot, shape, kind, bool(value) if kind == "bool" else value, size)


def _union(name: str) -> tuple[str, ...]:
    numbers = vars(getattr(generated, name))
    _none, *tables = sorted((key for key in numbers if key[0] != "_"), key=numbers.__getitem__)
    return tuple(tables)


UNIONS = {
    name: _union(name)
    for name in ("QuantizationDetails", "SparseIndexVector", "BuiltinOptions", "BuiltinOptions2")
}
"""The tables that each union may hold: number n of the file is the n-th from 1, and 0 is none."""


def _tables() -> dict[str, tuple[Field, ...]]:
    # An options table that has no line has no field.
    tables: dict[str, tuple[Field, ...]] = {name: () for union in UNIONS.values() for name in union}
    for name, fields in re.findall(r"(\w+): (.+)", re.sub(r"\n +", " ", _CORE + OPTIONS)):
        slots = enumerate(fields.split())
        tables[name] = tuple(_field(slot, text) for slot, text in slots if text != "-")
    return tables


TABLES = _tables()
"""The fields of every table, by slot."""
