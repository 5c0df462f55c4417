"""Every number of every setting has bounds, and no settings make a reader fail."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from stapes import api
from stapes.errors import UsageError
from stapes.export.settings import ExportSettings
from stapes.frontends.registry import FRONTENDS
from stapes.listen.settings import ListenSettings
from stapes.model_files.settings import SlimSettings
from stapes.run.settings import EvaluationSettings, RunSettings
from stapes.run.settle import settle_as
from stapes.search.settings import SearchSettings
from stapes.system.options import checked, nested

MODELS: list[type[BaseModel]] = [
    RunSettings,
    EvaluationSettings,
    SearchSettings,
    SlimSettings,
    ListenSettings,
    ExportSettings,
    *FRONTENDS.values(),
]
FREE = {"sizes", "window"}
"""Validators bound these."""


def unbounded(kind: Any, metadata: tuple[Any, ...], path: str) -> list[str]:
    """The numbers in a type that have no least or no largest value."""
    if get_origin(kind) in (Union, types.UnionType):
        parts = [part for part in get_args(kind) if part is not type(None)]
        return [name for part in parts for name in unbounded(part, metadata, path)]
    if hasattr(kind, "__metadata__"):
        return unbounded(kind.__origin__, (*metadata, *kind.__metadata__), path)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return fields(kind, path)
    if get_origin(kind) in (tuple, dict):
        inner = get_args(kind)[get_origin(kind) is dict]
        return unbounded(inner, (), f"{path}[]")
    if get_origin(kind) is Literal or kind not in (int, float):
        return []
    limits: set[str] = set()
    for one in metadata:
        for mark in (one, *getattr(one, "metadata", ())):
            limits |= {name for name in ("gt", "ge", "lt", "le") if hasattr(mark, name)}
    complete = limits & {"gt", "ge"} and limits & {"lt", "le"}
    return [] if complete else [path]


def fields(model: type[BaseModel], above: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        if name not in FREE:
            path = f"{above}.{name}" if above else name
            names += unbounded(field.annotation, tuple(field.metadata), path)
    return names


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_number_has_bounds(model):
    assert fields(model) == []


def test_a_number_without_bounds_is_found():
    class Loose(BaseModel):
        one: int
        many: tuple[float, ...] = ()

    assert fields(Loose) == ["one", "many[]"]


NUMBERS = [0, -1, 1, 2, 3, 7, 100, 10**9, 10**40, -(10**40), 0.5, 1e-320, 1e308, -1e308]
NUMBERS += [float("nan"), float("inf")]
SCALARS = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from([None, True, "", "x", "a\0b", "\x1b[31m", "x" * 5000, "~nobody/x", "mfcc"]),
    st.integers(-10, 70_000),
    st.floats(allow_nan=False, width=32),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["x", "kind", "width"]), inner)
    ),
    max_leaves=4,
)


def names(model: type[BaseModel]) -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        paths.append((name,))
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            paths += [(name, *path) for path in names(field.annotation)]
        if name == "frontend" and model is not RunSettings.model_fields["stream"].annotation:
            every = {key for kind in FRONTENDS.values() for key in kind.model_fields}
            paths += [(name, key) for key in sorted(every)]
    return paths


def document(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    changes = st.lists(st.tuples(st.sampled_from(names(model)), VALUES), max_size=4)

    def build(some: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        for path, value in some:
            group = whole
            for key in path[:-1]:
                below = group.get(key)
                group[key] = below if isinstance(below, dict) else {}
                group = group[key]
            group[path[-1]] = value
        return whole

    return changes.map(build)


def taken(call: Callable[[], RunSettings]) -> RunSettings | None:
    """The settings, or None if they are refused in a sentence."""
    message = ""
    try:
        return call()
    except UsageError as error:
        message = str(error)
    assert message.endswith((".", "?"))
    return None


@settings(max_examples=60, deadline=None)
@given(data=st.data(), model=st.sampled_from([RunSettings, EvaluationSettings, SearchSettings]))
@example(data=None, model=RunSettings)
def test_settings_are_taken_or_refused_in_a_sentence(data, model):
    given_settings = {"ratio": 1e308} if data is None else data.draw(document(model))
    settled = taken(lambda: settle_as(model, given_settings, quick={}))
    if settled is None:
        return
    assert settled.frontend.shape[0] * settled.frontend.shape[1] <= 1_000_000
    model.model_validate(settled.model_dump(mode="json"))
    yaml.safe_dump(settled.model_dump(mode="json"))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=document(RunSettings))
def test_a_run_yaml_is_taken_or_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({"settings": content}), "utf-8")
    taken(lambda: settle_as(RunSettings, {}, config=path, quick={}))


@settings(max_examples=30, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(FRONTENDS)))
def test_a_frontend_of_any_settings_computes_or_is_refused(data, kind):
    frontend = FRONTENDS[kind]
    sizes = st.sampled_from([1, 2, 3, 16, 100, 480, 512, 1000, 2048, 16_000])
    keys = [name for name in frontend.model_fields if name != "kind"]
    chosen = data.draw(st.dictionaries(st.sampled_from(keys), sizes | st.floats(0.001, 2)))
    try:
        one = checked(frontend, chosen)
    except UsageError:
        return
    if one.missing:
        return
    samples = np.random.default_rng(0).normal(0, 0.1, (1, one.window)).astype(np.float32)
    features = one.features(samples)
    assert features.shape == (1, *one.shape)
    assert np.isfinite(features).all()


@pytest.mark.parametrize(
    "text",
    [
        "settings: " + "[" * 5000,
        "settings: " + "{a: " * 3000,
        "settings:\n  seed: !!timestamp x",
        "settings:\n  seed: !!int ''",
        "settings:\n  seed: !!bool x",
        "settings:\n  seed: " + "9" * 5000,
        "settings: !!python/object:os.system {}",
    ],
)
def test_yaml_that_breaks_its_reader_is_refused(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"run\.yaml: is no YAML file"):
        settle_as(RunSettings, {}, config=path, quick={})


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a\0b", r"data: give a path in UTF-8, not 'a\\x00b'"),
        (os.fsdecode(b"a\xffb"), "data: give a path in UTF-8, not 'a.*b'"),
        ("~nobody-of-this-name/x", r"data .*: is no path"),
    ],
)
def test_what_is_no_path_is_refused(path, message):
    with pytest.raises(UsageError, match=message):
        nested(RunSettings, {"data": path})


@pytest.mark.parametrize("path", ["a\0b", os.fsdecode(b"a\xffb")])
def test_an_argument_that_is_no_path_is_refused(path):
    for call in (api.inspect, api.load, api.report):
        with pytest.raises(UsageError, match="give a path in UTF-8, not 'a"):
            call(path)
    with pytest.raises(UsageError, match="out: give a path in UTF-8"):
        api.run(out=path)
