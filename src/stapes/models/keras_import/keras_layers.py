"""The Keras 2 layers of a SavedModel, as plain data.

TensorFlow 2.5 and later write them into keras_metadata.pb, older ones into saved_model.pb. The
`export` of Keras 3 writes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.models.keras_import.archive import read_bytes, read_json
from stapes.models.keras_import.config import CONVERT
from stapes.models.keras_import.saved_model import SavedModel


@dataclass(frozen=True)
class KerasLayers:
    """The layers of a SavedModel.

    Attributes
    ----------
    config : dict
        The model's config, unchecked: never pass it to Keras.
    places : dict
        From a layer's path (the names of the models around it, and its own) to its path in
        `saved.objects`.
    saved : SavedModel
    """

    config: dict[str, Any]
    places: dict[tuple[str, ...], list[str]]
    saved: SavedModel

    def weights_of(self, path: tuple[str, ...], layer: Any) -> list[NDArray[Any]]:
        """A layer's weights from the checkpoint, where they have the same names."""
        arrays = []
        objects = self.saved.objects
        for weight in layer.weights:
            part = objects[0]
            for name in (*self.places[path], weight.name.split("/")[-1].split(":")[0]):
                part = objects[{c.local_name: c.node_id for c in part.children}[name]]
            arrays.append(self.saved.checkpoint.get_tensor(part.attributes[0].checkpoint_key))
        return arrays


def read(folder: Path, saved: SavedModel) -> KerasLayers:
    """Read the layers of a SavedModel.

    Raises
    ------
    ModelError
        It has none, or they are damaged.
    """
    path = folder / "keras_metadata.pb"
    nodes = _of_metadata(read_bytes(path)) if path.is_file() else _of_graph(saved.meta_graph)
    config: dict[str, Any] = {}
    names = {}
    for place, metadata in nodes:
        if place == "root":
            config = read_json(metadata)
        elif place.startswith("root.layer"):
            names[place] = str(read_json(metadata).get("name"))
    if "config" not in config:
        raise ModelError(
            "it is a SavedModel without the Keras layers that techniques train; save the Keras"
            f' model itself (model.save("m.keras")), or {CONVERT}'
        )
    places = {}
    for place in names:
        parts = place.split(".")[1:]
        above = [f"root.{'.'.join(parts[: i + 1])}" for i in range(len(parts))]
        if all(path in names for path in above):
            places[tuple(names[path] for path in above)] = parts
    entry = {"class_name": config.get("class_name"), "config": config["config"]}
    return KerasLayers(entry, places, saved)


def _of_metadata(content: bytes) -> Iterator[tuple[str, str]]:
    """Path and description of each object of Keras, in keras_metadata.pb."""
    from tf_keras.protobuf import saved_metadata_pb2

    for node in saved_metadata_pb2.SavedMetadata.FromString(content).nodes:
        yield node.node_path, node.metadata


def _of_graph(meta_graph: Any) -> Iterator[tuple[str, str]]:
    """The same, in the objects of saved_model.pb: each path is the shortest from the model."""
    nodes = meta_graph.object_graph_def.nodes
    places, queue = {0: "root"}, [0]
    for number in queue:  # The loop appends parts.
        user_object = nodes[number].user_object
        if user_object.identifier.startswith("_tf_keras") and user_object.metadata:
            yield places[number], user_object.metadata
        for child in nodes[number].children:
            if child.node_id not in places:
                places[child.node_id] = f"{places[number]}.{child.local_name}"
                queue.append(child.node_id)
