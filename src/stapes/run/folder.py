"""The run folder: its owner, its run.yaml, and its log.

A folder belongs to one run. The same command finds an equal run.yaml and continues the run. Another
command is refused before anything is written.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from pydantic import ValidationError

from stapes.data.stream import where
from stapes.errors import StapesError, UsageError
from stapes.frontends.registry import FRONTENDS, kind_of
from stapes.run.own_model import is_float_file
from stapes.run.settings import LATER, RunSettings
from stapes.run.versions import OPTIONAL, versions
from stapes.system.files import write_text
from stapes.system.yaml_file import read_yaml
from stapes.techniques.selection import streams_only


class RunFolder:
    """Paths in a run folder, and its rules. The folder need not exist."""

    command = "run"
    later: tuple[str, ...] = LATER
    """Settings that may change when a run continues."""

    def __init__(self, path: Path, settings: RunSettings) -> None:
        self.path = path
        self._model = settings.model
        self.streams_only = settings.model is None and streams_only(settings.techniques)
        """Whether no technique of the run needs a window model."""
        self._settings_type = type(settings)
        self.description: dict[str, Any] = {
            "settings": settings.model_dump(mode="json"),
            "versions": versions(),
        }
        self.config = path / "run.yaml"
        self.models = path / "models"
        self.results = path / "results.json"
        self.table = path / "results.csv"
        self.log = path / "log.txt"
        self.work = path / ".work"
        """Features in memory-mapped files and the models of stages; deleted after the run."""

    @cached_property
    def from_file(self) -> bool:
        """Whether the baseline is the user's float .tflite."""
        return self._model is not None and is_float_file(self._model)

    @property
    def stream(self) -> Path:
        """The float model of the detectors in a stream."""
        return self.path / "stream.keras"

    @property
    def where(self) -> Path:
        """Where these find the word in each training clip."""
        return self.path / where.FILE

    @property
    def baseline(self) -> Path:
        if self.streams_only:
            return self.stream
        return self.path / ("baseline.tflite" if self.from_file else "baseline.keras")

    @property
    def _own(self) -> tuple[Path, ...]:
        """What a run or a search writes in its folder."""
        files = (self.config, self.results, self.table, self.log, self.baseline, self.stream)
        names = ("report.html", "study.db", "trials", ".lock")
        return (*files, self.where, self.models, self.work, *(self.path / name for name in names))

    @property
    def features(self) -> Path:
        """The folder of the features for the baseline's frontend."""
        return self.work

    def check(self) -> None:
        """Check that this run may have the folder, and leave nothing there.

        Raises
        ------
        UsageError
            It holds another run or other files, or cannot be written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"--out {self.path}: is a file; name a folder.")
        if self.path.is_dir():
            self._check_owner()
        parent = next(folder for folder in (self.path, *self.path.parents) if folder.exists())
        try:
            with tempfile.TemporaryFile(dir=parent):
                pass
        except OSError as error:
            raise UsageError(
                f"--out {self.path}: cannot be written ({error.strerror}); choose another folder."
            ) from None

    @contextlib.contextmanager
    def open(self, data_sha256: str, model_sha256: str | None = None) -> Iterator[None]:
        """Make the folder this run's, for the length of the block.

        The hashes are of the chosen clips and of the user's model: a run continues only with those
        that it began with.

        Raises
        ------
        UsageError
            The folder began with other clips, or another model.
        StapesError
            Another process works in it, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--out {self.path}: cannot be made ({error.strerror}).") from None
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StapesError(
                f"{self.path}: another run is at work in it; wait for it, or choose another --out."
            ) from None
        try:
            # Another run may have taken the folder while this one listed its clips.
            self._check_owner()
            self._sweep()
            self._sign(data_sha256, model_sha256)
            with self._logged():
                yield
        finally:
            lock.release()

    def finish(self) -> None:
        """Remove what only an unfinished run needs."""
        shutil.rmtree(self.work, ignore_errors=True)
        (self.path / ".lock").unlink(missing_ok=True)

    def _check_owner(self) -> None:
        for path in self._own:
            if path.is_symlink():
                raise UsageError(
                    f"--out {self.path}: its {path.name} is a link, which a run does not write "
                    "through; remove the link or choose another folder."
                )
        if all(path.name.startswith(".") for path in self.path.iterdir()):
            if self.work.exists() and (not self.work.is_dir() or any(self.work.iterdir())):
                raise UsageError(
                    f"--out {self.path}: holds {self.work.name} and no run; delete it, or choose "
                    "another folder."
                )
            return
        if not self.config.is_file():
            raise UsageError(
                f"--out {self.path}: holds files and no run; choose a new or empty folder."
            )
        owner = self._read()
        with contextlib.suppress(ValidationError):
            # An older run.yaml has other names for some settings, and lacks new ones.
            settings = self._settings_type.model_validate(owner.get("settings"))
            owner["settings"] = settings.model_dump(mode="json")
        command = owner.get("command", "run")
        if command != self.command:
            raise UsageError(
                f"--out {self.path}: is the folder of a stapes {command}, not of a {self.command}; "
                "choose another folder."
            )
        difference = _difference(self._without_later(owner), self._without_later(self.description))
        if difference:
            raise UsageError(
                f"--out {self.path}: holds another run ({difference}); choose another folder or "
                "delete this one."
            )
        recordings = (owner.get("settings") or {}).get("continuous")
        if recordings and self.description["settings"]["continuous"] is None:
            # Without them, figures in other sound would replace those that it has.
            raise UsageError(
                f"--out {self.path}: its run has --continuous {recordings}; give it again, or "
                "choose another folder."
            )

    def _read(self) -> dict[str, Any]:
        try:
            content = read_yaml(self.config)
        except (OSError, ValueError, yaml.YAMLError):
            content = None
        if not isinstance(content, dict):
            raise UsageError(f"{self.config} is broken: choose another --out or delete the folder.")
        return content

    def _sign(self, data_sha256: str, model_sha256: str | None) -> None:
        command = {} if self.command == "run" else {"command": self.command}
        content = {**command, **self.description, "data_sha256": data_sha256}
        if model_sha256:
            content["model_sha256"] = model_sha256
        written = self._read() if self.config.exists() else content
        if written.get("data_sha256") != data_sha256:
            raise UsageError(
                f"--out {self.path}: its run began with other clips than the data has now; "
                "choose another folder or delete this one."
            )
        if written.get("model_sha256") != model_sha256:
            raise UsageError(
                f"--out {self.path}: its run began with another content of --model; choose another "
                "folder or delete this one."
            )
        # A setting of `later` may have changed.
        if written != content or not self.config.exists():
            again = f"stapes {self.command} --config run.yaml --out ANOTHER"
            head = f"# A {self.command} of Stapes. The same again: {again}\n"
            write_text(self.config, head + yaml.safe_dump(content, sort_keys=False))

    def _sweep(self) -> None:
        """Remove the files that a killed run was writing."""
        targets = (
            *(
                self.config,
                self.baseline,
                self.stream,
                self.where,
                self.results,
                self.table,
                self.path / "report.html",
            ),
            *(self.models / "*.tflite", self.work / "*.keras", self.work / "*.json"),
            self.path / "trials" / "*.tflite",
        )
        for target in targets:
            # As `files.atomic_path` names them; other hidden files may be the user's.
            for temporary in target.parent.glob(f".{target.stem}-????????{target.suffix}"):
                temporary.unlink()
        self.models.mkdir(exist_ok=True)
        self.work.mkdir(exist_ok=True)

    def _without_later(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """The identity of a run: its run.yaml without what no model depends on."""
        identity = dict(run)
        # The version of the package that computes the features decides what a run makes. Older runs
        # recorded plotly, which only their page used.
        optional = {*OPTIONAL, "plotly"} - _frontend_packages(run)
        for part, later in (("settings", self.later), ("versions", optional)):
            values = run.get(part)
            if isinstance(values, Mapping):
                identity[part] = {name: values[name] for name in values if name not in later}
        return identity

    @contextlib.contextmanager
    def _logged(self) -> Iterator[None]:
        logger = logging.getLogger("stapes")
        handler = logging.FileHandler(self.log, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            handler.close()


def _frontend_packages(run: Mapping[str, Any]) -> set[str | None]:
    """The packages that compute the features of a run.yaml."""
    settings = run.get("settings")
    if not isinstance(settings, Mapping):
        return set()
    listed = settings.get("frontends")
    frontends = [settings.get("frontend"), *(listed if isinstance(listed, list) else [])]
    kinds = {kind_of(frontend) for frontend in frontends}
    return {FRONTENDS[kind].package for kind in kinds & set(FRONTENDS)}


def _difference(owner: Mapping[str, Any], run: Mapping[str, Any], path: str = "") -> str:
    """The first setting in which two runs differ, in words; empty if there is none."""
    for name in run:
        here, there = run[name], owner.get(name)
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            difference = _difference(there, here, f"{path}{name}.")
            if difference:
                return difference
        elif here != there:
            return f"its {path}{name} is {there}, not {here}"
    return ""
