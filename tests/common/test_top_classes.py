"""A classifier's answer. A failure means that its table and records disagree, or are
out of order."""

import numpy as np

from common.top_classes import in_batches, top_classes


def test_the_most_probable_come_first_and_ties_in_their_order():
    answers = [
        ({"input": "a.png", "model": "net"}, np.array([0.2, 0.5, 0.3])),
        ({"input": "b.png", "model": "net"}, np.array([0.4, 0.2, 0.4])),
    ]
    (_, table), records = top_classes(answers, ("ä", "b", "c"), 2, ["c.png"])
    assert table.columns == ("input", "model", "rank", "class", "probability")
    assert table.rows == [
        ["a.png", "net", 1, "b", 0.5],
        ["a.png", "net", 2, "c", 0.3],
        ["b.png", "net", 1, "ä", 0.4],
        ["b.png", "net", 2, "c", 0.4],
    ]
    assert table.note == "skipped, unreadable: c.png"
    first, _, unread = records.rows
    named = [{"name": "b", "probability": 0.5}, {"name": "c", "probability": 0.3}]
    assert first == {"input": "a.png", "model": "net", "classes": named}
    assert unread == {"input": "c.png", "error": "not a readable picture"}


def test_batches_of_one_shape_give_each_image_its_own_answer():
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    shapes = []

    def run(batch):
        shapes.append(batch.shape)
        return batch.reshape(-1, 1) * 2.0

    assert in_batches(run, images, 2).ravel().tolist() == [0, 2, 4, 6, 8]
    assert {*shapes} == {(2, 1, 1, 1)}
