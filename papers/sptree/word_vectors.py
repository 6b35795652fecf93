"""Word vectors from word2vec's and GloVe's files."""

import functools
from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from common.contract import UserError
from common.files import storage

Vectors = Mapping[str, Float[np.ndarray, "d"]]


@functools.cache
def read(path: str) -> Vectors:
    """{lower-cased word: vector}. Of spellings that become equal the first is kept.

    The file is GloVe's, a line for each word, the word and its numbers; or word2vec's
    text, the same behind a line of two counts; or word2vec's binary, named *.bin.

    UserError: it is missing, empty, cut off, or has vectors of different lengths.
    """
    place = storage.path(path)
    if not place.is_file():
        raise UserError(f"config.data.vectors={path!r} is no file of word vectors")
    data = place.read_bytes()
    pairs = _binary(data, path) if path.endswith(".bin") else _text(data, path)
    found: dict[str, np.ndarray] = {}
    for word, vector in pairs:
        if not np.isfinite(vector).all():
            raise UserError(f"{path}: the vector of {word!r} is not finite")
        found.setdefault(word.lower(), vector)
    if not found:
        raise UserError(f"{path} has no word vector")
    return found


def _text(data: bytes, path: str):
    """Words may contain spaces: the numbers are the last of a line."""
    lines = data.decode("utf-8", "replace").split("\n")
    head = lines[0].split()
    start, width = 0, len(head) - 1
    if len(head) == 2 and all(x.isdigit() for x in head):
        start, width = 1, int(head[1])
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip():
            continue
        parts = line.rstrip("\r ").rsplit(" ", width)
        try:
            vector = np.array([float(x) for x in parts[1:]], np.float32)
        except ValueError:
            vector = np.zeros(0)
        if len(parts) != width + 1 or len(vector) != width or not width:
            raise UserError(
                f"{path}, line {number}: a word and {width} numbers, please"
            )
        yield parts[0].strip(), vector


def _binary(data: bytes, path: str):
    head, _, rest = data.partition(b"\n")
    counts = head.split()
    if len(counts) != 2 or not all(x.isdigit() for x in counts):
        raise UserError(f"{path} does not begin with word2vec's two counts")
    words, width = map(int, counts)
    size = 4 * width
    at = 0
    for _ in range(words):
        space = rest.find(b" ", at)
        if space < 0 or space + 1 + size > len(rest):
            raise UserError(f"{path} ends before its {words} vectors")
        word = rest[at:space].decode("utf-8", "replace").strip()
        vector = np.frombuffer(rest[space + 1 : space + 1 + size], "<f4")
        at = space + 1 + size
        yield word, vector.astype(np.float32)


def rows(
    table: Float[Array, "words d"], words: Sequence[str], vectors: Vectors
) -> Float[Array, "words d"]:
    """The table, with the vectors of the words that have one.

    UserError: they have another length than the table's rows."""
    width = len(next(iter(vectors.values())))
    if width != table.shape[1]:
        raise UserError(
            f"config.data.vectors have {width} numbers a word: set "
            f"config.model.d_word={width}"
        )
    known = [i for i, word in enumerate(words) if word in vectors]
    if not known:
        return table
    found = np.stack([vectors[words[i]] for i in known])
    return table.at[jnp.array(known)].set(jnp.asarray(found))
