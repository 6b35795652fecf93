"""brat's standoff: a text in a .txt, and entities and relations of it in a .ann.

    T1	Person 0 12	Jane Campion
    R1	directed Arg1:T1 Arg2:T2

Characters are code points, from 0; the end is exclusive.
https://brat.nlplab.org/standoff.html
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.contract import UserError
from common.files import texts
from papers.sptree.sources import layout, spans
from papers.sptree.sources.annotated_sentence import AnnotatedSentence, Dropped

HOLDS = "a folder with .txt and .ann files, or with folders train, dev, test of them"
_SPAN = re.compile(r"(\S+) (\d+ \d+(?:;\d+ \d+)*)$")
_RELATION = re.compile(r"(\S+) (\S+):(T\S+) (\S+):(T\S+)\s*$")
_OTHER = tuple("EAMN#*")  # events, attributes, normalisations, notes, equivalences


def read(root: str, trees: layout.Trees) -> layout.Read:
    """The folder's sentences. UserError: see `HOLDS`, or a wrong line."""
    about = "brat's .txt and .ann"
    return layout.of_documents(root, HOLDS, ".ann", document, trees, about)


def document(
    ann: Path, trees: layout.Trees, dropped: Dropped
) -> list[AnnotatedSentence]:
    """The sentences of one .ann file and the .txt beside it."""
    file = ann.with_suffix(".txt")
    if not file.exists():
        raise UserError(f"{str(ann)!r} has no {file.name} beside it")
    text = texts.read(file).decode()
    entities: list[spans.Marked] = []
    relations: list[spans.Linked] = []
    pieces: set[str] = set()
    for where, line in _lines(ann):
        if line.startswith("T"):
            entity = _entity(line, text, where)
            if entity is None:
                key, _, rest = line.partition("\t")
                pieces.add(key)
                dropped.entity("discontinuous", rest.split(" ")[0])
            else:
                entities.append(entity)
        elif line.startswith("R"):
            relations.append(_relation(line, where))
        elif not line.startswith(_OTHER):
            raise UserError(f"{where}: a line begins with T or R, not {line[:40]!r}")
    kept = []
    for link in relations:
        if {link.head, link.tail} & pieces:
            dropped.relation("lost entity", link.kind)
        else:
            kept.append(link)
    return spans.annotated(text, entities, kept, ann.stem, trees, dropped)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    text = texts.read(path).decode()
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{str(path)!r}, line {number}", line.rstrip("\r")


def _entity(line: str, text: str, where: str) -> spans.Marked | None:
    """The entity of a line; None: it is in several pieces. Pieces with white space
    alone between them are one: brat cuts an entity where its line breaks."""
    key, *parts = line.split("\t", 2)
    found = _SPAN.match(parts[0]) if len(parts) == 2 else None
    if not found:
        raise UserError(
            f"{where}: an entity is `T1 TAB Kind start end TAB text`, not {line[:60]!r}"
        )
    pieces = [tuple(map(int, piece.split())) for piece in found[2].split(";")]
    for (_, before), (after, _) in itertools.pairwise(pieces):
        if before > after or text[before:after].strip():
            return None
    start, end = pieces[0][0], pieces[-1][1]
    _refuse_other_text(text, start, end, parts[1], where)
    return spans.Marked(key, found[1], start, end)


def _refuse_other_text(text: str, start: int, end: int, said: str, where: str) -> None:
    """UserError: characters [start, end) are not what the line says they are."""
    if text[start:end].split() == said.split() and start < end:
        return
    wide = text.encode("utf-16-le")
    same = wide[2 * start : 2 * end].decode("utf-16-le", "replace").split()
    double = text.replace("\n", "\r\n")[start:end].split()
    single = text.replace("\r\n", "\n")[start:end].split()
    why = f"characters {start} to {end} are {text[start:end][:40]!r}, not {said[:40]!r}"
    if same == said.split():
        why += ": these count UTF-16 units, and brat counts code points"
    elif double == said.split():
        why += ": these count two characters a line break, and the .txt has one"
    elif single == said.split():
        why += ": these count one character a line break, and the .txt has two"
    elif text.encode()[start:end].decode("utf-8", "replace").split() == said.split():
        why += ": these count bytes, and brat counts code points"
    raise UserError(f"{where}: {why}")


def _relation(line: str, where: str) -> spans.Linked:
    key, _, rest = line.partition("\t")
    found = _RELATION.match(rest)
    if not found or not key[1:]:
        raise UserError(
            f"{where}: a relation is `R1 TAB kind Arg1:T1 Arg2:T2`, not {line[:60]!r}"
        )
    head, tail = found[3], found[5]
    if (found[2], found[4]) == ("Arg2", "Arg1"):
        head, tail = tail, head
    return spans.Linked(found[1], head, tail)


def written(sentences: Sequence[AnnotatedSentence], text: str) -> str:
    """The .ann of sentences whose words have their places in `text`."""
    lines = []
    links = []
    for sentence in sentences:
        first = 1 + len(lines)
        for entity in sentence.entities:
            start = sentence.parsed.spans[entity.start][0]
            end = sentence.parsed.spans[entity.end - 1][1]
            said = re.sub(r"\s", " ", text[start:end])
            lines.append(f"T{1 + len(lines)}\t{entity.kind} {start} {end}\t{said}")
        for relation in sentence.relations:
            ends = f"Arg1:T{first + relation.head} Arg2:T{first + relation.tail}"
            links.append(f"R{1 + len(links)}\t{relation.kind} {ends}")
    return "".join(f"{line}\n" for line in (*lines, *links))
