"""Configuration of the parser and the generator of AMR, and of summaries made of it."""

import dataclasses
from dataclasses import field

from common.config import at_least, between, choice, dtype, of_source
from common.sections import Training

FILES = ("source", "penman")
MADE = ("source", "wikipedia", "generated")


@dataclasses.dataclass
class Model:
    """An encoder and a decoder of Transformer blocks, with pointers to the source."""

    d_model: int = at_least(1, 128)
    n_heads: int = at_least(1, 4)
    d_inner: int = at_least(1, 384)  # the hidden units of a block's MLP
    encoder_layers: int = at_least(1, 2)
    decoder_layers: int = at_least(1, 2)
    dropout: float = between(0.0, 1.0, 0.1)
    # Rows of the tables: what the data has may be less, rarer ones are unknown.
    items: int = at_least(8, 4096)  # words of sentences, or pieces of graphs
    endings: int = at_least(1, 512)  # hashed endings of items
    symbols: int = at_least(16, 640)  # pieces that may be written, but for pointers
    dtype: str = dtype()


@dataclasses.dataclass
class Data:
    # wikipedia: graphs that rules make of the articles inside gensim; penman: `root`.
    source: str = choice("wikipedia", "penman", "generated")
    root: str = of_source("penman")  # penman: a file, or a folder of them
    sentences: int = at_least(0)  # of training; 0: all
    min_count: int = at_least(1, 3)  # a rarer piece or item is unknown
    words: int = at_least(4, 24)  # the longest sentence
    pieces: int = at_least(8, 96)  # the longest graph
    batch_size: int = at_least(1, 8)  # rows, which hold several sentences each
    # What a row has room for: words that are read, pieces of graphs, and words that are
    # written, each with its form.
    row_words: int = at_least(4, 64)
    row_pieces: int = at_least(8, 160)
    row_written: int = at_least(8, 96)


@dataclasses.dataclass
class Eval:
    """How models and summaries are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 32)  # sentences
    sentences: int = at_least(1, 256)  # of a split, the first ones
    # Documents with summaries. wikipedia: the articles inside gensim, whose summary is
    # the section before the first heading; toy: three small ones; files: `root`.
    documents: str = choice("wikipedia", "toy", "files")
    root: str = ""  # files: CoNLL-U with summaries, or PENMAN with ::snt-type summary
    most: int = at_least(0)  # documents that are read; 0: all
    length: int = at_least(0, 60)  # sentences that are read of each; 0: all
    words: int = at_least(1, 100)  # of every summary
    reference_words: int = at_least(
        0, 120
    )  # of a reference, in whole sentences; 0: all
    # The parser of plain text: chunks, spacy, best, or the folder of a trained one.
    trees: str = "chunks"
    seeds: int = at_least(1, 3)  # summaries drawn by chance
    spoken: int = at_least(1, 20)  # documents that the generator speaks of


@dataclasses.dataclass
class Decode:
    """How graphs and sentences are written. Nothing here changes training."""

    beams: int = at_least(1, 4)
    length: float = between(0.0, 2.0, 0.6)  # log p is divided by length to this power
    batch_size: int = at_least(1, 32)  # sentences written at once


@dataclasses.dataclass
class Select:
    """Which part of a document's graph is selected. Nothing here changes training."""

    # tf: sentences that say a node; top_idf: idf multiplies the best five, as released;
    # tfidf: idf multiplies all.
    scores: str = choice("tf", "top_idf", "tfidf")
    keys: int = at_least(1, 10)  # key nodes that are joined
    meta: bool = True  # common nouns that are often said are key nodes too
    decay: float = at_least(0.0, 0.0)  # sentence s counts 1 / (1 + decay * s)
    names: bool = True  # named entities with fitting names are one
    # given: the document's own, where it has some, else by rules.
    coreference: str = choice("given", "rules", "none")
    # What a path grows to: the largest open tuple around it, its sentence, or nothing.
    extend: str = choice("tuple", "sentence", "path")
    as_released: bool = False  # pairs and paths as in the authors' code
    ratio: float = between(0.0, 1.0, 0.09)  # of a document's nodes, in its summary
    slack: float = between(0.0, 1.0, 0.04)  # that much of the document less is enough


@dataclasses.dataclass
class Predict(Select):
    """How a user's document is summarised. Nothing here changes training."""

    decode: Decode = field(default_factory=Decode)
    words: int = at_least(0)  # of the summary, about; 0: as large as `ratio` says
    graphs: str = choice("rules", "trained")  # what makes a sentence's graph
    # What makes its tree: best, chunks, spacy, or the folder of a trained parser.
    trees: str = "best"
    # document: the words that the chosen part of the graph is from; rules, trained:
    # words made of the graph alone.
    text: str = choice("document", "rules", "trained")
    drawn: int = at_least(0, 40)  # nodes in the picture of the graph; 0: no picture
    out: str = ""  # a folder for summaries, graphs and pictures


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    direction: str = choice("parser", "generator")  # text -> graph, or graph -> text
    runs: tuple[str, ...] = ("parser", "generator")

    unit = "rows"  # what a batch consists of, in the plural
