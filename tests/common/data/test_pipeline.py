"""The Grain pipeline. A failure means that an item is lost or counted twice, or that
batches depend on a resume or on the number of processes."""

import itertools
import json

import numpy as np
import pytest

from common.contract import UserError
from common.data.pipeline import SideBySide, pipeline


def source(n):
    return [{"x": np.array([i, -i], np.int32)} for i in range(n)]


def values(batches):
    """The items of the batches, without padding."""
    return [
        int(x[0])
        for batch in batches
        for x, real in zip(batch["x"], batch["mask"], strict=True)
        if real
    ]


def take(n, batches):
    return [batch["x"][:, 0].tolist() for batch in itertools.islice(batches, n)]


def test_evaluation_pads_and_masks_the_last_batch():
    batches = list(pipeline(source(5), batch_size=3, repeat=False))
    assert [batch["mask"].tolist() for batch in batches] == [[1, 1, 1], [1, 1, 0]]
    np.testing.assert_array_equal(batches[1]["x"], [[3, -3], [4, -4], [0, 0]])
    assert all(batch["mask"].dtype == np.float32 for batch in batches)


def test_an_items_own_mask_is_kept_and_zero_on_padding():
    items = [{"mask": np.array([1, 1, 0], np.float32)}] * 3
    *_, last = pipeline(items, batch_size=2, repeat=False)
    np.testing.assert_array_equal(last["mask"], [[1, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16])
@pytest.mark.parametrize("shuffle", [False, True])
def test_processes_partition_an_epoch_in_equally_many_batches(n, shuffle):
    shards = [
        list(
            pipeline(
                source(n),
                batch_size=4,
                shuffle=shuffle,
                repeat=False,
                process_index=index,
                process_count=2,
            )
        )
        for index in range(2)
    ]
    assert len(shards[0]) == len(shards[1])
    assert sorted(values(shards[0]) + values(shards[1])) == list(range(n))


def test_an_endless_stream_holds_every_item_once_an_epoch_in_a_new_order():
    batches = take(20, pipeline(source(10), batch_size=3, shuffle=True))
    flat = list(itertools.chain.from_iterable(batches))
    epochs = [flat[start : start + 10] for start in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == len(epochs)


def test_the_order_depends_on_the_seed_alone():
    def epochs(seed):
        return take(9, pipeline(source(20), batch_size=4, shuffle=True, seed=seed))

    assert epochs(1) == epochs(1)
    assert epochs(1) != epochs(2)


def test_global_batches_do_not_depend_on_the_number_of_processes():
    def share(index, count):
        return take(
            12,
            pipeline(
                source(10),
                batch_size=4 // count,
                shuffle=True,
                process_index=index,
                process_count=count,
            ),
        )

    joined = [a + b for a, b in zip(share(0, 2), share(1, 2), strict=True)]
    assert list(map(sorted, joined)) == list(map(sorted, share(0, 1)))


@pytest.mark.parametrize("n_read", [0, 1, 5, 12])
def test_a_saved_position_gives_the_same_next_batches(n_read):
    def fresh():
        return pipeline(source(10), batch_size=4, shuffle=True, seed=3)

    batches = fresh()
    take(n_read, batches)
    state = json.loads(json.dumps(batches.get_state()))
    expected = take(6, batches)
    resumed = fresh()
    take(2, resumed)  # a position is absolute: what was read before does not count
    resumed.set_state(state)
    assert take(6, resumed) == expected


def test_map_sees_items_and_whole_batches_pass_as_they_are():
    doubled = pipeline(
        source(4), batch_size=2, map_fn=lambda item: {"x": 2 * item["x"]}
    )
    assert take(2, doubled) == [[0, 2], [4, 6]]
    whole = list(pipeline(source(3), repeat=False))
    assert [batch["x"].tolist() for batch in whole] == [[0, 0], [1, -1], [2, -2]]
    assert all(set(batch) == {"x"} for batch in whole)


def with_draw(item, rng):
    return {"x": item["x"], "draw": rng.integers(1 << 30)}


def draws(n, process_index=0, process_count=1, skip=0, seed=0):
    """[(item, draw), ...] of `n` batches, sorted within each batch."""
    batches = pipeline(
        source(10), batch_size=4 // process_count, shuffle=True, seed=seed,
        random_map_fn=with_draw,
        process_index=process_index, process_count=process_count,
    )  # fmt: skip
    if skip:
        position = draws_position(skip)
        batches.set_state(position)
    return [
        [*zip(batch["x"][:, 0].tolist(), batch["draw"].tolist(), strict=True)]
        for batch in itertools.islice(batches, n)
    ]


def draws_position(n):
    batches = pipeline(source(10), batch_size=4, shuffle=True, random_map_fn=with_draw)
    take(n, batches)
    return json.loads(json.dumps(batches.get_state()))


def test_random_maps_draw_anew_each_epoch_and_the_same_after_a_resume():
    flat = list(itertools.chain.from_iterable(draws(15)))
    assert len({draw for _, draw in flat}) == len(flat) == 60
    assert draws(15) == draws(15) != draws(15, seed=1)
    assert draws(5, skip=7) == draws(12)[7:]


def test_random_maps_do_not_depend_on_the_number_of_processes():
    parts = [draws(12, index, 2) for index in range(2)]
    joined = [sorted(a + b) for a, b in zip(*parts, strict=True)]
    assert joined == [sorted(batch) for batch in draws(12)]


def test_random_maps_of_an_evaluation_leave_the_padding_alone():
    *_, last = pipeline(source(5), batch_size=3, repeat=False, random_map_fn=with_draw)
    assert last["mask"].tolist() == [1, 1, 0]
    assert last["draw"][2] == 0
    assert all(last["draw"][:2] > 0)


def test_an_empty_source_is_a_user_error():
    with pytest.raises(UserError, match="no items"):
        pipeline([], batch_size=2)


def two(map_fn=None):
    parts = {
        "a": pipeline(source(10), batch_size=4, shuffle=True, seed=3),
        "b": pipeline(source(7), batch_size=2, shuffle=True, seed=4),
    }
    return SideBySide(parts, map_fn)


def both(n, batches):
    return [
        {name: item["x"][:, 0].tolist() for name, item in items.items()}
        for items in itertools.islice(batches, n)
    ]


def test_iterators_side_by_side_are_what_each_is_alone():
    items = both(30, two())
    a, b = two()._parts.values()
    assert [item["a"] for item in items] == take(30, a)
    assert [item["b"] for item in items] == take(30, b)


@pytest.mark.parametrize("n_read", [0, 1, 12])
def test_a_saved_position_is_both_iterators(n_read):
    batches = two()
    both(n_read, batches)
    state = json.loads(json.dumps(batches.get_state()))
    expected = both(6, batches)
    resumed = two()
    both(2, resumed)
    resumed.set_state(state)
    assert both(6, resumed) == expected


def test_side_by_side_ends_with_the_shortest_and_maps_what_it_gives():
    parts = {
        name: pipeline(source(n), batch_size=2, repeat=False)
        for name, n in (("a", 5), ("b", 4))
    }
    sums = SideBySide(parts, lambda items: {"x": items["a"]["x"] + items["b"]["x"]})
    assert take(9, sums) == [[0, 2], [4, 6]]
