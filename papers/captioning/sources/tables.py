"""Captions in text files, a line each: Flickr8k's and 30k's tokens, and tables.

    1000268201_693b08cb0e.jpg#0 <tab> A child in a pink dress .         Flickr
    file <tab> caption                                                  a table
    a.png <tab> a red ball

A table has a first line with the names of its columns, which tabs, commas, semicolons
or bars separate. A picture has as many captions as lines, times the columns of
captions.
"""

import csv
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.contract import UserError
from common.data.split_names import split_of
from common.files import storage, texts
from common.nearest import nearest
from papers.captioning.sources.entries import Entry

ENDINGS = {".csv", ".tsv", ".txt", ".token"}
_FILE = ("file", "file_name", "filename", "file_path", "image", "image_name", "path")
_CAPTION = (
    "caption", "captions", "caption_text", "comment", "sentence", "text",
    "description", "title", "name",
)  # fmt: skip
_SEPARATORS = "\t|;,"
# A tab in the name of the picture: Flickr8k's files of what people think of captions.
_TOKEN = re.compile(r"([^\t]+)#\d+\t(.*)")
_LIST = re.compile(r"flickr_?\w*?\.?(train|dev|val|test)images", re.IGNORECASE)


def lines(path: Path) -> list[str]:
    """The lines that are not blank."""
    return [line for line in texts.read(path).decode().splitlines() if line.strip()]


def is_tokens(rows: Sequence[str]) -> bool:
    """Whether the first lines are Flickr's."""
    return bool(rows) and all(map(_TOKEN.fullmatch, rows[:5]))


def tokens(path: Path, rows: Sequence[str], folder: Path) -> list[Entry]:
    """Entries of a token file, in the splits of the lists in its folder. UserError: a
    line has no caption."""
    captions: dict[str, list[str]] = {}
    for number, row in enumerate(rows, start=1):
        found = _TOKEN.fullmatch(row)
        if found is None:
            raise UserError(
                f"{str(path)!r}, line {number}: it should be PICTURE#NUMBER, a tab and "
                f"a caption, and is {row[:80]!r}"
            )
        captions.setdefault(found[1].strip(), []).append(found[2])
    split = _lists(folder)
    return [Entry(name, tuple(own), split.get(name)) for name, own in captions.items()]


def _lists(folder: Path) -> dict[str, str]:
    """{picture: split} of Flickr_8k.trainImages.txt, .devImages.txt, .testImages.txt.
    UserError: a picture is in two of them."""
    found: dict[str, str] = {}
    for path in storage.files_below(folder):
        match = _LIST.match(path.name)
        split = split_of(match[1]) if match else None
        for name in texts.lines(path) if split else ():
            if found.setdefault(name, split) != split:
                raise UserError(
                    f"{name!r} is in {str(path)!r} and in the split {found[name]}"
                )
    return found


def header(path: Path, rows: Sequence[str]) -> list[str]:
    """The names of the columns, in lower case; [] where there is one only."""
    if not rows:
        return []
    found = next(_cells(path, rows[:1], _separator(rows[0])))
    return [] if len(found) < 2 else [_plain(name) for name in found]


def _plain(name: str) -> str:
    return re.sub(r"\s+", "_", name.strip().lower())


def _separator(row: str) -> str:
    return max(_SEPARATORS, key=row.count)


def is_table(
    path: Path, rows: Sequence[str], file_column: str, columns: Sequence[str]
) -> bool:
    """Whether the first line names a column of files, and one of captions."""
    names = header(path, rows)
    has_file = file_column or any(name in names for name in _FILE)
    return bool(names and has_file and (columns or any(x in names for x in _CAPTION)))


def table(
    path: Path, rows: Sequence[str], file_column: str, columns: Sequence[str]
) -> list[Entry]:
    """Entries of a table.

    Args:
      file_column: the name of the column of pictures; "": a usual one.
      columns: the names of the columns of captions; (): all with a usual name that
        begins alike, as caption_1 and caption_2.

    Raises:
      UserError: there is no such column, or no row has them all.
    """
    names = header(path, rows)
    file = _index(path, names, file_column or _usual(path, names, _FILE, "file_column"))
    chosen = [_index(path, names, column) for column in columns]
    chosen = chosen or _captions(path, names)
    split_at = names.index("split") if "split" in names else None
    found: dict[str, list[str]] = {}
    split: dict[str, str | None] = {}
    for cells in _whole_rows(path, rows, names, max(file, *chosen)):
        name = cells[file].strip()
        found.setdefault(name, []).extend(cells[i] for i in chosen)
        split[name] = None if split_at is None else _split(path, cells[split_at])
    return [Entry(name, tuple(own), split[name]) for name, own in found.items()]


def _whole_rows(
    path: Path, rows: Sequence[str], names: Sequence[str], needed: int
) -> Iterator[list[str]]:
    """The cells of the rows that have column `needed`; a warning counts the others.
    UserError: none has."""
    separator = _separator(rows[0])
    short: list[str] = []
    whole = False
    for cells in _cells(path, rows[1:], separator):
        if len(cells) <= needed:
            short.append(separator.join(cells))
            continue
        whole = True
        if len(cells) > len(names):  # commas of a caption that is not in quotes
            last = separator.join(cells[len(names) - 1 :])
            cells = [*cells[: len(names) - 1], last]
        yield cells
    if short:
        message = (
            f"{str(path)!r}: {len(short)} rows do not have the columns "
            f"{', '.join(names)}, such as {short[0][:80]!r}"
        )
        if not whole:
            raise UserError(message)
        warnings.warn(f"{message}: left out", stacklevel=5)


def _split(path: Path, word: str) -> str | None:
    """None for an empty cell. UserError: it is no split."""
    split = split_of(word.strip())
    if word.strip() and split is None:
        raise UserError(
            f"{str(path)!r}: the split {word.strip()!r} is none of train, val and test"
        )
    return split


def _cells(path: Path, rows: Sequence[str], separator: str) -> Iterator[list[str]]:
    """Commas and semicolons may be inside quotes; a quote between tabs is a letter.
    UserError: a quote is not closed, or a cell has more than 131,072 letters."""
    quoting = csv.QUOTE_NONE if separator in "\t|" else csv.QUOTE_MINIMAL
    text = io.StringIO("\n".join(rows), newline="")
    reader = csv.reader(text, delimiter=separator, quoting=quoting, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise UserError(
            f"{str(path)!r}, row {reader.line_num} of those that are not blank: {error}"
        ) from None


def _index(path: Path, names: Sequence[str], name: str) -> int:
    if _plain(name) not in names:
        raise UserError(
            f"{str(path)!r} has no column {name!r}; {nearest(_plain(name), names)}"
        )
    return names.index(_plain(name))


def _usual(path: Path, names: Sequence[str], usual: Sequence[str], flag: str) -> str:
    for name in usual:
        if name in names:
            return name
    raise UserError(
        f"{str(path)!r} has the columns {', '.join(names)}: say which one it is, "
        f"--config.data.{flag}=NAME"
    )


def _captions(path: Path, names: Sequence[str]) -> list[int]:
    """The columns caption_0, caption_1 and so on, or the first usual one."""
    numbered = [
        i for i, name in enumerate(names)
        if re.fullmatch(r"(caption|comment|sentence)_?\d+", name)
    ]  # fmt: skip
    if numbered:
        return numbered
    return [names.index(_usual(path, names, _CAPTION, "caption_columns"))]
