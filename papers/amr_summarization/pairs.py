"""A sentence beside its graph."""

import dataclasses

from papers.amr_summarization.amr import Amr


@dataclasses.dataclass(frozen=True)
class Pair:
    """tags: Penn Treebank's, one a word; "" where unknown."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    amr: Amr
