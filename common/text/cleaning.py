"""The text as GPT's tokeniser reads it: odd characters made plain, space around signs.

Radford et al. 2018 fix text with the package ftfy. Its rules for line ends, quotes,
ligatures, full-width letters and control characters are here; HTML entities and text
that was decoded by a wrong codec are not, because they need guesses.
"""

import unicodedata

import regex

_LINE_ENDS = regex.compile("\r\n|[\r\x85\u2028\u2029]")
_ESCAPES = regex.compile(r"\x1b\[[0-?]*[a-zA-Z]")  # colours of a terminal
_HALF_WIDTH = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)}
_CONTROLS = (
    *range(0x00, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0xFEFF,
    *range(0x206A, 0x2070), *range(0xFFF9, 0xFFFD), *range(0xD800, 0xE000),
)  # fmt: skip
_PLAIN = {
    **dict.fromkeys(_CONTROLS),
    **_HALF_WIDTH,
    **str.maketrans("\u3000\u2018\u2019\u201a\u201b\u02bc", " '''''"),
    **str.maketrans("\u201c\u201d\u201e\u201f", '""""'),
    **str.maketrans(
        {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi",
         "\ufb04": "ffl", "\ufb05": "\u017ft", "\ufb06": "st", "\u0132": "IJ",
         "\u0133": "ij", "\u0149": "'n", "\u01c7": "LJ", "\u01c8": "Lj",
         "\u01c9": "lj", "\u01ca": "NJ", "\u01cb": "Nj", "\u01cc": "nj"}
    ),
}  # fmt: skip
_DASHES = str.maketrans("\u2014\u2013\u2015\u00b4", "---'", "")
# Runs of one sign. A backslash is not among them.
_SIGNS = regex.compile(r"""([-~!";?+,)(/*\[\]}{|_])\1*""")
_SPACE = regex.compile(r"[^\S\n]+")
_LINE_END_IN_SPACE = regex.compile(r" ?\n[ \n]*")


def fix(text: str) -> str:
    """Line ends as newlines, quotes as ' and ", no control characters, NFC."""
    text = _ESCAPES.sub("", text)
    text = _LINE_ENDS.sub("\n", text)
    return unicodedata.normalize("NFC", text.translate(_PLAIN))


def standardise(text: str) -> str:
    """Dashes as -, an ellipsis as three dots, space around runs of signs, and white
    space as one space, or as " \\n " where it has a line end."""
    text = text.translate(_DASHES).replace("\N{HORIZONTAL ELLIPSIS}", "...")
    text = _SIGNS.sub(r" \g<0> ", text)
    return _LINE_END_IN_SPACE.sub(" \n ", _SPACE.sub(" ", text))
