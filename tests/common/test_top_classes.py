"""A classifier's answer. A failure means that its table and its JSON disagree, or are
out of order."""

import json

import numpy as np

from common.top_classes import top_classes


def test_the_most_probable_come_first_and_ties_in_their_order():
    answers = [
        ({"image": "a.png", "model": "net"}, np.array([0.2, 0.5, 0.3])),
        ({"image": "b.png", "model": "net"}, np.array([0.4, 0.2, 0.4])),
    ]
    (_, table), (_, text) = top_classes(answers, ("ä", "b", "c"), 2, ["c.png"])
    assert table.columns == ("image", "model", "rank", "class", "probability")
    assert table.rows == [
        ["a.png", "net", 1, "b", 0.5],
        ["a.png", "net", 2, "c", 0.3],
        ["b.png", "net", 1, "ä", 0.4],
        ["b.png", "net", 2, "c", 0.4],
    ]
    assert table.note == "skipped, unreadable: c.png"
    first, _ = json.loads(text)
    named = [{"class": "b", "probability": 0.5}, {"class": "c", "probability": 0.3}]
    assert first == {"image": "a.png", "model": "net", "classes": named}
