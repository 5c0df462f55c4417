"""Which techniques `--techniques` names, and which `all` leaves out."""

from __future__ import annotations

import fnmatch
import importlib.util

from stapes.errors import MissingExtraError, UsageError
from stapes.frontends.registry import DEFAULT_STREAM, STREAMS
from stapes.frontends.stream import StreamFrontend
from stapes.system.options import unknown
from stapes.techniques.registry import (
    FLOATS,
    QUANTIZER,
    QUANTIZER_EXTRA,
    TECHNIQUES,
    is_stream,
    root_of,
)

_TRAINING = "training"


def select(
    names: str,
    *,
    from_file: bool = False,
    own: bool = False,
    frontend: StreamFrontend = STREAMS[DEFAULT_STREAM],
) -> list[str]:
    """The techniques that `all` or `a,b,c` names, in the table's order.

    A name may be a pattern: `stream*`. The float model that the others are compared with is always
    among them: `float32`, and `stream_float32` for detectors in a stream. `all` leaves out
    techniques that need an extra that is not installed, or training where the baseline is a .tflite
    (`left_out`).

    Parameters
    ----------
    names : str
    from_file : bool
        The baseline is a user's float .tflite, which cannot be trained.
    own : bool
        The baseline is a user's model: `all` has no detectors in a stream.
    frontend : StreamFrontend
        Of the detectors in a stream.

    Raises
    ------
    UsageError
        A name is unknown, or needs training where there can be none.
    MissingExtraError
        A technique that is named needs an extra that is not installed.
    """
    if names == "all":
        return [name for name in _all(own) if not _missing(name, from_file, frontend)]
    chosen = {match for name in names.split(",") for match in _matches(name.strip())}
    if not chosen or "all" in chosen:
        raise UsageError("--techniques: give `all` alone, or names with commas between them.")
    for name in sorted(chosen - set(TECHNIQUES)):
        raise UsageError(f"--techniques: {unknown(name, (*TECHNIQUES, 'all'))}.")
    for name in [name for name in TECHNIQUES if name in chosen]:
        missing = _missing(name, from_file, frontend)
        if missing == _TRAINING:
            trainless = [name for name in TECHNIQUES if TECHNIQUES[name].from_file]
            raise UsageError(
                f"--techniques {name}: needs training, which a .tflite cannot have; give the Keras "
                f"model, or choose from {', '.join(trainless)}."
            )
        if missing:
            raise MissingExtraError(f"The technique {name}", missing)
    chosen |= {FLOATS[root_of(name)] for name in chosen}
    return [name for name in TECHNIQUES if name in chosen]


def _matches(name: str) -> list[str]:
    """The techniques of a pattern; a name, and a pattern that none matches, as it is."""
    matches = [other for other in TECHNIQUES if fnmatch.fnmatchcase(other, name)]
    return matches or [name] * bool(name)


def _all(own: bool) -> list[str]:
    return [name for name in TECHNIQUES if not (own and is_stream(name))]


def left_out(
    names: str,
    *,
    from_file: bool = False,
    own: bool = False,
    frontend: StreamFrontend = STREAMS[DEFAULT_STREAM],
) -> list[str]:
    """The techniques that `all` leaves out, one sentence for each fix."""
    reasons: dict[str, list[str]] = {}
    for name in _all(own) if names == "all" else ():
        if missing := _missing(name, from_file, frontend):
            reasons.setdefault(missing, []).append(name)
    fixes = {_TRAINING: "a .tflite cannot be trained, give the Keras model"}
    return [
        f"Left out: {', '.join(names)} ({fixes.get(reason, f'install stapes[{reason}]')})."
        for reason, names in reasons.items()
    ]


def _missing(name: str, from_file: bool, frontend: StreamFrontend) -> str:
    """What a technique lacks: the name of an extra, `training`, or nothing."""
    technique = TECHNIQUES[name]
    if from_file and technique.from_file is None and not is_stream(name):
        return _TRAINING
    if (
        from_file
        and name != "float32"
        and technique.from_file is not None
        and importlib.util.find_spec(QUANTIZER) is None
    ):
        return QUANTIZER_EXTRA
    if is_stream(name) and frontend.missing:
        return frontend.extra
    return technique.extra if technique.missing else ""


def streams_only(names: str) -> bool:
    """Whether `a,b,c` names detectors in a stream alone; nothing is checked."""
    matches = [match for name in names.split(",") for match in _matches(name.strip())]
    return bool(matches) and all(match in TECHNIQUES and is_stream(match) for match in matches)
