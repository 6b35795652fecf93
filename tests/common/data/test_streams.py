"""Streams of tokens. A failure means that a token is predicted twice or never, or that
memory runs across a break in the text."""

import itertools

import numpy as np
import pytest

from common.contract import UserError
from common.data.pipeline import pipeline
from common.data.streams import StreamSegments, stretches, windows

TOKENS = np.arange(100, 203, dtype=np.int32)  # 103 distinct tokens, none of them 0


def rows(segments, name):
    """One field of all segments, joined along time: [batch, time]."""
    return np.concatenate([item[name] for item in segments], axis=1)


def predicted(item):
    return item["targets"][item["mask"] == 1].tolist()


@pytest.mark.parametrize("length", [1, 4, 25, 40])
def test_training_streams_are_contiguous_and_targets_are_the_next_tokens(length):
    segments = StreamSegments(TOKENS, batch_size=4, length=length)
    inputs, targets, mask = (rows(segments, k) for k in ("inputs", "targets", "mask"))
    assert inputs.dtype == targets.dtype == np.int32
    np.testing.assert_array_equal(inputs[:, :25], TOKENS[:100].reshape(4, 25))
    np.testing.assert_array_equal(targets[:, :25], TOKENS[1:101].reshape(4, 25))
    np.testing.assert_array_equal(mask[:, :25], 1)  # the remainder is 2 tokens, dropped
    assert not mask[:, 25:].any()
    assert not inputs[:, 25:].any()
    assert not targets[:, 25:].any()


def test_memory_is_cleared_in_the_first_segment_of_every_epoch():
    segments = StreamSegments(TOKENS, batch_size=2, length=20)
    epochs = list(itertools.islice(pipeline(segments), 2 * len(segments)))
    assert [item["first"].all() for item in epochs] == 2 * [True, False, False]
    assert all(item["first"].shape == (2,) for item in epochs)


@pytest.mark.parametrize("n", [2, 9, 10, 103])
@pytest.mark.parametrize(("batch_size", "length"), [(1, 10), (4, 8), (8, 3), (9, 200)])
def test_evaluation_predicts_every_token_but_the_first_exactly_once(
    n, batch_size, length
):
    tokens = TOKENS[:n]
    segments = StreamSegments(
        tokens, batch_size=batch_size, length=length, keep_tail=True
    )
    found = sorted(itertools.chain.from_iterable(map(predicted, segments)))
    assert found == tokens[1:].tolist()

    whole = stretches(tokens, rows=batch_size, length=length)
    assert sorted(predicted(whole)) == tokens[1:].tolist()
    assert whole["inputs"].shape[1] % length == 0
    real = whole["mask"] == 1
    np.testing.assert_array_equal(whole["inputs"][real] + 1, whole["targets"][real])


def test_one_stretch_is_the_text_in_order():
    whole = stretches(TOKENS, rows=1, length=8)
    assert predicted(whole) == TOKENS[1:].tolist()
    assert whole["first"].tolist() == [True]


def test_rows_of_the_processes_make_up_the_batch():
    everything = StreamSegments(TOKENS, batch_size=4, length=8)
    shares = [
        StreamSegments(TOKENS, batch_size=4, length=8, rows=slice(start, start + 2))
        for start in (0, 2)
    ]
    for whole, *parts in zip(everything, *shares, strict=True):
        for name, value in whole.items():
            joined = np.concatenate([part[name] for part in parts])
            np.testing.assert_array_equal(joined, value)


@pytest.mark.parametrize("n", [2, 9, 10, 103])
def test_shares_of_a_stretch_make_up_the_whole(n):
    """Those too whose streams are empty."""
    whole = stretches(TOKENS[:n], rows=8, length=3)
    shares = [
        stretches(TOKENS[:n], rows=8, length=3, own=slice(start, start + 2))
        for start in range(0, 8, 2)
    ]
    for name, value in whole.items():
        joined = np.concatenate([share[name] for share in shares])
        np.testing.assert_array_equal(joined, value)


def test_a_share_holds_its_own_tokens_alone():
    share = StreamSegments(TOKENS, batch_size=4, length=8, rows=slice(1, 2))
    assert share._own.base is None
    assert share._own.tolist() == TOKENS[25:51].tolist()


def test_streams_of_another_length_are_the_same_streams():
    short = StreamSegments(TOKENS, batch_size=4, length=8)
    for name in ("inputs", "targets"):
        long = rows(short.of_length(13), name)[:, :25]
        np.testing.assert_array_equal(long, rows(short, name)[:, :25])
    assert short.length == 8


def test_a_saved_position_continues_the_streams():
    segments = StreamSegments(TOKENS, batch_size=4, length=8)
    batches = pipeline(segments)
    next(batches)
    state = batches.get_state()
    resumed = pipeline(segments)
    resumed.set_state(state)
    np.testing.assert_array_equal(next(resumed)["inputs"], segments[1]["inputs"])


def test_too_little_text_is_a_user_error():
    with pytest.raises(UserError, match="4 tokens are too few for 4 streams"):
        StreamSegments(TOKENS[:4], batch_size=4, length=2)
    with pytest.raises(UserError, match="too few"):
        stretches(TOKENS[:1], rows=1, length=2)


@pytest.mark.parametrize("n", [2, 9, 10, 11, 103])
@pytest.mark.parametrize(("length", "stride"), [(10, 10), (10, 1), (10, 4), (200, 7)])
def test_windows_predict_every_token_but_the_first_exactly_once(n, length, stride):
    tokens = TOKENS[:n]
    found = windows(tokens, length, stride)
    assert found["inputs"].shape == found["targets"].shape == found["mask"].shape
    assert found["inputs"].shape[1] == length
    assert predicted(found) == tokens[1:].tolist()
    counted = found["mask"] == 1
    np.testing.assert_array_equal(
        found["inputs"][counted] + 1, found["targets"][counted]
    )


def test_a_target_of_a_later_window_has_length_minus_stride_tokens_before_it():
    found = windows(TOKENS, 10, 4)
    assert found["inputs"][:, 0].tolist() == TOKENS[: len(TOKENS) - 10 : 4].tolist()
    assert found["mask"][0].all()
    assert not found["mask"][1:, :6].any()
    assert found["mask"][1:-1, 6:].all()
    assert found["mask"].sum(axis=1)[-1] > 0


def test_windows_that_leave_targets_out_are_a_user_error():
    for stride in (0, 11):
        with pytest.raises(UserError, match="between 1 and length, 10"):
            windows(TOKENS, 10, stride)
    with pytest.raises(UserError, match="too few"):
        windows(TOKENS[:1], 10, 5)
