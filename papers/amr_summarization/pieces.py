"""The pieces that a linearised graph or a sentence consists of.

    ( )          the beginning and the end of a node that has children
    :ARG0        a role
    /and         a concept
    =-           a constant, as in PENMAN, with its quotes
    @3           a pointer: item 3 of the source
    ~2+y-01      a form of the pointer before it: its last two letters become "y-01"
    ~" and ~=    the item is a constant, in quotes or without
    _the         a word of a sentence, in small letters

A pointer without a form stands for the item in small letters. A concept behind a
pointer names a node of another name than its item.
"""

import re

OPEN = "("
CLOSE = ")"
CONCEPT = "/"
CONSTANT = "="
WORD = "_"
STRING = '~"'
LITERAL = "~="
LEAST_SHARED = 0.5  # of the shorter of two words, where one is a form of the other

_POINTER = re.compile(r"@(\d+)")
_FORM = re.compile(r"~(\d+)\+(.*)", re.DOTALL)


def pointer(index: int) -> str:
    return f"@{index}"


def pointed(piece: str) -> int | None:
    """The item that a pointer names; None for other pieces."""
    found = _POINTER.fullmatch(piece)
    return int(found[1]) if found else None


def is_form(piece: str) -> bool:
    return piece.startswith("~") and len(piece) > 1


def form(word: str, wanted: str) -> str | None:
    """The piece that turns a word into another, "" where they are equal, None where
    they share too few of their first letters."""
    word = word.lower()
    if word == wanted:
        return ""
    shared = 0
    while shared < min(len(word), len(wanted)) and word[shared] == wanted[shared]:
        shared += 1
    stem = wanted.rsplit("-", 1)[0] if wanted[-2:].isdigit() else wanted
    if not shared or shared < LEAST_SHARED * min(len(word), len(stem)):
        return None
    return f"~{len(word) - shared}+{wanted[shared:]}"


def formed(word: str, piece: str) -> str:
    """The inverse of `form`: what the piece makes of a word."""
    found = _FORM.fullmatch(piece)
    word = word.lower()
    if not found:
        return word
    return word[: max(len(word) - int(found[1]), 0)] + found[2]


def unquoted(value: str) -> str:
    """A constant without its quotes."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def quoted(word: str) -> str:
    """A word as a string constant."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
