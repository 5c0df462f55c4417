"""What the rows `small` and `tiny` are worth beside the float baseline, on real words.

    python benchmarks/small.py --speech DIR [--out runs/small] [--seeds 0,1] [--words computer,yes]

DIR holds `wakewords` and `commands`, a folder of clips a word (benchmarks/results.py has the same).
Every word and seed is a `stapes run` of its own, which a second call goes on with; noise is left
out, as it decides none of these figures. A clip is missed at 0.5 % false positives if its score is
not above a threshold that at most 0.5 % of the other test clips are above: with fewer than 200 of
them, none.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes import results as results_file
from stapes.results import Results, VariantResult

WORDS = {
    "computer": "wakewords",
    "jarvis": "wakewords",
    "alexa": "wakewords",
    "yes": "commands",
    "left": "commands",
    "stop": "commands",
}
ROWS = ("float32", "small", "tiny")
FALSE_POSITIVE_RATE = 0.005
CONFIG = "settings: {detection: {snr_db: []}}\n"


def main() -> None:
    """Make what is missing of the runs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, default=Path("../shared/speech"))
    parser.add_argument("--out", type=Path, default=Path("runs/small"))
    parser.add_argument("--seeds", default="0", help="with commas between them")
    parser.add_argument("--words", default=",".join(WORDS))
    given = parser.parse_args()
    print("| word | seed | row | bytes | arena | accuracy | missed at 0.5 % | McNemar p |")
    print("|---|---|---|---|---|---|---|---|")
    for word in given.words.split(","):
        for seed in given.seeds.split(","):
            folder = given.out / f"{word}-{seed}"
            run(given.speech / WORDS[word], word, seed, folder)
            for line in rows(results_file.read(folder / "results.json")):
                print(f"| {word} | {seed} | {line} |", flush=True)


def run(data: Path, word: str, seed: str, folder: Path) -> None:
    """One `stapes run`; what is finished already stays."""
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "run.yaml"
        config.write_text(CONFIG, "utf-8")
        command = [str(Path(sys.executable).with_name("stapes")), "run", "--data", str(data)]
        command += ["--word", word, "--seed", seed, "--out", str(folder)]
        command += ["--techniques", ",".join(ROWS), "--config", str(config)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def rows(results: Results) -> list[str]:
    """Bytes, arena, accuracy, misses and p of each row."""
    is_word = np.array([clip.word for clip in results.clips], bool)
    return [
        f"{row.name} | {row.bytes:,} | {_arena(row)} | {_percent(row.accuracy)} | "
        f"{_percent(miss_rate(np.array(row.scores), is_word))} | {_p(row)}"
        for row in results.variants
    ]


def miss_rate(scores: NDArray[np.floating], is_word: NDArray[np.bool_]) -> float:
    """The part of positive clips not above the threshold for FALSE_POSITIVE_RATE.

    Parameters
    ----------
    scores : np.ndarray [shape=(n,)]
    is_word : np.ndarray [shape=(n,)], bool; of both kinds there are some
    """
    others = np.sort(scores[~is_word])[::-1]
    threshold = others[int(FALSE_POSITIVE_RATE * len(others))]
    return float((scores[is_word] <= threshold).mean())


def _arena(row: VariantResult) -> str:
    found = row.targets.get("tflm")
    return f"{found.arena_bytes:,}" if found and found.arena_bytes else "-"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def _p(row: VariantResult) -> str:
    return f"{row.against_float32.p:.2g}" if row.against_float32 else ""


if __name__ == "__main__":
    main()
