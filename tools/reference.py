"""Write the reference pages from the code, or check that they are up to date.

python tools/reference.py            # write docs/reference/*.md
python tools/reference.py --check    # exit status 1 and a diff if a page is stale
"""

from __future__ import annotations

import ast
import difflib
import inspect
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from stapes.cli.app import app
from stapes.contracts import (
    before,
    captures,
    data,
    evaluation,
    export,
    inspection,
    layers,
    manifest,
    measurements,
    results,
    streams,
)
from stapes.frontends.registry import FRONTENDS
from stapes.models.architectures import ARCHITECTURES, sizes_of
from stapes.run.settings import RunSettings
from stapes.search.settings import SearchSettings
from stapes.targets.registry import TARGETS
from stapes.techniques.registry import TECHNIQUES

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_HEAD = "<!-- Written by tools/reference.py from the code. Do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """The content of each reference page, by file name."""
    return {
        "cli.md": _HEAD + cli(),
        "run-yaml.md": _HEAD + settings(),
        "results-json.md": _HEAD + contract(),
        "manifest.md": _HEAD + manifest_keys(),
        "techniques.md": _HEAD + registries(),
    }


def cli() -> str:
    """Every command with its arguments, options and examples."""
    parts = ["# Command line\n"]
    for name, command in _commands("stapes", typer.main.get_command(app)):
        parts.append(f"## {name}\n\n{inspect.cleandoc(command.help or '')}\n")
        rows = [_option(parameter) for parameter in command.params if not _hidden(parameter)]
        parts.append(table(["option", "meaning"], rows))
        examples = (command.epilog or "").partition("Examples:\n")[2]
        if examples:
            parts.append(f"```\n{inspect.cleandoc(examples)}\n```\n")
    return "\n".join(parts)


def settings() -> str:
    """Every setting of run.yaml, with type, default, limits and meaning."""
    head = (
        "# run.yaml\n\n"
        "A run folder holds `run.yaml` with all settings under `settings`. `--config FILE` reads "
        "such a file; it may hold only the settings that you want to change. Options of the "
        "command line win over it. In Python, each setting is a keyword of `stapes.run` or "
        "`stapes.search`.\n"
    )
    parts = [head, "## stapes run\n", *_fields(RunSettings, "")]
    own = {
        name: field
        for name, field in SearchSettings.model_fields.items()
        if name not in RunSettings.model_fields
        or field.default != RunSettings.model_fields[name].default
    }
    parts.append("## stapes search\n\nA search has the settings of a run, and these:\n")
    parts.append(_field_table(own, ""))
    parts.append("## Frontends\n\n`frontend` has a `kind` and the sizes of that kind.\n")
    for kind, frontend in FRONTENDS.items():
        parts.append(f"### {kind}\n")
        parts.append(_field_table(frontend.model_fields, ""))
    parts.append("## Architectures\n\n`architecture` names one, and `sizes` sets its sizes.\n")
    rows = [
        [f"`{name}`", ", ".join(f"`{size}`" for size in sizes_of(name)) or "none"]
        for name in ARCHITECTURES
    ]
    parts.append(table(["architecture", "sizes"], rows))
    return "\n".join(parts)


def contract() -> str:
    """Every part of results.json and of `inspect --json`."""
    parts = [
        "# results.json\n\n"
        'A run or a search writes it, with `"schema": 1`. It holds no time of day. `stapes report` '
        "draws the table and the page from it alone. `Inspection` is the output of `stapes inspect "
        "--json`, `Evaluation` that of `stapes evaluate --json`, `Exported` that of `stapes export "
        "--json`, `Labels` that of `stapes data label --json`; `Capture` is a "
        "sidecar.\n"
    ]
    modules = (
        *(results, data, before, layers, streams, measurements, inspection, evaluation, export),
        captures,
    )
    return "\n".join([*parts, *_models(modules, "Results")])


def manifest_keys() -> str:
    """Every key of a wake word's manifest."""
    parts = [
        "# The manifest of a wake word\n\n`stapes export --to esphome` writes it beside the model, "
        "and `stapes.WakeWord` reads it. ESPHome refuses every other key.\n"
    ]
    return "\n".join([*parts, *_models((manifest,), "Manifest")])


def _models(modules: tuple[types.ModuleType, ...], first: str) -> Iterator[str]:
    """The pydantic models of modules, one table each."""
    models = [
        (name, model)
        for module in modules
        for name, model in vars(module).items()
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and model.__module__ == module.__name__
        and model.model_fields
    ]
    for name, model in sorted(models, key=lambda item: item[0] != first):
        notes = _attribute_docstrings(model)
        rows = [
            [f"`{field.alias or key}`", _type(field.annotation), _line(notes.get(key, ""))]
            for key, field in model.model_fields.items()
        ]
        yield f"## {name}\n\n{inspect.cleandoc(model.__doc__ or '')}\n"
        yield table(["key", "type", "meaning"], rows)


def registries() -> str:
    """Techniques and targets."""
    rows = [
        [f"`{name}`", technique.title, technique.source, technique.extra and f"`{technique.extra}`"]
        for name, technique in TECHNIQUES.items()
    ]
    parts = [
        "# Techniques and targets\n\n## Techniques\n\n"
        "Each technique is a row of a run's table. `--techniques` chooses some of them. Their "
        "settings are under `recipes` in [run.yaml](run-yaml.md).\n",
        table(["row", "technique", "source", "extra"], rows),
        "## Targets\n\n[Measuring](../measuring.md#on-the-targets) explains what each reports.\n",
        table(
            ["target", "title", "extra"],
            [
                [f"`{name}`", target.title, target.extra and f"`{target.extra}`"]
                for name, target in TARGETS.items()
            ],
        ),
    ]
    return "\n".join(parts)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([_line(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for key, child in inner.items():
        yield from _commands(f"{name} {key}", child)


def _hidden(parameter: Any) -> bool:
    return parameter.name == "help" or getattr(parameter, "hidden", False)


def _option(parameter: Any) -> list[str]:
    names = ", ".join(f"`{name}`" for name in parameter.opts if name.startswith("-"))
    metavar = parameter.metavar or ""
    if not names:
        return [f"`{metavar}`", getattr(parameter, "help", "") or ""]
    if metavar and not getattr(parameter, "is_flag", False):
        names += f" `{metavar}`"
    return [names, getattr(parameter, "help", "") or ""]


def _fields(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Tables of a settings model and of those inside it."""
    nested = {
        name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    plain = {name: field for name, field in model.model_fields.items() if name not in nested}
    if plain:
        yield _field_table(plain, prefix)
    for name, inner in nested.items():
        document = inspect.cleandoc(inner.__doc__ or "").partition("\n\n")[0]
        yield f"### {prefix}{name}\n\n{document}\n"
        yield from _fields(inner, f"{prefix}{name}.")


def _field_table(fields: dict[str, FieldInfo], prefix: str) -> str:
    rows = [
        [f"`{prefix}{name}`", _type(field.annotation), _default(field), _meaning(field)]
        for name, field in fields.items()
    ]
    return table(["setting", "type", "default", "meaning"], rows)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=False)
    if value is PydanticUndefined:
        return ""
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        return f"`{getattr(value, 'kind', type(value).__name__)}`"
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return ", ".join(f"`{getattr(item, 'kind', '')}`" for item in value)
    if isinstance(value, tuple | list):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`".replace("`True`", "`true`").replace("`False`", "`false`")


def _meaning(field: FieldInfo) -> str:
    limits = [
        f"{words} {getattr(limit, name)}"
        for limit in field.metadata
        for name, words in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
        if getattr(limit, name, None) is not None
    ]
    text = field.description or ""
    return f"{text} ({', '.join(limits)})".strip() if limits else text


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        names = [_type(part) for part in inner if part is not type(None)]
        return " or ".join(dict.fromkeys(names))
    if origin in (list, tuple, set, frozenset):
        return f"list of {_type(inner[0])}" if inner else "list"
    if origin is dict:
        return f"mapping of {_type(inner[0])} to {_type(inner[1])}"
    plain = {int: "integer", float: "number", str: "text", bool: "true or false"}
    if annotation in plain:
        return plain[annotation]
    return str(getattr(annotation, "__name__", "any value")).replace("Path", "path")


def _attribute_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What the source has below each field of a model."""
    body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    notes = {}
    for field, note in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(note, ast.Expr)
            and isinstance(note.value, ast.Constant)
        ):
            notes[field.target.id] = str(note.value.value)
    return notes


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def main() -> int:
    """Write the pages, or compare them with `--check`."""
    stale = False
    FOLDER.mkdir(exist_ok=True)
    for name, content in pages().items():
        path = FOLDER / name
        before = path.read_text("utf-8") if path.is_file() else ""
        if "--check" not in sys.argv:
            path.write_text(content, "utf-8")
        elif before != content:
            stale = True
            old, new = before.splitlines(), content.splitlines()
            print("\n".join(list(difflib.unified_diff(old, new, str(path), "code"))[:40]))
    if stale:
        print("The reference is stale: run `python tools/reference.py`.")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
