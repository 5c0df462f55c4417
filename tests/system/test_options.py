"""A settings model as options: names, help, places, and messages that name the nearest."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from stapes.errors import UsageError
from stapes.system import options
from stapes.system.options import Option, checked, nested, settings_of


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rate: Annotated[float, Option("cook", "R")] = Field(default=0.5, gt=0, description="A rate.")
    hidden: int = 3
    mode: Annotated[str, Option("brew", "M", name="inner_mode")] = Field(
        default="hot", min_length=1, description="Another."
    )


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: Annotated[Literal["slow", "fast"], Option("cook eat")] = Field(
        default="slow", description="How."
    )
    folder: Annotated[Path | None, Option("eat", "DIR", "a new one")] = Field(
        default=None, description="Where."
    )
    inner: Inner = Inner()
    toy_count: int = 1


def test_an_option_has_all_from_its_field() -> None:
    cook = settings_of(Outer, "cook")
    assert list(cook) == ["mode", "rate"]
    assert (cook["mode"].metavar, cook["mode"].help) == ("slow|fast", "How [slow].")
    assert (cook["rate"].metavar, cook["rate"].help) == ("R", "A rate [0.5].")
    assert settings_of(Outer, "eat")["folder"].help == "Where [a new one]."
    names = ["mode", "folder", "inner", "rate", "inner_mode", "toy_count"]
    assert list(settings_of(Outer)) == names


def test_a_nested_option_may_have_a_name_of_its_own() -> None:
    assert list(settings_of(Outer, "brew")) == ["inner_mode"]
    arguments = {"mode": "fast", "inner_mode": "cold"}
    assert nested(Outer, arguments) == {"mode": "fast", "inner": {"mode": "cold"}}
    with pytest.raises(UsageError) as error:
        checked(Outer, {"inner": {"mode": ""}}, called=["inner_mode"])
    assert error.value.typed.startswith("--inner-mode: ")


def test_arguments_go_where_the_model_holds_them(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = {"rate": 2, "inner": {"hidden": 4}, "folder": "x", "mode": None}
    assert nested(Outer, arguments) == {"folder": tmp_path / "x", "inner": {"hidden": 4, "rate": 2}}
    assert nested(Outer, {"inner": Inner(hidden=4), "rate": 2})["inner"] == {
        "hidden": 4,
        "rate": 2,
        "mode": "hot",
    }


@pytest.mark.parametrize(
    ("arguments", "typed", "python"),
    [
        ({"rate": 0}, "--rate: Input should be greater than 0.", "rate: "),
        ({"inner": {"rate": 0}}, "inner.rate: Input should be greater than 0.", "inner.rate: "),
        ({"toy_count": "x"}, "--toy-count: Input should be a valid integer", "toy_count: "),
        ({"toy_cuont": 1}, "toy_cuont: there is no such setting (did you mean toy_count?).", "toy"),
        ({"inner": {"hiden": 1}}, "inner.hiden: there is no such setting (did you mean hid", "inn"),
        (
            {"mode": "fats"},
            "--mode: fats is unknown (did you mean fast?); known are",
            "",
        ),
    ],
)
def test_a_wrong_argument_is_named_as_typed_and_as_in_python(
    arguments: dict[str, Any], typed: str, python: str
) -> None:
    with pytest.raises(UsageError) as caught:
        checked(Outer, nested(Outer, arguments), called=arguments)
    assert caught.value.typed.startswith(typed)
    assert str(caught.value).startswith(python)


def test_a_wrong_setting_of_a_file_is_named_with_the_file() -> None:
    with pytest.raises(UsageError, match=r"^run\.yaml: inner\.rate: Input"):
        checked(Outer, {"inner": {"rate": 0}}, called=["mode"], file=Path("run.yaml"))


def test_examples_run() -> None:
    assert doctest.testmod(options).failed == 0
