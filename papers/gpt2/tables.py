"""The rows of the tables."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from common.contract import Table
from papers.gpt2.data import documents
from papers.gpt2.measure import Reader
from papers.gpt2.zero_shot import (
    cloze,
    embedded,
    lambada,
    summaries,
)
from papers.gpt2.zero_shot.overlap import Bloom
from papers.gpt2.zero_shot.overlap import table as overlap_table


def losses(readers: Sequence[Reader]) -> Table:
    """Nats a token of training and held-out text: the same number of tokens of each."""
    rows = []
    for reader in readers:
        train, valid, test = map(reader.loss, ("train", "valid", "test"))
        rows.append(
            [reader.name, reader.width, reader.size, train, valid, test, test - train]
        )
    columns = (
        "run", "layers x width", "parameters", "train", "valid", "test", "test - train",
    )  # fmt: skip
    e = readers[0].config.eval
    note = (
        f"nats a token; the first {e.tokens:,} tokens of each split in windows of "
        f"{readers[0].config.data.length} that move by {e.stride}. A gap of 0: it "
        "still underfits"
    )
    return Table(columns, rows, note)


def test_text(readers: Sequence[Reader]) -> Table:
    """The test text by units that do not depend on the vocabulary."""
    config = readers[0].config
    text = b"\n".join(documents(config)["test"])[: config.eval.bytes]
    rows = []
    for reader in readers:
        loss = reader.text_loss(text)
        rows.append([reader.name, *loss.values()])
    return Table(("run", *loss), rows, "of the same bytes for every run")


class Items(NamedTuple):
    """What the tasks ask, made from held-out documents."""

    endings: Sequence[embedded.Ending]
    clozes: Sequence[cloze.Cloze]
    passages: Sequence[lambada.Passage]
    articles: Sequence[summaries.Article]

    @classmethod
    def of(cls, texts: Sequence[bytes], reader: Reader, count: int) -> "Items":
        """`count` items of each task at most, whose answers fill half of a context at
        most. UserError: the texts are no prose."""
        documents = [text.decode("utf-8", "replace") for text in texts]
        encode = reader.vocab.encode
        most = reader.config.model.context // 2

        def short(item: cloze.Cloze) -> bool:
            longest = max(item.candidates, key=len)
            return len(encode(f" {longest}{item.after}")) <= most

        clozes = filter(short, embedded.clozes(documents, 2 * count))
        return cls(
            embedded.endings(documents, encode, count),
            tuple(itertools.islice(clozes, count)),
            embedded.last_words(documents, count),
            embedded.articles(documents, count),
        )


def zero_shot(readers: Sequence[Reader], items: Items) -> Table:
    """Tasks that no run was trained for."""
    rows = []
    for reader in readers:
        model = reader.model()
        ending = embedded.score_endings(model, items.endings)
        chosen = cloze.score(model, items.clozes)
        last = lambada.score(model, items.passages, stop_words=False)
        length = reader.config.model.context // 3
        told = summaries.score(model, items.articles, length=length)
        rows.append(
            [
                reader.name,
                reader.size,
                100 * ending["accuracy"],
                100 * chosen["accuracy"],
                100 * last["accuracy"],
                last["perplexity"],
                told["rouge_l"],
            ]
        )
    chance = ["chance", None, 100 * ending["chance"], 100 * chosen["chance"]]
    lead = summaries.lead(items.articles)
    rows.append([*chance, None, None, None])
    rows.append(["first 3 sentences", *[None] * 5, lead["rouge_l"]])
    columns = (
        "run", "parameters", "ending, %", "cloze, %", "last word, %",
        "its perplexity", "TL;DR, ROUGE-L",
    )  # fmt: skip
    note = (
        f"{len(items.endings)} endings of 14 tokens after 28, {len(items.clozes)} "
        f"clozes with 10 candidates, {len(items.passages)} last words, "
        f"{len(items.articles)} summaries, all from the test text"
    )
    return Table(columns, rows, note)


def overlap(texts: dict[str, list[bytes]]) -> Table:
    """The share of each split's 8-grams that the training text has (section 4)."""
    joined = {
        name: "\n".join(t.decode("utf-8", "replace") for t in split)
        for name, split in texts.items()
    }
    train = Bloom(capacity=max(len(joined["train"].split()), 1))
    train.add(joined["train"])
    held_out = {name: joined[name] for name in ("valid", "test")}
    return overlap_table({"train": train}, held_out)
