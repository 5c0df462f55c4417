"""The table of docs/results.md: every technique on real words, several seeds each.

    python benchmarks/results.py --speech DIR [--out runs/results] [--seeds 3] [--write]

DIR holds `wakewords` and `commands` (a folder of clips a word; CONTRIBUTING.md says where such
recordings come from). Every word and seed is a `stapes run` of its own, in a run folder that a
second call goes on with. What counts is the difference in accuracy between a row and the float
baseline of the same run, averaged over the seeds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stapes import results as results_file
from stapes.results import Results, VariantResult
from stapes.techniques.registry import TECHNIQUES

# Rows in look-up tables hold the weights of others.
ROWS = [name for name in TECHNIQUES if not name.endswith("_lut")]

SPEECH = Path(os.environ.get("STAPES_SPEECH", "speech"))
"""Recordings that people made."""

WORDS = {
    "computer": "wakewords",
    "jarvis": "wakewords",
    "alexa": "wakewords",
    "yes": "commands",
    "left": "commands",
    "stop": "commands",
}
BEGIN, END = "<!-- table -->", "<!-- end of the table -->"
TARGET = Path(__file__).parents[1] / "docs" / "results.md"
ALLOWED = 1.0
"""Percentage points below the float baseline that a row may lose, averaged over the seeds."""

Runs = dict[str, list[Results]]


def main() -> None:
    """Make what is missing of the runs, print the table, and put it in the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, default=SPEECH)
    parser.add_argument("--out", type=Path, default=Path("runs/results"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--words", default=",".join(WORDS))
    parser.add_argument("--techniques", default=",".join(ROWS))
    parser.add_argument("--write", action="store_true", help="put the table in docs/results.md")
    given = parser.parse_args()
    runs: Runs = {}
    for word in given.words.split(","):
        for seed in range(given.seeds):
            folder = given.out / f"{word}-{seed}"
            run(given.speech / WORDS[word], word, seed, folder, given.techniques)
            runs.setdefault(word, []).append(results_file.read(folder / "results.json"))
            print(f"{word}, seed {seed}: done", file=sys.stderr, flush=True)
    text = "\n".join([*baselines(runs), "", *drops(runs)])
    print(text)
    if given.write:
        page = TARGET.read_text("utf-8")
        before, _, rest = page.partition(BEGIN)
        TARGET.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", "utf-8")


def run(data: Path, word: str, seed: int, folder: Path, techniques: str) -> None:
    """One `stapes run`; what is finished already stays."""
    command = [str(Path(sys.executable).with_name("stapes")), "run", "--data", str(data)]
    command += ["--word", word, "--seed", str(seed), "--out", str(folder)]
    command += ["--techniques", techniques]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def baselines(runs: Runs) -> list[str]:
    """What each word was measured on, and how well the float baseline does."""
    lines = ["| word | test clips | float32, mean of the seeds | each seed |", "|---|---|---|---|"]
    for word, found in runs.items():
        shares = [_percent(each.variants[0]) for each in found]
        lines.append(
            f"| {word} | {found[0].variants[0].n_test} | {statistics.mean(shares):.2f} % | "
            f"{', '.join(f'{share:.2f}' for share in shares)} |"
        )
    return lines


def drops(runs: Runs) -> list[str]:
    """For every technique: bytes, and points lost or won against float32 for each word."""
    lines = [
        f"| row | bytes | gzip | {' | '.join(runs)} | mean |",
        f"|---|---|---|{'---|' * (len(runs) + 1)}",
    ]
    for name in ROWS:
        changes = {word: [_change(each, name) for each in found] for word, found in runs.items()}
        means = [statistics.mean(values) for values in changes.values()]
        cells = [f"**{mean:+.2f}**" if mean < -ALLOWED else f"{mean:+.2f}" for mean in means]
        lines.append(
            f"| `{name}` | {_mean(runs, name, lambda row: row.bytes):,.0f} | "
            f"{_mean(runs, name, lambda row: row.gzip_bytes):,.0f} | {' | '.join(cells)} | "
            f"{statistics.mean(means):+.2f} |"
        )
    return lines


def _row(results: Results, name: str) -> VariantResult:
    return next(row for row in results.variants if row.name == name)


def _percent(row: VariantResult) -> float:
    assert row.accuracy is not None, "the test split is empty"
    return 100 * row.accuracy


def _change(results: Results, name: str) -> float:
    return _percent(_row(results, name)) - _percent(_row(results, "float32"))


def _mean(runs: Runs, name: str, figure: Callable[[VariantResult], float]) -> float:
    return statistics.mean(figure(_row(each, name)) for found in runs.values() for each in found)


if __name__ == "__main__":
    main()
