"""The options of a command come from its settings: one name, one help text, one default."""

from __future__ import annotations

import inspect
import re

import pytest
from typer.testing import CliRunner

import stapes
from stapes.cli.app import app
from stapes.export.settings import ExportSettings
from stapes.model_files.settings import SlimSettings
from stapes.run.settings import EvaluationSettings, RunSettings
from stapes.search.settings import SearchSettings
from stapes.system.arguments import HELP
from stapes.system.options import settings_of

RUNNER = CliRunner()


@pytest.mark.parametrize("name", list(HELP))
def test_an_option_that_is_no_setting_has_one_help_in_python_and_in_commands(name: str) -> None:
    verbs = ("run", "search", "evaluate", "report", "export")
    functions = {verb: getattr(stapes, verb) for verb in verbs}
    if name != "out":  # Those of `data` have help of their own.
        functions |= {
            f"data {verb}": getattr(stapes.data, verb) for verb in ("check", "fetch", "cache")
        }
    having = [
        verb for verb, call in functions.items() if name in inspect.signature(call).parameters
    ]
    assert having
    for verb in having:
        done = RUNNER.invoke(app, [*verb.split(), "--help"], env={"COLUMNS": "200"})
        for text in (done.output, functions[verb].__doc__ or ""):
            assert "".join(HELP[name].split()) in "".join(text.split())  # In lines of any length.


@pytest.mark.parametrize(
    ("command", "model"),
    [
        ("run", RunSettings),
        ("search", SearchSettings),
        ("evaluate", EvaluationSettings),
        ("slim", SlimSettings),
        ("export", ExportSettings),
        ("data synth", RunSettings),
        ("data check", RunSettings),
    ],
)
def test_help_has_each_option_with_its_text_and_default_once(command: str, model) -> None:
    verb = command.split()[-1]
    done = RUNNER.invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    text = re.sub(r"\s+", " ", done.output)
    settings = settings_of(model, verb)
    assert settings
    for setting in settings.values():
        assert text.count(f" --{setting.name.replace('_', '-')} ") >= 1
        assert text.count(setting.help) == 1


def test_old_names_of_options_are_gone_and_the_new_ones_are_in_slim() -> None:
    for option in ("--for", "--check"):
        done = RUNNER.invoke(app, ["slim", "a", "-o", "b", option, "1"])
        assert done.exit_code == 2
        assert "No such option" in done.output
