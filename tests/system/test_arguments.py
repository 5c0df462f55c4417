"""The signature, help and arguments of a function that has settings."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from stapes.system import arguments
from stapes.system.arguments import known_arguments, with_settings
from stapes.system.options import Option


class Kitchen(BaseModel):
    mode: Annotated[Literal["slow", "fast"], Option("cook")] = Field(
        default="slow", description="How."
    )
    rate: Annotated[float, Option("cook")] = Field(default=0.5, description="A rate.")


def test_a_function_shows_its_settings() -> None:
    @with_settings(Kitchen, "cook")
    def cook(dish: str, *, rate: float = 1, **settings: Any) -> None:
        """Cook.

        **settings
        """

    # What the function has itself is not taken from the model.
    assert list(inspect.signature(cook).parameters) == ["dish", "mode", "rate"]
    assert "mode : Literal['slow', 'fast'], optional\n" in (cook.__doc__ or "")
    assert "How [slow]." in (cook.__doc__ or "")


def test_a_parameter_without_help_has_that_of_all_commands(monkeypatch) -> None:
    monkeypatch.setattr(arguments, "HELP", {"salt": "Grains.", "pan": "A pan."})

    @known_arguments
    def cook(*, salt: int = 1, pan: str = "") -> None:
        """Cook.

        Parameters
        ----------
        salt : int
        pan : str
            An old one.
        """

    assert "salt : int\n    Grains.\npan : str\n    An old one." in (cook.__doc__ or "")
