"""Configuration of the extractor and of the networks beside it."""

import dataclasses
from dataclasses import field

from common.config import at_least, between, choice, dtype, of_source
from common.sections import Training

TREES = ("structure", "sptree", "subtree", "fulltree")


@dataclasses.dataclass
class Model:
    # What a pair's vector is made of. sptree: the words on the shortest path; subtree:
    # all words below its top; fulltree: all words; spseq: a BiLSTM along the path;
    # spxu: an LSTM from each end to the top; none: no tree.
    structure: str = choice("sptree", "subtree", "fulltree", "spseq", "spxu", "none")
    # Words on the path have matrices of their own.
    distinction: bool = choice(True, False, only=("structure", "subtree", "fulltree"))
    # typed: children of one type share a forget gate; child_sum: each has its own.
    cell: str = choice("typed", "child_sum", only=TREES)
    # predicted: the network finds them; given: they are read from the data.
    entities: str = choice("predicted", "given")
    label_embedding: bool = True  # of entity labels, in the inputs of the tree
    shared: bool = True  # words, tags and sequence, by entities and relations
    span: str = choice("mean", "last")  # an entity's vector: of its words, or the last
    d_word: int = at_least(1, 200)
    d_piece: int = at_least(0)  # pieces of a word's spelling; 0: none, as in the paper
    d_tag: int = at_least(1, 25)  # parts of speech
    d_arc: int = at_least(1, 25)  # relations of a word to its head
    d_label: int = at_least(1, 25)  # entity labels
    sequence: int = at_least(1, 100)  # features of each direction over the words
    tree: int = at_least(1, 100)  # and over the tree
    entity_units: int = at_least(1, 100)  # of the hidden layer
    relation_units: int = at_least(1, 100)
    # Share of the words that training shows as unknown ones.
    dropout_word: float = between(0.0, 1.0, 0.0)
    dropout_embedding: float = between(0.0, 1.0, 0.5)
    dropout_hidden: float = between(0.0, 1.0, 0.3)
    # Of the BiLSTM's states, which the paper keeps whole.
    dropout_sequence: float = between(0.0, 1.0, 0.0)
    dtype: str = dtype()


@dataclasses.dataclass
class Learning:
    """What is minimised, and how the parameters move besides `optim`."""

    task: str = choice("both", "entities")  # entities: pre-training, no relation
    pretrained: bool = True  # starts from the run that learns entities alone
    pretraining_steps: int = at_least(1, 1000)  # of that run
    # k of the scheduled sampling: the gold label is shown with the probability
    # k / (k + exp(epoch / k)); 0: never.
    sampling: float = at_least(0.0, 10.0)
    # The gold class of a pair with a wrong entity. cell: that of its two last words,
    # as in the released code; negative: none.
    wrong_entities: str = choice("cell", "negative")
    decay: float = at_least(0.0, 1e-5)  # share of each matrix lost a step
    average: bool = True  # predict with the mean of all parameters since the start
    lazy_rows: bool = True  # rows of tables that a batch does not read stay as they are


@dataclasses.dataclass
class Data:
    # written: facts of films in sentences made here; articles: real sentences with
    # distant labels; semeval_trees: SemEval's test with given trees; others: by root.
    source: str = choice(
        "written", "articles", "generated", "conll04", "spert", "semeval",
        "semeval_trees", "ace", "brat", "gum",
    )  # fmt: skip
    # the folder or file of the corpus
    root: str = of_source(
        "conll04", "spert", "semeval", "semeval_trees", "ace", "brat", "gum"
    )
    # CoNLL-U with the trees of the sentences; "": those of `parser`
    trees: str = of_source("conll04", "spert", "semeval", "ace", "brat")
    parser: str = "best"  # best, chunks, spacy, or the folder of a trained one
    vectors: str = ""  # word2vec's or GloVe's file; "": random
    # Of training, validation and test.
    sentences: tuple[int, int, int] = at_least(
        1, (1600, 400, 800), only=("source", "written")
    )
    batch_size: int = at_least(1, 16)  # sentences
    buckets: tuple[int, ...] = between(
        1, 1024, (24, 48)
    )  # words of a batch's sentences
    entities: int = between(2, 64, 8)  # of a sentence; more are counted as lost
    path: int = between(1, 256, 8)  # words of each side of a path
    levels: int = between(1, 1024, 16)  # of subtree and fulltree
    min_count: int = at_least(1, 2)  # rarer words without a vector are unknown
    # Rows of the tables; 0: as many as the training set needs.
    words: int = at_least(0)
    tags: int = at_least(0)
    arcs: int = at_least(0)
    kinds: int = at_least(0)  # of entities
    relations: int = at_least(0)  # types, without their directions


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 16)  # sentences
    shuffles: int = at_least(1, 2000)  # of the test of significance


@dataclasses.dataclass
class Predict:
    """How a text is read. Nothing here changes training."""

    parser: str = "best"  # best, chunks, spacy, or the folder of a trained one
    out: str = ""  # the folder of the .ann and .json files; "": beside the texts


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    learning: Learning = field(default_factory=Learning)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("sptree",)  # names in runs.RUNS
    seeds: int = at_least(1)  # models trained side by side, from different starts

    unit = "sentences"  # what a step reads, in the plural
