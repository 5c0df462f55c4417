"""The packer: pieces are aligned, do not overlap, and hardly a byte is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stapes.tflite.edit.packing import Piece, pack

VTABLES = st.builds(Piece, st.integers(2, 20).map(lambda n: 2 * n), st.just(2))
SMALL = st.builds(Piece, st.integers(1, 12).map(lambda n: 4 * n), st.just(4))
WIDE = st.builds(Piece, st.integers(0, 6).map(lambda n: 4 + 8 * n), st.just(8))
BUFFERS = st.builds(Piece, st.integers(5, 900), st.just(16))


@given(st.lists(st.one_of(VTABLES, SMALL, WIDE, BUFFERS), max_size=40), st.integers(4, 40))
def test_pieces_are_aligned_and_do_not_overlap(pieces, start):
    places = pack(pieces, 2 * start)
    end = 2 * start
    for place, piece in sorted(zip(places, pieces, strict=True), key=lambda pair: pair[0]):
        assert place >= end
        assert place - end < 16
        end = place + piece.length
        if piece.alignment == 2:
            assert place % 2 == 0
        else:
            assert (place + 4) % piece.alignment == place % 4 == 0


def test_small_pieces_fill_the_gaps_between_buffers():
    buffers = [Piece(4 + 256, 16)] * 20
    small = [Piece(8, 4)] * 20 + [Piece(12, 4)] * 20 + [Piece(4, 4)] * 20
    pieces = buffers + small
    places = pack(pieces, 8)
    end = max(place + piece.length for place, piece in zip(places, pieces, strict=True))
    assert end == 8 + sum(piece.length for piece in pieces)


def test_buffers_alone_are_aligned_to_sixteen():
    assert pack([Piece(20, 16)] * 3, 8) == [12, 44, 76]


def test_nothing_to_pack():
    assert pack([], 8) == []
