"""Seconds from a text to its summary, by the number of its sentences.

    python -m tests.papers.amr_summarization.document_time [--sentences=25,50,...]

The text is Wikipedia's articles inside gensim, the longest first, one behind the other,
cut after so many sentences. Rules make trees and graphs, nothing is trained. Seconds
are CPU seconds of this process, which other work on the machine disturbs little, the
fastest of `--times`.
"""

import argparse
import math
import time

from common.data import wiki_articles
from common.text import parses, sentences
from papers.amr_summarization.config import Config
from papers.amr_summarization.predict import summarised
from papers.amr_summarization.sources import documents

SIZES = "25,50,100,200,500,1000,2500"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", default=SIZES, help="of each text")
    parser.add_argument("--times", type=int, default=3, help="that each is timed")
    flags = parser.parse_args()
    sizes = [*map(int, flags.sentences.split(","))]
    texts = [text_of(size) for size in sizes]
    seconds_of(texts[0])  # reads the lexicon and the counts of words
    print(
        "| sentences | words | nodes | graphs, s | summary, s | in all, s | ms each |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    whole = []
    for size, text in zip(sizes, texts, strict=True):
        found = min((seconds_of(text) for _ in range(flags.times)), key=lambda f: f[0])
        total, graphs, count, words, nodes = found
        if count != size:
            raise SystemExit(f"the text has {count} sentences, not {size}")
        whole.append(total)
        print(
            f"| {count:,} | {words:,} | {nodes:,} | {graphs:.2f} | "
            f"{total - graphs:.2f} | {total:.2f} | {1000 * total / count:.1f} |"
        )
    steps = zip(sizes[:-1], sizes[1:], whole[:-1], whole[1:], strict=True)
    powers = [math.log(t / s) / math.log(b / a) for a, b, s, t in steps]
    said = ", ".join(f"{power:.2f}" for power in powers)
    print(f"\nseconds grow with this power of the sentences, row by row: {said}")


def text_of(size: int) -> str:
    """The first `size` sentences of the articles' bodies, the longest body first."""
    bodies = sorted((a.body for a in wiki_articles.articles()), key=len, reverse=True)
    text = ""
    left = size
    for body in bodies:
        found = sentences.split(body)
        if len(found) >= left:
            return text + body[: found[left - 1][-1].end]
        left -= len(found)
        text += body + "\n\n"
    raise SystemExit(f"all articles together have {size - left} sentences")


def seconds_of(text: str) -> tuple[float, float, int, int, int]:
    """Seconds in all and to the sentences' graphs; sentences, words and nodes."""
    config = Config()
    start = time.process_time()
    made = documents.of_text("a text", text, parses.parser("chunks"))
    graphs = time.process_time() - start
    summary = summarised(config, made)
    total = time.process_time() - start
    if not summary.lines:
        raise SystemExit("there is no summary")
    words = sum(map(len, made.sentences))
    nodes = sum(len(graph.instances) for graph in made.graphs)
    return total, graphs, len(made), words, nodes


if __name__ == "__main__":
    main()
