"""All techniques, in the order of the table's rows."""

from __future__ import annotations

from stapes.errors import UsageError
from stapes.techniques import post_training
from stapes.techniques.variant import Technique

TECHNIQUES: dict[str, Technique] = {
    "float32": post_training.float32,
    "dynamic_range": post_training.dynamic_range,
    "uint8": post_training.uint8,
    "float16": post_training.float16,
    "int16x8": post_training.int16x8,
}


def select(names: str) -> list[str]:
    """The techniques that `all` or `a,b,c` names, in the table's order.

    `float32` is always among them: every other row is held against it.

    Raises
    ------
    UsageError
        A name is unknown.
    """
    if names == "all":
        return list(TECHNIQUES)
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = sorted(wanted - set(TECHNIQUES))
    if unknown or not wanted:
        raise UsageError(
            f"--techniques: unknown {', '.join(unknown) or '(none given)'}; "
            f"known are {', '.join(TECHNIQUES)}, or all."
        )
    return [name for name in TECHNIQUES if name in wanted | {"float32"}]
