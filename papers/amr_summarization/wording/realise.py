"""A sentence of words that a tree or a graph has chosen."""

from collections.abc import Mapping, Sequence

from common.text.parses import Parsed
from papers.amr_summarization.rules import listed

_SIGNS = "’‘–—“”"  # noqa: RUF001
_NO_SPACE_BEFORE = listed.words(", . ; : ! ? ) ] } 's n't 'll 're 've 'm 'd % '") | {
    _SIGNS[0],
    _SIGNS[0] + "s",
}
_NO_SPACE_AFTER = listed.words("( [ { $ £ € # “") | {_SIGNS[1]}
_CLOSING = listed.words(
    ", ; : - -- ( [ and but or so yet because that which who even 's"
) | {*_SIGNS[2:4]}
# "Not yet.", "I hope so.": no conjunctions where the sentence ends.
_ENDING = listed.words("so yet that who")
_OPENING = listed.words(", ; : - -- ) ] . and but or so yet however also then ''") | {
    *_SIGNS[2:4],
    _SIGNS[5],
}


def sentence(
    parsed: Parsed, kept: Sequence[int], said: Mapping[int, str] | None = None
) -> str:
    """The kept words as a sentence: spaced as in the text that they are from, without
    signs and conjunctions at its ends, with a capital and a full stop.

    said: {place: what is said in place of the word}, such as a name for a pronoun.
    """
    kept = trimmed(parsed, _with_commas(parsed, kept))
    if not kept:
        return ""
    parts = []
    for place, i in enumerate(kept):
        word = (said or {}).get(i, parsed.words[i])
        if place and _spaced(parsed, kept[place - 1], i):
            parts.append(" ")
        parts.append(word)
    text = "".join(parts).strip()
    text = text[0].upper() + text[1:]
    ended = text.rstrip("\"')" + _SIGNS).endswith((".", "!", "?"))
    return text if ended else text + "."


def _with_commas(parsed: Parsed, kept: Sequence[int]) -> list[int]:
    """With each comma that stands between two kept words."""
    chosen = {*kept}
    commas = [i for i, word in enumerate(parsed.words) if word == ","]
    return sorted(chosen | {i for i in commas if {i - 1, i + 1} <= chosen})


def trimmed(parsed: Parsed, kept: Sequence[int]) -> list[int]:
    """Without conjunctions and signs at the beginning, or a sign before the end, and
    with no quotation mark or bracket whose other is not there."""
    found = _paired(parsed, sorted(kept))
    while found and parsed.words[found[0]].lower() in _OPENING:
        del found[0]
    final = [found.pop()] if found and parsed.words[found[-1]] in ".!?" else []
    while found and _leads_on(parsed, found[-1]):
        del found[-1]
    return found + final


def _leads_on(parsed: Parsed, i: int) -> bool:
    """Whether word i is a sign or a conjunction before more of the sentence."""
    words = parsed.words
    low = words[i].lower()
    behind = any(word[0].isalnum() for word in words[i + 1 :])
    return low in _CLOSING and (behind or low not in _ENDING)


def _paired(parsed: Parsed, kept: list[int]) -> list[int]:
    text = [parsed.words[i] for i in kept]
    drop = set()
    for one, other in (("(", ")"), ("[", "]"), ("“", "”"), ("``", "''")):
        if text.count(one) != text.count(other):
            drop |= {one, other}
    if text.count('"') % 2:
        drop.add('"')
    return [i for i in kept if parsed.words[i] not in drop]


def _spaced(parsed: Parsed, one: int, other: int) -> bool:
    if other == one + 1 and parsed.spans is not None:
        return parsed.spans[one][1] < parsed.spans[other][0]
    words = parsed.words
    if words[other] in _NO_SPACE_BEFORE or words[one] in _NO_SPACE_AFTER:
        return False
    return not (words[other] == "-" or words[one] == "-")
