"""The rows of the tables."""

from collections.abc import Mapping

import numpy as np

from common.contract import Table
from papers.sptree import measure
from papers.sptree.config import Config
from papers.sptree.corpus import SPLITS, corpus
from papers.sptree.paper_results import (
    PARTS,
    SEMEVAL_MACRO_F1,
    STRUCTURES,
    TEST,
)
from papers.sptree.scored import Scored

Rows = Mapping[str, Scored]
WITHOUT = {
    "sptree": "all",
    "no_ep": "no entity pre-training",
    "no_ss": "no scheduled sampling",
    "no_le": "no label embeddings",
    "no_shared": "no shared parameters",
    "no_ep_ss": "neither of the first two",
    "no_all": "none of the four",
    "no_tree": "no tree",
}
STRUCTURE_NAMES = {
    "sptree": "shortest path",
    "subtree": "subtree",
    "fulltree": "full tree",
    "subtree_no_sp": "subtree, one type",
    "fulltree_no_sp": "full tree, one type",
    "child_sum": "shortest path, Child-Sum",
    "spseq": "shortest path as a sequence",
    "spxu": "shortest path, maxima (Xu et al.)",
    "no_tree": "no tree",
}
DISTANCES = (3, 7, 12)  # words between


def percent(values: np.ndarray) -> list[float | None]:
    """Mean and largest deviation from it, in per cent."""
    mean = float(np.mean(values))
    apart = float(np.max(np.abs(values - mean))) if len(values) > 1 else None
    return [100 * mean, None if apart is None else 100 * apart]


def note(rows: Rows) -> str:
    first = next(iter(rows.values()))
    said = corpus(first.config).about
    return (
        f"per cent of {len(first.gold):,} test sentences ({said}); "
        f"{first.config.seeds} seed(s), their mean and largest deviation from it"
    )


def end_to_end(rows: Rows) -> Table:
    """Table 1: precision, recall and F1 of entities and of relations."""
    found = []
    for row in rows.values():
        numbers = [*_prf(row, "entities"), *_prf(row, "relations")]
        whole = [score.relations.f1 for score in row.whole_scores]
        found.append([row.name, *numbers, 100 * float(np.mean(whole))])
    for name, numbers in TEST.items():
        p, r, f, *relations = numbers
        found.append([f"paper: {name}", p, r, f, None, *relations, None, None])
    columns = (
        "run", "entity P", "R", "F1", "±", "relation P", "R ", "F1 ", "± ",
        "F1, all",
    )  # fmt: skip
    dropped = corpus(next(iter(rows.values())).config).dropped["test"]
    return Table(
        columns,
        found,
        f"{note(rows)}. F1, all: what the reader left out of the test counts as "
        f"missed: {dropped}",
    )


def _prf(row: Scored, of: str) -> list[float | None]:
    """Precision, recall, F1 and its spread."""
    counts = [getattr(score, of) for score in row.scores]
    return [
        percent(np.array([c.precision for c in counts]))[0],
        percent(np.array([c.recall for c in counts]))[0],
        *percent(np.array([c.f1 for c in counts])),
    ]


def parts(rows: Rows) -> Table:
    """Table 2: SPTree without its parts, and without a tree."""
    whole = rows["sptree"]
    found = []
    for name, what in WITHOUT.items():
        if name not in rows:
            continue
        row = rows[name]
        entity, relation, star = PARTS.get(name, (None, None, None))
        found.append(
            [
                name,
                what,
                *percent(row.values(lambda s: s.entities.f1)),
                *percent(row.relation_f1()),
                _p(row, whole),
                entity,
                None if relation is None else f"{relation}{star}",
            ]
        )
    columns = (
        "run", "what it has", "entity F1", "±", "relation F1", "± ", "p",
        "paper's entity F1", "paper's relation F1",
    )  # fmt: skip
    return Table(columns, found, _significant(rows))


def _p(row: Scored, whole: Scored) -> float | None:
    if row is whole:
        return None
    return row.p(whole, "relations", row.config.eval.shuffles)


def _significant(rows: Rows) -> str:
    return (
        f"{note(rows)}. p: approximate randomisation of relation F1 against sptree. "
        "The paper's: ACE05's development set; * p < 0.05, ** p < 0.01"
    )


def structures(rows: Rows) -> Table:
    """What a pair is read from: trees, sequences, nothing."""
    whole = rows["sptree"]
    found = []
    for name, what in STRUCTURE_NAMES.items():
        if name in rows:
            row = rows[name]
            numbers = percent(row.relation_f1())
            found.append(
                [
                    name,
                    what,
                    row.of_pairs,
                    *numbers,
                    _p(row, whole),
                    STRUCTURES.get(name),
                ]
            )
    columns = (
        "run", "structure", "its parameters", "relation F1", "±", "p",
        "paper's relation F1",
    )  # fmt: skip
    return Table(columns, found, _significant(rows))


def by_distance(rows: Rows) -> Table:
    """Relation F1 by the words between the entities: recall falls where the words
    between are many and no path is read."""
    names = None
    found = []
    for row in rows.values():
        each = [measure.by_distance(row.gold, said, DISTANCES) for said in row.said]
        names = [name for name, _ in each[0]]
        values = np.mean([[counts.f1 for _, counts in one] for one in each], axis=0)
        found.append([row.name, *(100 * float(v) for v in values)])
    gold = measure.by_distance(
        next(iter(rows.values())).gold, next(iter(rows.values())).gold, DISTANCES
    )
    found.append(["relations in the test", *(c.gold.total() for _, c in gold)])
    return Table(("run", *(names or ())), found, f"relation F1; {note(rows)}")


def by_type(row: Scored) -> Table:
    """Precision, recall and F1 of each type of entity and relation."""
    found = []
    for of in ("entities", "relations"):
        each = [getattr(score, of) for score in row.scores]
        for kind in sorted(each[0].gold):
            sums = [
                sum(getattr(c, name)[kind] for c in each)
                for name in ("hits", "predicted", "gold")
            ]
            hits, predicted, gold = sums
            values = (
                hits / max(predicted, 1),
                hits / max(gold, 1),
                2 * hits / max(predicted + gold, 1),
            )
            count = each[0].gold[kind]
            found.append([of, kind, count, *(100 * value for value in values)])
    columns = ("of", "type", "in the test", "P", "R", "F1")
    return Table(columns, found, f"{row.name}; all seeds together")


def semeval(rows: Rows) -> Table:
    """SemEval's official macro-averaged F1."""
    found = []
    for row in rows.values():
        values = [measure.semeval_score(row.gold, said) for said in row.said]
        paper = SEMEVAL_MACRO_F1 if row.name == "sptree" else None
        found.append([row.name, *percent(np.array(values)), paper])
    return Table(("run", "macro F1", "±", "paper's"), found, note(rows))


def data(config: Config) -> Table:
    """What there is, and what is lost on the way to the network."""
    found = []
    held = corpus(config)
    for split in SPLITS:
        sentences = held.sentences[split]
        lost = ", ".join(f"{n} {reason}" for reason, n in held.lost[split].items())
        found.append(
            [
                split,
                len(sentences),
                sum(len(s.parsed) for s in sentences),
                sum(len(s.entities) for s in sentences),
                sum(len(s.relations) for s in sentences),
                str(held.dropped[split]),
                lost or "nothing",
            ]
        )
    v = held.vocabulary
    columns = (
        "split", "sentences", "words", "entities", "relations", "reader left out",
        "beyond the network",
    )  # fmt: skip
    about = (
        f"{held.about}. {len(v.words):,} words, {len(v.kinds)} kinds of entities: "
        f"{', '.join(v.kinds)}; {len(v.relations)} types of relations: "
        f"{', '.join(v.relations)}"
    )
    return Table(columns, found, about)
