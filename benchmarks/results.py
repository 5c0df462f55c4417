"""The tables and the picture of docs/results.md: every technique on real words, several seeds each.

    python benchmarks/results.py --speech DIR [--out runs/results] [--seeds 0,1,2] [--write]
    python benchmarks/results.py --search FOLDER [FOLDER ...] [--write]

DIR has `wakewords` and `commands`, each with a folder of clips for every word (docs/results.md
names the source of such recordings). Every word and seed is a `stapes run` with its own run folder.
A second call resumes unfinished runs and reads finished ones. There is no noise, as these figures
do not depend on it. With --search, it prints the results of finished searches and runs nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from results_front import front, picture
from results_search import searches
from results_tables import ROWS, Runs, bars, baselines, changes, rows
from stapes.contracts import results as results_file
from stapes.contracts.results import Results
from stapes.system.files import write_text

SPEECH = Path(os.environ.get("STAPES_SPEECH", "speech"))
"""Recordings of people."""

WORDS = {
    "computer": "wakewords",
    "jarvis": "wakewords",
    "alexa": "wakewords",
    "yes": "commands",
    "left": "commands",
    "stop": "commands",
}
CONFIG = "settings: {detection: {snr_db: []}}\n"
PAGE = Path(__file__).parents[1] / "docs" / "results.md"


def main() -> None:
    """Do the missing runs, print the tables, and with --write put them into the docs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, default=SPEECH)
    parser.add_argument("--out", type=Path, default=Path("runs/results"))
    parser.add_argument("--seeds", default="0,1,2", help="with commas between them")
    parser.add_argument("--words", default=",".join(WORDS))
    parser.add_argument("--search", type=Path, nargs="+", metavar="FOLDER", help="of a search each")
    parser.add_argument("--write", action="store_true", help="put the tables in --page")
    parser.add_argument("--page", type=Path, default=PAGE, help="the picture goes to images/ there")
    arguments = parser.parse_args()
    if arguments.search:
        searched = [results_file.read(folder / "results.json") for folder in arguments.search]
        parts, front_picture = {"search": searches(searched)}, None
    else:
        words, seeds = arguments.words.split(","), arguments.seeds.split(",")
        runs = gather(arguments.speech, words, seeds, arguments.out)
        parts = {
            "baselines": baselines(runs),
            "rows": rows(runs),
            "changes": changes(runs),
            "bars": bars(runs),
            "front": front(runs),
        }
        front_picture = picture(runs)
    print("\n\n".join("\n".join(lines) for lines in parts.values()))
    if arguments.write:
        page = arguments.page.read_text("utf-8")
        for name, lines in parts.items():
            page = put(page, name, "\n".join(lines))
        write_text(arguments.page, page)
        if front_picture is not None:
            write_text(arguments.page.parent / "images" / "front.svg", front_picture)


def gather(speech: Path, words: list[str], seeds: list[str], out: Path) -> Runs:
    """Every word's runs, in the order of the seeds; all words of one seed run before the next seed.

    Raises
    ------
    SystemExit
        A finished run has another word, seed or choice.
    """
    runs: Runs = {word: [] for word in words}
    for seed in seeds:
        for word in words:
            folder = out / f"{word}-{seed}"
            if not finished(folder):
                run(speech / WORDS[word], word, seed, folder)
            results = results_file.read(folder / "results.json")
            if wrong := unlike(results, word, seed):
                sys.exit(f"{folder} is of another {wrong}: give another --out, or remove it.")
            runs[word].append(results)
            print(f"{word}, seed {seed}: done", file=sys.stderr, flush=True)
    return runs


def finished(folder: Path) -> bool:
    """Whether a run has nothing left to do."""
    whole = all((folder / name).is_file() for name in ("results.json", "report.html"))
    return whole and not (folder / ".work").exists()


def run(data: Path, word: str, seed: str, folder: Path) -> None:
    """One `stapes run` of all techniques."""
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "run.yaml"
        config.write_text(CONFIG, "utf-8")
        command = [str(Path(sys.executable).with_name("stapes")), "run", "--data", str(data)]
        command += ["--word", word, "--seed", seed, "--out", str(folder)]
        command += ["--techniques", ",".join(ROWS), "--config", str(config)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def unlike(results: Results, word: str, seed: str) -> str:
    """The first difference of a run from the expected one; empty if there is none."""
    detection = results.settings.get("detection")
    noise = detection.get("snr_db") if isinstance(detection, dict) else None
    checks = (
        ("word", results.word == word),
        ("seed", str(results.seed) == seed),
        ("choice of techniques", [row.name for row in results.variants] == ROWS),
        ("choice of noise", noise == []),
    )
    return next((name for name, same in checks if not same), "")


def put(page: str, name: str, text: str) -> str:
    """The page with other text between the two marks of that name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of the {name} -->"
    before, has_begin, rest = page.partition(begin)
    _, has_end, after = rest.partition(end)
    if not (has_begin and has_end):
        sys.exit(f"The page has no place for {name}: it needs {begin.strip()} and {end}.")
    return f"{before}{begin}{text}\n{end}{after}"


if __name__ == "__main__":
    main()
