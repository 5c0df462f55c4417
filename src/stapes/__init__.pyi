# Made by tools/stub.py from api.py and the settings models; do not edit.
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

class _Clips(TypedDict, total=False):
    word: str | None
    data: _Path | None
    positive_dir: _Path | None
    negative_dir: _Path | None
    negatives: _Path | None
    continuous: _Path | None
    noise: _Path | None
    rooms: _Path | None
    captures: _Path | None
    before: _Path | None
    logits: bool | None
    positive: int | None
    preset: Literal['default', 'reference'] | None
    techniques: str | Sequence[str] | None
    seed: int | None
    frontend: str | Mapping[str, Any] | BaseModel | None
    window: float | str | None
    ratio: float | None
    validation: float | None
    test: float | None
    architecture: str | None
    sizes: Mapping[str, int] | None
    training_clips: int | None
    train: Mapping[str, Any] | BaseModel | None
    stream: Mapping[str, Any] | BaseModel | None
    stream_frontend: str | None
    calibration_clips: int | None
    slim: bool | None
    recipes: Mapping[str, Any] | BaseModel | None
    synthetic: Mapping[str, Any] | BaseModel | None
    voices: int | None
    takes: int | None
    detection: Mapping[str, Any] | BaseModel | None
    target_fa_per_hour: float | None
    detect: Literal['stream', 'all'] | None
    budget: str | Mapping[str, float] | None
    max_drop: float | None
    max_frr: float | None
class _Run(_Clips, total=False):
    model: _Path | None
class _Search(_Run, total=False):
    metric: str | None
    trials: int | None
    together: int | None
    architectures: str | Sequence[str] | None
    frontends: str | Sequence[str | Mapping[str, Any] | BaseModel] | None
    epochs: int | None
    patience: int | None
    validation_copies: int | None
    front: int | None
class _Evaluation(_Clips, total=False):
    split: Literal['test', 'validation', 'train', 'all'] | None
class _Slim(TypedDict, total=False):
    runtime: Literal['any', 'tflm'] | None
    keep: str | Sequence[str] | None
    lut: bool | None
    inputs: int | None
class _Export(TypedDict, total=False):
    variant: str | None
    cutoff_for: float | None
    cutoff: float | None
    window: int | None
    name: str | None
    id: str | None
    languages: str | Sequence[str] | None
    author: str | None
    website: str | None
class _Listen(TypedDict, total=False):
    data: _Path | None
    near: float | None
    keep: _Path | None
    labels: _Path | None
    page: _Path | None
    cutoff: float | None
    variant: str | None
    features: _Path | None
    device: str | None
class _Synth(TypedDict, total=False):
    seed: int | None
    voices: int | None
    takes: int | None
def run(*, out: _Path | None = ..., config: _Path | None = ..., quick: bool = ..., jobs: int | None = ..., progress: Progress | None = ..., **settings: Unpack[_Run]) -> Results: ...
@overload
def search(*, words: None = None, out: _Path | None = ..., config: _Path | None = ..., quick: bool = ..., jobs: int | None = ..., cluster: Literal['ray'] | None = ..., progress: Progress | None = ..., **settings: Unpack[_Search]) -> Results: ...
@overload
def search(*, words: str | Sequence[str], out: _Path | None = ..., config: _Path | None = ..., quick: bool = ..., jobs: int | None = ..., cluster: Literal['ray'] | None = ..., progress: Progress | None = ..., **settings: Unpack[_Search]) -> dict[str, Results]: ...
def evaluate(model: _Path, *, config: _Path | None = ..., progress: Progress | None = ..., **settings: Unpack[_Evaluation]) -> Evaluation: ...
def inspect(model: _Path, *, progress: Progress | None = ...) -> Inspection: ...
def slim(model: _Path, output: _Path, *, progress: Progress | None = ..., **settings: Unpack[_Slim]) -> Slimmed: ...
def export(model: _Path, output: _Path, to: str, *, check: bool = ..., progress: Progress | None = ..., **settings: Unpack[_Export]) -> Exported: ...
@overload
def report(run: _Path, other: None = None, *, page: _Path | None = ..., plot: _Path | None = ...) -> Results: ...
@overload
def report(run: _Path, other: _Path, *, page: _Path | None = ..., plot: _Path | None = ...) -> Comparison: ...
def listen(models: _Path | Sequence[_Path], sound: _Path | Sequence[_Path] | None = ..., *, listener: Listener | None = ..., **settings: Unpack[_Listen]) -> Listening: ...
def load(run: _Path) -> Results: ...
class data:
    @staticmethod
    def synth(word: str, out: _Path, *, jobs: int | None = ..., progress: Progress | None = ..., **settings: Unpack[_Synth]) -> Path: ...
    @staticmethod
    def fetch(name: str = ..., out: _Path | None = ..., *, version: str = ..., url: str | None = ..., sha256: str | None = ..., progress: Progress | None = ...) -> Path: ...
    @staticmethod
    def check(folder: _Path, *, word: str | None = ..., where: _Path | None = ..., positive_dir: _Path | None = ..., negative_dir: _Path | None = ..., negatives: _Path | None = ..., progress: Progress | None = ...) -> Check: ...
    @staticmethod
    def cut(folder: _Path, out: _Path, *, label: str | None = ..., progress: Progress | None = ...) -> Cut: ...
    @staticmethod
    def label(folder: _Path, ask: Callable[[Path, Capture, int, int], str | None] | None = ...) -> Labels: ...
    @staticmethod
    def cache(*, clear: bool = ...) -> CacheContent: ...
