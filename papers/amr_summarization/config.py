"""Configuration of the parser and the generator of AMR, and of summaries made of it."""

import dataclasses
from dataclasses import field

from common.config import at_least, between, choice, dtype
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
    root: str = ""  # penman: a file, or a folder of them
    sentences: int = at_least(0)  # of training; 0: all
    min_count: int = at_least(1, 3)  # a rarer piece or item is unknown
    words: int = at_least(4, 24)  # the longest sentence
    pieces: int = at_least(8, 96)  # the longest graph
    batch_size: int = at_least(1, 16)  # rows, which hold several sentences each
    # What a row has room for: words that are read, pieces of graphs, and words that are
    # written, each with its form.
    row_words: int = at_least(4, 64)
    row_pieces: int = at_least(8, 160)
    row_written: int = at_least(8, 96)


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 32)  # sentences
    sentences: int = at_least(1, 256)  # of a split, the first ones


@dataclasses.dataclass
class Decode:
    """How graphs and sentences are written. Nothing here changes training."""

    beams: int = at_least(1, 4)
    length: float = between(0.0, 2.0, 0.6)  # log p is divided by length to this power
    batch_size: int = at_least(1, 32)  # sentences written at once


@dataclasses.dataclass
class Predict:
    """Nothing here changes training."""

    decode: Decode = field(default_factory=Decode)


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    direction: str = choice("parser", "generator")  # text -> graph, or graph -> text
    runs: tuple[str, ...] = ("parser", "generator")

    unit = "rows"  # what a batch consists of, in the plural
