"""What is compared: the paper's selection, its parts left out, and baselines.

Each is a function of a document that yields pieces, the most important first, until
whoever calls it has enough.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from papers.amr_summarization import baselines, importance, select, summarise
from papers.amr_summarization.config import Config, Select
from papers.amr_summarization.documents import Document
from papers.amr_summarization.measure import Reference, Scores, cut, mean, scored
from papers.amr_summarization.select import Piece
from papers.amr_summarization.summarise import Analysis, Size

System = Callable[[Analysis, int], Iterator[Piece] | Sequence[Piece]]

# {row: the fields of `config.Select` that differ from the paper's description}
SELECTIONS: dict[str, dict] = {
    "ours": {},
    "ours, as released": {"as_released": True},
    "ours, no coreference": {"coreference": "none"},
    "ours, names not merged": {"names": False, "coreference": "none"},
    "ours, no meta nodes": {"meta": False},
    "ours, top-5 idf": {"scores": "top_idf"},
    "ours, tf-idf": {"scores": "tfidf"},
    "ours, early sentences count more": {"decay": 0.2},
    "ours, whole sentences": {"extend": "sentence"},
    "ours, paths alone": {"extend": "path"},
}


def baseline_systems(config: Config) -> dict[str, System]:
    """Whole sentences. "lead" is as long as the others, lead-1 to 3 as they are."""
    found: dict[str, System] = {
        "lead": lambda a, words: baselines.lead(a),
        "TextRank": lambda a, words: baselines.textrank(a),
    }
    for count in (1, 2, 3):
        found[f"lead-{count}"] = lambda a, words, n=count: baselines.lead(a, n)
    for seed in range(config.eval.seeds):
        found[f"random {seed}"] = lambda a, words, s=seed: baselines.drawn(a, s)
    return found


def selecting(options: Select) -> System:
    """The paper's selection until the words are enough, then sentences by the best key
    node that they say, so that no summary is shorter than another."""

    def system(found: Analysis, words: int) -> list[Piece]:
        idf = frequencies(options)
        pieces, keys = summarise.selection(found, options, Size(words=words), idf)
        used = {piece.sentence for piece in pieces}
        length = sum(len(piece.words) for piece in pieces)
        for key in keys:
            if length >= words:
                break
            left = sorted(key.sentences(found.graph) - used)
            if left:
                used.add(left[0])
                pieces.append(
                    select.whole(found.graph, left[0], found.lengths[left[0]])
                )
                length += found.lengths[left[0]]
        return pieces

    return system


def frequencies(options: Select) -> Mapping[str, float] | None:
    return None if options.scores == "tf" else importance.news_frequencies()


def analyses(made: Sequence[Document], options: Select) -> list[Analysis]:
    return [
        summarise.analysed(d, coreferences=options.coreference, names=options.names)
        for d in made
    ]


def measured(
    system: System,
    found: Sequence[Analysis],
    references: Sequence[Sequence[Reference]],
    lengths: Sequence[int],
) -> Scores:
    """The mean scores over the documents; `lengths` are words of each summary."""
    rows = [
        scored(analysis, cut(system(analysis, words), words), wanted)
        for analysis, wanted, words in zip(found, references, lengths, strict=True)
    ]
    return mean(rows)


def variant(config: Config, changes: Mapping) -> Select:
    """`config.predict`'s selection with changes."""
    own = {f.name: getattr(config.predict, f.name) for f in dataclasses.fields(Select)}
    return Select(**(own | dict(changes)))
