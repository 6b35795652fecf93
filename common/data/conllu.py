"""CoNLL-U: treebanks, and what the GUM corpus adds (entities, coreference, summaries).

https://universaldependencies.org/format.html
"""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import conllu

from common.contract import UserError
from common.files import storage, texts
from common.text import parses
from common.text.parses import Parsed

COLUMNS = 10


@dataclasses.dataclass(frozen=True)
class Document:
    """Sentences of one text; `comments` has a sentence's lines `# name = value`, and
    the first sentence's those of the document. `misc` has each word's last column."""

    name: str
    sentences: tuple[Parsed, ...]
    comments: tuple[dict[str, str], ...]
    misc: tuple[tuple[dict[str, str], ...], ...]


@dataclasses.dataclass(frozen=True)
class Mention:
    """Words [start, end) of a sentence that name an entity; mentions of one entity have
    the same cluster. `head` is the word that the others hang on."""

    sentence: int
    start: int
    end: int
    kind: str
    cluster: str
    head: int


def read(path: Path) -> tuple[Document, ...]:
    """The documents of a .conllu file, or of all such files of a folder, by name.

    A text without `# newdoc` is one document, named after its file. Words in several
    pieces ("1-2") count as their pieces, and left out words ("1.1") are not there.
    Several roots hang on the first.

    UserError, with the line: no words, a line without ten columns, a head that is no
    word, heads in a circle.
    """
    if path.is_dir():
        return tuple(document for file in files(path) for document in _read(file))
    return tuple(_read(path))


def files(folder: Path) -> list[Path]:
    """The .conllu files of a folder, by name. UserError: there are none."""
    below = storage.files_below(folder)
    found = [file for file in below if file.suffix == ".conllu"]
    if not found:
        raise UserError(f"{str(folder)!r} has no .conllu files")
    return found


def _read(path: Path) -> Iterator[Document]:
    text = texts.read(path).decode()
    held: list[tuple[Parsed, dict, tuple]] = []
    name = path.stem
    for where, block in _blocks(text, path):
        parsed, comments, misc = _sentence(block, where)
        new = comments.get("newdoc id", comments.get("newdoc"))
        if new is not None and held:
            yield _document(name, held)
            held = []
        name = new or name
        held.append((parsed, comments, misc))
    if not held:
        raise UserError(f"{str(path)!r} has no sentences")
    yield _document(name, held)


def _document(name: str, held: list[tuple]) -> Document:
    return Document(name, *zip(*held, strict=True))


def _blocks(text: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    """(where it begins, its lines) of each sentence."""
    block: list[str] = []
    first = 0
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        line = line.rstrip("\r")
        if line.strip():
            first = first if block else number
            columns = line.count("\t") + 1
            if not line.startswith("#") and columns != COLUMNS:
                raise UserError(
                    f"{str(path)!r}, line {number} has {columns} columns with tabs "
                    f"between them, not CoNLL-U's {COLUMNS}"
                )
            block.append(line)
        elif block:
            if not all(line.startswith("#") for line in block):
                yield f"{str(path)!r}, the sentence at line {first}", block
            block = []


def _sentence(block: list[str], where: str) -> tuple[Parsed, dict, tuple]:
    try:
        (found,) = conllu.parse("\n".join(block) + "\n\n")
    except conllu.exceptions.ParseException as error:
        raise UserError(f"{where}: {error}") from None
    words = [token for token in found if isinstance(token["id"], int)]
    if [token["id"] for token in words] != [*range(1, 1 + len(words))]:
        raise UserError(f"{where}: words are numbered 1, 2, 3, ...")
    if lost := [token["id"] for token in words if not isinstance(token["head"], int)]:
        raise UserError(f"{where}: word {lost[0]} has no head in its seventh column")
    heads = tuple(token["head"] - 1 for token in words)
    if parses.ROOT in heads:
        heads = parses.one_root(heads)
    parsed = Parsed(
        words=tuple(token["form"] for token in words),
        tags=tuple(_text(token["xpos"]) or _text(token["upos"]) for token in words),
        heads=heads,
        arcs=tuple(_text(token["deprel"]) for token in words),
        lemmas=tuple(_text(token["lemma"]) for token in words),
    )
    comments = {key: value or "" for key, value in found.metadata.items()}
    misc = tuple(dict(token["misc"] or {}) for token in words)
    return parses.check(parsed, where), comments, misc


def _text(value: str | None) -> str:
    return "" if value in (None, "_") else value


def summaries(document: Document) -> tuple[str, ...]:
    """A GUM document's summaries that people wrote, in order."""
    found = []
    for key, value in document.comments[0].items():
        if re.fullmatch(r"meta::summary\d*", key):
            writer = re.match(r"\((human\d*)\)\s*", value)
            if writer or not value.startswith("("):
                found.append(value[writer.end() :] if writer else value)
    return tuple(found)


_BRACKET = re.compile(r"\(([^()]+)\)|\(([^()]+)|([^()]+)\)")


def mentions(document: Document) -> tuple[Mention, ...]:
    """The entities of a document in GUM's notation, `Entity=(1-person-...` to `1)`, by
    sentence and place, longer ones first. UserError: a bracket without its other."""
    found = []
    fields = _fields(document)
    for number, (parsed, misc) in enumerate(
        zip(document.sentences, document.misc, strict=True)
    ):
        where = f"{document.name}, sentence {number + 1}"
        spans = _spans([m.get("Entity") or "" for m in misc], where)
        for start, end, text in spans:
            values = dict(zip(fields, text.split("-"), strict=False))
            cluster = values.get("GRP", "").partition("[")[0]
            kind = values.get("etype", "")
            head = _head(parsed, start, end)
            found.append(Mention(number, start, end, kind, cluster, head))
    found.sort(key=lambda m: (m.sentence, m.start, -m.end))
    return tuple(found)


def _fields(document: Document) -> list[str]:
    named = document.comments[0].get("global.Entity", "GRP-etype")
    return named.split("-")


def _spans(texts: list[str], where: str) -> Iterator[tuple[int, int, str]]:
    """Yields (start, end, what stands behind the opening bracket) of each entity."""
    open_: list[tuple[str, int, str]] = []
    for i, text in enumerate(texts):
        for whole, begun, ended in _BRACKET.findall(text):
            if whole:
                yield i, i + 1, whole
            elif begun:
                open_.append((begun.split("-")[0], i, begun))
            else:
                # Of a discontinuous mention, "1[1/2]", each piece counts as one.
                at = next((o for o in reversed(open_) if o[0] == ended), None)
                if at is None:
                    raise UserError(f"{where}: the entity {ended!r} ends, never began")
                open_.remove(at)
                yield at[1], i + 1, at[2]
    if open_:
        raise UserError(f"{where}: the entity {open_[0][0]!r} begins and never ends")


def _head(parsed: Parsed, start: int, end: int) -> int:
    inside = range(start, end)
    return next((i for i in inside if parsed.heads[i] not in inside), start)
