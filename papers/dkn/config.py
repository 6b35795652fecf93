"""Configuration of DKN and of the models beside it."""

import dataclasses
from dataclasses import field

from common.config import above, at_least, between, choice, dtype, of_source
from common.sections import Training

KCNN = ("network", "dkn", "kpcnn")  # networks that read titles by convolution
METHODS = ("transe", "transh", "transr", "transd")


@dataclasses.dataclass
class Model:
    network: str = choice(
        "dkn", "kpcnn", "dssm", "deepwide", "deepfm", "libfm", "youtubenet", "dmf"
    )
    entities: bool = True  # the entity channel, or the baseline's entity features
    # The channel of the entities' neighbours.
    contexts: bool = choice(True, False, only=("network", "dkn"))
    d_word: int = at_least(1, 32)
    d_entity: int = at_least(1, 32)
    windows: tuple[int, ...] = at_least(1, (1, 2, 3), only=KCNN)  # words of a filter
    filters: int = at_least(1, 32, only=KCNN)  # of each window
    # g, which maps entity vectors to the words' space.
    mapping: str = choice("tanh", "linear", "none", only=("network", "dkn"))
    # network: the paper's; dot: the released code's product of two news vectors; none:
    # a plain mean over the clicks.
    attention: str = choice("network", "dot", "none", only=("network", "dkn"))
    attention_units: int = at_least(1, 50, only=("attention", "network"))
    score: str = choice("network", "dot", only=KCNN)  # of a user and a candidate
    units: int = at_least(1, 64)  # of a hidden layer that scores or encodes
    dropout: float = between(0.0, 1.0, 0.3)  # of news vectors, or of hidden units
    buckets: int = at_least(1, 4096, only=("network", "dssm"))  # of letter trigrams
    letters: int = at_least(1, 48, only=("network", "dssm"))  # trigrams of a title
    clickers: int = at_least(1, 32, only=("network", "dmf"))  # users of a news item
    dtype: str = dtype()


@dataclasses.dataclass
class Vectors:
    """Where entity vectors come from."""

    # run: the run of the same config that trains `method` on the graph; file: `file`;
    # random: unit vectors without knowledge.
    source: str = choice("run", "file", "random")
    method: str = choice(*METHODS, only=("source", "run"))
    # A line an entity: its name or Wikidata id, then its numbers.
    file: str = of_source("file")
    # The relations' vectors, which must have the same width.
    relations: str = of_source("file")
    unit_length: bool = True  # entity and context vectors of length 1
    trained: bool = False  # with the network, as in the released code


@dataclasses.dataclass
class Graph:
    """How the runs train that entity vectors come from."""

    steps: int = at_least(1, 1400)
    steps_from_transe: int = at_least(1, 350)  # TransR's, which starts from TransE
    batch_size: int = at_least(1, 4096)  # triples
    negatives: int = at_least(1, 4)  # of each triple
    init: str = choice("xavier", "uniform")  # as of knowledge_graph's config.model.init
    margin: float = above(0.0, 4.0)
    lr: float = above(0.0, 0.02)


@dataclasses.dataclass
class Data:
    # films: Wikidata's, actors for readers; bing: the authors' sample; mind: MIND.
    source: str = choice("films", "bing", "mind", "generated")
    root: str = ""  # bing, mind: the folder of the news
    graph: str = ""  # bing, mind: the folder of a graph in OpenKE's layout
    title: int = at_least(1, 6)  # words read of a title
    history: int = at_least(1, 10)  # clicks read of a user: the latest
    negatives: int = at_least(0, 1)  # candidates beside a clicked one, in training
    readers: int = at_least(0, 1500, only=("source", "films"))  # 0: all actors
    min_count: int = at_least(1, 2)  # rarer words are unknown
    batch_size: int = at_least(1, 128)  # impressions
    # Rows of the tables: what the data has may be less.
    words: int = at_least(3, 4096)
    entities: int = at_least(2, 14_400)
    users: int = at_least(2, 1536)
    news: int = at_least(2, 14_400)


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 128)  # impressions
    periods: int = at_least(1, 5)  # of the test, in the figure of AUC by time
    case_clicks: int = at_least(1, 10)  # clicks in the figure of attention
    case_candidates: int = at_least(1, 8)


@dataclasses.dataclass
class Predict:
    """How candidates are ranked. Nothing here changes training."""

    top: int = at_least(1, 10)  # candidates shown
    clicks: int = at_least(1, 3)  # clicks named beside each, by attention


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    vectors: Vectors = field(default_factory=Vectors)
    graph: Graph = field(default_factory=Graph)
    data: Data = field(default_factory=Data)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("dkn",)  # names in runs.RUNS
    seeds: int = at_least(1)  # models trained side by side, from different starts
    # States along training that are kept, evenly spaced. The best on validation is
    # measured, for each seed its own; 0: the last state.
    snapshots: int = at_least(0)

    unit = "impressions"  # what a step reads, in the plural
