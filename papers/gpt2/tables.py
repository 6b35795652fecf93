"""The rows of the tables."""

from collections.abc import Callable, Iterator, Sequence

from common.contract import Table, UserError
from papers.gpt2.data import documents
from papers.gpt2.measure import Reader
from papers.gpt2.zero_shot import (
    cloze,
    conversation,
    corpora,
    embedded,
    lambada,
    questions,
    summaries,
    translation,
    winograd,
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


def zero_shot(readers: Sequence[Reader], texts: Sequence[bytes]) -> Table:
    """Tasks made from held-out documents, which no run was trained for."""
    documents = [text.decode("utf-8", "replace") for text in texts]
    count = readers[0].config.eval.items
    passages = embedded.last_words(documents, count=count)
    clozes = embedded.clozes(documents, count=count)
    articles = embedded.articles(documents, count=count)
    endings = embedded.endings(documents, readers[0].vocab.encode, count=count)
    rows = []
    for reader in readers:
        model = reader.model()
        ending = embedded.score_endings(model, endings)
        chosen = cloze.score(model, clozes)
        last = lambada.score(model, passages)
        told = summaries.score(model, articles)
        rows.append(
            [
                reader.name,
                reader.size,
                100 * ending["accuracy"],
                100 * chosen["accuracy"],
                100 * last["accuracy"],
                100 * last["accuracy_filtered"],
                last["perplexity"],
                told["rouge_l"],
            ]
        )
    chance = ["chance", None, 100 * ending["chance"], 100 * chosen["chance"]]
    lead = summaries.lead(articles)
    rows.append([*chance, None, None, None, None])
    rows.append(["first 3 sentences", *[None] * 6, lead["rouge_l"]])
    columns = (
        "run", "parameters", "ending, %", "cloze, %", "last word, %", "filtered, %",
        "its perplexity", "TL;DR, ROUGE-L",
    )  # fmt: skip
    note = (
        f"{len(endings)} endings of 14 tokens after 28, {len(clozes)} clozes with 10 "
        f"candidates, {len(passages)} last words, {len(articles)} summaries, all from "
        "the test text. filtered: stop words are no answers"
    )
    return Table(columns, rows, note)


def overlap(texts: dict[str, list[bytes]]) -> Table:
    """The share of each split's 8-grams that the training text has (section 4)."""
    joined = {name: "\n".join(t.decode("utf-8", "replace") for t in split) for name, split in texts.items()}
    train = Bloom(capacity=max(len(joined["train"].split()), 1))
    train.add(joined["train"])
    held_out = {name: joined[name] for name in ("valid", "test")}
    return overlap_table({"train": train}, held_out)


# Set -> (measure, of the 117 M network, of the 1,542 M network): tables 3 to 5 of the
# paper, and sections 3.3 to 3.8.
PAPER = {
    "LAMBADA": (("perplexity", 35.13, 8.63), ("accuracy_filtered", 45.99, 63.24)),
    "CBT, common nouns": (("accuracy", 87.65, 93.30),),
    "CBT, names": (("accuracy", 83.4, 89.05),),
    "WikiText-2": (("perplexity", 29.41, 18.34),),
    "WikiText-103": (("perplexity", 37.50, 17.48),),
    "Penn Treebank": (("perplexity", 65.85, 35.76),),
    "One Billion Words": (("perplexity", 75.20, 42.16),),
    "enwik8": (("bits", 1.16, 0.93),),
    "text8": (("bits", 1.17, 0.98),),
    "Winograd": (("partial", None, 70.70),),
    "CoQA": (("f1", None, 55.0),),
    "CNN and Daily Mail": (
        ("rouge_1", None, 29.34), ("rouge_2", None, 8.27), ("rouge_l", None, 26.58),
    ),
    "English to French": (("bleu", None, 5.0),),
    "French to English": (("bleu", None, 11.5),),
    "Natural Questions": (("exact_match", None, 4.1),),
}  # fmt: skip
