"""One kind for each name of a document."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence

from papers.amr_summarization.amr import Amr
from papers.amr_summarization.document_graph import sentence_nodes


def with_kinds(graphs: Sequence[Amr]) -> list[Amr]:
    """The graphs with one kind for each name: rules guess kinds sentence by sentence.
    The commonest kind other than "person" counts, if a quarter of mentions has it."""
    kinds: dict[tuple[str, ...], Counter] = defaultdict(Counter)
    named = []
    for amr in graphs:
        nodes, _ = sentence_nodes(amr, 0)
        own = {var: node.name for var, node in nodes.items() if node.name}
        named.append(own)
        for var, name in own.items():
            kinds[name][amr.instances[var]] += 1
    best = {name: _kind(counts) for name, counts in kinds.items()}
    return [
        dataclasses.replace(
            amr, instances=amr.instances | {v: best[name] for v, name in own.items()}
        )
        for amr, own in zip(graphs, named, strict=True)
    ]


def _kind(counts: Counter) -> str:
    total = counts.total()
    ranked = sorted(counts, key=lambda kind: (-counts[kind], kind))
    special = [k for k in ranked if k != "person" and 4 * counts[k] >= total]
    return special[0] if special else ranked[0]
