"""SemEval-2010 Task 8: a sentence with two marked nominals and their relation.

    8001	"The most common <e1>audits</e1> were about <e2>waste</e2> and recycling."
    Message-Topic(e1,e2)
    Comment: ...

The nominals are given and have one kind. `Other` is no relation. https://aclanthology.org/S10-1006
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files import storage, texts
from common.text import sentences as text_sentences
from common.text.parses import Parsed
from papers.sptree.sources import layout
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Dropped,
    Entity,
    Relation,
    sentence,
)

HOLDS = "the folder with TRAIN_FILE.TXT and TEST_FILE_FULL.TXT"
TREES_HOLD = "TEST_FILE_FULL.TXT and a json file with stanford_head of its sentences"
SOURCES = ("semeval", "semeval_trees")  # of `config.data.source`
KIND = "nominal"
OTHER = "Other"
RELATIONS = (
    "Cause-Effect",
    "Component-Whole",
    "Content-Container",
    "Entity-Destination",
    "Entity-Origin",
    "Instrument-Agency",
    "Member-Collection",
    "Message-Topic",
    "Product-Producer",
)
# The sentences for validation are spread over the training file: its last 900 are of an
# older set, in which three of the nine relations are next to missing.
VALID = 10  # one of so many
TREES_TRAIN = (1800, 200)  # of the test's 2,717, for training and validation; 717 left

_ITEM = re.compile(r'(\d+)\t"?(.*?)"?\s*$')
_LABEL = re.compile(r"([\w-]+)\((e1,e2|e2,e1)\)$")
_MARK = re.compile(r"</?e[12]>")


def read(root: str, trees: layout.Trees) -> layout.Read:
    """The standard split; each tenth sentence of training is for validation."""
    folder = layout.root_of(root, HOLDS)
    files = {"train": "TRAIN_FILE.TXT", "test": "TEST_FILE_FULL.TXT"}
    found = {
        split: [_with_trees(item, trees) for item in _items(_file(folder, name))]
        for split, name in files.items()
    }
    items = found["train"]
    held = {*range(VALID - 1, len(items), VALID)} or {len(items) - 1}
    splits = {
        "train": [item for i, item in enumerate(items) if i not in held] or items,
        "valid": [items[i] for i in sorted(held)],
        "test": found["test"],
    }
    return _read(splits, f"SemEval-2010 Task 8, the standard split; {trees}")


def read_with_trees(root: str) -> layout.Read:
    """The test's sentences alone, with the Stanford trees that a json file has of them,
    cut into training, validation and test: not the standard split."""
    folder = layout.root_of(root, TREES_HOLD)
    items = list(_items(_file(folder, "TEST_FILE_FULL.TXT")))
    given = _given(folder)
    if len(items) != len(given):
        raise UserError(
            f"{str(folder)!r} has {len(items)} test sentences and {len(given)} trees"
        )
    found = [_with_tree(item, tree) for item, tree in zip(items, given, strict=True)]
    scale = len(found) / 2717
    first = round(TREES_TRAIN[0] * scale)
    second = first + max(1, round(TREES_TRAIN[1] * scale))
    splits = {
        "train": found[:first],
        "valid": found[first:second],
        "test": found[second:],
    }
    about = (
        "SemEval-2010 Task 8, its test alone cut into "
        f"{' / '.join(str(len(v)) for v in splits.values())} sentences, which is not "
        "the standard split; the given Stanford trees"
    )
    return _read(splits, about)


def _read(splits: Mapping[str, Sequence["_Item"]], about: str) -> layout.Read:
    """The sentences of items that have their trees."""
    dropped = {split: Dropped() for split in splits}
    kept = {
        split: tuple(item.annotated(dropped[split]) for item in items)
        for split, items in splits.items()
    }
    return layout.Read(kept, dropped, about)


class _Item:
    """A block of the file: words, both nominals and the label; later its tree."""

    def __init__(self, number: str, text: str, label: str, where: str) -> None:
        self.name = number
        self.where = where
        self.words, self.spans = marked(text, where)
        self.relation = _relation(label, where)
        self.parsed: Parsed | None = None

    def annotated(self, dropped: Dropped) -> AnnotatedSentence:
        """The sentence; its tree is there."""
        entities = [Entity(*self.spans[name], KIND) for name in ("e1", "e2")]
        relations = []
        if self.relation:
            kind, backwards = self.relation
            relations.append(Relation(kind, int(backwards), int(not backwards)))
        return sentence(self.parsed, entities, relations, self.name, dropped)


def marked(text: str, where: str) -> tuple[list[str], dict[str, tuple[int, int]]]:
    """The words of a sentence, and those of e1 and e2, [start, end). UserError,
    beginning with `where`: a mark is missing, or there twice, or has no words."""
    words: list[str] = []
    spans: dict[str, tuple[int, int]] = {}
    at = 0
    opened: dict[str, int] = {}
    for mark in [*_MARK.finditer(text), None]:
        piece = text[at : mark.start() if mark else len(text)]
        words += [word.text for word in text_sentences.words(piece)]
        if mark:
            at = mark.end()
            name = mark[0].strip("</>")
            if mark[0].startswith("</"):
                spans[name] = (opened.get(name, len(words)), len(words))
            elif name in opened:
                raise UserError(f"{where}: <{name}> is there twice")
            else:
                opened[name] = len(words)
    if {*spans} != {"e1", "e2"} or any(a >= b for a, b in spans.values()):
        raise UserError(f"{where}: one <e1>...</e1> and one <e2>...</e2> with words")
    return words, spans


def _relation(label: str, where: str) -> tuple[str, bool] | None:
    """(kind, whether it leads from e2 to e1); None: Other."""
    if label == OTHER:
        return None
    parts = _LABEL.fullmatch(label)
    if not parts or parts[1] not in RELATIONS:
        raise UserError(
            f"{where}: the relation is {OTHER} or one such as {RELATIONS[0]}(e1,e2), "
            f"not {label[:40]!r}"
        )
    return parts[1], parts[2] == "e2,e1"


def _file(folder: Path, name: str) -> Path:
    found = {f.name.upper(): f for f in storage.files_below(folder)}
    if name not in found:
        raise UserError(f"{str(folder)!r} has no {name}")
    return found[name]


def _items(path: Path) -> Iterator[_Item]:
    lines = texts.read(path).decode().replace("\r\n", "\n").split("\n")
    at = 0
    count = 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].startswith("Comment:"):
            at += 1
            continue
        where = f"{str(path)!r}, line {at + 1}"
        item = _ITEM.fullmatch(lines[at])
        if not item or at + 1 == len(lines):
            raise UserError(
                f'{where}: a number, a tab and a sentence in "", then its relation, '
                f"not {lines[at][:60]!r}"
            )
        yield _Item(item[1], item[2], lines[at + 1].strip(), where)
        count += 1
        at += 2
    if not count:
        raise UserError(f"{str(path)!r} has no sentences")


def _with_trees(item: _Item, trees: layout.Trees) -> _Item:
    """The item with its tree, and the words of that."""
    item.parsed = trees.of_text(item.words, item.where)
    if item.parsed.words != tuple(item.words):
        item.spans = {
            name: layout.moved(span, item.words, item.parsed.words, item.where)
            for name, span in item.spans.items()
        }
    return item


def _given(folder: Path) -> list[dict[str, Any]]:
    files = [f for f in storage.files_below(folder) if f.suffix == ".json"]
    if len(files) != 1:
        raise UserError(f"{str(folder)!r} has {len(files)} json files: {TREES_HOLD}")
    found = texts.read_json(files[0])
    if not isinstance(found, list):
        raise UserError(f"{str(files[0])!r} is not a list of sentences")
    return found


def _with_tree(item: _Item, tree: dict[str, Any]) -> _Item:
    """The item with the words of its given tree."""
    try:
        words = tree["token"]
        heads = [int(head) for head in tree["stanford_head"]]
        spans = {
            "e1": (int(tree["subj_start"]), int(tree["subj_end"]) + 1),
            "e2": (int(tree["obj_start"]), int(tree["obj_end"]) + 1),
        }
        arcs, tags = tree["stanford_deprel"], tree["stanford_pos"]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{item.where}: its tree in the json file lacks {error}"
        ) from None
    item.parsed = layout.given_tree(words, heads, arcs, tags, item.where)
    for name, (start, end) in spans.items():
        own = " ".join(item.words[slice(*item.spans[name])])
        if layout.letters(words[start:end]) != layout.letters([own]):
            raise UserError(
                f"{item.where}: {name} is {own!r}, and {' '.join(words[start:end])!r} "
                "in the json file: both are in the same order"
            )
    item.spans = spans
    return item
