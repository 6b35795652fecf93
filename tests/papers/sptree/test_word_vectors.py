"""Files of word vectors: three forms, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from papers.sptree import word_vectors

GLOVE = "The 1 2 3\nnew york 4 5 6\nthe 7 8 9\n"
BINARY = b"2 3\n" + b"".join(
    word + b" " + np.array(x, "<f4").tobytes() + b"\n"
    for word, x in ((b"The", [1, 2, 3]), (b"Rome", [4, 5, 6]))
)


def written(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


@pytest.mark.parametrize("head", ["", "3 3\n"])
def test_texts_of_glove_and_word2vec(tmp_path, head):
    found = word_vectors.read(written(tmp_path, "v.txt", head + GLOVE))
    assert {word: [*x] for word, x in found.items()} == {
        "the": [1, 2, 3],
        "new york": [4, 5, 6],
    }


def test_word2vec_s_binary(tmp_path):
    found = word_vectors.read(written(tmp_path, "v.bin", BINARY))
    assert {word: [*x] for word, x in found.items()} == {
        "the": [1, 2, 3],
        "rome": [4, 5, 6],
    }


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("v.txt", "", "has no word vector"),
        ("v.txt", "a 1 2\nb 1\n", "line 2"),
        ("v.txt", "a 1 2\nb 1 x\n", "line 2"),
        ("v.txt", "a 1 nan\n", "not finite"),
        ("v.bin", BINARY[:-8], "ends before its 2 vectors"),
        ("v.bin", GLOVE, "two counts"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, name, data, said):
    with pytest.raises(UserError, match=said):
        word_vectors.read(written(tmp_path, name, data))


def test_a_missing_file_is_said():
    with pytest.raises(UserError, match="no file of word vectors"):
        word_vectors.read("nowhere.txt")


def test_known_words_get_their_rows():
    vectors = {"b": np.array([5.0, 6.0], np.float32)}
    table = word_vectors.rows(jnp.zeros((3, 2)), ("", "a", "b"), vectors)
    assert table.tolist() == [[0, 0], [0, 0], [5, 6]]
    with pytest.raises(UserError, match=r"config\.model\.d_word=2"):
        word_vectors.rows(jnp.zeros((3, 4)), ("", "a", "b"), vectors)
