"""Batches: every sentence once an epoch, in a batch of its length, wherever it resumes;
what a row holds is the sentence."""

import json
from collections import Counter

import numpy as np
import pytest

from common.contract import UserError
from common.text import spelling
from papers.sptree import data, generated, get_config
from papers.sptree.config import Data
from papers.sptree.corpus import check_sizes, corpus, encode, sizes
from papers.sptree.vocabulary import Vocabulary

SENTENCES = generated.sentences("train", 0)
VOCABULARY = Vocabulary.of(SENTENCES, 1)
ENCODED = [encode(sentence, VOCABULARY) for sentence in SENTENCES]


def test_an_epoch_has_every_sentence_once_in_a_bucket_that_fits():
    source = data.Bucketed(ENCODED, (5, 8, 12), 8, shuffled=True)
    orders = []
    for epoch in range(2):
        seen = Counter()
        order = []
        for place in range(source.per_epoch):
            batch = source[epoch * source.per_epoch + place]
            rows = batch["row"][batch["mask"] > 0]
            order += rows.tolist()
            seen.update(rows.tolist())
            assert batch["word"].shape[1] in (5, 8, 12)
            assert (batch["length"] <= batch["word"].shape[1]).all()
            assert (batch["epoch"] == epoch).all()
        assert seen == Counter(range(len(ENCODED)))
        orders.append(order)
    assert orders[0] != orders[1]


def test_a_row_is_its_sentence():
    source = data.Bucketed(ENCODED, (12,), 8)
    batch = source[1]
    for place, row in enumerate(batch["row"]):
        sentence = ENCODED[row]
        count = len(sentence)
        for name in data.COLUMNS:
            np.testing.assert_array_equal(
                batch[name][place, :count], getattr(sentence, name)
            )
        assert (batch["parent"][place, count:] == -1).all()
        for first, last, value in sentence.relations:
            assert batch["relation"][place, first, last] == value
        assert np.count_nonzero(batch["relation"][place]) == len(sentence.relations)


def test_pieces_are_in_a_batch_where_the_network_reads_them():
    config = get_config("smoke")
    assert "piece" not in data.batch_spec(config)
    assert "piece" not in next(data.batches(config, "valid"))
    config.model.d_piece = 4
    batch = next(data.batches(config, "valid"))
    spec = data.batch_spec(config, "valid")
    assert {name: x.shape for name, x in batch.items()} == {
        name: x.shape for name, x in spec.items()
    }
    sentence = corpus(config).sentences["valid"][batch["row"][0]]
    expected = [spelling.pieces(word) for word in sentence.parsed.words]
    found = batch["piece"][0]
    np.testing.assert_array_equal(found[: len(expected)], expected)
    assert not found[len(expected) :].any()


def test_relations_know_which_argument_comes_first():
    for sentence, numbers in zip(SENTENCES, ENCODED, strict=True):
        for relation, (first, last, value) in zip(
            sentence.relations, numbers.relations, strict=True
        ):
            head = sentence.entities[relation.head].end - 1
            tail = sentence.entities[relation.tail].end - 1
            assert (first, last) == (min(head, tail), max(head, tail))
            assert (value % 2 == 1) == (head < tail)


def test_longer_sentences_are_left_out_and_counted():
    config = get_config("smoke")
    config.data.buckets = (6,)
    config.data.path = 1
    lost = corpus(config).lost["train"]
    longer = sum(len(s.parsed) > 6 for s in SENTENCES)
    assert lost["sentences longer than 6 words"] == longer > 0
    source = data.Bucketed(ENCODED, (6,), 8)
    seen = sum(int(source[i]["mask"].sum()) for i in range(source.per_epoch))
    assert seen == len(SENTENCES) - longer
    with pytest.raises(UserError, match="no sentence has at most 2 words"):
        data.Bucketed(ENCODED, (2,), 8)


def test_deep_words_and_second_relations_of_a_pair_are_counted(tmp_path):
    """Of a pair with a relation each way the network has one class."""
    item = {
        "tokens": ["a", "b", "c"],
        "heads": [0, 1, 2],
        "entities": [{"type": "x", "start": i, "end": i + 1} for i in (0, 2)],
        "relations": [
            {"type": kind, "head": head, "tail": 1 - head}
            for head, kind in enumerate("rs")
        ],
    }
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.json").write_text(json.dumps([item]))
    config = get_config("smoke")
    config.data = Data("spert", str(tmp_path), levels=2)
    assert corpus(config).lost["train"] == {
        "words deeper than 2 levels of a whole tree": 1,
        "relations of a pair that has another one, backwards": 1,
    }


def test_tables_that_are_too_small_are_refused():
    config = get_config("smoke")
    config.data.kinds = 1
    with pytest.raises(
        UserError, match=r"config\.data\.kinds=1: the training set has 2"
    ):
        check_sizes(config)
    config.data.kinds = 3
    assert sizes(config).kinds == 3


def test_what_training_had_not_has_number_0_or_is_left_out():
    few = [s for s in SENTENCES if not s.relations]
    small = Vocabulary.of(few, 1)
    assert not small.relations
    assert small.number("words", "nowhere") == 0
    related = next(s for s in SENTENCES if s.relations)
    assert len(encode(related, small).relations) == 0
