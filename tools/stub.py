"""Write src/stapes/__init__.pyi: the signatures of the verbs, made from the settings models.

Run it after a change of a settings model or of api.py: `python tools/stub.py`.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from pydantic import BaseModel

from stapes import api
from stapes.export.settings import ExportSettings
from stapes.listen.settings import ListenSettings
from stapes.model_files.settings import SlimSettings
from stapes.run.settings import EvaluationSettings, RunSettings
from stapes.search.settings import SearchSettings
from stapes.system.options import settings_of

STUB = Path(__file__).parents[1] / "src" / "stapes" / "__init__.pyi"

HEAD = """# Made by tools/stub.py from api.py and the settings models; do not edit.
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, overload

from pydantic import BaseModel
from typing_extensions import Unpack

from stapes.contracts.captures import Capture, Labels
from stapes.contracts.evaluation import Check, Cut, Evaluation
from stapes.contracts.export import Exported
from stapes.contracts.inspection import Inspection
from stapes.contracts.listening import Listening
from stapes.contracts.results import Results
from stapes.data.cache_folder import CacheContent
from stapes.errors import AudioError as AudioError
from stapes.errors import MissingExtraError as MissingExtraError
from stapes.errors import ModelError as ModelError
from stapes.errors import StapesError as StapesError
from stapes.errors import UsageError as UsageError
from stapes.listen.listener import Listener
from stapes.listen.wake_word import Detection as Detection
from stapes.listen.wake_word import WakeWord as WakeWord
from stapes.model_files.slimming import Slimmed
from stapes.report.page.comparison import Comparison
from stapes.system.progress import Progress

__version__: str
_Path = str | os.PathLike[str]
"""


def stub() -> str:
    """The text of the stub."""
    run = settings_of(RunSettings)
    parts = [
        HEAD,
        # A model is an argument of its own to `evaluate`.
        _settings("_Clips", "TypedDict", RunSettings, {"model"}),
        _settings("_Run", "_Clips", RunSettings, set(run) - {"model"}),
        _settings("_Search", "_Run", SearchSettings, set(run)),
        _settings("_Evaluation", "_Clips", EvaluationSettings, set(run)),
        _settings("_Slim", "TypedDict", SlimSettings, set()),
        _settings("_Export", "TypedDict", ExportSettings, set()),
        _settings("_Listen", "TypedDict", ListenSettings, set()),
        _settings("_Synth", "TypedDict", RunSettings, set(run) - {"seed", "voices", "takes"}),
        _function("run", "_Run"),
        "@overload",
        _function("search", "_Search", words="None = None", result="Results"),
        "@overload",
        _function("search", "_Search", words="str | Sequence[str]", result="dict[str, Results]"),
        _function("evaluate", "_Evaluation"),
        _function("inspect"),
        _function("slim", "_Slim"),
        _function("export", "_Export"),
        "@overload",
        _function("report", other="None = None", result="Results"),
        "@overload",
        _function("report", other="_Path", result="Comparison"),
        _function("listen", "_Listen"),
        _function("load"),
        "class data:",
    ]
    names = [name for name, member in vars(api.data).items() if isinstance(member, staticmethod)]
    for name in names:
        settings = "_Synth" if name == "synth" else ""
        parts.append("    @staticmethod\n    " + _function(name, settings, of=api.data))
    return "\n".join(parts) + "\n"


def _settings(name: str, base: str, model: type[BaseModel], without: set[str]) -> str:
    fields = [
        f"    {setting.name}: {_text(setting.accepts | None)}"
        for setting in settings_of(model).values()
        if setting.name not in without
    ]
    return "\n".join([f"class {name}({base}, total=False):", *fields])


def _function(
    name: str, settings: str = "", result: str = "", of: object = api, **types: str
) -> str:
    """A function's own parameters, and its settings; `types` are of an overload."""
    function = getattr(of, name)
    signature = inspect.signature(function, eval_str=True)
    code = inspect.unwrap(function).__code__
    first = code.co_argcount
    own = code.co_varnames[: first + code.co_kwonlyargcount]
    parts = []
    for number, parameter in enumerate(signature.parameters[argument] for argument in own):
        if number == first:
            parts.append("*")
        default = "" if parameter.default is parameter.empty else " = ..."
        kind = types.get(parameter.name, _text(parameter.annotation) + default)
        parts.append(f"{parameter.name}: {kind}")
    if settings:
        parts.append(f"**settings: Unpack[{settings}]")
    result = result or _text(signature.return_annotation)
    return f"def {name}({', '.join(parts)}) -> {result}: ..."


def _text(annotation: object) -> str:
    text = inspect.formatannotation(annotation).replace("str | os.PathLike[str]", "_Path")
    text = re.sub(r"Optional\[(Literal\[.*?\])\]", r"\1 | None", text)
    return re.sub(r"\b[a-z_]+(?:\.[a-z_]+)*\.(?=[A-Z])", "", text)


if __name__ == "__main__":
    STUB.write_text(stub(), "utf-8")
