"""The variants of SPTree: sets made here, and the corpora of the paper and others.

`default` is the run of this package's README, which has its command and its numbers.
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.variants import get
from papers.sptree.config import Config, Data, Eval, Learning, Model, Predict

PARTS = ("sptree", "no_ep", "no_ss", "no_le", "no_shared", "no_ep_ss", "no_all")
STRUCTURES = (
    "sptree", "subtree", "fulltree", "subtree_no_sp", "fulltree_no_sp", "child_sum",
    "spseq", "spxu", "no_tree",
)  # fmt: skip


def _default() -> Config:
    """Real facts in written sentences, with exact trees: minutes on 2 CPU cores.

    Facts of Wikidata's films, which a grammar puts into sentences with clauses between
    the names. No text of a person is read: `articles` does that, with distant labels.
    """
    return Config(
        model=Model(
            d_word=50, d_tag=16, d_arc=16, d_label=16, sequence=48, tree=48,
            entity_units=48, relation_units=48,
            dropout_embedding=0.3, dropout_hidden=0.2,
        ),
        # The mean of all parameters is for long runs: here the rate falls to 0.
        learning=Learning(pretraining_steps=100, decay=0.0, average=False),
        data=Data(
            source="written", sentences=(1600, 200, 600), batch_size=32,
            buckets=(36,), entities=5, path=4, levels=10,
            words=2000, tags=32, arcs=28, kinds=5, relations=6,
        ),
        optim=Optim("adam", 4e-3, Schedule("cosine", warmup=20), clip_norm=10.0),
        loop=Loop(steps=300, log_every=30, eval_every=0, save_every=0, keep=1),
        eval=Eval(batch_size=100),
        runs=("sptree", "no_tree", "fulltree"),
        seeds=3,
    )  # fmt: skip


def _smoke() -> Config:
    """Seconds, on generated sentences: what the tests run."""
    return Config(
        model=Model(
            d_word=12, d_tag=4, d_arc=4, d_label=4, sequence=12, tree=12,
            entity_units=12, relation_units=12,
            dropout_embedding=0.0, dropout_hidden=0.0,
        ),
        learning=Learning(pretraining_steps=20),
        data=Data(
            source="generated", batch_size=8, buckets=(12,), entities=4, path=3,
            levels=5, min_count=1,
        ),
        # Adam's small epsilon makes large steps of gradients that are only rounding.
        optim=Optim("adam", 2e-2, Schedule("constant"), eps=1e-3),
        loop=Loop(steps=40, log_every=5, eval_every=20, save_every=20),
        eval=Eval(batch_size=8, shuffles=50),
        predict=Predict(parser="chunks"),
        runs=("sptree", "no_all", "no_tree"),
        seeds=2,
    )  # fmt: skip


def _parts() -> Config:
    """Table 2 of the paper on the default's sentences: every part left out."""
    config = _default()
    config.runs = (*PARTS, "no_tree")
    return config


def _structures() -> Config:
    """All trees, sequences and none on the default's sentences."""
    config = _default()
    config.runs = STRUCTURES
    return config


def _articles() -> Config:
    """Real sentences, distant labels: a pair's relation is what a graph of countries
    says of the two names, whether or not the sentence says so.

    Sentences of Wikipedia and of news inside gensim that name countries, capitals,
    languages, currencies. No effect of the tree can be shown on them: the labels depend
    on which names they are.
    """
    config = _default()
    config.data = Data(
        source="articles", batch_size=32, buckets=(32, 64), entities=7, path=7,
        levels=24, words=3000, tags=50, arcs=40, kinds=6, relations=6,
    )  # fmt: skip
    config.runs = ("sptree", "no_tree", "given", "given_no_tree")
    return config


def _ace05() -> Config:
    """ACE 2005 with the paper's sizes: 351 / 80 / 80 documents, 7 kinds, 6 relations.

        --config.data.root=.../ace05 --config.data.vectors=.../wiki.bin

    Settings are those of the released code: one sentence an update, 100 epochs of
    entities alone, then 32 of both. --config.data.trees names a CoNLL-U file of
    Stanford dependencies; without it the parser of --config.data.parser makes trees.
    """
    return _paper("ace", sentences=10_000, kinds=7, relations=6)


def _ace04() -> Config:
    """ACE 2004, as `ace05`; the paper means five folds, each with a folder here."""
    return _paper("ace", sentences=6_800, kinds=7, relations=6)


def _paper(source: str, sentences: int, kinds: int, relations: int) -> Config:
    return Config(
        learning=Learning(pretraining_steps=100 * sentences),
        data=Data(
            source=source, batch_size=1, buckets=(16, 32, 64, 128), entities=16,
            path=12, levels=24, words=25_000, tags=50, arcs=50, kinds=kinds,
            relations=relations,
        ),
        optim=Optim("adam", 1e-3, Schedule("constant"), clip_norm=10.0),
        loop=Loop(
            steps=32 * sentences, log_every=500, eval_every=0, save_every=sentences
        ),
    )  # fmt: skip


# Beside the paper, for training sets without word vectors that were learnt before: the
# pieces of a word's spelling, and words that training shows as unknown ones.
SPELLED = {"d_piece": 50, "dropout_word": 0.1}


def _conll04() -> Config:
    """CoNLL04 in the multi-head layout, minutes: 4 kinds, 5 relations.

        --config.data.root=.../conll04 --config.data.parser=FOLDER

    FOLDER is a parser that python -m launch.parser has trained. Beside the paper, words
    are read by their spelling, their states are dropped in training (d_piece,
    dropout_word and dropout_sequence of 0 are the paper's network), the learning rate
    falls to 0, and the last parameters predict.

    Published at the same protocol, F1 of entities and relations: multi-head 83.9 and
    62.0 (Bekoulis et al. 2018), SpERT 88.9 and 71.5 with BERT (Eberts and Ulges 2020).
    """
    return Config(
        model=Model(d_word=100, sequence=64, tree=64, dropout_sequence=0.3, **SPELLED),
        # The mean of all parameters is for long runs.
        learning=Learning(pretraining_steps=400, average=False),
        data=Data(
            source="conll04", batch_size=16, buckets=(48, 128), entities=10,
            path=10, levels=24, words=9000, tags=50, arcs=50, kinds=4, relations=5,
        ),
        optim=Optim("adam", 2e-3, Schedule("cosine", warmup=50), clip_norm=10.0),
        loop=Loop(steps=900, log_every=50, eval_every=300, save_every=300),
        runs=("sptree", "no_tree"),
    )  # fmt: skip


def _semeval() -> Config:
    """SemEval-2010 Task 8: relations of two given nouns. The standard split.

        --config.data.root=... --config.data.parser=FOLDER

    The training sentences come without trees: FOLDER is a parser that python -m
    launch.parser has trained; --config.data.trees=....conllu has trees from elsewhere.

    Two thirds of the paper's sizes, and its learning rate falls to 0; words are read by
    their spelling too, which the paper's network does not (config.model.d_piece=0,
    dropout_word=0).
    """
    return Config(
        model=Model(
            entities="given", label_embedding=False, d_word=100, sequence=64, tree=64,
            **SPELLED,
        ),
        learning=Learning(pretrained=False, decay=1e-6, average=False),
        data=Data(
            source="semeval", batch_size=16, buckets=(24, 40, 104), entities=2,
            path=12, levels=24, words=10_000, tags=50, arcs=50, kinds=1, relations=9,
        ),
        optim=Optim("adam", 2e-3, Schedule("cosine", warmup=50), clip_norm=5.0),
        loop=Loop(steps=3000, log_every=100, eval_every=500, save_every=1000),
        eval=Eval(batch_size=100),
        runs=("sptree", "no_tree"),
    )  # fmt: skip


def _semeval_trees() -> Config:
    """SemEval's test file alone, 2,000 sentences to train and 717 to test, with given
    Stanford trees. It is not the standard split.

        --config.data.root=...
    """
    config = _semeval()
    config.model.d_piece = 0
    config.model.dropout_word = 0.0
    config.data.source = "semeval_trees"
    config.data.words = 9000
    config.data.buckets = (32, 104)
    config.optim.lr = 3e-3
    config.loop = Loop(steps=1500, log_every=50, eval_every=250, save_every=500)
    return config


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "parts": _parts,
    "structures": _structures,
    "articles": _articles,
    "ace05": _ace05,
    "ace04": _ace04,
    "conll04": _conll04,
    "semeval": _semeval,
    "semeval_trees": _semeval_trees,
}
PARAM_COUNTS = {
    "ace05": 5_641_792,
    "ace04": 5_641_792,
    "semeval": 1_488_640,
}

get_config = partial(get, VARIANTS)
