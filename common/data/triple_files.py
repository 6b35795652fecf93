"""Graphs in files: OpenKE's folders of numbers, tab-separated names, TFDS sets.

    OpenKE    entity2id.txt and relation2id.txt (a count; then a name and a number a
              line), train2id.txt, valid2id.txt and test2id.txt (a count; then head,
              tail, relation: in this order). Fast-TransX calls the first triple2id.txt.
    names     train.txt, valid.txt (val, dev) and test.txt, or .tsv: head, relation,
              tail; a first line that names these columns is no triple

Tabs or spaces separate columns; in names, which may have spaces, tabs. Files may be
gzipped. Where valid or test is missing, triples of the training set are held out.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.data import triples
from common.data.split_names import ALIASES
from common.data.tfds_sets import prepared
from common.data.triples import SPLITS, Graph, Triples
from common.files import storage, texts

OPENKE = "{}2id.txt"
NAMED = ("{}.txt", "{}.tsv")

# What a heading calls the columns of names.
HEADINGS = {
    ("head", "relation", "tail"),
    ("h", "r", "t"),
    ("subject", "predicate", "object"),
    ("subject", "relation", "object"),
    ("s", "p", "o"),
    ("source", "relation", "target"),
}


def read(root: str) -> Graph:
    """The graph in the folder `root`. UserError, which names the file and the line:
    no such folder, or a file that is not as described above."""
    folder = storage.path(root)
    if not root or not folder.is_dir():
        raise UserError(f"config.data.root={root!r} is no folder")
    if _find(folder, OPENKE, "train") or _find(folder, OPENKE, "triple"):
        return _read_openke(folder)
    found = {}
    for split in SPLITS:
        places = itertools.product(NAMED, ALIASES[split])
        paths = (_find(folder, pattern, name) for pattern, name in places)
        if path := next(filter(None, paths), None):
            found[split] = path
    if "train" not in found:
        raise UserError(
            f"config.data.root={root!r} has neither train2id.txt, as OpenKE's folders "
            "have it, nor train.txt or train.tsv (head, relation, tail by name)"
        )
    return _read_named(found)


def _find(folder: Path, pattern: str, name: str) -> Path | None:
    for ending in ("", ".gz"):
        path = folder / (pattern.format(name) + ending)
        if path.is_file():
            return path
    return None


def _read_openke(folder: Path) -> Graph:
    names = {}
    for kind in ("entity", "relation"):
        path = _find(folder, OPENKE, kind)
        if path is None:
            raise UserError(f"{str(folder)!r} has no {kind}2id.txt")
        names[kind] = _names(path)
    splits = {}
    for split in SPLITS:
        path = _find(folder, OPENKE, split)
        if split == "train":
            path = path or _find(folder, OPENKE, "triple")
        if path is not None:
            splits[split] = _numbers(path, *map(len, names.values()))
    return triples.from_arrays(
        **splits, entities=names["entity"], relations=names["relation"]
    )


def _lines(path: Path) -> list[str]:
    """All lines without their ends. The last may lack one."""
    lines = texts.read(path).decode().replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise UserError(f"{str(path)!r} is empty")
    return lines


def _after_count(path: Path, lines: list[str]) -> int:
    """0, or 1 where the first line is the number of the others. UserError: it is
    another number."""
    first = lines[0].split()
    if len(first) != 1:
        return 0
    if not first[0].isdecimal() or int(first[0]) != len(lines) - 1:
        raise UserError(
            f"{str(path)!r} line 1 says {first[0]!r}, and {len(lines) - 1} lines follow"
        )
    return 1


def _names(path: Path) -> tuple[str, ...]:
    """The names in the order of their numbers, which are 0, 1, 2, ..."""
    lines = _lines(path)
    start = _after_count(path, lines)
    names: dict[int, str] = {}
    seen: dict[str, int] = {}
    for place, line in enumerate(lines[start:], start + 1):
        name, separator, number = line.rstrip().rpartition("\t")
        if not separator:
            name, _, number = line.rstrip().rpartition(" ")
        name = name.strip()
        if not name or not number.strip().isdecimal():
            raise UserError(
                f"{str(path)!r} line {place}: not a name, a tab and a number: {line!r}"
            )
        number = int(number)
        if name in seen or number in names:
            twice = repr(name) if name in seen else f"number {number}"
            raise UserError(f"{str(path)!r} line {place}: {twice} stands twice")
        names[number] = name
        seen[name] = number
    missing = next((n for n in range(len(names)) if n not in names), None)
    if missing is not None:
        raise UserError(
            f"{str(path)!r}: no name has the number {missing}; {len(names)} names "
            f"have the numbers 0 to {len(names) - 1}"
        )
    return tuple(names[n] for n in range(len(names)))


def _numbers(path: Path, entities: int, relations: int) -> Triples:
    """Lines of head, tail and relation -> columns head, relation, tail."""
    lines = _lines(path)
    start = _after_count(path, lines)
    rows = [line.split() for line in lines[start:]]
    for place, row in enumerate(rows, start + 1):
        if len(row) != 3 or not all(map(str.isdecimal, row)):
            raise UserError(
                f"{str(path)!r} line {place}: not three numbers (head, tail, "
                f"relation): {lines[place - 1]!r}"
            )
    array = np.array(rows, dtype=np.int64).reshape(-1, 3)
    sizes = np.array([entities, entities, relations])
    outside = np.argwhere(array >= sizes)
    if len(outside):
        row, column = outside[0]
        part = ("head", "tail", "relation")[column]
        raise UserError(
            f"{str(path)!r} line {row + 1 + start}: {part} {array[row, column]} is "
            f"outside 0 to {sizes[column] - 1} (columns are head, tail, relation)"
        )
    return array[:, [0, 2, 1]].astype(np.int32)


def _read_named(paths: dict[str, Path]) -> Graph:
    rows = {split: _named_rows(path) for split, path in paths.items()}
    _refuse_other_order(paths["train"], rows["train"])
    return from_names(**rows)


def _named_rows(path: Path) -> list[list[str]]:
    rows = []
    for place, line in enumerate(_lines(path), 1):
        row = [part.strip() for part in line.split("\t")]
        row = line.split() if len(row) == 1 else row
        if len(row) != 3 or not all(row):
            raise UserError(
                f"{str(path)!r} line {place}: {line!r} is not a head, a relation and a "
                "tail, separated by tabs"
            )
        rows.append(row)
    if tuple(name.lower() for name in rows[0]) in HEADINGS:
        rows = rows[1:]
    if not rows:
        raise UserError(f"{str(path)!r} has a heading and no triples")
    return rows


def _refuse_other_order(path: Path, rows: Sequence[Sequence[str]]) -> None:
    heads, second, third = map(set, zip(*rows, strict=True))
    if heads & second and not heads & third:
        raise UserError(
            f"{str(path)!r}: heads occur in the second column and not in the third; "
            "columns are head, relation, tail"
        )


def from_names(
    train: Sequence[Sequence[str]],
    valid: Sequence[Sequence[str]] | None = None,
    test: Sequence[Sequence[str]] | None = None,
) -> Graph:
    """A graph of rows [head, relation, tail] of names, numbered as they first occur.
    A missing split is held out of the training triples."""
    entities: dict[str, int] = {}
    relations: dict[str, int] = {}

    def numbered(rows: Sequence[Sequence[str]] | None) -> Triples | None:
        if rows is None:
            return None
        return np.array(
            [
                (
                    entities.setdefault(head, len(entities)),
                    relations.setdefault(relation, len(relations)),
                    entities.setdefault(tail, len(entities)),
                )
                for head, relation, tail in rows
            ],
            np.int32,
        ).reshape(-1, 3)

    splits = [numbered(rows) for rows in (train, valid, test)]
    return triples.from_arrays(
        *splits, entities=tuple(entities), relations=tuple(relations)
    )


def read_tfds(name: str, data_dir: str) -> Graph:
    """A prepared TFDS set of triples with features lhs, relation and rhs, such as
    wordnet/WN18RR. UserError: as of `prepared`."""
    columns = ("lhs", "relation", "rhs")
    builder = prepared(name, data_dir, columns)
    splits = {}
    for split, key in zip(SPLITS, ("train", "validation", "test"), strict=True):
        if key in builder.info.splits:
            source = builder.as_data_source(key)
            splits[split] = [[_text(item[c]) for c in columns] for item in source]
    return from_names(**splits)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
