"""The pages that people read: links lead somewhere, and sentences are short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from stapes.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")


def prose(path):
    """The sentences of a page: without code, tables, headings and pictures."""
    text = path.read_text("utf-8")
    text = re.sub(r"```.*?```|<!--.*?-->|!\[[^\]]*\]\([^)]*\)", "", text, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    lines = [
        line
        for line in text.splitlines()
        if not line.startswith(("    ", "|", "#", "Licence")) and not re.match(r"\*\*.*\*\*$", line)
    ]
    blocks = re.split(r"\n\s*\n|\n(?=[-*:] |\d+\. )", "\n".join(lines))
    parts = [part for block in blocks for part in re.split(r"(?<=[.!?])\s+", block.strip())]
    return [sentence for sentence in parts if len(sentence.split()) > 2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target, _ in LINK.findall(page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_readme_has_short_sentences():
    lengths = {sentence: len(sentence.split()) for sentence in prose(ROOT / "README.md")}
    assert len(lengths) > 20
    assert max(lengths.values()) <= 30, max(lengths, key=lambda sentence: lengths[sentence])
    assert sum(lengths.values()) / len(lengths) <= 20


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_pages_have_sentences_of_twenty_words_on_average(page):
    lengths = [len(sentence.split()) for sentence in prose(page)]
    if lengths:
        assert sum(lengths) / len(lengths) <= 20


def test_the_reference_has_every_example_of_the_help():
    page = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    examples = [line.strip() for text in epilogs(typer.main.get_command(app)) for line in text]
    assert any(line.startswith("arecord ") for line in examples)
    for line in examples:
        assert f"\n{line}\n" in page


def epilogs(command):
    """The lines of examples of a command and of those inside it."""
    if command.epilog:
        yield command.epilog.partition("Examples:\n")[2].splitlines()
    for inner in getattr(command, "commands", {}).values():
        yield from epilogs(inner)
