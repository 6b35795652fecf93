"""A user's titles: ranked, with the clicks that attention used, or refused."""

import json

import jax
import numpy as np
import pytest

from common.contract import Records, UserError
from papers import dkn
from papers.dkn.predict import batch as batch_of
from papers.dkn.predict import read
from tests.papers.dkn.impressions import config

CLICKED = ["w1 w2 w3", "w4 entity 2"]
CANDIDATES = ["w5 w6", "entity 2 w1", "zzz qqq"]


@pytest.fixture(scope="module")
def model():
    own = config(snapshots=0)
    return own, dkn.init(own, jax.random.key(0))


def said(model, clicked, candidates):
    given = json.dumps({"clicked": clicked, "candidates": candidates})
    values = [*dkn.predict(*model, given)]
    text = "".join(value for value in values if isinstance(value, str))
    return text, dict(value for value in values if isinstance(value, tuple))


def test_records_say_the_same_as_the_lines(model):
    given = json.dumps({"clicked": CLICKED, "candidates": [*CANDIDATES, "W1 w2, w3"]})
    values = [*dkn.predict(*model, given)]
    (records,) = (value for value in values if isinstance(value, Records))
    *ranked, last = records.rows
    lines = [v for v in values if isinstance(v, str) and "left out" not in v]
    assert last == {"candidate": "W1 w2, w3", "error": "was clicked before"}
    for row, line in zip(ranked, lines, strict=True):
        assert f"{row['probability']:.3f}  {row['candidate']}" in line
        assert all(f"{c['title']} {c['weight']:.2f}" in line for c in row["clicks"])
        assert not row["entities"] or f"[{', '.join(row['entities'])}]" in line
    assert any(row["entities"] for row in ranked)


def test_candidates_are_ranked_with_the_clicks_that_weighed_most(model):
    text, figures = said(model, CLICKED, CANDIDATES)
    lines = text.splitlines()
    values = [float(line.split()[1]) for line in lines]
    assert values == sorted(values, reverse=True)
    assert {t for t in CANDIDATES if t in text} == {*CANDIDATES}
    assert "entity 2 w1 [entity 2" in text  # linked by name
    assert [t for t in CANDIDATES if f"{t} (no word of it is known)" in text] == [
        "zzz qqq"
    ]
    assert "<- " in lines[0]
    assert [*figures] == ["Attention"]


def test_lines_of_a_file_say_the_same_as_json(model, tmp_path):
    path = tmp_path / "user.txt"
    rows = [f"clicked\t{t}" for t in CLICKED] + [f"candidate\t{t}" for t in CANDIDATES]
    path.write_text("\n".join(rows), "utf-8")
    lines = [v for v in dkn.predict(*model, f"FILE:{path}") if isinstance(v, str)]
    assert "".join(lines) == said(model, CLICKED, CANDIDATES)[0]


def test_the_order_of_candidates_does_not_matter(model):
    a, _ = said(model, CLICKED, CANDIDATES)
    b, _ = said(model, CLICKED, CANDIDATES[::-1])
    assert a == b


def test_a_user_without_clicks_is_told_so(model):
    text, figures = said(model, [], CANDIDATES)
    assert "no click" in text
    assert figures == {}


def test_a_candidate_that_was_clicked_is_left_out_and_named(model):
    text, _ = said(model, CLICKED, [*CANDIDATES, "W1 w2, w3"])
    assert "left out, clicked before: W1 w2, w3" in text
    with pytest.raises(UserError, match="no candidate that was not clicked"):
        said(model, CLICKED, CLICKED)


def test_more_clicks_than_the_network_reads_keep_the_latest(model):
    many = [f"w{i}" for i in range(20)]
    text, _ = said(model, many, CANDIDATES)
    count = model[0].data.history
    first, rest = text.split("\n", 1)
    assert first == f"of 20 clicks the last {count} count, config.data.history"
    assert rest == said(model, many[-count:], CANDIDATES)[0]


@pytest.mark.parametrize(
    "inputs",
    ["", "a title", "{oops", '{"clicked": ["a"]}', '{"candidates": "a"}',
     "FILE:/no/such/file", "clicked\tonly clicks"],
)  # fmt: skip
def test_other_inputs_are_one_line(inputs):
    with pytest.raises(UserError) as error:
        read(inputs)
    assert "\n" not in str(error.value)


def test_padding_of_a_users_history_is_no_click(model):
    batch = batch_of(model[0], CLICKED, CANDIDATES)
    history = model[0].data.history
    assert np.count_nonzero(batch["news"][0, :history]) == 2
    assert (batch["news"][0, history:] > 0).all()
