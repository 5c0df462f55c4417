"""Whole filters removed by their importance: the model is smaller and faster in every runtime.

Source: Molchanov et al. 2019, "Importance estimation for neural network pruning",
arXiv:1906.10771. `channel_surgery` removes the filters.
"""

from __future__ import annotations

import numpy as np

from stapes.techniques.channel_surgery import choose, importance, prunable, remove
from stapes.techniques.fine_tuning import fine_tune, hard_labels
from stapes.techniques.post_training import convert
from stapes.techniques.variant import Material, Variant


def pruned_channels(material: Material) -> Variant:
    """The baseline with its least important filters removed, then fine-tuned; float."""
    recipe = material.recipes.channels
    filters, reasons = prunable(material.model)
    labels = hard_labels(material, material.model.output_shape[-1])
    classes = labels.argmax(axis=1) if labels.shape[1] > 1 else material.training.y
    scores = importance(material.model, np.asarray(material.training.x), classes)
    remaining = choose(scores, recipe.keep)
    smaller = remove(material.model, remaining)
    fine_tune(smaller, material, recipe)
    notes = {
        name: f"{len(remaining[name])} of {count} filters kept" for name, count in filters.items()
    }
    notes |= {name: f"no filter removed: {reason}" for name, reason in reasons.items()}
    weighted = [layer.name for layer in material.model.layers if layer.count_params()]
    return Variant(
        convert(smaller),
        recipe.model_dump(mode="json"),
        layer_notes=[notes.get(name, "") for name in weighted],
    )
