"""Write README's table and picture from a run: `make demo`, then

    python benchmarks/readme.py --run runs/demo

so that this code measured every figure on the first screen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stapes.contracts.results import Results, read
from stapes.report.column import with_values
from stapes.report.columns import FIRST, columns
from stapes.report.writing import picture
from stapes.system.files import write_text
from stapes.system.text import percent

_ROOT = Path(__file__).parents[1]
_BEGIN, _END = "<!-- table -->\n", "<!-- end of the table -->"
_INTERVALS = ("frr", "accuracy")
_ROWS = (
    *("stream", "stream_tiny", "stream_qat", "stream_pruned", "stream_clustered"),
    *("float32", "int8", "pcqat", "pcqat_lut", "small", "tiny"),
)
"""The rows: one or two of each kind of technique."""


def table(results: Results) -> str:
    """The table as Markdown, without columns that have no value."""
    shown = [results[name] for name in _ROWS]
    chosen = with_values(columns(results, FIRST), shown, results)
    lines = [[column.title for column in chosen], ["---", *["---:"] * (len(chosen) - 1)]]
    for row in shown:
        cells = [(column.key, column.cell(row, results)) for column in chosen]
        lines.append([str(cell) if key in _INTERVALS else cell.text for key, cell in cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Parse and write."""
    parser = argparse.ArgumentParser(description="Write README's table and picture from a run.")
    parser.add_argument("--run", type=Path, default=_ROOT / "runs" / "demo")
    results = read(parser.parse_args().run / "results.json")
    readme = _ROOT / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    write_text(readme, f"{before}{_BEGIN}{table(results)}\n{_END}{after}")
    write_text(_ROOT / "docs" / "images" / "house.svg", picture(results))
    cast = results["uint8"].if_cast_unscaled
    assert cast is not None
    chosen = results.variants[0].detection
    print(f"cast without scale: {percent(cast.accuracy, 1)}")
    print(f"threshold for {chosen.chosen.fa_per_hour if chosen else None} false accepts an hour")
    print(results.recommendation.sentence if results.recommendation else "")


if __name__ == "__main__":
    main()
