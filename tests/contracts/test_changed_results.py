"""A results.json that was changed by hand is read, or refused in a sentence; no reader fails."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from tests.export.by_hand import run_folder
from tests.report import results_by_hand

from stapes.cli.common import results_lines, show
from stapes.contracts import results as contract
from stapes.errors import StapesError
from stapes.export.exporting import export
from stapes.export.operating_point import of_row
from stapes.export.settings import ExportSettings
from stapes.report.writing import write_comparison, write_report

HUGE = 10**40
VALUES: list[Any] = [None, True, False, 0, -1, 1, 3, HUGE, -HUGE, 1e308, -1e308, 1e-320, 0.5, "NaN"]
VALUES += ["Infinity", "", "x", "\x1b[31mred\x07", "<script>alert(1)</script>", "x" * 5000]
VALUES += ["\ud800", [], {}, [0], [1e308], ["NaN"], [[]], {"": None}, {"x": -1}]


def documents() -> list[dict[str, Any]]:
    whole = [results_by_hand.whole(), results_by_hand.streamed(), results_by_hand.searched(20)]
    return [json.loads(one.model_dump_json(by_alias=True)) for one in whole]


DOCUMENTS = documents()


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document; of a long list, the first and the last three."""
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = [*enumerate(value)]
        items = items[:3] + items[3:][-3:]
    else:
        return
    for key, below in items:
        yield (*above, key)
        yield from places(below, (*above, key))


PLACES = [list(places(document)) for document in DOCUMENTS]


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A document with one to three changes: a value replaced, left out, or repeated."""
    number = draw(st.integers(0, len(DOCUMENTS) - 1))
    document = copy.deepcopy(DOCUMENTS[number])
    for path in draw(st.lists(st.sampled_from(PLACES[number]), min_size=1, max_size=3)):
        value = draw(st.sampled_from(VALUES))
        how = draw(st.sampled_from(["replace", "replace", "drop", "repeat"]))
        with contextlib.suppress(KeyError, IndexError, TypeError):
            change(document, path, how, value)
    return document


def change(document: Any, path: tuple[Any, ...], how: str, value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    if how == "drop":
        del document[path[-1]]
    elif how == "repeat" and isinstance(document, list):
        document.append(document[path[-1]])
    else:
        document[path[-1]] = value


def everything_reads(document: Any, folder: Path) -> None:
    """Every reader of a run folder, as the command line calls it."""
    run, other = folder / "run", folder / "other"
    for place, content in ((run, document), (other, DOCUMENTS[0])):
        place.mkdir(exist_ok=True)
        text = json.dumps(content, ensure_ascii=True)
        (place / "results.json").write_text(text, encoding="utf-8")
    console = Console(file=io.StringIO(), width=120)
    with contextlib.suppress(StapesError):
        results = write_report(run, plot=folder / "plot.svg")
        with contract.used(run / "results.json"):
            show(results, lambda one: results_lines(one, verbose=True), console, False)
            repr(results), results._repr_html_()
    with contextlib.suppress(StapesError):
        write_comparison(run, other)
    with contextlib.suppress(StapesError):
        for row in contract.read(run / "results.json").variants:
            for options in ({}, {"cutoff_for": 2.0}, {"cutoff_for": 0.7}, {"cutoff": 0.5}):
                with contextlib.suppress(StapesError), contract.used(run / "results.json"):
                    of_row(row, ExportSettings.model_validate(options))


def test_an_export_of_changed_results_is_one_sentence(tmp_path):
    run = run_folder(tmp_path / "run")
    document = json.loads((run / "results.json").read_text("utf-8"))
    for row in document["variants"]:
        if row["detection"] is not None:
            row["detection"]["conditions"] = []
    (run / "results.json").write_text(json.dumps(document), "utf-8")
    message = r"results\.json is no results\.json of schema 1 \(variants.*conditions"
    with pytest.raises(StapesError, match=message):
        export(run, tmp_path / "out", "esphome")


def test_what_does_not_fit_together_names_the_file(tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(StapesError) as error, contract.used(path):
        raise IndexError("list index out of range\nand more")
    assert str(error.value) == (
        f"{path}: its values do not fit together (IndexError: list index out of range): "
        "run the run's command again."
    )
    with pytest.raises(StapesError, match=r"^Mine"), contract.used(path):
        raise StapesError("Mine.")


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(document=changed())
def test_no_reader_fails_at_changed_results(tmp_path, document):
    everything_reads(document, tmp_path)
