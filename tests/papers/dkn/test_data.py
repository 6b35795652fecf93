"""The data sets: what is read, what is refused, and that a history lies before the
impression.

What would fail: a click of the same day or later in a history, a candidate in its own
history (the released loader draws histories from all training clicks, later ones and
the candidate included), a negative that was clicked.
"""

import re

import numpy as np
import pytest

from common.contract import UserError
from common.data import films
from common.data.films import refuse_older
from papers import dkn
from papers.dkn import graphs, sources
from papers.dkn.config import Data
from papers.dkn.corpus import Impressions
from papers.dkn.sources import bing as bing_source
from papers.dkn.sources import mind as mind_source
from tests.papers.dkn.impressions import bing, config, mind


@pytest.fixture(scope="module")
def corpus():
    return sources.films.read(Data(readers=60, words=8000), 0)


def test_films_in_a_history_were_released_before_the_candidate(corpus):
    released = ["", *(film.released for film in films.films())]
    checked = 0
    for rows in corpus.splits.values():
        for history, shown, label in zip(
            rows.history, rows.candidates, rows.label, strict=True
        ):
            (news,) = shown[label > 0]
            assert all(released[i] < released[news] for i in history[history > 0])
            checked += 1
    assert checked > 300


def test_splits_of_films_are_by_date(corpus):
    released = np.array(["", *(film.released for film in films.films())])
    years = {
        split: {released[i][:4] for i in rows.candidates[rows.candidates > 0]}
        for split, rows in corpus.splits.items()
    }
    assert max(years["train"]) < "2009"
    assert years["valid"] == {"2009"}
    assert min(years["test"]) >= "2010"


def test_negatives_are_of_the_same_year_and_without_the_actor(corpus):
    found = films.films()
    rows = corpus.splits["train"]
    cast = [set(), *({*film.cast} for film in found)]
    for user in np.unique(rows.user):
        own = rows.user == user
        positive = rows.candidates[own][rows.label[own] > 0]
        negative = rows.candidates[own][rows.label[own] == 0]
        actors = set.intersection(*(cast[i] for i in positive))
        assert actors
        assert any(not any(a in cast[i] for i in negative) for a in actors)
        for p, n in zip(positive, negative, strict=True):
            assert found[p - 1].released[:4] == found[n - 1].released[:4]


def test_the_graph_of_films_has_no_cast():
    relations = {relation for _, relation, _ in films.triples()}
    assert relations == {*films.RELATIONS}
    assert not {"cast", "actor"} & relations


def test_every_word_of_a_films_title_is_aligned_with_the_film(corpus):
    words, entities = corpus.words[1:], corpus.entities[1:]
    assert (entities[words > 0] > 0).all()
    assert (entities[words == 0] == 0).all()


def test_older_films_carry_another_licence_and_are_refused():
    refuse_older("2026.1")
    refuse_older("2027.0.3")
    with pytest.raises(UserError, match=r"2025\.0 .*licence.*2026\.1"):
        refuse_older("2025.0")


def test_a_history_leaves_out_the_rows_own_candidates():
    rows = Impressions.of(
        [(1, [5, 6, 7, 6], ((6, 1.0),), 0, 0)], clicks=3, candidates=1
    )
    np.testing.assert_array_equal(rows.history, [[5, 7, 0]])


def read_bing(folder, **changes):
    data = Data(source="bing", root=str(folder), min_count=1, title=4, history=3,
                words=64, users=8, **changes)  # fmt: skip
    return bing_source.read(data, 0)


def test_the_samples_layout_is_read_with_entities_aligned(tmp_path):
    corpus = read_bing(bing(tmp_path))
    titles = corpus.titles
    race = titles.index("old car race")
    car = corpus.entity_names.index("car")
    np.testing.assert_array_equal(corpus.entities[race], [0, car, 0, 0])
    tax = titles.index("dull tax news")
    office = corpus.entity_names.index("Tax Office")
    np.testing.assert_array_equal(corpus.entities[tax], [0, office, 0, 0])
    assert len(corpus.splits["test"]) == 2


def test_a_users_history_in_the_sample_is_of_earlier_lines_alone(tmp_path):
    """The leak of the released loader: a clicked candidate stands in its own history,
    and clicks of later lines do."""
    corpus = read_bing(bing(tmp_path))
    rows = corpus.splits["train"]
    first = rows.history[rows.user == 1][0]
    np.testing.assert_array_equal(first, 0)
    for history, shown in zip(rows.history, rows.candidates, strict=True):
        assert not {*history[history > 0]} & {*shown}
    seen = {}
    order = np.argsort(rows.time)
    for i in order:
        earlier = seen.setdefault(rows.user[i], set())
        assert {*rows.history[i][rows.history[i] > 0]} <= earlier
        earlier |= {*rows.candidates[i][rows.label[i] > 0]}
    new = corpus.splits["test"].history[1]
    np.testing.assert_array_equal(new, 0)  # a user whom training lacks


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a\ttitle", "line 1 has 2 columns"),
        ("a\ttitle\t7\t", "label is 0 or 1, not '7'"),
        ("a\ttitle\t1\tcar", "entities are id:name, not 'car'"),
    ],
)
def test_a_wrong_line_of_the_sample_is_named(tmp_path, line, says):
    bing(tmp_path)
    (tmp_path / "raw_train.txt").write_text(line, "utf-8")
    with pytest.raises(UserError, match=says) as error:
        read_bing(tmp_path)
    assert "raw_train.txt" in str(error.value)


def test_an_empty_or_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"raw_train\.txt"):
        read_bing(tmp_path)
    bing(tmp_path)
    (tmp_path / "raw_test.txt").write_text("\n\n", "utf-8")
    with pytest.raises(UserError, match=r"raw_test\.txt.* is empty"):
        read_bing(tmp_path)


@pytest.mark.parametrize("by_name", [True, False])
def test_a_graph_of_other_things_is_refused(tmp_path, by_name):
    with pytest.raises(UserError, match=r"config\.data\.graph=.*/none' is no folder"):
        graphs.joined(f"{tmp_path}/none", ["Alien"], by_name=by_name)
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.txt").write_text("a\tr\tb\n")
    with pytest.raises(UserError, match="none of the 1 entities of the news"):
        graphs.joined(str(tmp_path), ["Alien"], by_name=by_name)


def read_mind(folder, **changes):
    data = Data(source="mind", root=str(folder), min_count=1, title=5, history=3,
                negatives=2, words=64, users=8, **changes)  # fmt: skip
    return mind_source.read(data, 0)


def test_mind_is_read_with_its_histories_and_entities(tmp_path):
    corpus = read_mind(mind(tmp_path))
    first = corpus.titles.index("The brands Prince Philip wears")
    q1 = corpus.entity_names.index("Q1")
    np.testing.assert_array_equal(corpus.entities[first], [0, 0, q1, q1, 0])
    rows = corpus.splits["train"]
    np.testing.assert_array_equal(rows.label[:, 0], 1)  # one clicked, two others
    assert (rows.label[:, 1:] == 0).all()
    assert corpus.titles[rows.history[0][0]] == "A game"
    np.testing.assert_array_equal(rows.history[1], 0)
    assert rows.time.max() < corpus.splits["valid"].time.min()
    test = corpus.splits["test"]
    assert len(np.unique(test.group)) == 22


@pytest.mark.parametrize(
    ("name", "column", "value", "says"),
    [
        ("behaviors.tsv", 2, "yesterday", "'yesterday' is no time"),
        ("behaviors.tsv", 4, "N1", "an impression is N123-1 or N123-0, not 'N1'"),
        ("behaviors.tsv", 3, "N99", "'N99' is not in news.tsv"),
        ("news.tsv", 6, "{oops", "title entities are a JSON list"),
    ],
)
def test_a_wrong_column_of_mind_is_named(tmp_path, name, column, value, says):
    path = mind(tmp_path) / "MINDtiny_train" / name
    lines = path.read_text("utf-8").split("\n")
    parts = lines[0].split("\t")
    parts[column] = value
    lines[0] = "\t".join(parts)
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(UserError, match=re.escape(says)) as error:
        read_mind(tmp_path)
    assert f"{name}', line 1" in str(error.value)


def test_a_folder_without_mind_is_named(tmp_path):
    with pytest.raises(UserError, match="no folder with 'train'"):
        read_mind(tmp_path)


def test_tables_that_are_too_small_are_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.data\.news=3 rows are too few"):
        read_bing(bing(tmp_path), news=3)


def test_new_titles_find_entities_by_their_names_the_longest_first(corpus):
    title = next(f.title for f in films.films() if len(f.title.split()) == 3)
    _, entities = corpus.encode(f"about {title}")
    assert entities[0] == 0
    assert entities[1] > 0
    assert len({*entities[1:4].tolist()}) == 1
    assert (corpus.encode("zzqx yyqx")[0][:2] == 1).all()  # unknown words


def test_batches_hold_the_titles_of_their_news():
    own = config()
    corpus = sources.corpus(own)
    batch = next(dkn.batches(own, "train"))
    np.testing.assert_array_equal(batch["words"], corpus.words[batch["news"]])
    np.testing.assert_array_equal(batch["entities"], corpus.entities[batch["news"]])
