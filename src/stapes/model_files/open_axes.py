"""The multiply-accumulates of a model whose file leaves sizes open."""

from __future__ import annotations

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from stapes.contracts.inspection import Inspection
from stapes.errors import ModelError
from stapes.system.isolation import SECONDS, Child, Killed, Lost
from stapes.targets.lengths import choose
from stapes.targets.runners import Shapes
from stapes.tflite.edit.building import vector
from stapes.tflite.edit.unshared import unshared
from stapes.tflite.read.cost import macs_of_op


def with_macs(inspection: Inspection, content: bytes) -> Inspection:
    """Count the MACs of the first subgraph for sizes with which LiteRT runs it.

    The inspection stays as it is where nothing is open, or LiteRT does not run it.
    """
    main = inspection.subgraphs[0]
    ends = [main.tensors[number].shape_signature or [] for number in main.inputs]
    if not any(size < 0 for sizes in ends for size in sizes):
        return inspection
    try:
        with Child() as child:
            shapes = choose(content, None, child)
            if shapes is None:
                return inspection
            macs = child.run(SECONDS, _macs, content, shapes)
    except (Killed, Lost, ModelError):
        return inspection
    ops = [op.model_copy(update={"macs": n}) for op, n in zip(main.ops, macs, strict=True)]
    others = inspection.subgraphs[1:]
    return inspection.model_copy(
        update={
            "subgraphs": [main.model_copy(update={"ops": ops}), *others],
            "macs": sum(macs) + sum(op.macs for graph in others for op in graph.ops),
            "macs_inputs": [list(shape) for shape in shapes],
        }
    )


def _macs(content: bytes, shapes: Shapes) -> list[int]:
    """Of each op of the first subgraph, by the shapes that LiteRT gives the tensors."""
    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    for details, shape in zip(interpreter.get_input_details(), shapes, strict=True):
        interpreter.resize_tensor_input(details["index"], shape)
    interpreter.allocate_tensors()
    interpreter.invoke()  # Ops may decide the shapes of their outputs when they run.
    model = unshared(content)
    graph = model.graphs[0]
    for details in interpreter.get_tensor_details():
        if details["index"] < len(graph.tensors):
            fields = graph.tensor(details["index"]).table.fields
            fields["shape"] = vector(details["shape"].tolist())
    return [macs_of_op(op) for op in graph.operators]
