"""Sentences of plain text."""

import re

_END = re.compile(r"""(?<=[.!?])["')\]]*\s+|\s*\n\s*\n\s*""")
_ABBREVIATED = re.compile(
    r"(\b(?i:mr|mrs|ms|dr|st|jr|sr|prof|gen|gov|sen|rep|vs|etc|e\.g|i\.e|cf)|\b[A-Z])\.$",
)


def sentences(text: str) -> list[str]:
    """Sentences, each in one line. One ends with . ! or ?, quotes and brackets after it
    and a space, but for common abbreviations and initials; or with an empty line."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        piece = text[start : end.start()] + end.group().rstrip()
        if _ABBREVIATED.search(piece) and "\n\n" not in end.group():
            continue
        found.append(piece)
        start = end.end()
    found.append(text[start:])
    return [line for line in (" ".join(piece.split()) for piece in found) if line]
