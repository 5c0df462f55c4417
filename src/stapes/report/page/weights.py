"""What a file's bytes are for, the zeros of each layer, and the distribution of its weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stapes.contracts.layers import Layer
from stapes.contracts.results import Results
from stapes.report.charts import COLOURS, Bars, Panel, linear_axis
from stapes.report.style import recommended
from stapes.system.text import percent, plural


@dataclass(frozen=True)
class Sparsity:
    """A row for each variant, a column for each layer."""

    layers: list[str]
    rows: list[tuple[str, list[LayerCell | None]]]


@dataclass(frozen=True)
class LayerCell:
    """One layer of one variant."""

    zero: float
    distinct: str
    title: str


def bytes_by_kind(results: Results) -> Bars | None:
    """What the bytes of each file are for; None where the run does not list them."""
    rows = [row for row in results.variants if row.bytes_by_kind]
    totals: Counter[str] = Counter()
    for row in rows:
        totals.update(row.bytes_by_kind)
    kinds = [kind for kind, size in totals.most_common() if size]
    if not kinds:
        return None
    # A colour for each kind; the smallest share one.
    named = kinds if len(kinds) <= COLOURS else kinds[: COLOURS - 1]
    parts = [(kind, [row.bytes_by_kind.get(kind, 0) for row in rows]) for kind in named]
    rest = [
        sum(size for kind, size in row.bytes_by_kind.items() if kind not in named) for row in rows
    ]
    parts += [("other", rest)] if any(rest) else []
    high = max(sum(row.bytes_by_kind.values()) for row in rows)
    return Bars(
        title="Bytes by kind",
        axis=linear_axis("bytes", 0.0, float(high)),
        rows=[row.name for row in rows],
        parts=parts,
    )


def sparsity(results: Results) -> Sparsity | None:
    """The zeros of each layer; None where the run lists no layer."""
    names = list(dict.fromkeys(layer.name for row in results.variants for layer in row.layers))
    if not names:
        return None
    rows: list[tuple[str, list[LayerCell | None]]] = []
    for row in results.variants:
        by_name = {layer.name: _cell(layer) for layer in row.layers}
        rows.append((row.name, [by_name.get(name) for name in names]))
    return Sparsity(names, rows)


def distributions(results: Results) -> dict[str, list[Panel]]:
    """The histogram of each layer's weights, by variant."""
    panels = {
        row.name: [
            Panel(
                name=layer.name,
                detail=f"{plural(layer.weights, 'weight')}, {percent(_zero(layer), 1)} zero, "
                f"{layer.distinct:,} distinct",
                low=layer.histogram.low,
                high=layer.histogram.high,
                counts=layer.histogram.counts,
                ends=(f"{layer.histogram.low:.4g}", f"{layer.histogram.high:.4g}"),
            )
            for layer in row.layers
            if layer.histogram is not None and any(layer.histogram.counts)
        ]
        for row in results.variants
    }
    return {name: layers for name, layers in panels.items() if layers}


def first_shown(results: Results, panels: dict[str, list[Panel]]) -> str:
    """The variant whose weights are shown at first: the recommended one, or the first of all."""
    best = recommended(results)
    return best if best in panels else next(iter(panels), "")


def _zero(layer: Layer) -> float:
    return layer.zeros / max(1, layer.weights)


def _cell(layer: Layer) -> LayerCell:
    parts = [f"{layer.zeros:,} of {plural(layer.weights, 'weight')} are zero"]
    if layer.compliance_2by4 is not None:
        groups = percent(layer.compliance_2by4, 0)
        parts.append(f"{groups} of the groups of four have two zeros or more")
    parts += [layer.note] if layer.note else []
    return LayerCell(_zero(layer), f"{layer.distinct:,}", "; ".join(parts))
