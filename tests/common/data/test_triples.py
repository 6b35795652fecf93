"""Graphs in memory and in files, and who completes a triple. A failure means that a
file is read as another graph, or a true triple counts as false."""

import gzip

import numpy as np
import pytest
import tensorflow_datasets as tfds

from common.contract import UserError
from common.data import triple_files
from common.data.completions import Completions, repeated
from common.data.triples import from_arrays, replaces_head, tails_and_heads

ENTITIES, RELATIONS = 20, 3


@pytest.fixture(scope="module")
def triples():
    rng = np.random.default_rng(0)
    sizes = ENTITIES, RELATIONS, ENTITIES
    return np.stack([rng.integers(0, n, 120) for n in sizes], axis=1)


@pytest.fixture(scope="module")
def tails(triples):
    return Completions(*triples.T, entities=ENTITIES, relations=RELATIONS)


def known(triples, head, relation):
    own = (triples[:, 0] == head) & (triples[:, 1] == relation)
    return sorted({*triples[own, 2].tolist()})


def test_completions_are_the_tails_of_a_pair(triples, tails):
    for head in range(ENTITIES):
        for relation in range(RELATIONS):
            (pair,) = tails.find(np.array([head]), np.array([relation]))
            expected = known(triples, head, relation)
            assert tails.answers(pair).tolist() == expected
            assert tails.count(pair) == len(expected)
            padded = tails.padded(np.array([pair]), 9)[0]
            assert padded.tolist() == expected + [-1] * (9 - len(expected))


def test_draws_reach_every_other_entity_equally(triples, tails):
    head, relation = triples[0, :2]
    (pair,) = tails.find(np.array([head]), np.array([relation]))
    for asked in (pair, -1):  # -1: a pair without an answer
        expected = known(triples, head, relation) if asked >= 0 else []
        others = sorted({*range(ENTITIES)} - {*expected})
        middles = (np.arange(len(others)) + 0.5) / len(others)
        drawn = tails.draw_others(np.full(len(others), asked), middles)
        assert drawn.tolist() == others


def test_a_triple_is_held_or_not(triples, tails):
    rng = np.random.default_rng(1)
    asked = np.stack([rng.integers(0, n, 500) for n in (20, 3, 20)], axis=1)
    expected = [t in triples.tolist() for t in asked.tolist()]
    assert tails.holds(*asked.T).tolist() == expected


def test_numbers_beyond_32_bits_do_not_overflow():
    """Ninety million entities and ten thousand relations."""
    entities, relations = 90_000_000, 10_000
    rows = np.array([[89_999_999, 9_999, 89_999_998], [89_999_999, 9_999, 5]])
    completions = Completions(*rows.T, entities=entities, relations=relations)
    (pair,) = completions.find(rows[:1, 0], rows[:1, 1])
    assert completions.answers(pair).tolist() == [5, 89_999_998]
    drawn = completions.draw_others(np.array([pair]), np.array([1 - 1e-12]))
    assert drawn.tolist() == [89_999_999]


def test_tph_and_hpt_are_means_over_pairs():
    rows = np.array([[0, 0, 1], [0, 0, 2], [0, 0, 3], [4, 0, 1], [5, 1, 6]])
    tph, hpt = tails_and_heads(rows, 3)
    np.testing.assert_allclose(tph, [2, 1, 0])
    np.testing.assert_allclose(hpt, [4 / 3, 1, 0])
    np.testing.assert_allclose(replaces_head(rows, 3), [2 / (2 + 4 / 3), 0.5, 0.5])


def test_missing_splits_are_held_out_of_what_stays_known(triples):
    triples = np.unique(triples, axis=0)
    graph = from_arrays(triples, share=0.1)
    assert (len(graph.train), len(graph.valid), len(graph.test)) == (89, 11, 11)
    np.testing.assert_array_equal(
        graph.all[np.lexsort(graph.all.T)], triples[np.lexsort(triples.T)]
    )
    held_out = np.concatenate([graph.valid, graph.test])
    assert {*held_out[:, [0, 2]].ravel()} <= {*graph.train[:, [0, 2]].ravel()}
    assert {*held_out[:, 1]} <= {*graph.train[:, 1]}


def test_what_is_held_out_leaves_the_training_set_though_it_stood_there_twice(triples):
    once = np.unique(triples, axis=0)
    with pytest.warns(UserWarning, match="111 training triples stand there before"):
        graph = from_arrays(np.concatenate([once, once]), share=0.1)
    assert repeated(graph, "valid") == repeated(graph, "test") == 0
    assert len(graph.all) == len(once) == 111


def test_repeated_triples_are_counted(triples):
    graph = from_arrays(triples, triples[:3], triples[:7])
    assert (repeated(graph, "valid"), repeated(graph, "test")) == (3, 7)


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        (np.zeros((0, 3), int), "no training triple"),
        (np.zeros((4, 2), int), "3 columns"),
        (np.zeros((4, 3)), "3 columns"),
        (np.array([[0, 0, 1], [0, -1, 1]]), "triple 2: relation -1 is outside"),
        (np.array([[0, 0, 1]]), "none can be held out"),
    ],
)
def test_arrays_that_are_no_graph_are_refused_in_a_line(rows, wrong):
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        from_arrays(rows)
    assert wrong in str(error.value)


OPENKE = {
    "entity2id.txt": "3\nthe moon\t1\nsun\t0\nearth\t2\n",
    "relation2id.txt": "1\ncircles\t0\n",
    "train2id.txt": "2\n1 2 0\n2\t0\t0\n",
    "valid2id.txt": "1\n1 0 0\n",
    "test2id.txt": "1\n1 2 0\n",
}


def folder(path, files):
    for name, text in files.items():
        data = text.encode() if isinstance(text, str) else text
        (path / name).write_bytes(data)
    return str(path)


@pytest.mark.parametrize("change", ["", "crlf", "gzip", "fast", "no count"])
def test_openkes_files_have_the_relation_last(tmp_path, change):
    files = dict(OPENKE)
    if change == "crlf":
        files = {name: text.replace("\n", "\r\n") for name, text in files.items()}
    if change == "gzip":
        files = {f"{n}.gz": gzip.compress(t.encode()) for n, t in files.items()}
    if change == "fast":
        files["triple2id.txt"] = files.pop("train2id.txt")
    if change == "no count":
        files = {name: text.partition("\n")[2] for name, text in files.items()}
    graph = triple_files.read(folder(tmp_path, files | {".hidden": b"\xff"}))
    assert graph.entities == ("sun", "the moon", "earth")
    assert graph.train.tolist() == [[1, 0, 2], [2, 0, 0]]
    assert graph.valid.tolist() == [[1, 0, 0]]
    assert repeated(graph, "test") == 1


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("train2id.txt", "3\n1 2 0\n2 0 0\n", "line 1 says '3', and 2 lines follow"),
        ("train2id.txt", "2\n1 2 0\n2 0\n", "line 3: not three numbers"),
        ("train2id.txt", "1\n1 0 2\n", "line 2: relation 2 is outside 0 to 0"),
        ("train2id.txt", "1\n3 0 0\n", "line 2: head 3 is outside 0 to 2"),
        ("train2id.txt", "1\n-1 0 0\n", "line 2: not three numbers"),
        ("train2id.txt", "", "is empty"),
        ("train2id.txt", b"\xff\xfe1", "is not UTF-16"),
        ("entity2id.txt", "2\na\t0\na\t1\n", "line 3: 'a' stands twice"),
        ("entity2id.txt", "2\na\t0\nb\t0\n", "line 3: number 0 stands twice"),
        ("entity2id.txt", "2\na\t0\nb\t2\n", "no name has the number 1"),
        ("entity2id.txt", "1\nsun\n", "line 2: not a name, a tab and a number"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, name, text, wrong):
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        triple_files.read(folder(tmp_path, {**OPENKE, name: text}))
    assert wrong in str(error.value)
    assert name in str(error.value)


NAMED = "Paris\tcapital of\tFrance\nLyon\tin\tFrance\nParis\tin\tFrance\n"


@pytest.mark.parametrize("heading", ["", "Head\tRelation\tTail\n"])
def test_names_are_read_with_and_without_the_other_splits(tmp_path, heading):
    given = {"train.txt": NAMED, "test.tsv": heading + "Lyon\tin\tFrance\n"}
    graph = triple_files.read(folder(tmp_path, given))
    assert graph.entities == ("Paris", "France", "Lyon")
    assert graph.relations == ("capital of", "in")
    assert graph.test.tolist() == [[2, 1, 1]]
    assert len(graph.train) + len(graph.valid) == 3


def test_parts_that_no_training_triple_has_are_said(tmp_path):
    dev = "Oslo\tin\tFrance\nLyon\tin\tFrance\n"
    with pytest.warns(
        UserWarning, match="1 of 2 valid triples have an entity or a rel"
    ):
        graph = triple_files.read(
            folder(tmp_path, {"train.txt": NAMED, "dev.txt": dev})
        )
    assert graph.valid.tolist() == [[3, 1, 1], [2, 1, 1]]


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        ({}, "neither train2id.txt"),
        ({"train.txt": "a\tb\n"}, "line 1"),
        ({"train.txt": "a\tb\tc\td\n"}, "line 1"),
        ({"train.txt": "a\t\tc\n"}, "line 1"),
        ({"train.txt": "h\tr\tt\n"}, "a heading and no triples"),
        ({"train.txt": "a\tb\tr\nb\tc\tr\n"}, "columns are head, relation, tail"),
        ({"train2id.txt": "1\n0 0 0\n"}, "has no entity2id.txt"),
    ],
)
def test_a_folder_that_is_no_graph_is_refused_in_a_line(tmp_path, files, wrong):
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        triple_files.read(folder(tmp_path, files))
    assert wrong in str(error.value)


def test_no_folder_is_refused_in_a_line(tmp_path):
    with pytest.raises(UserError, match="is no folder"):
        triple_files.read(str(tmp_path / "nowhere"))


class Facts(tfds.core.GeneratorBasedBuilder):
    """A TFDS set of triples, in wordnet's features."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        text = tfds.features.Text()
        features = tfds.features.FeaturesDict(
            {"lhs": text, "relation": text, "rhs": text}
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, manager):
        return {"train": self._rows(NAMED), "test": self._rows("Lyon\tin\tFrance\n")}

    def _rows(self, text):
        for row, line in enumerate(text.splitlines()):
            yield (
                row,
                dict(zip(("lhs", "relation", "rhs"), line.split("\t"), strict=True)),
            )

    def _generate_examples(self):
        raise NotImplementedError


def test_a_tfds_set_of_triples_is_read(tmp_path):
    folder = str(tmp_path)
    Facts(data_dir=folder, file_format="array_record").download_and_prepare()
    graph = triple_files.read_tfds("facts", folder)
    assert {*graph.entities} == {"Paris", "France", "Lyon"}
    assert len(graph.train) + len(graph.valid) == 3
    (test,) = graph.test
    assert [graph.entities[i] for i in test[[0, 2]]] == ["Lyon", "France"]
