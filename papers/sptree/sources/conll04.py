"""CoNLL04 in the layout of the multi-head selection model: a line a word, with the
word's number, the word, its BIO tag, and lists of relations and of their tails' words.

    4	Worke	I-Peop	['Work_For', 'Live_In']	[22, 8]

A line "#doc ..." begins a sentence. A relation stands at the last word of its head.
https://github.com/bekou/multihead_joint_entity_relation_extraction
"""

import ast
import operator
from collections.abc import Iterator
from pathlib import Path

from common.contract import UserError
from common.files import storage, texts
from papers.sptree.sources import layout
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Dropped,
    Entity,
    Relation,
    sentence,
)

HOLDS = "a folder with train.txt, dev.txt and test.txt in the multi-head layout"
NONE = "N"  # no relation


def read(root: str, trees: layout.Trees) -> layout.Read:
    """The folder's sentences. UserError: see `HOLDS`, or a wrong line."""
    folder = layout.root_of(root, HOLDS)
    below = storage.files_below(folder) if folder.is_dir() else [folder]
    files = [f for f in below if f.suffix == ".txt"]
    found = {}
    dropped = {}
    for split, path in layout.by_split(files, HOLDS, folder).items():
        dropped[split] = Dropped()
        found[split] = list(_sentences(path, trees, dropped[split]))
    sentences, dropped, said = layout.completed(found, dropped)
    about = f"{folder.name}, the multi-head layout; {trees}{said}"
    return layout.Read(sentences, dropped, about)


def _sentences(
    path: Path, trees: layout.Trees, dropped: Dropped
) -> Iterator[AnnotatedSentence]:
    number = 0
    for number, rows in enumerate(_blocks(path), start=1):
        name = f"{path.stem}/{number}"
        where = f"{str(path)!r}, the sentence at line {rows[0][0]}"
        yield _sentence(rows, name, where, trees, dropped)
    if not number:
        raise UserError(f"{str(path)!r} has no sentences: {HOLDS}")


def _blocks(path: Path) -> Iterator[list[tuple[int, list[str]]]]:
    """(line's number, its columns) of each sentence's words."""
    rows: list[tuple[int, list[str]]] = []
    text = texts.read(path).decode()
    for number, line in enumerate(text.split("\n"), start=1):
        parts = line.rstrip("\r").split("\t")
        if line.startswith("#doc") or not line.strip():
            if rows:
                yield rows
            rows = []
            continue
        if len(parts) != 5 or parts[0] != str(len(rows)):
            raise UserError(
                f"{str(path)!r}, line {number}: five columns with tabs between them, "
                f"the first of them {len(rows)}, not {line[:60]!r}"
            )
        rows.append((number, parts))
    if rows:
        yield rows


def _sentence(
    rows: list[tuple[int, list[str]]],
    name: str,
    where: str,
    trees: layout.Trees,
    dropped: Dropped,
) -> AnnotatedSentence:
    words = [parts[1] for _, parts in rows]
    entities = _entities([parts[2] for _, parts in rows], where)
    of_word = {i: n for n, e in enumerate(entities) for i in range(e.start, e.end)}
    relations = []
    for i, (number, parts) in enumerate(rows):
        for kind, tail in _pairs(parts, f"{where}, line {number}"):
            if not 0 <= tail < len(words):
                raise UserError(
                    f"{where}, line {number}: the tail is word {tail} of {len(words)}"
                )
            if i in of_word and tail in of_word:
                relations.append(Relation(kind, of_word[i], of_word[tail]))
            else:
                dropped.relation("lost entity", kind)
    parsed = trees.of(words, where)
    return sentence(parsed, entities, relations, name, dropped)


def _pairs(parts: list[str], where: str) -> list[tuple[str, int]]:
    try:
        kinds, tails = (ast.literal_eval(part) for part in parts[3:])
        pairs = [
            (str(kind), operator.index(n)) for kind, n in zip(kinds, tails, strict=True)
        ]
    except (ValueError, SyntaxError, TypeError):
        raise UserError(
            f"{where}: relations and tails are two lists of one length, such as "
            f"['Live_In'] and [4], not {parts[3][:40]} and {parts[4][:40]}"
        ) from None
    return [(kind, tail) for kind, tail in pairs if kind != NONE]


def _entities(tags: list[str], where: str) -> list[Entity]:
    """The entities of BIO tags; an I- that follows no entity of its kind begins one."""
    found: list[Entity] = []
    for i, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if tag == "O":
            continue
        if prefix not in ("B", "I") or not kind:
            raise UserError(f"{where}: a tag is O, B-KIND or I-KIND, not {tag[:40]!r}")
        last = found[-1] if found else None
        if prefix == "I" and last and (last.end, last.kind) == (i, kind):
            found[-1] = Entity(last.start, i + 1, kind)
        else:
            found.append(Entity(i, i + 1, kind))
    return found
