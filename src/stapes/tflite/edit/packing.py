"""Order pieces of different alignments so that hardly a byte is padding.

A gap of 4, 8 or 12 bytes before a piece that is aligned to 16 can hold smaller pieces. Only their
length modulo 16 counts, in words of four bytes: up to three pieces whose sum fits are tried.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

_WORDS = 4
"""Words of four bytes in the widest alignment, 16 bytes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file: its length and the alignment of its fifth byte [bytes].

    A vector's elements begin after the four bytes of its length. A vtable's alignment is 2, of its
    first byte.
    """

    length: int
    alignment: int


# A shelf holds groups of pieces that are alike to the packer: (length in words, alignment).
_Shelf = tuple[int, int]
_Group = tuple[int, ...]
_Shelves = dict[_Shelf, deque[_Group]]


def pack(pieces: list[Piece], start: int) -> list[int]:
    """The first byte of each piece.

    Parameters
    ----------
    pieces : list of Piece
    start : int
        The first free byte, a multiple of two.

    Returns
    -------
    places : list of int
        Aligned, and without overlap.
    """
    places = [0] * len(pieces)
    halves = [n for n, piece in enumerate(pieces) if piece.alignment == 2 and piece.length % 4]
    at = start
    # Vtables of an odd number of half words go in pairs.
    if at % 4 and halves:
        first = halves.pop()
        places[first], at = at, at + pieces[first].length
    groups: list[_Group] = [tuple(halves[n : n + 2]) for n in range(0, len(halves) - 1, 2)]
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


def _order(pieces: list[Piece], groups: list[_Group], start: int) -> Iterator[_Group]:
    """The groups in their order in the file, from `start`, a multiple of four."""
    shelves: _Shelves = {}
    for group in groups:
        length = sum(pieces[n].length for n in group)
        shelf = (-(-length // 4) % _WORDS, max(pieces[group[0]].alignment, 4))
        shelves.setdefault(shelf, deque()).append(group)
    # The place in the file, in words modulo the widest alignment.
    word = start // 4 % _WORDS
    while any(shelves.values()):
        for shelf in _next(shelves, word):
            # Where no piece fits, the caller adds padding.
            word += -(word + 1) % (shelf[1] // 4)
            word = (word + shelf[0]) % _WORDS
            yield shelves[shelf].popleft()


def _next(shelves: _Shelves, word: int) -> tuple[_Shelf, ...]:
    """The shelves to take from next: a widest piece, after pieces that fill the gap before it."""
    stocked = sorted((shelf for shelf in shelves if shelves[shelf]), key=lambda shelf: -shelf[1])
    widest = stocked[0]
    fillers = [shelf for shelf in stocked if shelf[1] < widest[1]]
    if _fits(widest, word):
        return (widest,)
    best: tuple[_Shelf, ...] | None = None
    for count in (1, 2, 3):
        for chosen in product(fillers, repeat=count):
            if not _fills(shelves, chosen, word, widest):
                continue
            # Prefer the choice that leaves the most for later gaps.
            if best is None or _scarcity(shelves, chosen) < _scarcity(shelves, best):
                best = chosen
        if best is not None:
            return (*best, widest)
    return (widest,)


def _fits(shelf: _Shelf, word: int) -> bool:
    return (word + 1) % (shelf[1] // 4) == 0


def _fills(shelves: _Shelves, chosen: tuple[_Shelf, ...], word: int, widest: _Shelf) -> bool:
    for shelf in chosen:
        if not _fits(shelf, word) or chosen.count(shelf) > len(shelves[shelf]):
            return False
        word = (word + shelf[0]) % _WORDS
    return _fits(widest, word)


def _scarcity(shelves: _Shelves, chosen: tuple[_Shelf, ...]) -> float:
    return sum(1 / len(shelves[shelf]) for shelf in chosen)
