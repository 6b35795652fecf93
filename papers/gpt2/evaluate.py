"""The paper's tables and pictures, on our text: which there are, in which order."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from common.contract import Claim, Table, UserError, summary
from common.decoding import Draw
from papers.gpt2 import figures, tables
from papers.gpt2.config import Config
from papers.gpt2.cost import speed_table
from papers.gpt2.data import documents, encoded
from papers.gpt2.measure import Reader
from papers.gpt2.paper_sets import paper_sets

Values = Iterator[tuple[str, Any]]

SOURCES = {"embedded": "CPython's documentation", "generated": "generated text"}
PROMPT = 30  # tokens of the test text that the samples continue
DRAWS = {
    "temperature 0.7, top-k 40": Draw(0, 0.7, top_k=40),
    "temperature 0.7, top-p 0.9": Draw(0, 0.7, top_p=0.9),
    "greedy": Draw(0, 0.0),
}


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): the losses of every size on training and test text, the
    tasks that no size was trained for, overlap, speed and samples."""
    readers = [Reader.of(name, *pair) for name, pair in trained.items()]
    readers.sort(key=lambda reader: reader.size)
    largest = readers[-1]
    losses = tables.losses(readers)
    yield "Loss", losses
    if len(readers) > 1:
        yield "Loss against size", figures.losses(losses)
    if config.data.source != "tokens":
        yield "Test text", tables.test_text(readers)
    zero_shot = None
    if items := _items(config, largest):
        zero_shot = tables.zero_shot(readers, items)
        yield "Without training for the task", zero_shot
        if len(readers) > 1:
            yield "Zero-shot against size", figures.zero_shot(zero_shot)
    if config.eval.overlap and config.data.source != "tokens":
        yield "8-grams that training has too", tables.overlap(documents(config))
    if config.eval.root:
        yield "The paper's sets", paper_sets(largest, config.eval.root)
    if config.eval.speed:
        yield "Speed", speed_table(largest)
    if config.eval.sample:
        yield from _samples(largest)
    claims = _claims(config, readers, losses, zero_shot)
    if claims:
        yield "Summary", summary("[GPT-2](papers/gpt2)", claims)


def _items(config: Config, reader: Reader) -> tables.Items | None:
    """What is asked without training; None where there is no prose to ask of."""
    if config.data.level != "bpe" or config.data.source == "tokens":
        return None
    try:
        held_out = documents(config)["test"]
        return tables.Items.of(held_out, reader, config.eval.items)
    except UserError:
        return None


def _samples(reader: Reader) -> Values:
    """Continuations of one held-out prompt, drawn in several ways. The prompt is from
    the middle of the test text, for a text often opens with a heading."""
    tokens = encoded(reader.config, "test")
    prompt = np.asarray(tokens[len(tokens) // 2 :][:PROMPT], np.int32)
    for name, draw in DRAWS.items():
        own = Draw(reader.vocab.size, draw.temperature, draw.top_k, draw.top_p)
        (text,) = reader.drawn(own, [prompt], reader.config.eval.sample)
        yield f"Sample, {name}", reader.vocab.decode(prompt) + text


def _claims(
    config: Config, readers: list[Reader], losses: Table, zero_shot: Table | None
) -> list[Claim]:
    """What size is worth."""
    if len(readers) < 2:
        return []
    text = SOURCES.get(config.data.source) or config.data.name or config.data.root
    column = losses.columns.index("test")
    tested = [row[column] for row in losses.rows]
    gap = losses.rows[-1][losses.columns.index("test - train")]
    claims = [
        Claim(
            "the loss falls with size, on training and held-out text alike",
            "WebText, 117 M to 1,542 M: figure 4, no gap",
            f"{tested[0]:.3f} to {tested[-1]:.3f} nats a token, "
            f"held-out {gap:+.3f} above training at the largest ({text})",
            tested == sorted(tested, reverse=True),
        )
    ]
    if zero_shot is not None:
        column = zero_shot.columns.index("ending, %")
        chosen = [row[column] for row in zero_shot.rows[: len(readers)]]
        claims.append(
            Claim(
                "tasks are done without training for them, the better the larger",
                "LAMBADA 46 to 63 %, children's books 88 to 93 % (table 3)",
                f"choice of ending {chosen[0]:.1f} to {chosen[-1]:.1f} %, chance 50",
                chosen[-1] > max(chosen[0], 50.0),
            )
        )
    return claims
