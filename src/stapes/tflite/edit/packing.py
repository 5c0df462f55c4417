"""Put pieces that need different alignments in an order that wastes next to nothing.

Between two pieces that must start at a certain place modulo 16 there are 0 to 12 bytes that other
pieces can fill. A piece moves on by its length, so that what counts is the length modulo 16, in
words of four bytes: up to three pieces that move on by the right sum are looked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

_WORDS = 4
"""Words of four bytes in the widest alignment, of 16 bytes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file: how long it is, and what its fifth byte must be aligned to [bytes].

    A vector's elements begin after the four bytes of its length. An alignment of 2 is a vtable's,
    and is of its first byte.
    """

    length: int
    alignment: int


# A shelf holds the pieces that are alike to the packer: (words moved on, alignment).
_Shelf = tuple[int, int]


def pack(pieces: list[Piece], start: int) -> list[int]:
    """Where each piece begins.

    Parameters
    ----------
    pieces : list of Piece
    start : int
        Where the first may begin [bytes], a multiple of two.

    Returns
    -------
    places : list of int
        One for each piece; no two overlap, and each is aligned as it asks.
    """
    places = [0] * len(pieces)
    halves = [n for n, piece in enumerate(pieces) if piece.alignment == 2 and piece.length % 4]
    at = start
    # Vtables of an odd number of half words go in pairs.
    if at % 4 and halves:
        first = halves.pop()
        places[first], at = at, at + pieces[first].length
    groups = [tuple(halves[n : n + 2]) for n in range(0, len(halves) - 1, 2)]
    last = halves[-1] if len(halves) % 2 else None
    groups += [(n,) for n in range(len(pieces)) if n not in set(halves) and not places[n]]
    at += -at % 4
    for group in _order(pieces, groups, at):
        at += -at % 4
        alignment = max(pieces[group[0]].alignment, 4)
        at += -(at + 4) % alignment
        for n in group:
            places[n], at = at, at + pieces[n].length
    if last is not None:
        places[last] = at + at % 2
    return places


def _order(
    pieces: list[Piece], groups: Iterable[tuple[int, ...]], start: int
) -> Iterator[tuple[int, ...]]:
    """The groups in the order they are put, from a multiple of four on."""
    shelves: dict[_Shelf, deque[tuple[int, ...]]] = {}
    for group in groups:
        length = sum(pieces[n].length for n in group)
        shelf = (-(-length // 4) % _WORDS, max(pieces[group[0]].alignment, 4))
        shelves.setdefault(shelf, deque()).append(group)
    # Where we are, in words modulo the widest alignment.
    word = start // 4 % _WORDS
    while any(shelves.values()):
        for shelf in _next(shelves, word):
            # Padding, if no piece fits: the caller aligns, and so do we.
            word += -(word + 1) % (shelf[1] // 4)
            word = (word + shelf[0]) % _WORDS
            yield shelves[shelf].popleft()


def _next(shelves: dict[_Shelf, deque[tuple[int, ...]]], word: int) -> tuple[_Shelf, ...]:
    """The shelves to take from next: a widest piece, with what fills the gap before it."""
    stocked = sorted((shelf for shelf in shelves if shelves[shelf]), key=lambda each: -each[1])
    widest = stocked[0]
    fillers = [shelf for shelf in stocked if shelf[1] < widest[1]]
    if _fits(widest, word):
        return (widest,)
    best: tuple[_Shelf, ...] | None = None
    for count in (1, 2, 3):
        for chosen in product(fillers, repeat=count):
            if not _leads(shelves, chosen, word, widest):
                continue
            # Of several ways, the one that leaves the most choice for later gaps.
            if best is None or _scarcity(shelves, chosen) < _scarcity(shelves, best):
                best = chosen
        if best is not None:
            return (*best, widest)
    return (widest,)


def _fits(shelf: _Shelf, word: int) -> bool:
    return (word + 1) % (shelf[1] // 4) == 0


def _leads(
    shelves: dict[_Shelf, deque[tuple[int, ...]]],
    chosen: tuple[_Shelf, ...],
    word: int,
    widest: _Shelf,
) -> bool:
    for shelf in chosen:
        if not _fits(shelf, word) or chosen.count(shelf) > len(shelves[shelf]):
            return False
        word = (word + shelf[0]) % _WORDS
    return _fits(widest, word)


def _scarcity(shelves: dict[_Shelf, deque[tuple[int, ...]]], chosen: tuple[_Shelf, ...]) -> float:
    return sum(1 / len(shelves[shelf]) for shelf in chosen)
