"""Documents with their trees, graphs and reference summaries, from what there is."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence

from common.contract import UserError
from common.text import parses, sentences
from common.text.parses import Parsed
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.document_graph import Spot
from papers.amr_summarization.rules import graph_of
from papers.amr_summarization.small_words import SMALL_WORDS

GraphOf = Callable[[Parsed], Amr]  # a parser to AMR

# A longer "sentence" is cut: no parser is made for it, and it is no sentence.
LONGEST = 200

# English prose has two small words in five; other languages share a few of them.
SMALL_SHARE = 0.15
FEW_WORDS = 8  # shorter texts are not judged


@dataclasses.dataclass(frozen=True)
class Document:
    """sentences: with their trees; where only graphs were given, words without arcs.
    clusters: words that name the same thing, if the source says so.
    references: summaries that people wrote; reference_graphs: their graphs, if given.
    """

    name: str
    sentences: tuple[Parsed, ...]
    graphs: tuple[Amr, ...]
    clusters: tuple[tuple[Spot, ...], ...] | None = None
    references: tuple[str, ...] = ()
    reference_graphs: tuple[tuple[Amr, ...], ...] = ()
    guessed: bool = True  # the kinds of names are what rules guess

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def has_trees(self) -> bool:
        return any(any(parsed.arcs) for parsed in self.sentences)


def parsed(text: str, parser: parses.Parser) -> tuple[Parsed, ...]:
    """The sentences of a text with their trees and their words' places in it."""
    found = []
    for words in sentences.split(text):
        for start in range(0, len(words), LONGEST):
            part = words[start : start + LONGEST]
            tree = parser([word.text for word in part])
            spans = tuple((word.start, word.end) for word in part)
            found.append(dataclasses.replace(tree, spans=spans))
    return tuple(found)


def of_text(
    name: str,
    text: str,
    parser: parses.Parser,
    graph_of: GraphOf = graph_of,
    references: Iterable[str] = (),
    most: int = 0,
) -> Document:
    """A document of plain text; of its first `most` sentences (0: all). UserError: it
    has no words, or is not English."""
    found = parsed(text, parser)
    found = found[:most] if most else found
    check_language(name, found)
    graphs = tuple(graph_of(tree) for tree in found)
    return Document(name, found, graphs, None, tuple(references))


def check_language(name: str, found: Sequence[Parsed]) -> None:
    """UserError: no words; or so few of English's small words ("the", "of", "is") that
    the text must be in another language, for which there are no rules."""
    words = [w.lower() for p in found for w in p.words if any(map(str.isalpha, w))]
    if not words:
        raise UserError(f"{name} has no words: give a text in English")
    letters = "".join(words)
    latin = sum(letter.isascii() for letter in letters)
    small = sum(word in SMALL_WORDS for word in words)
    few = len(words) >= FEW_WORDS and small < SMALL_SHARE * len(words)
    if few or 2 * latin < len(letters):
        raise UserError(
            f"{name} is not English, it seems: {small} of its {len(words)} words are "
            "among English's commonest. There are rules for English alone"
        )


@functools.lru_cache(4)
def wikipedia(parser: str, most: int, articles: int) -> tuple[Document, ...]:
    """Wikipedia's articles inside gensim: the body is the document, the section before
    the first heading its summary. Of each body the first `most` sentences; of the
    articles the first so many (0: all)."""
    from common.data import wiki_articles

    found = []
    for article in wiki_articles.articles():
        if article.lead and len(article.body.split()) > 100:
            made = of_text(
                article.title,
                article.body,
                parses.parser(parser),
                references=(article.lead,),
                most=most,
            )
            found.append(made)
        if articles and len(found) == articles:
            break
    return tuple(found)
