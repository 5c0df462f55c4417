"""The examples of CONTRIBUTING.md do what the page says, at the places that it names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import typer
from pydantic import Field, create_model
from tests.export.by_hand import run_folder
from tests.report.results_by_hand import whole
from typer.testing import CliRunner

import stapes
from stapes.cli.options import settings_options
from stapes.errors import UsageError
from stapes.export.registry import FORMS, Form
from stapes.frontends.registry import FRONTENDS, described
from stapes.report.column import Column
from stapes.report.columns import COLUMNS, columns
from stapes.run.settings import RunSettings
from stapes.system.arguments import with_settings
from stapes.system.options import Option, checked, settings_of
from stapes.system.text import percent

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def examples(section):
    """The blocks of code below a heading."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def defined(code, **names):
    """What a block of code defines."""
    # Our own page, not a stranger's.
    exec(compile(code, "CONTRIBUTING.md", "exec", dont_inherit=True), names)
    return names


def test_a_frontend(monkeypatch):
    frontend = defined(examples("Add a frontend")[0], __name__="level")["Level"]
    monkeypatch.setitem(FRONTENDS, "level", frontend)
    settings = RunSettings.model_validate({"frontend": "level"})
    assert "level, the level of each frame" in described()
    assert settings.frontend.shape == (50, 1, 1)
    # A tone that grows by a tenth from frame to frame has levels that do.
    gain = np.repeat(np.arange(1, 76, dtype=np.float32), 320)
    y = (np.sin(np.arange(gain.size) * np.pi / 16) * gain / 75).astype(np.float32)
    alone = settings.frontend.features(np.stack([y[:16_000], y[320 * 4 : 320 * 4 + 16_000]]))
    assert np.allclose(alone[0, :, 0, 0], np.arange(1, 51) / 75 / np.sqrt(2), rtol=1e-4)
    assert np.allclose(settings.frontend.sliding(y, 4)[:2], alone, rtol=1e-6)


def test_a_target(monkeypatch):
    from stapes.targets.registry import TARGETS
    from stapes.targets.target import Target, tried

    code, line = examples("Add a target")
    attempt = defined(code)["attempt"]
    entry = eval(f"{{{line}}}", {"Target": Target, "attempt": attempt})  # noqa: S307
    monkeypatch.setitem(TARGETS, "eprom", entry["eprom"])
    assert tried(TARGETS["eprom"], b"x" * 16_384).result.flash_bytes == 16_384
    refusal = tried(TARGETS["eprom"], b"x" * 16_385).result
    assert (refusal.runs, refusal.reason) == (False, "16,385 bytes do not fit into 16,384")


def test_a_form_of_export(monkeypatch, tmp_path):
    code, line = examples("Add a form of export")
    entry = eval(f"{{{line}}}", {"Form": Form, **defined(code)})  # noqa: S307
    monkeypatch.setitem(FORMS, "plain", entry["plain"])
    run = run_folder(tmp_path / "run")
    exported = stapes.export(run, tmp_path / "out", "plain", check=True)
    assert exported.files == ["house.tflite", "README.md"]
    first, second = (tmp_path / "out" / "README.md").read_text().splitlines()
    assert "stapes export --to plain" in first
    assert second == "house: above 191 of 255"


def test_a_column(monkeypatch):
    column = eval(examples("Add a column")[0], {"Column": Column, "percent": percent})  # noqa: S307
    monkeypatch.setitem(COLUMNS, "zeros", column)
    results = whole()
    row = results.variants[0]
    row.parameters, row.nonzero_parameters = 200, 50
    (column,) = columns(results, ["zeros"])
    assert column.cell(row, results).text == "75.00 %"


def with_loudness():
    """The settings of a run with the field of the example."""
    code = examples("Add an option")[0]
    names = defined(code, Annotated=Annotated, Option=Option, Field=Field)
    kind = names["__annotations__"]["loudness"]
    return create_model("WithLoudness", __base__=RunSettings, loudness=(kind, names["loudness"]))


def test_an_option():
    model = with_loudness()
    assert settings_of(model, "run")["loudness"].help == (
        "Level to which clips are brought [dB] [-26]."
    )
    assert "loudness" not in settings_of(model, "evaluate")
    with pytest.raises(UsageError) as raised:
        checked(model, {"loudness": 3}, called=["loudness"])
    assert raised.value.typed == "--loudness: Input should be less than or equal to 0."

    @with_settings(model, "run")
    def run(**settings):
        """Run.

        **settings
        """

    assert "loudness : float, optional" in (run.__doc__ or "")


def test_an_option_is_on_the_command_line():
    model = with_loudness()
    app = typer.Typer()
    values = {}

    @app.command()
    @settings_options(model, "run")
    def run(**settings):
        values.update(settings)

    assert CliRunner().invoke(app, ["--loudness", "-20"]).exit_code == 0
    assert values["loudness"] == -20


@pytest.mark.slow
def test_a_technique_and_an_architecture(monkeypatch):
    from stapes.data.features import FeatureSet
    from stapes.models.architectures import ARCHITECTURES, sizes_of
    from stapes.models.backend import keras
    from stapes.targets.litert import LiteRT
    from stapes.techniques.recipes import Recipes
    from stapes.techniques.registry import TECHNIQUES
    from stapes.techniques.selection import select
    from stapes.techniques.variant import Material, Technique

    two_layers = defined(examples("Add an architecture")[0], keras=keras)["two_layers"]
    monkeypatch.setitem(ARCHITECTURES, "two_layers", two_layers)
    assert RunSettings(architecture="two_layers", sizes={"width": 4}).sizes == {"width": 4}
    assert sizes_of("two_layers") == ["width"]

    code, line = examples("Add a technique")
    coarse = defined(code, __name__="coarse")["coarse"]
    entry = eval(f"{{{line}}}", {"Technique": Technique, "coarse": coarse})  # noqa: S307
    monkeypatch.setitem(TECHNIQUES, "coarse", entry["coarse"])
    assert select("coarse") == ["float32", "coarse"]

    model = two_layers((10, 4, 1), width=2)
    before = [weights.copy() for weights in model.get_weights()]

    x = np.random.default_rng(0).normal(size=(3, 10, 4, 1)).astype(np.float32)
    clips = FeatureSet(x, np.array([0, 1, 0], np.uint8), ["a", "b", "c"])
    material = Material(model, model, clips, x, Recipes(), seed=0)
    variant = TECHNIQUES["coarse"].make(material)
    after = model.get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    model.set_weights([np.round(32 * weights) / 32 for weights in before])
    assert np.allclose(LiteRT(variant.tflite).predict(x), model.predict(x, verbose=0), atol=1e-6)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A copy of the package with each example at the places that the page names."""
    folder = tmp_path_factory.mktemp("planted")
    package = folder / "stapes"
    shutil.copytree(ROOT / "src" / "stapes", package)

    def insert(file, before, text):
        content = (package / file).read_text("utf-8")
        assert content.count(before) == 1, (file, before)
        (package / file).write_text(content.replace(before, text + before), "utf-8")

    code, line = examples("Add a technique")
    (package / "techniques" / "coarse.py").write_text(code)
    insert("techniques/registry.py", '    "distilled": Technique(', f"{line.rstrip()},\n")
    top = "from stapes.techniques.variant import"
    insert("techniques/registry.py", top, "from stapes.techniques.coarse import coarse\n")

    code, line = examples("Add a target")
    (package / "targets" / "eprom.py").write_text(code)
    insert("targets/registry.py", '    "esphome": Target(', f"{line.rstrip()},\n")
    top = "from stapes.targets.target import"
    insert("targets/registry.py", top, "from stapes.targets.eprom import attempt\n")

    (package / "frontends" / "level.py").write_text(examples("Add a frontend")[0])
    insert("frontends/registry.py", "        Micro,\n", "        Level,\n")
    top = "from stapes.frontends.logmel import"
    insert("frontends/registry.py", top, "from stapes.frontends.level import Level\n")

    insert("report/columns.py", '    Column("n_test"', f"{examples('Add a column')[0].rstrip()},\n")
    insert("report/terminal/tables.py", '    "litert_latency_us_p50",\n)', '    "zeros",\n')

    field = "".join(f"    {row}\n" for row in examples("Add an option")[0].splitlines())
    insert("run/settings.py", "    ratio: Annotated", field)

    place = "ARCHITECTURES: dict[str, Callable[..., Any]] = {\n"
    insert("models/architectures.py", place, f"{examples('Add an architecture')[0]}\n\n")
    insert("models/architectures.py", '    "ds_cnn": ', '    "two_layers": two_layers,\n')
    return folder


def command(folder, *arguments):
    """What the command line of the copy prints."""
    done = subprocess.run(
        [sys.executable, "-m", "stapes.cli.app", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "100"},
    )
    return done.stdout + done.stderr


def test_the_places_that_the_page_names_are_all_there_is_to_touch(planted, tmp_path):
    shutil.copy(ROOT / "tests" / "contracts" / "older_results.json", tmp_path / "results.json")
    assert "zeros" in command(planted, "report", str(tmp_path))
    headings = (tmp_path / "results.csv").read_text("utf-8").splitlines()[0].split(",")
    assert {"zeros", "eprom_runs", "eprom_flash_bytes"} < set(headings)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Share of weights that are zero" in page
    assert "Whether EPROM 27C128 runs the model." in page

    options = command(planted, "run", "--help")
    assert "--loudness DB" in options
    assert "|level|" in options
    assert "two_layers" in options

    typo = command(planted, "run", "--techniques", "coars", "--data", str(tmp_path))
    assert "did you mean coarse?" in typo
