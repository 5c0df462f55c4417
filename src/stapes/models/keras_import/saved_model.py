"""Read SavedModel folders without loading them: of Keras 2, of Keras 3's `export`, and others.

A SavedModel is a program, and TensorFlow's advice is to run only trusted ones. So the part of the
graph that the serving signature needs is taken, if all its operations are plain arithmetic, with
the weights from the checkpoint. The rest (savers, initializers, other functions) is never run.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stapes.errors import ModelError
from stapes.models.backend import tensorflow
from stapes.models.keras_import.archive import LIMIT, read_bytes
from stapes.models.keras_import.config import quoted

_OPERATIONS = """
    Abs Add AddN AddV2 All Any ArgMax ArgMin AvgPool AvgPool3D BatchMatMulV2 BatchMatMulV3
    BatchToSpaceND BiasAdd BroadcastTo Cast Ceil ConcatV2 Const Conv2D Conv2DBackpropInput Conv3D
    Cos Cumsum DepthToSpace DepthwiseConv2dNative Div DivNoNan Einsum Elu EnsureShape Equal Erf Exp
    ExpandDims Expm1 Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3
    Gather GatherNd GatherV2 Greater GreaterEqual Identity IdentityN If L2Loss LeakyRelu Less
    LessEqual Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul MatrixDiag Max MaxPool
    MaxPool3D MaxPoolV2 Maximum Mean Min Minimum MirrorPad Mul Neg NoOp NotEqual OneHot Pack Pad
    PadV2 PartitionedCall Placeholder PlaceholderWithDefault Pow Prod RFFT Range Rank ReadVariableOp
    RealDiv Real Imag ComplexAbs Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor
    ResourceGather ReverseV2 Round Rsqrt ScatterNd Select SelectV2 Selu Shape ShapeN Sigmoid Sign
    Sin Size Slice Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square
    SquaredDifference Squeeze StatefulPartitionedCall StatelessIf StatelessWhile StopGradient
    StridedSlice Sub Sum Tan Tanh TensorListFromTensor TensorListGetItem TensorListLength
    TensorListReserve TensorListSetItem TensorListStack Tile TopKV2 Transpose TruncateDiv Unpack
    VarHandleOp VarIsInitializedOp Where While ZerosLike OnesLike
"""
_HARMLESS = frozenset(_OPERATIONS.split())
"""Operations that compute, and touch nothing else. A loop may never end: isolate what runs them."""

_LARGEST_CONSTANT = 1 << 24

_numbers = itertools.count()
"""Of the graphs of this process."""

_SIGNATURES = ("serving_default", "serve")


@dataclass(frozen=True)
class SavedModel:
    """The parts of a SavedModel.

    Attributes
    ----------
    meta_graph : MetaGraphDef
        All of it, unchecked: never import it.
    graph : tf.compat.v1.GraphDef
        Only what the serving signature needs.
    feeds, fetches : dict
        From the signature's names of inputs and outputs to those of tensors in the graph.
    variables : dict
        From names of variables in the graph to their keys in the checkpoint.
    checkpoint : tf.train.CheckpointReader
    objects : list of TrackableObject
        The owners of the checkpoint's tensors: the model is the first, and each lists its parts.
    """

    meta_graph: Any
    graph: Any
    feeds: dict[str, str]
    fetches: dict[str, str]
    variables: dict[str, str]
    checkpoint: Any
    objects: Any

    def count(self) -> int:
        """How many numbers the checkpoint contains."""
        return sum(map(math.prod, self.checkpoint.get_variable_to_shape_map().values()))


def read(folder: Path) -> SavedModel:
    """Take a SavedModel apart.

    Raises
    ------
    ModelError
        It is not one, is damaged, has no signature, or its graph has unsafe operations.
    """
    if not (folder / "saved_model.pb").is_file():
        raise ModelError("the folder has no saved_model.pb; give a .keras file")
    meta_graph = _meta_graph(read_bytes(folder / "saved_model.pb"))
    graph, feeds, fetches = _signature(meta_graph)
    checkpoint = tensorflow().train.load_checkpoint(str(folder / "variables" / "variables"))
    objects = _objects(checkpoint)
    variables = _variables(meta_graph, len(feeds), fetches, objects)
    saved = SavedModel(meta_graph, graph, feeds, fetches, variables, checkpoint, objects)
    if saved.count() * 4 > LIMIT:
        raise ModelError(f"its weights are larger than {LIMIT >> 20} MiB; give a smaller model")
    return saved


def fix_batch(saved: SavedModel) -> None:
    """Make the batch of recurrent layers 1, as the converter wants lists of tensors of known shape.

    Such a list has an element for each step of time, whose shape begins with the open batch.
    """
    tf = tensorflow()
    graph = saved.graph
    for nodes in (graph.node, *(part.node_def for part in graph.library.function)):
        constants = {node.name: node for node in nodes if node.op == "Const"}
        for node in nodes if constants else ():
            for name in node.input if node.op.startswith("TensorList") else ():
                constant = constants.get(name.split(":")[0])
                shape = _numbers_in(constant)
                if (
                    constant is not None
                    and len(shape) > 1
                    and shape[0] == -1
                    and min(shape[1:]) > 0
                ):
                    fixed = np.array([1, *shape[1:]], np.int32)
                    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(fixed))


def _numbers_in(constant: Any) -> list[int]:
    """The numbers in a vector of int32; else none."""
    if constant is None:
        return []
    tensor = constant.attr["value"].tensor
    values = tensorflow().make_ndarray(tensor)
    return values.tolist() if values.ndim == 1 and values.dtype == np.int32 else []


def function(saved: SavedModel) -> tuple[Any, list[Any]]:
    """The model's own graph as a function from its inputs to a list of its outputs; its variables.

    Inputs and outputs are in the order of `feeds` and `fetches`.
    """
    tf = tensorflow()
    variables = {
        node.name: tf.Variable(saved.checkpoint.get_tensor(saved.variables[node.name]))
        for node in saved.graph.node
        if node.op == "VarHandleOp"
    }

    def imported() -> None:
        capture = tf.compat.v1.get_default_graph().capture
        handles = {f"{name}:0": capture(variable.handle) for name, variable in variables.items()}
        tf.graph_util.import_graph_def(saved.graph, input_map=handles, name="")

    whole = tf.compat.v1.wrap_function(imported, [])
    part = whole.prune(
        [whole.graph.get_tensor_by_name(name) for name in saved.feeds.values()],
        [whole.graph.get_tensor_by_name(name) for name in saved.fetches.values()],
    )
    return part, list(variables.values())


def _objects(checkpoint: Any) -> Any:
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    content = checkpoint.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
    return trackable_object_graph_pb2.TrackableObjectGraph.FromString(content).nodes


def _variables(meta_graph: Any, inputs: int, fetches: dict[str, str], objects: Any) -> Any:
    """The keys in the checkpoint of the variables in the signature's one call.

    Names are not enough, as layers of two nested models may have the same. So the objects of the
    SavedModel and of the checkpoint are matched part by part, beginning with the model.
    """
    saved = meta_graph.object_graph_def
    matches, queue = {0: 0}, [0]
    for number in queue:  # The loop appends parts.
        parts = {child.local_name: child.node_id for child in objects[matches[number]].children}
        for child in saved.nodes[number].children:
            if child.local_name in parts and child.node_id not in matches:
                matches[child.node_id] = parts[child.local_name]
                queue.append(child.node_id)
    names = {name.split(":")[0] for name in fetches.values()}
    (call,) = (node for node in meta_graph.graph_def.node if node.name in names)
    bound = saved.concrete_functions[call.attr["f"].func.name].bound_inputs
    # The first inputs are the model's.
    given = [name for name in call.input if not name.startswith("^")][inputs:]
    return {
        name: objects[matches[number]].attributes[0].checkpoint_key
        for name, number in zip(given, bound, strict=True)
        if number in matches and objects[matches[number]].attributes
    }


def _meta_graph(content: bytes) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    (meta_graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    return meta_graph


def _signature(meta_graph: Any) -> tuple[Any, dict[str, str], dict[str, str]]:
    """The part of the graph that the serving signature needs, and its inputs and outputs."""
    keys = [key for key in _SIGNATURES if key in meta_graph.signature_def]
    signature = meta_graph.signature_def[keys[0]] if keys else None
    if signature is None or not signature.inputs or not signature.outputs:
        raise ModelError(
            "it is a SavedModel without a signature serving_default; save the Keras model itself:"
            ' model.save("m.keras")'
        )
    feeds = {key: signature.inputs[key].name for key in sorted(signature.inputs)}
    fetches = {key: signature.outputs[key].name for key in sorted(signature.outputs)}
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    library = meta_graph.graph_def.library.function
    functions = {function.signature.name: function for function in library}
    needed, queue = {}, [name.split(":")[0] for name in fetches.values()]
    for name in queue:  # The loop appends the inputs of each node.
        if name not in needed:
            needed[name] = nodes[name]
            queue += [source.lstrip("^").split(":")[0] for source in nodes[name].input]
    used: dict[str, Any] = {}
    _check(needed.values(), functions, used, ())
    graph = tensorflow().compat.v1.GraphDef(versions=meta_graph.graph_def.versions)
    graph.node.extend(needed.values())
    graph.library.function.extend(used.values())
    _rename_functions(graph)
    return graph, feeds, fetches


def _rename_functions(graph: Any) -> None:
    """Give functions names of their own: TensorFlow knows all functions of a process by name."""
    prefix = f"saved_{next(_numbers)}_"
    for function in graph.library.function:
        function.signature.name = prefix + function.signature.name
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    for value in (value for node in nodes for value in node.attr.values()):
        for called in [value.func] if value.HasField("func") else value.list.func:
            called.name = prefix + called.name


def _check(
    nodes: Any, functions: dict[str, Any], used: dict[str, Any], within: tuple[str, ...]
) -> None:
    """Refuse unsafe operations in nodes and in the functions that they call; fill `used`."""
    for node in nodes:
        attributes = node.attr.values()
        called = {value.func.name for value in attributes if value.HasField("func")}
        called |= {function.name for value in attributes for function in value.list.func}
        if node.op not in _HARMLESS:
            raise ModelError(
                f"its graph has the operation {quoted(node.op)}, which could read files or run"
                ' code; save the Keras model itself: model.save("m.keras")'
            )
        for value in attributes:
            if math.prod(axis.size for axis in value.tensor.tensor_shape.dim) > _LARGEST_CONSTANT:
                raise ModelError("its graph has a constant that is too large; save it again")
        for name in called - used.keys():
            if name in within:
                raise ModelError("its graph has a function that calls itself; save it again")
            _check(functions[name].node_def, functions, used, (*within, name))
            used[name] = functions[name]
