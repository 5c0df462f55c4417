"""Look-up-table compression: a clustered model whose weights are indices into tables.

The technique makes the int8 model of its parent; `steps` slims it and puts it into tables, which
only TFLite Micro reads.

Source: TFLite Micro, tensorflow/lite/micro/compression (Han et al. 2016, arXiv:1510.00149, is the
paper).
"""

from __future__ import annotations

from dataclasses import replace

from stapes.techniques.clustering import clustered_int8
from stapes.techniques.quantization_aware import pcqat
from stapes.techniques.variant import Material, Variant


def clustered_lut(material: Material) -> Variant:
    """The row `clustered_int8` in look-up tables: the same weights."""
    return replace(clustered_int8(material), lut=True)


def pcqat_lut(material: Material) -> Variant:
    """The row `pcqat` in look-up tables: the same weights."""
    return replace(pcqat(material), lut=True)
