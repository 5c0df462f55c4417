"""Read SavedModel folders of Keras 2 without loading them.

A SavedModel is a program, and TensorFlow's advice is to run only trusted ones. So the layers come
from Keras's metadata as plain data, and the weights from the checkpoint. To compare outputs, the
part of the graph that the serving signature needs is run, if all its operations are plain
arithmetic. The rest (savers, initializers, other functions) is never run.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.models.backend import tensorflow
from stapes.models.keras_import.archive import LIMIT, read_bytes, read_json
from stapes.models.keras_import.config import quoted

_OPERATIONS = """
    Abs Add AddN AddV2 AvgPool BatchToSpaceND BiasAdd Cast ConcatV2 Const Conv2D
    DepthwiseConv2dNative Elu Erf Exp ExpandDims FusedBatchNormV3 GatherV2 Greater GreaterEqual
    Identity IdentityN LeakyRelu Less LessEqual Log LogSoftmax MatMul Max MaxPool Maximum Mean Min
    Minimum Mul Neg NoOp Pack Pad PadV2 PartitionedCall Placeholder Pow Prod ReadVariableOp RealDiv
    Relu Relu6 Reshape Rsqrt Select SelectV2 Selu Shape Sigmoid Softmax Softplus Softsign
    SpaceToBatchND Sqrt Square Squeeze StatefulPartitionedCall StopGradient StridedSlice Sub Sum
    Tanh Transpose VarHandleOp ZerosLike
"""
_HARMLESS = frozenset(_OPERATIONS.split())
"""The operations in an inference of the layers in `config`."""

_LARGEST_CONSTANT = 1 << 24


@dataclass(frozen=True)
class SavedModel:
    """The parts of a SavedModel.

    Attributes
    ----------
    config : dict
        The model's config, unchecked: never pass it to Keras.
    places : dict
        From a layer's path (the names of the models around it, and its own) to its path in
        `objects`.
    graph : tf.compat.v1.GraphDef
        Only what the serving signature needs.
    feed, fetch : str
        The graph's input and output.
    variables : dict
        From names of variables in the graph to their keys in the checkpoint.
    checkpoint : tf.train.CheckpointReader
    objects : list of TrackableObject
        The owners of the checkpoint's tensors: the model is the first, and each lists its parts.
    """

    config: dict[str, Any]
    places: dict[tuple[str, ...], list[str]]
    graph: Any
    feed: str
    fetch: str
    variables: dict[str, str]
    checkpoint: Any
    objects: Any

    def count(self) -> int:
        """How many numbers the checkpoint contains."""
        return sum(map(math.prod, self.checkpoint.get_variable_to_shape_map().values()))

    def weights_of(self, path: tuple[str, ...], layer: Any) -> list[NDArray[Any]]:
        """A layer's weights from the checkpoint, where they have the same names."""
        arrays = []
        for weight in layer.weights:
            part = self.objects[0]
            for name in (*self.places[path], weight.name.split("/")[-1].split(":")[0]):
                part = self.objects[{c.local_name: c.node_id for c in part.children}[name]]
            arrays.append(self.checkpoint.get_tensor(part.attributes[0].checkpoint_key))
        return arrays


def read(folder: Path) -> SavedModel:
    """Take a SavedModel apart.

    Raises
    ------
    ModelError
        It is not one, is damaged, has no Keras layers, or its graph has unsafe operations.
    """
    if not (folder / "saved_model.pb").is_file():
        raise ModelError("the folder has no saved_model.pb; give a .keras file")
    if not (folder / "keras_metadata.pb").is_file():
        raise ModelError(
            "it is a SavedModel without the Keras layers that training techniques need; save the"
            ' Keras model itself: model.save("m.keras")'
        )
    config, places = _layers(read_bytes(folder / "keras_metadata.pb"))
    meta_graph = _meta_graph(read_bytes(folder / "saved_model.pb"))
    graph, feed, fetch = _signature(meta_graph)
    checkpoint = tensorflow().train.load_checkpoint(str(folder / "variables" / "variables"))
    objects = _objects(checkpoint)
    variables = _variables(meta_graph, fetch, objects)
    saved = SavedModel(config, places, graph, feed, fetch, variables, checkpoint, objects)
    if saved.count() * 4 > LIMIT:
        raise ModelError(f"its weights are larger than {LIMIT >> 20} MiB; give a smaller model")
    return saved


@contextlib.contextmanager
def running(saved: SavedModel) -> Iterator[Callable[[NDArray[np.float32]], NDArray[Any]]]:
    """The model's own graph and weights, as a function of a batch."""
    tf = tensorflow()
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(saved.graph, name="")
        values, assignments = {}, []
        for node in saved.graph.node:
            if node.op == "VarHandleOp":
                handle = graph.get_tensor_by_name(f"{node.name}:0")
                value = tf.compat.v1.placeholder(node.attr["dtype"].type)
                assignments.append(tf.raw_ops.AssignVariableOp(resource=handle, value=value))
                values[value] = saved.checkpoint.get_tensor(saved.variables[node.name])
    session = tf.compat.v1.Session(graph=graph)
    with contextlib.closing(session):
        session.run(assignments, values)
        yield lambda x: np.asarray(session.run(saved.fetch, {saved.feed: x}))


def _objects(checkpoint: Any) -> Any:
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    content = checkpoint.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
    return trackable_object_graph_pb2.TrackableObjectGraph.FromString(content).nodes


def _variables(meta_graph: Any, fetch: str, objects: Any) -> dict[str, str]:
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
    (call,) = (node for node in meta_graph.graph_def.node if node.name == fetch.split(":")[0])
    bound = saved.concrete_functions[call.attr["f"].func.name].bound_inputs
    return {
        name: objects[matches[number]].attributes[0].checkpoint_key
        # The first input is the model's.
        for name, number in zip(call.input[1:], bound, strict=True)
        if number in matches and objects[matches[number]].attributes
    }


def _layers(content: bytes) -> tuple[dict[str, Any], dict[tuple[str, ...], list[str]]]:
    """The model's config and the places of its layers, from Keras's metadata."""
    from tf_keras.protobuf import saved_metadata_pb2

    config: dict[str, Any] = {}
    names = {}
    for node in saved_metadata_pb2.SavedMetadata.FromString(content).nodes:
        if node.node_path == "root":
            config = read_json(node.metadata)
        elif node.node_path.startswith("root.layer"):
            names[node.node_path] = str(read_json(node.metadata).get("name"))
    if "config" not in config:
        raise ModelError(
            "it is a SavedModel whose model class is not one of Keras, so its layers are missing;"
            " build the model as keras.Sequential or keras.Model(inputs, outputs)"
        )
    places = {}
    for node_path in names:
        parts = node_path.split(".")[1:]
        above = [f"root.{'.'.join(parts[: i + 1])}" for i in range(len(parts))]
        if all(path in names for path in above):
            places[tuple(names[path] for path in above)] = parts
    return {"class_name": config.get("class_name"), "config": config["config"]}, places


def _meta_graph(content: bytes) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    (meta_graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    return meta_graph


def _signature(meta_graph: Any) -> tuple[Any, str, str]:
    """The part of the graph that the serving signature needs, and its input and output."""
    signature = meta_graph.signature_def["serving_default"]
    if len(signature.inputs) != 1 or len(signature.outputs) != 1:
        raise ModelError(
            f"its signature has {len(signature.inputs)} inputs and {len(signature.outputs)}"
            " outputs; build the model with one of each"
        )
    (feed,), (fetch,) = signature.inputs.values(), signature.outputs.values()
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    library = meta_graph.graph_def.library.function
    functions = {function.signature.name: function for function in library}
    needed, queue = {}, [fetch.name.split(":")[0]]
    for name in queue:  # The loop appends the inputs of each node.
        if name not in needed:
            needed[name] = nodes[name]
            queue += [source.lstrip("^").split(":")[0] for source in nodes[name].input]
    used: dict[str, Any] = {}
    _check(needed.values(), functions, used, ())
    graph = tensorflow().compat.v1.GraphDef(versions=meta_graph.graph_def.versions)
    graph.node.extend(needed.values())
    graph.library.function.extend(used.values())
    return graph, feed.name, fetch.name


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
