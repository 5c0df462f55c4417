"""The frontends by name. A frontend is a class and a line here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, SerializeAsAny

from stapes.frontends.frontend import Frontend
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro
from stapes.frontends.stream import StreamFrontend
from stapes.system.options import unknown

FRONTENDS: dict[str, type[Frontend]] = {
    frontend.model_fields["kind"].default: frontend
    for frontend in (
        Mfcc,
        LogMel,
        Micro,
    )
}
DEFAULT = Mfcc()

STREAMS: dict[str, StreamFrontend] = {
    frontend.kind: frontend
    for frontend in (
        Micro(hops_per_frame=1),
        LogMel(hop_length=160),
    )
}
"""Those of detectors in a stream, with a frame every 10 ms."""
DEFAULT_STREAM = Micro.model_fields["kind"].default


def kind_of(settings: Any) -> str:
    """The frontend of these settings; older settings without `kind` are of the default."""
    if isinstance(settings, Mapping):
        return str(settings.get("kind", DEFAULT.kind))
    return str(getattr(settings, "kind", settings))


def _validated(frontend: Any) -> Frontend:
    settings = {"kind": frontend} if isinstance(frontend, str) else frontend
    kind = kind_of(settings)
    if kind not in FRONTENDS:
        raise ValueError(unknown(kind, FRONTENDS))
    return FRONTENDS[kind].model_validate(settings)


AnyFrontend = Annotated[SerializeAsAny[Frontend], PlainValidator(_validated)]
"""A field of settings for any frontend of the registry: its name, or settings with `kind`."""


def _known_stream(kind: str) -> str:
    if kind not in STREAMS:
        raise ValueError(unknown(kind, STREAMS))
    return kind


StreamKind = Annotated[str, AfterValidator(_known_stream)]
"""A field of settings for a frontend of `STREAMS`, by its name."""


def described() -> str:
    """The frontends and their features, for a help text.

    Examples
    --------
    >>> described()[:41]
    'mfcc, as in the reference; logmel, 40 ban'
    """
    return _listed((frontend(), frontend.summary) for frontend in FRONTENDS.values())


def streams_described() -> str:
    """The same of the frontends of detectors in a stream.

    Examples
    --------
    >>> streams_described()[:49]
    "micro, as on ESPHome's devices (extra `micro`); l"
    """
    return _listed((frontend, frontend.in_stream) for frontend in STREAMS.values())


def shapes() -> str:
    """The default shapes of features, as a part of a sentence.

    Examples
    --------
    >>> shapes()
    'mfcc gives [50, 13, 1], logmel [49, 40, 1], micro [49, 40, 1]'
    """
    parts = [f"{kind} {list(frontend().shape)}" for kind, frontend in FRONTENDS.items()]
    return ", ".join(parts).replace(" ", " gives ", 1)


def _listed(frontends: Iterable[tuple[Frontend, str]]) -> str:
    return "; ".join(
        f"{frontend.kind}, {summary}" + (f" (extra `{frontend.extra}`)" if frontend.extra else "")
        for frontend, summary in frontends
    )
