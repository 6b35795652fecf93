"""How a word is spelled, in numbers: what a network can know of words that training had
not."""

import functools
import zlib

PIECES = 5  # of a word
ROWS = 4096  # of a table of pieces


@functools.lru_cache(maxsize=2**16)
def pieces(word: str) -> tuple[int, ...]:
    """The word's last two, three and four letters, its first three and its shape, as
    rows of a table that hashing fills. Row 0 stands for no piece: no word has it."""
    low = word.lower()
    parts = (low[-2:], low[-3:], low[-4:], low[:3], shape(word))
    keys = (f"{i} {part}".encode() for i, part in enumerate(parts))
    return tuple(1 + zlib.crc32(key) % (ROWS - 1) for key in keys)


def shape(word: str) -> str:
    """Capitals, small letters, digits and signs, runs of one kind taken together: "Xx"
    for "London", "d-d" for "1914-18"."""
    found = ""
    for letter in word:
        kind = letter
        if letter.isalpha():
            kind = "x" if letter.islower() else "X"
        elif letter.isdigit():
            kind = "d"
        if not found.endswith(kind):
            found += kind
    return found
