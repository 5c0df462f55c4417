"""The options of `stapes export` are refused with their names."""

from __future__ import annotations

import pytest

from stapes.errors import UsageError
from stapes.export.settings import ExportSettings
from stapes.system.options import checked, nested


def settled(**options):
    return checked(ExportSettings, nested(ExportSettings, options), called=options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cutoff": 1.0}, "--cutoff: Input should be less than 1."),
        ({"cutoff": float("nan")}, "--cutoff: "),
        ({"cutoff_for": 0}, "--cutoff-for: Input should be greater than 0."),
        ({"cutoff_for": float("inf")}, "--cutoff-for: Input should be less than or equal to"),
        ({"cutoff_for": float("nan")}, "--cutoff-for: Input should be"),
        ({"window": 0}, "--window: "),
        ({"window": 51}, "--window: Input should be less than or equal to 50."),
        ({"id": "../x"}, "--id: it must be letters, digits, _ and -, at most 64."),
        ({"id": ""}, "--id: "),
        ({"name": "a\nb"}, "--name: it must be one line without control characters."),
        ({"name": "vad"}, "--name: ESPHome takes a model of this name"),
        ({"name": ""}, "--name: "),
        ({"author": "a\x1b[0m"}, "--author: it must be one line"),
        ({"languages": "en,english"}, "--languages: english is no code of a language"),
        ({"website": "here"}, "--website: "),
        ({"cutoff": 0.5, "cutoff_for": 1}, "give --cutoff or --cutoff-for, not both."),
    ],
)
def test_a_wrong_value_is_refused(options, sentence):
    with pytest.raises(UsageError) as error:
        settled(**options)
    assert sentence in error.value.typed


def test_languages_are_names_between_commas():
    assert settled(languages="en,pt-BR, zh-Hant").languages == ("en", "pt-BR", "zh-Hant")


def test_words_of_any_script_are_names():
    assert settled(name="Привет, Größe!", id="привет-1").id == "привет-1"
