"""SpERT's json: a list of sentences, each {"tokens", "entities", "relations"}.

    {"tokens": ["Ann", "lives", "in", "Rome"],
     "entities": [{"type": "Peop", "start": 0, "end": 1}, ...],   # end is exclusive
     "relations": [{"type": "Live_In", "head": 0, "tail": 1}],    # indices of entities
     "heads": [2, 0, 4, 2], "deprels": [...], "pos": [...], "orig_id": 7}

heads, deprels and pos are ours and may be left out: heads count words from 1, 0 is the
root. https://github.com/lavis-nlp/spert
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files import storage, texts
from common.text.parses import ROOT
from papers.sptree.sources import layout
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Dropped,
    Entity,
    Relation,
    sentence,
)

HOLDS = "a folder with SpERT's files, such as conll04_train.json, _dev and _test"


def read(root: str, trees: layout.Trees) -> layout.Read:
    """The folder's sentences. UserError: see `HOLDS`, or a wrong sentence."""
    folder = layout.root_of(root, HOLDS)
    below = storage.files_below(folder) if folder.is_dir() else [folder]
    files = [f for f in below if f.suffix == ".json" and "types" not in f.name]
    # Training on both is SpERT's last run; the parts are what is read here.
    files = [f for f in files if "train_dev" not in f.name]
    found = {}
    dropped = {}
    for split, path in layout.by_split(files, HOLDS, folder).items():
        dropped[split] = Dropped()
        found[split] = list(sentences(path, trees, dropped[split]))
    kept, dropped, said = layout.completed(found, dropped)
    return layout.Read(kept, dropped, f"{folder.name}, SpERT's json; {trees}{said}")


def sentences(
    path: Path, trees: layout.Trees, dropped: Dropped
) -> Iterator[AnnotatedSentence]:
    """Yields the sentences of one file; those with "heads" have their own trees."""
    items = texts.read_json(path)
    if not isinstance(items, list) or not items:
        raise UserError(f"{str(path)!r} is not a list of sentences")
    for number, item in enumerate(items):
        where = f"{str(path)!r}, sentence {number} of the list"
        try:
            yield _sentence(item, f"{path.stem}/{number}", where, trees, dropped)
        except UserError:
            raise
        except (
            KeyError,
            TypeError,
            AttributeError,
            ValueError,
            OverflowError,
        ) as error:
            said = f"{type(error).__name__} {error}"
            raise UserError(
                f"{where}: tokens, entities (type, start, end) and relations (type, "
                f"head, tail) are expected; {said[:80]}"
            ) from None


def _sentence(
    item: dict[str, Any],
    name: str,
    where: str,
    trees: layout.Trees,
    dropped: Dropped,
) -> AnnotatedSentence:
    words = _strings(item["tokens"])
    if not words or not all(word.strip() for word in words):
        raise UserError(f"{where} has no tokens, or an empty one")
    entities = [
        Entity(_whole(e["start"]), _whole(e["end"]), _string(e["type"]))
        for e in item.get("entities", ())
    ]
    relations = [
        Relation(_string(r["type"]), _whole(r["head"]), _whole(r["tail"]))
        for r in item.get("relations", ())
    ]
    if "heads" in item:
        parsed = layout.given_tree(
            words,
            [_whole(head) for head in item["heads"]],
            _strings(item.get("deprels") or []),
            _strings(item.get("pos") or []),
            where,
        )
    else:
        parsed = trees.of(words, where)
    return sentence(parsed, entities, relations, name, dropped)


def _strings(values: Any) -> list[str]:
    """A list of strings. ValueError: it is none, such as a text or a list of lists."""
    if not isinstance(values, list):
        raise ValueError(f"{str(values)[:30]!r} is not a list")
    return [_string(value) for value in values]


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a string")
    return value


def _whole(value: Any) -> int:
    """A whole number. ValueError: it is none, such as 1.5 or True."""
    if isinstance(value, bool) or int(value) != float(value):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def written(found: Sequence[AnnotatedSentence]) -> str:
    """Sentences in this layout, trees included; `read` reads the same again."""
    items = []
    for sentence_ in found:
        parsed = sentence_.parsed
        item = {
            "tokens": list(parsed.words),
            "entities": [
                {"type": e.kind, "start": e.start, "end": e.end}
                for e in sentence_.entities
            ],
            "relations": [
                {"type": r.kind, "head": r.head, "tail": r.tail}
                for r in sentence_.relations
            ],
            "orig_id": sentence_.name,
            "pos": list(parsed.tags),
            "heads": [head - ROOT for head in parsed.heads],
            "deprels": list(parsed.arcs),
        }
        items.append(item)
    return json.dumps(items, ensure_ascii=False, indent=1)
