"""Chunks of nouns and verbs in a tagged sentence, and the trees within them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Chunk(NamedTuple):
    """Words [start, end), of which `head` carries the others.

    kind: noun, verb, adjective, adverb, preposition, relative (also "that"),
    conjunction, sign, helper (of a verb behind its subject). `parts` are a verb's
    auxiliaries and itself.
    """

    kind: str
    start: int
    end: int
    head: int
    parts: tuple[int, ...] = ()
    finite: bool = False
    copula: bool = False
    passive: bool = False
    infinitive: bool = False


_BE = frozenset(("be", "am", "is", "are", "was", "were", "been", "being")) | {
    *("'s", "'re", "'m", "’s")  # noqa: RUF001
}
_HAVE_DO = ("have", "has", "had", "having", "'ve", "do", "does", "did")
_HELPING = _BE | frozenset(_HAVE_DO)
_MODALS = frozenset(
    ("can", "could", "may", "might", "must", "shall", "should", "will", "would", "ca",
     "wo", "sha")
)  # fmt: skip
_NOUNS = frozenset(("NN", "NNS", "NNP", "NNPS"))
_BEFORE_NOUN = frozenset(
    ("DT", "PDT", "PRP$", "CD", "JJ", "JJR", "JJS", "VBN", "VBG", "$", "FW", "WP$")
)
_ALONE = frozenset(("PRP", "EX", "DT", "CD", "WP", "FW", "$", "PDT", "UH", "LS"))
_VERBS = frozenset(("VB", "VBD", "VBG", "VBN", "VBP", "VBZ"))
_SINGLE = {
    "JJ": "adjective",
    "JJR": "adjective",
    "JJS": "adjective",
    "IN": "preposition",
    "TO": "preposition",
    "CC": "conjunction",
    "WDT": "relative",
    "WP": "relative",
    "WRB": "relative",
    "WP$": "relative",
}
_SIGNS = frozenset((".", ",", ":", "``", "''", "-LRB-", "-RRB-", "SYM", "HYPH", "NFP"))


def chunks(words: Sequence[str], tags: Sequence[str]) -> list[Chunk]:
    """The chunks of a sentence, which cover all its words."""
    found = []
    at = 0
    while at < len(words):
        chunk = (
            _noun(words, tags, at) or _verb(words, tags, at) or _one(words, tags, at)
        )
        found.append(chunk)
        at = chunk.end
    return [_turned(words, found, at) for at in range(len(found))]


def _turned(words: Sequence[str], found: Sequence[Chunk], at: int) -> Chunk:
    """The chunk; a helper that stands before its subject, as in "do you see", is one
    of its own kind."""
    chunk = found[at]
    helps = chunk.kind == "verb" and words[chunk.head].lower() in _HELPING | _MODALS
    if not helps or (at and found[at - 1].kind == "noun" and "?" not in words[-2:]):
        return chunk
    rest = [c for c in found[at + 1 :] if c.kind != "adverb"][:2]
    if [c.kind for c in rest] != ["noun", "verb"] or rest[1].finite:
        return chunk
    return chunk if rest[1].infinitive else chunk._replace(kind="helper")


def _noun(words: Sequence[str], tags: Sequence[str], start: int) -> Chunk | None:
    last = None
    at = start
    while at < len(tags) and (
        tags[at] in _NOUNS or _before_noun(tags, at, start, last)
    ):
        last = at if tags[at] in _NOUNS else last
        at += 1
    if last is not None:
        dated = tags[last] == "NNP" and tags[last + 1 : last + 2] == ("CD",)
        end = last + 2 if dated else last + 1  # "May 5", "Apollo 11"
        return Chunk("noun", start, end, last)
    if at > start + 1 and words[at - 1].lower() == "one":  # "the last one"
        return Chunk("noun", start, at, at - 1)
    if tags[start] in _ALONE and tags[start] != "WP":
        end = start + 1
        while end < len(tags) and tags[end] == "CD" == tags[start]:
            end += 1
        return Chunk("noun", start, end, end - 1)
    return None


def _before_noun(tags: Sequence[str], at: int, start: int, last: int | None) -> bool:
    """Whether a word that is no noun may go on a chunk whose latest noun is `last`."""
    tag = tags[at]
    more = at + 1 < len(tags)
    if tag == "POS":
        return more and last == at - 1
    if tag == "HYPH":
        return more and at > start
    if tag in ("RB", "RBR", "RBS"):
        return _before_adjective(tags, at)
    if tag in ("CC", ","):
        return _joins_adjectives(tags, at, last)
    if tag not in _BEFORE_NOUN:
        return False
    if tags[at - 1] == "HYPH" and at > start:
        return True
    open_ = last is None or tags[at - 1] == "POS"
    return open_ and (tag not in ("VBN", "VBG") or _inside(tags, at, start))


def _inside(tags: Sequence[str], at: int, start: int) -> bool:
    """Whether a participle stands before a noun, as in "the broken window"."""
    return at > start and at + 1 < len(tags) and tags[at + 1] in (*_NOUNS, "JJ")


def _before_adjective(tags: Sequence[str], at: int) -> bool:
    """Whether an adverb, an adjective or number, and a noun follow one another."""
    if at + 2 >= len(tags) or tags[at + 1] not in ("JJ", "JJR", "JJS", "VBN", "CD"):
        return False
    return tags[at + 2] in (*_NOUNS, "JJ")


def _joins_adjectives(tags: Sequence[str], at: int, last: int | None) -> bool:
    kinds = ("JJ", "JJR", "JJS")
    if last is not None or not 0 < at < len(tags) - 2 or tags[at - 1] not in kinds:
        return False
    return tags[at + 1] in kinds and tags[at + 2] in (*_NOUNS, "JJ")


def _verb(words: Sequence[str], tags: Sequence[str], start: int) -> Chunk | None:
    at = start
    parts: list[int] = []
    while at < len(tags):
        tag = tags[at]
        low = words[at].lower()
        if tag == "MD" or (tag == "TO" and _infinitive(tags, at) and not parts):
            parts.append(at)
        elif tag in _VERBS:
            parts.append(at)
            if low not in _HELPING:
                at += 1
                break
        elif not parts or not (
            low in ("not", "n't") or (tag in ("RB", "RBR") and _verb_follows(tags, at))
        ):
            break
        at += 1
    while parts and tags[at - 1] in ("RB", "RBR") and words[at - 1].lower() != "n't":
        at -= 1
    verbs = [i for i in parts if tags[i] in _VERBS]
    if not parts or (not verbs and tags[parts[0]] == "TO"):
        return None
    return _group(words, tags, start, at, parts)


def _group(
    words: Sequence[str], tags: Sequence[str], start: int, end: int, parts: list[int]
) -> Chunk:
    head = parts[-1]
    first = tags[parts[0]]
    helpers = [words[i].lower() for i in parts[:-1]]
    return Chunk(
        kind="verb",
        start=start,
        end=max(end, head + 1),
        head=head,
        parts=tuple(parts),
        finite=first in ("MD", "VBD", "VBZ", "VBP"),
        copula=words[head].lower() in _BE,
        passive=tags[head] == "VBN" and bool(helpers) and helpers[-1] in _BE,
        infinitive=first == "TO",
    )


def _infinitive(tags: Sequence[str], at: int) -> bool:
    return at + 1 < len(tags) and (
        tags[at + 1] == "VB" or tags[at + 1 : at + 3] == ("RB", "VB")
    )


def _verb_follows(tags: Sequence[str], at: int) -> bool:
    while at < len(tags) and tags[at] in ("RB", "RBR"):
        at += 1
    return at < len(tags) and tags[at] in _VERBS


def _one(words: Sequence[str], tags: Sequence[str], at: int) -> Chunk:
    tag = tags[at]
    low = words[at].lower()
    if low == "that" and tag in ("IN", "WDT"):
        return Chunk("relative", at, at + 1, at)
    if tag in _SIGNS:
        return Chunk("sign", at, at + 1, at)
    if tag in ("RB", "RBR", "RBS") and at + 1 < len(tags) and tags[at + 1][:2] == "JJ":
        return Chunk("adjective", at, at + 2, at + 1)
    return Chunk(_SINGLE.get(tag, "adverb"), at, at + 1, at)


def inner_heads(
    words: Sequence[str], tags: Sequence[str], found: Sequence[Chunk]
) -> Iterator[tuple[int, int, str]]:
    """Yields (word, its head, arc) of the words within chunks."""
    for chunk in found:
        if chunk.kind == "noun":
            yield from _inside_noun(words, tags, chunk)
        elif chunk.kind == "verb":
            for i in range(chunk.start, chunk.end):
                if i != chunk.head and not (chunk.copula and i in chunk.parts):
                    yield i, chunk.head, _verb_arc(words, tags, i, chunk)
        elif chunk.kind == "adjective":
            for i in range(chunk.start, chunk.head):
                yield i, chunk.head, "advmod"


def _verb_arc(words: Sequence[str], tags: Sequence[str], i: int, chunk: Chunk) -> str:
    if tags[i] == "TO":
        return "mark"
    if i not in chunk.parts:
        return "advmod"
    return "aux:pass" if chunk.passive and words[i].lower() in _BE else "aux"


_ARCS = {
    "DT": "det",
    "PDT": "det:predet",
    "PRP$": "nmod:poss",
    "CD": "nummod",
    "JJ": "amod",
    "JJR": "amod",
    "JJS": "amod",
    "VBN": "amod",
    "VBG": "amod",
    "HYPH": "punct",
    "RB": "advmod",
    "RBR": "advmod",
    "RBS": "advmod",
    "CC": "cc",
    ",": "punct",
    "$": "nmod",
    "WP$": "nmod:poss",
}


def _inside_noun(
    words: Sequence[str], tags: Sequence[str], chunk: Chunk
) -> Iterator[tuple[int, int, str]]:
    """Words hang on the next owner ("John" in "John's house") or on the head."""
    for i in range(chunk.start, chunk.end):
        if tags[i] == "POS":
            owner = i - 1
            yield i, owner, "case"
            goal = next(
                (j - 1 for j in range(i + 1, chunk.end) if tags[j] == "POS"), None
            )
            yield owner, chunk.head if goal is None else goal, "nmod:poss"
            continue
        ends = next((j for j in range(i, chunk.end) if tags[j] == "POS"), None)
        head = chunk.head if ends is None else ends - 1
        if i in (head, ends):
            continue
        if tags[i] in ("RB", "RBR", "RBS") and i + 1 < head:
            yield i, i + 1, "advmod"
        elif i > head:
            yield i, head, "nummod"
        else:
            yield i, head, _ARCS.get(tags[i], "compound")
