"""Write README's table and picture from a run: `make demo`, then

    python benchmarks/readme.py --run runs/demo

so that every figure on the first screen is one that was measured on this code.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stapes.contracts.results import Results, VariantResult, read
from stapes.report.figures.plots import size_accuracy
from stapes.report.terminal.tables import percent
from stapes.system.files import write_text

_ROOT = Path(__file__).parents[1]
_BEGIN, _END = "<!-- table -->\n", "<!-- end of the table -->"
_HEADS = (
    *("model", "file bytes", "unslimmed", "gzip bytes", "accuracy", "95 % interval", "p"),
    *("missed", "arena", "LiteRT µs", "U55 flash"),
)


def table(results: Results) -> str:
    """The table as Markdown."""
    lines = [f"| {' | '.join(_HEADS)} |", f"|---|{'---:|' * (len(_HEADS) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(_cells(row))} |" for row in results.variants)])


def _cells(row: VariantResult) -> list[str]:
    low, high = (100 * bound for bound in row.accuracy_ci95)
    test = row.against_float32
    point = row.detection.chosen if row.detection else None
    litert, tflm, npu = (row.targets.get(name) for name in ("litert", "tflm", "ethos_u55"))
    latency = litert.latency_us_p50 if litert else None
    return [
        row.name,
        f"{row.bytes:,}",
        f"{row.bytes_before_slim:,}",
        f"{row.gzip_bytes:,}",
        f"{percent(row.accuracy)} %",
        f"{low:.1f} to {high:.1f}",
        f"{test.p:.2g}" if test else "",
        f"{100 * point.frr:.0f} %" if point and point.frr is not None else "-",
        f"{tflm.arena_bytes:,}" if tflm and tflm.arena_bytes else "no",
        f"{latency:,.0f}" if latency else "no",
        f"{npu.flash_bytes:,}" if npu and npu.flash_bytes else "no",
    ]


def main() -> None:
    """Parse and write."""
    parser = argparse.ArgumentParser(description="Write README's table and picture from a run.")
    parser.add_argument("--run", type=Path, default=_ROOT / "runs" / "demo")
    results = read(parser.parse_args().run / "results.json")
    readme = _ROOT / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    write_text(readme, f"{before}{_BEGIN}{table(results)}\n{_END}{after}")
    write_text(_ROOT / "docs" / "images" / "house.svg", size_accuracy(results))
    cast = next(row.if_cast_unscaled for row in results.variants if row.name == "uint8")
    assert cast is not None
    rate = results.variants[0].detection
    print(f"cast without scale: {100 * cast.accuracy:.1f} %")
    print(f"threshold for {rate.chosen.fa_per_hour if rate else None} false accepts an hour")
    print(results.recommendation.sentence if results.recommendation else "")


if __name__ == "__main__":
    main()
