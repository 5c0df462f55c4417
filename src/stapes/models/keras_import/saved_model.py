"""SavedModel folders of Keras 2, read without loading them.

A SavedModel is a program: TensorFlow's own advice is to run none that one does not trust. So the
layers come from Keras's metadata as plain data, and the weights from the checkpoint. To compare
outputs, only what the serving signature needs is taken out of the graph, and only if all of its
operations are plain arithmetic; none of the rest (savers, initializers, other functions) is run.
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
from stapes.models.keras_import.config import shown

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
"""What the inference of the layers of `keras_config` is made of."""

_LARGEST_CONSTANT = 1 << 24


@dataclass(frozen=True)
class SavedModel:
    """The parts of a SavedModel.

    Attributes
    ----------
    config : dict
        What Keras says about the model; not to be handed to Keras as it is.
    places : dict
        By a layer's name, after those of the models that it is in: its path among `objects`.
    graph : tf.compat.v1.GraphDef
        What the serving signature needs, and nothing else.
    feed, fetch : str
        The graph's input and output.
    variables : dict
        By their names in the graph: the keys of its variables in the checkpoint.
    checkpoint : tf.train.CheckpointReader
    objects : list of TrackableObject
        What the checkpoint's tensors are: the model is the first, and each lists its parts.
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
        """How many numbers the checkpoint holds."""
        return sum(map(math.prod, self.checkpoint.get_variable_to_shape_map().values()))

    def weights_of(self, path: tuple[str, ...], layer: Any) -> list[NDArray[Any]]:
        """A layer's weights from the checkpoint, where they are called as in the layer."""
        found = []
        for weight in layer.weights:
            part = self.objects[0]
            for name in (*self.places[path], weight.name.split("/")[-1].split(":")[0]):
                part = self.objects[{c.local_name: c.node_id for c in part.children}[name]]
            found.append(self.checkpoint.get_tensor(part.attributes[0].checkpoint_key))
        return found


def read(folder: Path) -> SavedModel:
    """Take a SavedModel apart.

    Raises
    ------
    ModelError
        It is none, is damaged, holds no Keras layers, or its graph holds unsafe operations.
    """
    if not (folder / "saved_model.pb").is_file():
        raise ModelError("the folder holds no saved_model.pb; give a .keras file")
    if not (folder / "keras_metadata.pb").is_file():
        raise ModelError(
            "it is a SavedModel without its Keras layers, which training techniques need; save the"
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
        raise ModelError(f"its weights are larger than {LIMIT >> 20} MiB")
    return saved


@contextlib.contextmanager
def running(saved: SavedModel) -> Iterator[Callable[[NDArray[np.float32]], NDArray[Any]]]:
    """The model's own graph, with its own weights, as a function of a batch."""
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

    objects = trackable_object_graph_pb2.TrackableObjectGraph()
    objects.ParseFromString(checkpoint.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    return objects.nodes


def _variables(meta_graph: Any, fetch: str, objects: Any) -> dict[str, str]:
    """The keys in the checkpoint of the variables that the signature's one call is given.

    Names do not tell: layers of two models within the model may share one. So both lists of
    objects, the SavedModel's and the checkpoint's, are walked side by side from the model on.
    """
    saved = meta_graph.object_graph_def
    same, met = {0: 0}, [0]
    for one in met:  # Grows with the parts of each.
        parts = {child.local_name: child.node_id for child in objects[same[one]].children}
        for child in saved.nodes[one].children:
            if child.local_name in parts and child.node_id not in same:
                same[child.node_id] = parts[child.local_name]
                met.append(child.node_id)
    (call,) = (node for node in meta_graph.graph_def.node if node.name == fetch.split(":")[0])
    given = saved.concrete_functions[call.attr["f"].func.name].bound_inputs
    return {
        name: objects[same[one]].attributes[0].checkpoint_key
        for name, one in zip(call.input[1:], given, strict=True)  # The first is the model's input.
        if one in same and objects[same[one]].attributes
    }


def _layers(content: bytes) -> tuple[dict[str, Any], dict[tuple[str, ...], list[str]]]:
    """The model's config and its layers' places, from Keras's metadata."""
    from tf_keras.protobuf import saved_metadata_pb2

    metadata = saved_metadata_pb2.SavedMetadata()
    metadata.ParseFromString(content)
    config: dict[str, Any] = {}
    names = {}
    for node in metadata.nodes:
        if node.node_path == "root":
            config = read_json(node.metadata)
        elif node.node_path.startswith("root.layer"):
            names[node.node_path] = str(read_json(node.metadata).get("name"))
    if "config" not in config:
        raise ModelError(
            "it is a SavedModel of a model class of its own, whose layers Keras did not keep;"
            " build the model as keras.Sequential or keras.Model(inputs, outputs)"
        )
    places = {}
    for node_path in names:
        parts = node_path.split(".")[1:]
        above = [f"root.{'.'.join(parts[: i + 1])}" for i in range(len(parts))]
        if all(each in names for each in above):
            places[tuple(names[each] for each in above)] = parts
    return {"class_name": config.get("class_name"), "config": config["config"]}, places


def _meta_graph(content: bytes) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(content)
    (meta_graph,) = saved.meta_graphs
    return meta_graph


def _signature(meta_graph: Any) -> tuple[Any, str, str]:
    """What of the graph the serving signature needs, and the names of its input and output."""
    signature = meta_graph.signature_def["serving_default"]
    if len(signature.inputs) != 1 or len(signature.outputs) != 1:
        raise ModelError(
            f"its signature has {len(signature.inputs)} inputs and {len(signature.outputs)}"
            " outputs; a wake-word model has one of each"
        )
    (feed,), (fetch,) = signature.inputs.values(), signature.outputs.values()
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    functions = {each.signature.name: each for each in meta_graph.graph_def.library.function}
    kept, wanted = {}, [fetch.name.split(":")[0]]
    for name in wanted:  # Grows with the inputs of each.
        if name not in kept:
            kept[name] = nodes[name]
            wanted += [each.lstrip("^").split(":")[0] for each in nodes[name].input]
    used: dict[str, Any] = {}
    _check(kept.values(), functions, used, ())
    graph = tensorflow().compat.v1.GraphDef(versions=meta_graph.graph_def.versions)
    graph.node.extend(kept.values())
    graph.library.function.extend(used.values())
    return graph, feed.name, fetch.name


def _check(
    nodes: Any, functions: dict[str, Any], used: dict[str, Any], within: tuple[str, ...]
) -> None:
    """Refuse unsafe operations in nodes and in the functions they call, which go to `used`."""
    for node in nodes:
        called = {each.func.name for each in node.attr.values() if each.HasField("func")}
        called |= {f.name for each in node.attr.values() for f in each.list.func}
        if node.op not in _HARMLESS:
            raise ModelError(
                f"its graph has the operation {shown(node.op)}, which is not run, as it could read"
                ' files or run code; save the Keras model itself: model.save("m.keras")'
            )
        for each in node.attr.values():
            if math.prod(axis.size for axis in each.tensor.tensor_shape.dim) > _LARGEST_CONSTANT:
                raise ModelError("its graph has a constant that is too large; save it again")
        for name in called - used.keys():
            if name in within:
                raise ModelError("its graph has a function that calls itself; save it again")
            _check(functions[name].node_def, functions, used, (*within, name))
            used[name] = functions[name]
