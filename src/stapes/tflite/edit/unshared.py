"""Copy a model so that no two parents share a part."""

from __future__ import annotations

from dataclasses import replace

from stapes.errors import ModelError
from stapes.tflite.edit.inside import bring_inside
from stapes.tflite.format.tree import Table, Value, unfolded
from stapes.tflite.graph import Model
from stapes.tflite.read.verify import verify

_MOST_UNFOLDED = 500_000


def unshared(content: bytes) -> Model:
    """Read a .tflite so that a change of one table changes no other; arrays are still shared.

    Constants from outside the flatbuffer are inside: another file has them at another place.

    Raises
    ------
    ModelError
        It is no .tflite, it is broken, or it has more parts than any model for a device.
    """
    tree = verify(content).tree
    if unfolded(tree.root) > _MOST_UNFOLDED:
        raise ModelError("The .tflite has more parts than any model for a device.")
    model = Model(replace(tree, root=_copy(tree.root)))
    bring_inside(model)
    return model


def _copy(table: Table) -> Table:
    def copied(value: Value) -> Value:
        if isinstance(value, Table):
            return _copy(value)
        if isinstance(value, list):
            return [_copy(item) if isinstance(item, Table) else item for item in value]  # type: ignore[return-value]
        return value

    return Table(table.kind, {name: copied(value) for name, value in table.fields.items()})
