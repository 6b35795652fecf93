"""The graphs of a user's sentences."""

from collections.abc import Iterator
from typing import Any

from common.text import chunk_parser, sentences
from papers.amr_summarization.amr import write
from papers.amr_summarization.writing import Parser


def predict(config: Any, state: Any, inputs: str) -> Iterator[str]:
    """Yields the graph of each sentence."""
    parser = Parser(config, state)
    for sentence in sentences.split(inputs):
        parsed = chunk_parser.parse([word.text for word in sentence])
        yield write(parser(parsed), aligned=True) + "\n\n"
