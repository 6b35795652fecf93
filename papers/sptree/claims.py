"""What the paper claims, and whether it is so on our data."""

from collections.abc import Iterator, Mapping

import numpy as np

from common.contract import Claim
from papers.sptree.corpus import corpus
from papers.sptree.paper_results import PARTS, STRUCTURES
from papers.sptree.scored import Scored

CERTAIN = 0.05


def _verdict(ahead: float, p: float) -> bool | None:
    """True where it is ahead beyond chance, False where it is behind so."""
    if p < CERTAIN:
        return ahead > 0
    return None


def of(rows: Mapping[str, Scored]) -> Iterator[Claim]:
    """Claims of the tables, as far as the runs tell."""
    if "sptree" not in rows:
        return
    whole = rows["sptree"]
    f1 = {name: 100 * float(np.mean(row.relation_f1())) for name, row in rows.items()}
    entity = 100 * float(np.mean(whole.values(lambda s: s.entities.f1)))
    shuffles = whole.config.eval.shuffles
    said = corpus(whole.config).about.partition(";")[0]
    if "no_tree" in rows:
        p = whole.p(rows["no_tree"], "relations", shuffles)
        yield Claim(
            "the tree between two entities tells how they are related",
            "relation F1 55.6, best before 49.5 (ACE05)",
            f"relation F1 {f1['sptree']:.1f}, {f1['no_tree']:.1f} without a tree; "
            f"entity F1 {entity:.1f} ({said})",
            _verdict(f1["sptree"] - f1["no_tree"], p),
        )
    if "no_ep" in rows:
        p = whole.p(rows["no_ep"], "relations", shuffles)
        yield Claim(
            "learning entities first helps relations",
            f"F1 {PARTS['sptree'][1]}, without {PARTS['no_ep'][1]} (ACE05 dev)",
            f"{f1['sptree']:.1f}, {f1['no_ep']:.1f} without, p {p:.2g}",
            _verdict(f1["sptree"] - f1["no_ep"], p),
        )
    others = [
        n for n in ("fulltree", "subtree", "spseq", "spxu", "child_sum") if n in rows
    ]
    if others:
        best = max(others, key=f1.get)
        p = whole.p(rows[best], "relations", shuffles)
        among = f", the best of {len(others)}" if len(others) > 1 else ""
        yield Claim(
            "the shortest path is about as good as any larger tree or other network",
            f"relation F1 {STRUCTURES['sptree']}, full tree {STRUCTURES['fulltree']} "
            "(ACE05 dev)",
            f"{f1['sptree']:.1f}, {best} {f1[best]:.1f}{among}, p {p:.2g}",
            f1["sptree"] > f1[best] or p >= CERTAIN,
        )
