"""The Python face: what `import stapes` shows, and the messages of wrong calls."""

from __future__ import annotations

import importlib.util
import inspect
import pydoc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.report.results_by_hand import searched, whole

import stapes
from stapes import errors
from stapes.contracts.measurements import Recommendation
from stapes.contracts.results import write
from stapes.errors import UsageError
from stapes.run.settings import RunSettings

VERBS = {
    "data",
    "evaluate",
    "export",
    "inspect",
    "listen",
    "load",
    "report",
    "run",
    "search",
    "slim",
}
CLASSES = {"Detection", "WakeWord"}
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}

USER = """
import stapes

results = stapes.run(word="computer", techniques=["int8"], target_fa_per_hour=1.0)
reveal_type(results["int8"].accuracy)
reveal_type(stapes.search(word="computer", trials=3))
reveal_type(stapes.search(words=["computer", "jarvis"]))
reveal_type(stapes.load("runs/computer"))
reveal_type(stapes.report("runs/computer", "runs/again"))
reveal_type(stapes.data.synth("computer", "corpus", voices=3))
stapes.run(wrod="computer")
stapes.slim("a.tflite", "b.tflite", runtime="tfml")
"""
REVEALED = [
    "float | None",
    "stapes.contracts.results.Results",
    "dict[str, stapes.contracts.results.Results]",
    "stapes.contracts.results.Results",
    "stapes.report.page.comparison.Comparison",
    "pathlib.Path",
]


def test_the_package_lists_verbs_classes_and_errors() -> None:
    assert set(dir(stapes)) == VERBS | CLASSES | ERRORS
    text = pydoc.plain(pydoc.render_doc(stapes))
    for name in VERBS | CLASSES | ERRORS:
        assert name in text
    assert "The wake word [house]." in text


def test_the_rooms_do_not_hide_the_verbs() -> None:
    script = """
import stapes
first = stapes.run
import stapes.run.pipeline, stapes.search.pipeline, stapes.data.slug, stapes.report.writing
assert stapes.run is first
assert callable(stapes.run) and callable(stapes.search) and callable(stapes.report)
assert callable(stapes.data.synth)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_every_setting_is_a_parameter_of_run() -> None:
    parameters = inspect.signature(stapes.run).parameters
    assert set(RunSettings.model_fields) | {"target_fa_per_hour", "out", "config"} < set(parameters)
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stapes.run(**_wrong(wrod="x")), r"wrod: .*\(did you mean word\?\)"),
        (lambda: stapes.run(max_drop=-1), "max_drop: Input should be"),
        (lambda: stapes.run(techniques=["int9"]), r"techniques: int9 .*\(did you mean int8\?\)"),
        (lambda: stapes.search(architectures="dscnn"), r"\(did you mean ds_cnn\?\)"),
        (lambda: stapes.search(word="a", words="a,b"), "words: it names the words already"),
        (lambda: stapes.evaluate("m", **_wrong(split="tset")), r"split: .*mean test\?"),
        (lambda: stapes.slim("a", "b", **_wrong(runtime="tfml")), r"runtime: .*mean tflm\?"),
        (lambda: stapes.data.synth("a", "b", voices=2), "voices: Input should be"),
        (lambda: stapes.run(**_wrong(quik=True)), r"quik: .*mean quick\?"),
        (lambda: stapes.inspect("m", **_wrong(progres=None)), r"progres: .*mean progress\?"),
        (lambda: stapes.report("r", **_wrong(paeg="p")), r"paeg: .*mean page\?"),
        (lambda: stapes.load("r", **_wrong(rn="p")), r"rn: .*mean run\?"),
        (lambda: stapes.data.check("d", **_wrong(wrd="x")), r"wrd: .*mean word\?"),
        (lambda: stapes.data.synth("a", "b", **_wrong(ratio=2)), "ratio: there is no such"),
        (lambda: stapes.run(**_wrong(budget={"flsh": 1})), r"^budget.flsh: .*mean flash\?"),
        (lambda: stapes.run(**_wrong(out=5)), "^out: give a path, not 5"),
        (lambda: stapes.run(**_wrong(word=True)), "^word: give text, not True"),
        (lambda: stapes.search(**_wrong(jobs="two")), "^jobs: give a whole number, not 'two'"),
        (lambda: stapes.load(**_wrong(run=None)), "^run: give a path, not None"),
        (lambda: stapes.report("r", page=_wrong(x=1)), "^page: give a path, not {'x': 1}"),
        (lambda: stapes.data.check("d", **_wrong(word=1)), "^word: give text, not 1"),
        (lambda: stapes.data.fetch("speech-comands"), r"mean speech-commands\?"),
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(call: Any, message: str) -> None:
    with pytest.raises(stapes.UsageError, match=message):
        call()


def _wrong(**arguments: Any) -> Any:
    """Arguments that mypy does not look at."""
    return arguments


def test_results_are_rows_by_name(tmp_path: Path) -> None:
    write(searched(word="house"), tmp_path / "results.json")
    results = stapes.load(tmp_path)
    names = [row.name for row in results.variants]
    assert list(results) == list(dict(results)) == names
    assert all(results[name].name == name and name in results for name in names)
    with pytest.raises(KeyError, match=f"did you mean {names[0]}"):
        results[f"{names[0]}x"]


def test_results_print_as_a_few_lines(tmp_path: Path) -> None:
    results = searched(word="<b>")
    lines = repr(results).splitlines()
    assert str(results) == repr(results)
    assert len(lines) == 2 + len(results.variants)
    assert all(len(line) < 120 for line in lines)
    for name, line in zip(results, lines[2:], strict=True):
        assert line.startswith(name)
        assert f"{results[name].bytes:,}" in line
    html = results._repr_html_()
    assert len(html) < 20_000
    assert "&lt;b&gt;" in html
    assert html.count("<tr>") == 1 + len(results.variants)


def test_a_row_prints_as_one_line() -> None:
    row = whole().variants[0]
    assert repr(row) == str(row)
    assert repr(row).startswith(f"float32: file bytes {row.bytes:,}, arena bytes ")
    assert len(repr(row)) < 120


def test_of_many_rows_those_that_matter_are_printed() -> None:
    results = whole()
    first = results.variants[0]
    results.variants = [first, *(first.model_copy(update={"name": f"m{n}"}) for n in range(20))]
    results.recommendation = Recommendation(max_drop=0.5, variant="m7", sentence="", front=["m3"])
    names = [line.split()[0] for line in repr(results).splitlines()[2:]]
    assert names == ["float32", "m3", "m7", "and"]
    assert "and 18 more: results.variants" in repr(results)


def test_the_stub_is_as_the_models_make_it() -> None:
    spec = importlib.util.spec_from_file_location("stub", ROOT / "tools" / "stub.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.STUB.read_text("utf-8") == module.stub(), "run: python tools/stub.py"


@pytest.mark.slow
def test_mypy_knows_the_types_of_a_users_script(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="needs the development tools")
    (tmp_path / "user.py").write_text(USER)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", "--follow-imports=silent", "user.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT / "src")},
    )
    revealed = [line.split('"')[1] for line in done.stdout.splitlines() if "Revealed" in line]
    assert revealed == REVEALED
    assert 'Unexpected keyword argument "wrod" for "run"' in done.stdout
    assert 'Argument "runtime" to "slim" has incompatible type' in done.stdout
    assert "Found 2 errors" in done.stdout


def test_an_error_names_options_as_python_does_and_as_typed() -> None:
    error = UsageError("--max-drop: is wrong in a--b; see --out.")
    assert str(error) == "max_drop: is wrong in a--b; see out."
    assert error.typed == "--max-drop: is wrong in a--b; see --out."
