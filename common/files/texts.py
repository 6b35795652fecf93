"""Text files, in UTF-8 or as the mark at their beginning says."""

import codecs
import json
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files import storage

# UTF-32's mark begins with UTF-16's.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_PART = 2**24  # bytes decoded at once: a large text's str would not fit in memory


def read(path: Path) -> bytes:
    """A text file, gzipped or not, as UTF-8 without a mark: its own bytes where it is
    that. UserError, which names the first wrong byte: it has no mark and is not UTF-8.
    """
    data = storage.read_bytes(path)
    mark = next(filter(data.startswith, _MARKS), b"")
    codec = _MARKS.get(mark, "utf-8")
    text = data[len(mark) :]
    try:
        if codec != "utf-8":
            return text.decode(codec).encode()
        _check(text)
    except UnicodeDecodeError as error:
        at = len(mark) + error.start
        wrong = f"is not {codec.upper()}: byte 0x{data[at]:02x} at offset {at}"
        raise UserError(f"{str(path)!r} {wrong}; save it as UTF-8") from None
    if text.count(0) > len(text) // 10:  # every other byte of Latin letters in UTF-16
        at = len(mark) + text.index(0)
        wrong = f"is not UTF-8: byte 0x00 at offset {at}"
        raise UserError(f"{str(path)!r} {wrong}, as in UTF-16; save it as UTF-8")
    return text


def _check(text: bytes) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(text), _PART):
        held = len(decoder.getstate()[0])
        end = start + _PART
        try:
            decoder.decode(text[start:end], final=end >= len(text))
        except UnicodeDecodeError as error:
            error.start += start - held
            raise


def read_json(path: Path) -> Any:
    """The value in a JSON file. UserError: it is no text, or as of `parsed_json`."""
    return parsed_json(read(path), repr(str(path)))


def parsed_json(text: str | bytes, name: str) -> Any:
    """The value that a text is in JSON. UserError, which begins with `name`: it is
    empty, or no JSON, and where."""
    if not text.strip():
        raise UserError(f"{name} is empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise UserError(f"{name} is not JSON: {where}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{name} is not JSON that can be read: too deep") from None


def lines(path: Path) -> tuple[str, ...]:
    """The lines of a text file that are not blank, stripped."""
    stripped = map(str.strip, read(path).decode().splitlines())
    return tuple(filter(None, stripped))
