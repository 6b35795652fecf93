"""TensorFlow's checkpoints, read and written without TensorFlow.

A checkpoint `model.ckpt` is several files: `model.ckpt.index`, a `sorted_table` of each
array's name, kind, shape, place and checksum; the arrays' bytes, one behind the other,
in `model.ckpt.data-00000-of-00001`, or in as many of those as the writer had shards;
and beside them `checkpoint`, a text that names the newest. This is the format "V2",
since TensorFlow 1.0; its messages are in TensorFlow's `tensor_bundle.proto`.
"""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from common.contract import UserError
from common.files import sorted_table, storage
from common.files.crc32c import masked
from common.files.protobuf import content, fields, fixed32, integer

STATE = "checkpoint"  # the file that names the newest checkpoint of a folder
# What TensorFlow keeps besides a model: its step, and what the optimiser remembers.
BOOKKEEPING = re.compile(r"(^|/)(global_step|Adam|Adam_1|beta1_power|beta2_power)$")

# Numbers of tensorflow.DataType.
_DTYPES = {
    1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 4: np.dtype("u1"),
    5: np.dtype("<i2"), 6: np.dtype("i1"), 8: np.dtype("<c8"), 9: np.dtype("<i8"),
    10: np.dtype("bool"), 14: np.dtype(jnp.bfloat16), 17: np.dtype("<u2"),
    18: np.dtype("<c16"), 19: np.dtype("<f2"), 22: np.dtype("<u4"), 23: np.dtype("<u8"),
}  # fmt: skip
_NUMBERS = {dtype: number for number, dtype in _DTYPES.items()}
_STRING = 7
_HEADER = b""  # the key of the header: it comes first
# Numbers of the messages' fields.
_SHARDS, _ENDIANNESS, _VERSION = 1, 2, 3
_DTYPE, _SHAPE, _SHARD, _OFFSET, _SIZE, _CHECKSUM, _SLICES = range(1, 8)
_DIM, _DIM_SIZE = 2, 1
_NEWEST = "model_checkpoint_path"  # of the text
_PRODUCER, _CONSUMER = 1, 2


class Entry(NamedTuple):
    """What the index says of an array."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int  # bytes
    checksum: int
    sliced: bool  # the index has its parts under other keys


def named(path: Path) -> Path | None:
    """The checkpoint that a path names: its own name without an ending, one of its
    files, or the text `checkpoint`. None: it names none."""
    if path.name == STATE and path.is_file():
        return _newest(path)
    name = re.sub(r"\.(index|data-\d{5}-of-\d{5})$", "", path.name)
    checkpoint = path.parent / name
    return checkpoint if name and _index(checkpoint).is_file() else None


def read(
    checkpoint: Path, wanted: Callable[[str], bool] = lambda name: True
) -> dict[str, np.ndarray]:
    """The arrays of numbers whose names are `wanted`. Texts, such as the graph of
    objects that TensorFlow 2 stores, are left out.

    The arrays are views of the mapped files, read-only. UserError: a file is missing,
    cut off or damaged; an array is of a kind that numpy lacks, or stored in slices.
    """
    shards, entries = _read_index(_index(checkpoint))
    names = [name for name, e in entries.items() if wanted(name) and e.dtype != _STRING]
    data = {
        shard: _mapped(_data(checkpoint, shard, shards))
        for shard in sorted({entries[name].shard for name in names})
    }
    arrays = {}
    for name in names:
        entry = entries[name]
        file = _data(checkpoint, entry.shard, shards)
        arrays[name] = _array(name, entry, data[entry.shard], file)
    return arrays


def write(checkpoint: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the three files of a checkpoint with one shard. UserError: an array is of
    a kind that TensorFlow lacks."""
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<") not in _NUMBERS or not name:
            raise UserError(f"{name!r} of {array.dtype}: no checkpoint can hold it")
    version = content(_VERSION, integer(_PRODUCER, 1))
    items = [(_HEADER, integer(_SHARDS, 1) + version)]
    target = _data(checkpoint, 0, 1)
    with storage.replacing(target) as path, path.open("wb") as file:
        for name in sorted(arrays, key=str.encode):
            array = arrays[name]
            array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
            data = array.reshape(-1).view(np.uint8)
            items.append((name.encode(), _packed_entry(array, file.tell(), data)))
            file.write(data)
    with storage.replacing(_index(checkpoint)) as path:
        path.write_bytes(sorted_table.write(items))
    # TensorFlow reads this as a protocol buffer's text, where a name is quoted.
    name = checkpoint.name.replace("\\", r"\\").replace('"', r"\"")
    lines = (f'{key}: "{name}"\n' for key in (_NEWEST, f"all_{_NEWEST}s"))
    with storage.replacing(checkpoint.with_name(STATE)) as path:
        path.write_text("".join(lines), encoding="utf-8")


def _index(checkpoint: Path) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.index")


def _data(checkpoint: Path, shard: int, shards: int) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.data-{shard:05}-of-{shards:05}")


def _newest(state: Path) -> Path:
    """The checkpoint that a file `checkpoint` names. Where its folder was moved since,
    the checkpoint of that name in its new place."""
    text = state.read_bytes()
    quoted = rb'^\s*%s\s*:\s*"((\\.|[^"\\])*)"' % _NEWEST.encode()
    found = re.search(quoted, text, re.MULTILINE)
    if not found:
        raise UserError(f"{state}: names no checkpoint, as TensorFlow's file would")
    try:
        # Bytes beyond ASCII may be as they are or as \303\244.
        name = found[1].decode("unicode_escape").encode("latin-1").decode()
    except UnicodeError as error:
        raise UserError(f"{state}: the name of its checkpoint is no text") from error
    candidates = [state.parent / name, state.parent / Path(name).name]
    for checkpoint in candidates:
        if _index(checkpoint).is_file():
            return checkpoint
    missing = _index(candidates[0])
    raise UserError(f"{state}: names {name!r}, but {missing} does not exist")


def _read_index(index: Path) -> tuple[int, dict[str, Entry]]:
    """The number of shards, and the entries by name."""
    try:
        items = dict(sorted_table.read(storage.local(index).read_bytes()))
        shards = _shards(fields(items.pop(_HEADER, b"")))
        # Keys of slices begin with a zero byte.
        keys = [key for key in items if not key.startswith(b"\0")]
        return shards, {key.decode(): _entry(items[key]) for key in keys}
    except (ValueError, TypeError) as error:  # other messages, or names, than these
        raise UserError(f"{index}: not a readable checkpoint: {error}") from error


def _shards(header: dict) -> int:
    (shards,) = header.get(_SHARDS, [0])
    (big_endian,) = header.get(_ENDIANNESS, [0])
    version = fields(header.get(_VERSION, [b""])[0])
    if big_endian:
        raise ValueError("its numbers are big-endian, which is not read here")
    if version.get(_CONSUMER, [0])[0] > 1:
        raise ValueError("a later version of the format, which is not read here")
    if not shards:
        raise ValueError("its header names no data files")
    return shards


def _entry(message: bytes) -> Entry:
    found = fields(message)

    def last(number, default=0):
        return found.get(number, [default])[-1]

    dims = fields(last(_SHAPE, b"")).get(_DIM, [])
    shape = tuple(fields(dim).get(_DIM_SIZE, [0])[-1] for dim in dims)
    numbers = [last(n) for n in (_DTYPE, _SHARD, _OFFSET, _SIZE, _CHECKSUM)]
    if not all(type(n) is int and n < 2**63 for n in (*numbers, *shape)):
        raise ValueError("an entry is none of an array's")
    dtype, *place = numbers
    return Entry(dtype, shape, *place, sliced=_SLICES in found)


def _packed_entry(array: np.ndarray, offset: int, data: np.ndarray) -> bytes:
    dims = (content(_DIM, integer(_DIM_SIZE, size)) for size in array.shape)
    parts = (
        integer(_DTYPE, _NUMBERS[array.dtype]),
        content(_SHAPE, b"".join(dims)),
        integer(_OFFSET, offset),
        integer(_SIZE, len(data)),
        fixed32(_CHECKSUM, masked(data)),
    )
    return b"".join(parts)


def _mapped(file: Path) -> np.ndarray:
    """The bytes of a data file."""
    if not file.is_file():
        raise UserError(f"{file} is missing: the checkpoint's index names it")
    local = storage.local(file)
    if not local.stat().st_size:  # which cannot be mapped
        return np.zeros(0, np.uint8)
    return np.memmap(local, np.uint8, mode="r")


def _array(name: str, entry: Entry, data: np.ndarray, file: Path) -> np.ndarray:
    """A view of `data`, the bytes of `file`, once its checksum is right."""
    if entry.sliced:
        raise UserError(
            f"{file}: {name} is stored in slices, which are not read here: save it "
            "again, where TensorFlow is, without a partitioner"
        )
    if entry.dtype not in _DTYPES:
        raise UserError(f"{file}: {name} is of TensorFlow's kind {entry.dtype}")
    dtype = _DTYPES[entry.dtype]
    if entry.size != math.prod(entry.shape) * dtype.itemsize:
        raise UserError(f"{file}: {entry.size} bytes are not {name}{[*entry.shape]}")
    end = entry.offset + entry.size
    if end > len(data):
        raise UserError(
            f"{file} is cut off: it has {len(data)} bytes, {name} ends at {end}; fetch "
            "it again"
        )
    found = data[entry.offset : end]
    if masked(found) != entry.checksum:
        raise UserError(f"{file}: the checksum of {name} is wrong: fetch it again")
    return found.view(dtype).reshape(entry.shape)
