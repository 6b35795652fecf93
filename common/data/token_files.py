"""Text as ids in files: nanoGPT's train.bin and val.bin, 16 or 32 bits an id."""

from pathlib import Path

import numpy as np

from common.contract import UserError
from common.data.split_names import ALIASES, SPLITS
from common.files import storage
from common.text import tokenizer_files
from common.text.vocab import Vocab

_PART = 2**24  # ids that are checked at once
_GIVE = (
    "give train.bin and val.bin, ids without a header, 16 bits each where the "
    "vocabulary has at most 65,536 and 32 bits where it has more"
)


def id_type(size: int) -> np.dtype:
    """What the ids of a vocabulary are stored as, little endian."""
    return np.dtype("<u2" if size <= 2**16 else "<u4")


def read(root: str | Path, size: int) -> dict[str, np.ndarray]:
    """The ids [time] of each split, uint16 or uint32, which stay on the disk until they
    are used. Where there is no test.bin, val.bin is both.

    UserError: a file is missing or empty, its ids are as wide as those of another
    vocabulary, or one of them is not in this one.

    size: of the vocabulary.
    """
    folder = _folder(root)
    there = storage.entries(folder)
    paths = {split: _find(there, split) for split in SPLITS}
    paths["test"] = paths["test"] or paths["valid"]
    for split, path in paths.items():
        if path is None:
            raise UserError(f"no ids of the split {split} in {str(folder)!r}; {_GIVE}")
    found = {path: _ids(path, size) for path in {*paths.values()}}
    return {split: found[path] for split, path in paths.items()}


def _folder(root: str | Path) -> Path:
    folder = storage.path(root)
    if not str(root) or not folder.is_dir():
        raise UserError(f"{str(root)!r} is no folder; {_GIVE}")
    return folder


def _find(there: dict[str, Path], split: str) -> Path | None:
    names = (f"{alias}.bin" for alias in ALIASES[split])
    return next((there[name] for name in names if name in there), None)


def _ids(path: Path, size: int) -> np.ndarray:
    path = storage.local(path)
    dtype = id_type(size)
    n_bytes = path.stat().st_size
    bits = 8 * dtype.itemsize
    if not n_bytes:
        raise UserError(f"{str(path)!r} is empty; {_GIVE}")
    if n_bytes % dtype.itemsize:
        raise UserError(f"{str(path)!r} has {n_bytes:,} bytes, not ids of {bits} bits")
    ids = np.memmap(path, dtype, mode="r")
    if bits == 16 and _are_wide(ids[: 2 * _PART]):
        raise UserError(
            f"{str(path)!r} has ids of 32 bits; a vocabulary of {size:,} has 16"
        )
    for start in range(0, len(ids), _PART):
        largest = ids[start : start + _PART].max()
        if largest >= size:
            raise UserError(
                f"{str(path)!r} has the id {largest:,}, the vocabulary {size:,} ids of "
                f"{bits} bits: they are of different tokenisers"
            )
    return ids


def _are_wide(ids: np.ndarray) -> bool:
    """Whether 16-bit numbers are the halves of 32-bit ids: every second one is small,
    the others are not."""
    if len(ids) < 16 or len(ids) % 2:
        return False
    low, high = int(ids[::2].max()), int(ids[1::2].max())
    return high == 0 < low or high < 64 < 1024 < low


def vocabulary(root: str | Path) -> Vocab:
    """The vocabulary beside the ids, as of `tokenizer_files.read`. UserError: there is
    none, or only nanoGPT's meta.pkl, a pickle, which can run any code."""
    folder = _folder(root)
    there = storage.entries(folder)
    readable = [name for name in there if name.endswith((".json", ".bpe"))]
    if "meta.pkl" in there and not readable:
        raise UserError(
            f"{str(there['meta.pkl'])!r} is a pickle, which is never opened: write its "
            "characters in the order of their ids as "
            '{"unit": "char", "symbols": "...", "drop_newlines": false} into '
            f"{tokenizer_files.OURS}"
        )
    return tokenizer_files.read(folder)


def write(root: str | Path, splits: dict[str, np.ndarray], vocab: Vocab) -> None:
    """Writes train.bin, val.bin and test.bin, those that `splits` has, and the
    vocabulary beside them. UserError: an id is not in the vocabulary."""
    folder = storage.path(root)
    folder.mkdir(parents=True, exist_ok=True)
    names = {"train": "train.bin", "valid": "val.bin", "test": "test.bin"}
    for split, ids in splits.items():
        data = vocab.checked(ids).astype(id_type(vocab.size)).tobytes()
        folder.joinpath(names[split]).write_bytes(data)
    vocab.save(folder / tokenizer_files.OURS)
