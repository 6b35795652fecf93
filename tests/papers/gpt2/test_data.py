"""Windows of text, and whose tokens they are."""

import jax
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from common.data.streams import Windows
from papers import gpt2
from papers.gpt2.data import encoded, vocabulary

SMOKE = gpt2.get_config("smoke")


def test_an_epoch_has_every_window_once():
    source = Windows(np.arange(103), batch_size=2, length=10)
    windows = source[0]["inputs"][:, 0].tolist()
    for i in range(1, 5):
        windows += source[i]["inputs"][:, 0].tolist()
    starts = sorted(windows[:9])
    assert np.diff(starts).tolist() == [10] * 8
    item = source[123]
    assert item["inputs"].shape == (2, 10)
    np.testing.assert_array_equal(item["inputs"] + 1, item["targets"])


def test_epochs_differ_and_are_the_same_when_they_are_read_again():
    def starts(epoch):
        source = Windows(np.arange(1000), batch_size=9, length=100, seed=1)
        return source[epoch]["inputs"][:, 0].tolist()

    assert starts(0) == starts(0)
    assert sorted(starts(0)) != sorted(starts(1))


@pytest.mark.parametrize(("tokens", "length"), [(11, 10), (19, 10), (21, 10), (12, 11)])
def test_a_text_hardly_longer_than_a_window_is_read_whole(tokens, length):
    source = Windows(np.arange(tokens), batch_size=40, length=length)
    seen = {*np.unique(source[0]["targets"])} | {*np.unique(source[0]["inputs"])}
    assert max(seen) <= tokens - 1
    assert len(source[0]["inputs"]) == 40


def test_a_text_shorter_than_a_window_is_refused():
    with pytest.raises(UserError, match="has 10 tokens; a window needs 11"):
        Windows(np.arange(10), batch_size=1, length=10)


def test_processes_share_the_rows_of_one_batch():
    whole = next(gpt2.batches(SMOKE, "train"))
    parts = [
        next(gpt2.batches(SMOKE, "train", process_index=i, process_count=2))
        for i in (0, 1)
    ]
    for name, array in whole.items():
        np.testing.assert_array_equal(array, np.concatenate([p[name] for p in parts]))


def test_valid_counts_every_token_but_the_first_once():
    tokens = encoded(SMOKE, "valid")[: SMOKE.eval.tokens]
    targets = np.concatenate(
        [b["targets"][b["mask"] > 0] for b in gpt2.batches(SMOKE, "valid")]
    )
    np.testing.assert_array_equal(targets, tokens[1:])


def test_a_state_knows_the_vocabulary_of_its_text():
    state = gpt2.init(SMOKE, jax.random.key(0))
    assert state.tokenizer == 0
    state, _ = gpt2.train_step(SMOKE, state, next(gpt2.batches(SMOKE, "train")))
    assert int(state.tokenizer) == vocabulary(SMOKE).mark
    other = changed(SMOKE, {"data.level": "byte"})
    with pytest.raises(UserError, match="trained with another vocabulary"):
        [*gpt2.predict(other, state, "the ")]


def test_a_network_with_fewer_ids_than_the_text_is_refused():
    small = changed(SMOKE, {"model.vocab_size": 20, "data.level": "char"})
    with pytest.raises(UserError, match=r"set --config.model.vocab_size=\d"):
        encoded(small, "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data.length": 64}, "at most config.model.context, 32"),
        ({"eval.stride": 33}, "would skip tokens"),
        ({"model.n_heads": 3}, "must divide d_model"),
    ],
    ids=str,
)
def test_what_cannot_work_is_said(change, message):
    with pytest.raises(UserError, match=message):
        gpt2.runs(changed(SMOKE, {**change, "runs": ("main",)}))
