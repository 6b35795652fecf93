"""The wire format of protocol buffers: fields by their number, without a schema."""

import struct
from collections.abc import Iterator

Value = int | bytes

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """An integer and where it ends: 7 bits a byte, the lowest first. ValueError: the
    data end before."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("an integer is cut off")
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value & (1 << 64) - 1, at
    raise ValueError("an integer has more than 64 bits")


def varint(value: int) -> bytes:
    """The inverse, of an integer that is not negative."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def fields(message: bytes) -> dict[int, list[Value]]:
    """{number: values in their order} of a message. Integers are unsigned; texts and
    messages are bytes. ValueError: it is not a message."""
    found: dict[int, list[Value]] = {}
    for number, value in _pairs(message):
        found.setdefault(number, []).append(value)
    return found


def _pairs(message: bytes) -> Iterator[tuple[int, Value]]:
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = read_varint(message, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = read_varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field has the unknown kind {kind}")
        value = message[at : at + size]
        at += size
        if at > len(message):
            raise ValueError("a field is cut off")
        yield tag >> 3, value if kind == _BYTES else int.from_bytes(value, "little")


def integer(number: int, value: int) -> bytes:
    """A field of an integer that is not negative."""
    return varint(number << 3 | _VARINT) + varint(value)


def content(number: int, value: bytes) -> bytes:
    """A field of a text or a message."""
    return varint(number << 3 | _BYTES) + varint(len(value)) + value


def fixed32(number: int, value: int) -> bytes:
    """A field of four bytes."""
    return varint(number << 3 | _FIXED32) + struct.pack("<I", value)
