"""A small student taught by the baseline, then quantized.

Source: Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network",
arXiv:1503.02531.
"""

from __future__ import annotations

from stapes.models.architectures import reference_cnn
from stapes.models.backend import start_over
from stapes.techniques.fine_tuning import fine_tune
from stapes.techniques.post_training import convert_int8
from stapes.techniques.variant import Material, Variant


def distilled(material: Material) -> Variant:
    """The reference CNN with fewer filters, trained on the baseline's scores, int8."""
    recipe = material.recipes.distillation
    start_over(material.seed)
    shape, outputs = material.model.input_shape[1:], material.model.output_shape[-1]
    student = reference_cnn(shape, filters=recipe.filters, outputs=outputs)
    fine_tune(student, material, recipe)
    return Variant(convert_int8(student, material.calibration), recipe.model_dump(mode="json"))
