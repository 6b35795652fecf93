"""Pieces of words: alike words share them."""

import pytest

from common.text import spelling


@pytest.mark.parametrize(
    ("word", "shape"),
    [("London", "Xx"), ("UN", "X"), ("1914-18", "d-d"), ("iPad2", "xXxd"), ("", "")],
)
def test_a_shape_takes_runs_together(word, shape):
    assert spelling.shape(word) == shape


def test_words_alike_in_their_endings_share_pieces():
    shared = {*spelling.pieces("walking")} & {*spelling.pieces("talking")}
    assert len(shared) == 4  # three endings and the shape
    assert 0 not in shared  # which stands for no piece
