"""If these fail, a parser that was trained on a treebank gives other trees than it
learnt, or none."""

from functools import partial

import jax
import numpy as np
import pytest

from common.biaffine import Sizes
from common.contract import UserError
from common.text import parser_training, parses, spelling, trained_parser, treebank
from common.text.parser_training import Plan, attachment
from common.text.parses import Parsed
from common.text.trained_parser import TrainedParser
from common.text.treebank import Vocabulary

TREES = (
    Parsed(("The", "dog", "barks", "."), ("",) * 4, (1, 2, -1, 2),
           ("det", "nsubj", "root", "punct")),
    Parsed(("Dogs", "saw", "the", "old", "cat"), ("",) * 5, (1, -1, 4, 4, 1),
           ("nsubj", "root", "det", "amod", "obj")),
    Parsed(("Stop",), ("",), (-1,), ("root",)),
)  # fmt: skip


def plan_of(vocabulary: Vocabulary, steps: int) -> Plan:
    sizes = Sizes(
        len(vocabulary.words), len(vocabulary.tags), spelling.ROWS,
        len(vocabulary.arcs), d_word=8, d_tag=4, sequence=8, depth=1, d_arc=8,
        d_label=8, dropout=0.0,
    )  # fmt: skip
    return Plan(sizes, steps, lr=2e-2)


@pytest.fixture(scope="module")
def untrained() -> TrainedParser:
    vocabulary = Vocabulary.of(TREES, min_count=1)
    plan = plan_of(vocabulary, 1)
    init = partial(trained_parser.initial, plan.sizes)
    shapes = jax.eval_shape(init, jax.random.key(0))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: rng.normal(0, 0.5, x.shape).astype("f4"), shapes)
    return TrainedParser(plan.sizes, vocabulary, params)


def test_a_parser_read_back_makes_the_same_trees(untrained, tmp_path):
    trained_parser.save(tmp_path, untrained)
    back = parses.parser(str(tmp_path))
    words = ["a", "parser", "reads", "words", "that", "nobody", "taught", "it"]
    assert back(words) == untrained(words)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "parser.json", "parser.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["Hello", ". . .", "è 𝄞 x", "no " * 40, "on and " * 300]
)
def test_any_words_make_a_tree(untrained, text):
    parses.check(untrained(text.split()))


def test_given_tags_are_kept(untrained):
    assert untrained(["Time", "flies"], ["NN", "VBZ"]).tags == ("NN", "VBZ")


def test_a_folder_without_a_parser_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no trained parser, parser\.json"):
        trained_parser.load(str(tmp_path))


def test_weights_of_another_parser_are_refused(untrained, tmp_path):
    trained_parser.save(tmp_path, untrained)
    settings = tmp_path / "parser.json"
    settings.write_text(settings.read_text().replace('"d_arc": 8', '"d_arc": 9'))
    with pytest.raises(UserError, match="weights do not fit"):
        trained_parser.load(str(tmp_path))


@pytest.mark.slow
def test_three_trees_are_learnt_by_heart():
    vocabulary = Vocabulary.of(TREES, min_count=1)
    plan = plan_of(vocabulary, 60)
    state = parser_training.init(plan, jax.random.key(0))
    batch = treebank.padded(
        [treebank.encode_tree(parsed, vocabulary) for parsed in TREES], 4, 16
    )
    for _ in range(plan.steps):
        state, losses = parser_training.train_step(plan, state, batch)
    assert sum(map(float, losses.values())) < 0.1
    parser = TrainedParser(plan.sizes, vocabulary, state.params)
    assert attachment(TREES, [parser(p.words) for p in TREES]) == (1, 1)


def test_heads_and_labels_are_counted_word_by_word():
    gold = TREES[0]
    heads = Parsed(gold.words, gold.tags, (2, 2, -1, 2), gold.arcs)
    label = Parsed(gold.words, gold.tags, gold.heads, ("det", "obj", "root", "punct"))
    assert attachment([gold], [heads]) == (0.75, 0.75)
    assert attachment([gold], [label]) == (1, 0.75)
    assert attachment([gold], [parser_training.next_word(gold)]).uas == 0.5


def test_an_epoch_has_every_sentence_once_and_its_padding_counts_as_nothing():
    rng = np.random.default_rng(0)
    sentences = [
        {"word": np.full(count, i, np.int32)}
        for i, count in enumerate(rng.integers(2, 40, 50))
    ]
    seen = []
    for batch in treebank.epoch(sentences, words=100, rng=rng):
        for row, count in zip(batch["word"], batch["length"], strict=True):
            seen += [int(row[0])] if count else []
            assert (row[:count] == row[0]).all()
            assert (row[count:] == 0).all()
    assert sorted(seen) == [*range(50)]
