"""Long texts in parts that may be split into pieces one by one."""

import re
from collections.abc import Iterator

PART = 2**20  # bytes; the str of a part takes at most four times as much
_WORD_END = re.compile(rb"(?<=[!-~])[ \n]")


def parts(data: bytes) -> Iterator[bytes]:
    """A text in parts of a megabyte or more.

    A part begins with a space or line end that follows a printable ASCII character. No
    white space is cut in two, and no rule that splits text by what is on both sides of
    a place looks across one.
    """
    start = 0
    while start < len(data):
        found = _WORD_END.search(data, start + PART)
        end = found.start() if found else len(data)
        yield data[start:end]
        start = end
