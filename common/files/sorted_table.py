"""LevelDB's sorted table: keys in ascending order, in blocks that carry checksums.

    blocks of entries | metaindex | index: a block's last key -> its place | footer

An entry is the number of bytes that its key shares with the key before, the numbers of
further bytes of the key and of the value, and those bytes. Every 16th key is whole, and
the end of a block lists where those are. The layout is LevelDB's `table_format.md`; the
writer's TensorFlow reads, and the reader reads TensorFlow's.
"""

import struct
from collections.abc import Iterable, Iterator

from common.files.crc32c import masked
from common.files.protobuf import read_varint, varint

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48  # bytes: two handles, zeros, the magic number
_TRAILER = 5  # bytes after a block: its compression, its checksum
_WHOLE_KEYS = 16  # one key in so many is whole
_BLOCK = 4096  # bytes after which a block ends

Item = tuple[bytes, bytes]
Handle = tuple[int, int]  # of a block: offset, size without trailer


def read(table: bytes) -> Iterator[Item]:
    """The keys and values of a table. ValueError, in one line: it is damaged, or its
    blocks are compressed."""
    if len(table) < _FOOTER or table[-8:] != struct.pack("<Q", _MAGIC):
        raise ValueError("it does not end as a table does: cut off, or another file")
    footer = table[-_FOOTER:]
    _, at = _read_handle(footer, 0)  # of the metaindex, which is empty
    index, _ = _read_handle(footer, at)
    last = None
    for _, place in _entries(_block(table, index)):
        handle, _ = _read_handle(place, 0)
        for key, value in _entries(_block(table, handle)):
            if last is not None and key <= last:
                raise ValueError("its keys are not in ascending order")
            last = key
            yield key, value


def write(items: Iterable[Item]) -> bytes:
    """The table of items in ascending order of their keys."""
    table = bytearray()
    index = []
    block: list[Item] = []
    size = 0
    for key, value in items:
        block.append((key, value))
        size += len(key) + len(value)
        if size >= _BLOCK:
            index.append((key, _append(table, _packed(block))))
            block = []
            size = 0
    if block:
        index.append((block[-1][0], _append(table, _packed(block))))
    handles = _append(table, _packed([])) + _append(table, _packed(index, whole=1))
    return bytes(table) + handles.ljust(_FOOTER - 8, b"\0") + struct.pack("<Q", _MAGIC)


def _read_handle(data: bytes, at: int) -> tuple[Handle, int]:
    offset, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return (offset, size), at


def _block(table: bytes, handle: Handle) -> bytes:
    offset, size = handle
    end = offset + size
    if end + _TRAILER > len(table) - _FOOTER:
        raise ValueError(f"a block reaches to byte {end}, past the end")
    (checksum,) = struct.unpack_from("<I", table, end + 1)
    if masked(table[offset : end + 1]) != checksum:
        raise ValueError(f"the checksum of the block at byte {offset} is wrong")
    if table[end] != 0:
        raise ValueError("its blocks are compressed, which is not read here")
    return table[offset:end]


def _entries(block: bytes) -> Iterator[Item]:
    if len(block) < 4:
        raise ValueError("a block is cut off")
    (whole_keys,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (whole_keys + 1)
    at = 0
    key = b""
    while at < end:
        shared, at = read_varint(block, at)
        further, at = read_varint(block, at)
        length, at = read_varint(block, at)
        if shared > len(key) or at + further + length > end:
            raise ValueError("an entry of a block is cut off")
        key = key[:shared] + block[at : at + further]
        at += further
        yield key, block[at : at + length]
        at += length


def _packed(items: list[Item], whole: int = _WHOLE_KEYS) -> bytes:
    """A block; one key in `whole` is whole."""
    block = bytearray()
    places = []
    last = b""
    for i, (key, value) in enumerate(items):
        shared = 0
        if i % whole == 0:
            places.append(len(block))
        else:
            shared = _shared(last, key)
        sizes = (shared, len(key) - shared, len(value))
        block += b"".join(map(varint, sizes)) + key[shared:] + value
        last = key
    places = places or [0]  # as LevelDB has it in an empty block
    return bytes(block) + struct.pack(f"<{len(places) + 1}I", *places, len(places))


def _shared(a: bytes, b: bytes) -> int:
    """The number of bytes with which both begin."""
    differ = (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    return next(differ, min(len(a), len(b)))


def _append(table: bytearray, block: bytes) -> bytes:
    """Adds a block to the table. Returns its handle."""
    handle = varint(len(table)) + varint(len(block))
    block += b"\0"  # not compressed
    table += block + struct.pack("<I", masked(block))
    return handle
