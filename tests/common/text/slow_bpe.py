"""Byte-pair encoding as published, slowly: what the tokenisers must be equal to.

Straight from section 2.2 of Radford et al. 2019 and Sennrich et al. 2016; nothing of
`common.text` is used.
"""

import collections
import itertools

import regex

PIECES = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def byte_letters():
    kept = [*range(ord("!"), ord("~") + 1)]
    kept += [*range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in kept}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(kept))
    return table


def merge(word, rank):
    """Merges all occurrences of the pair of lowest rank, until no pair has a rank."""
    while True:
        pairs = {*itertools.pairwise(word)} & rank.keys()
        if not pairs:
            return word
        left, right = min(pairs, key=rank.get)
        merged = []
        while word:
            if word[:2] == [left, right]:
                merged.append(left + right)
                word = word[2:]
            else:
                merged.append(word.pop(0))
        word = merged


def byte_level(text, merges):
    """The tokens of a text. What is no UTF-8 counts as signs, byte by byte."""
    letters = byte_letters()
    rank = {pair: i for i, pair in enumerate(merges)}
    data = text.encode("utf-8", "surrogatepass")
    tokens = []
    for piece in regex.findall(PIECES, data.decode("utf-8", "surrogateescape")):
        raw = piece.encode("utf-8", "surrogateescape")
        tokens += merge([letters[byte] for byte in raw], rank)
    return tokens


def word_final(words, merges):
    """The tokens of words."""
    rank = {pair: i for i, pair in enumerate(merges)}
    tokens = []
    for word in words:
        tokens += merge([*word[:-1], word[-1] + "</w>"], rank)
    return tokens


def learn(words, letters, n):
    """The first n merges of words: the pair that occurs most often, and of those that
    occur as often the one whose tokens have the lower ids; twice at least."""
    ids = {letter: i for i, letter in enumerate(sorted(letters))}
    words = [list(word) for word in words]
    merges = []
    while len(merges) < n:
        counts = collections.Counter(
            pair for word in words for pair in itertools.pairwise(word)
        )
        best = min(counts, key=lambda p: (-counts[p], ids[p[0]], ids[p[1]]))
        if counts[best] < 2:
            break
        merges.append(best)
        ids.setdefault("".join(best), len(ids))
        words = [merge(word, {best: 0}) for word in words]
    return merges
