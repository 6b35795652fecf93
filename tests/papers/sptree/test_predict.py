"""What a user gives, and what comes back; the network is untrained."""

import json
from functools import partial
from pathlib import Path

import jax
import pytest

from common.contract import Table, UserError
from papers.sptree import data, documents, get_config, init, predict, runs
from papers.sptree.config import Config
from papers.sptree.inference import inference, inference_inputs
from papers.sptree.sources import layout, spert
from papers.sptree.sources.annotated_sentence import Dropped, Entity

TEXT = "Ann owns New York.\n\nOslo was built by Dora Lee! Who likes Rome?\n"
CONLLU = (
    "1\tAnn\tAnn\tPROPN\tNNP\t_\t2\tnsubj\t_\t_\n"
    "2\towns\town\tVERB\tVBZ\t_\t0\troot\t_\t_\n"
    "3\tRome\tRome\tPROPN\tNNP\t_\t2\tobj\t_\t_\n\n"
    "1\tDora\tDora\tPROPN\tNNP\t_\t2\tnsubj\t_\t_\n"
    "2\tleft\tleave\tVERB\tVBD\t_\t0\troot\t_\t_\n\n"
)


@pytest.fixture(scope="module")
def trained():
    """A network that reads pieces of words; those of the contract's tests do not."""
    config = runs(get_config("smoke"))["no_all"].config
    config.model.d_piece = 4
    return config, init(config, jax.random.key(0))


def values(found):
    """{name: value}; "said" has the lines of text."""
    found = list(found)
    lines = "".join(x for x in found if isinstance(x, str))
    return dict(x for x in found if isinstance(x, tuple)) | {"said": lines}


def test_a_text_becomes_tables_whose_places_are_those_of_the_text(trained):
    found = values(predict(*trained, TEXT))
    assert found["said"] == "trees by the rules over tags\n"
    entities, relations = found["Entities"], found["Relations"]
    assert isinstance(entities, Table)
    assert entities.rows  # an untrained network finds something
    for _, text, kind, start, end in entities.rows:
        assert " ".join(TEXT[start:end].split()) == text
        assert kind in ("person", "place")
    for _, head, kind, tail, p in relations.rows:
        assert {head, tail} <= {row[1] for row in entities.rows}
        assert kind in ("owner", "builder")
        assert 0 < p < 1


@pytest.mark.slow
def test_files_get_answers_beside_them(trained, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(TEXT)
    (tmp_path / ".hidden.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "0.txt").write_bytes(b"Ann \xff")  # the first one is broken
    found = values(predict(*trained, str(tmp_path)))
    assert {row[0] for row in found["Entities"].rows} == {"a.txt", "b.txt"}
    assert "0.txt" in found["said"]
    ann = (tmp_path / "a.pred.ann").read_text().splitlines()
    assert ann == (tmp_path / "b.pred.ann").read_text().splitlines()
    for line in ann:
        if line[0] == "T":
            _, place, text = line.split("\t")
            start, end = map(int, place.split()[1:])
            assert TEXT[start:end] == text
    path = tmp_path / "a.pred.json"
    assert found["a.pred.json"] == path
    assert found["a.pred.ann"] == path.with_suffix(".ann")
    again = spert.sentences(path, layout.Trees(parser="chunks"), Dropped())
    assert [len(s.parsed) for s in again] == [5, 7, 4]
    assert not (tmp_path / ".hidden.pred.ann").exists()


@pytest.mark.slow
def test_trees_of_conll_u_are_read_as_they_are(trained, tmp_path):
    path = tmp_path / "a.conllu"
    path.write_text(CONLLU)
    found = values(predict(*trained, str(path)))
    assert found["said"] == ""  # no parser
    assert found["a.pred.json"] == tmp_path / "a.pred.json"
    for name, text, _, start, end in found["Entities"].rows:
        assert name in ("a/1", "a/2")
        words = ["Ann", "owns", "Rome"] if name == "a/1" else ["Dora", "left"]
        assert " ".join(words[start:end]) == text
    assert not (tmp_path / "a.pred.ann").exists()


@pytest.mark.slow
def test_long_paths_and_new_arcs_are_counted(tmp_path):
    """A chain of words between two entities that are given."""
    words = ["word"] * 60
    ends = [{"type": "place", "start": i, "end": i + 1} for i in (0, 59)]
    item = {"tokens": words, "heads": [*range(60)], "entities": ends}
    item["deprels"] = ["strange"] * 60
    (tmp_path / "a.json").write_text(json.dumps([item]))
    config = given()
    state = init(config, jax.random.key(0))
    note = values(predict(config, state, str(tmp_path / "a.json")))["Relations"].note
    assert note.startswith("1 pair(s) with more than 24 words")
    assert note.endswith(
        "60 of 60 arcs have names that training had not, such as strange"
    )


@pytest.mark.slow
@pytest.mark.parametrize("text", ["Oslo", "No verb here", "Ann " * 500, "Ann " * 600])
def test_odd_sentences_are_answered(trained, text):
    found = values(predict(*trained, text))
    left_out = len(text.split()) > 512
    assert ("left out" in found["Entities"].note) == left_out


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ("  ", "is empty"),
        ("nowhere.txt", "does not exist"),
        ("{folder}", "has no .txt file"),
    ],
)
def test_what_cannot_be_read_is_said(trained, inputs, said, tmp_path):
    inputs = inputs.format(folder=tmp_path)
    with pytest.raises(UserError, match=said):
        list(predict(*trained, inputs))


def test_the_network_as_a_function_of_arrays_asks_for_pieces(trained):
    config, state = trained
    inputs = inference_inputs(config)
    assert inputs["piece"] == ("rows, 12, 5", "int32")
    plain = runs(get_config("smoke"))["no_all"].config
    assert {*inputs} - {*inference_inputs(plain)} == {"piece"}
    batch = next(data.batches(config, "valid"))
    rows = {name: batch[name] for name in inputs}
    found = jax.eval_shape(partial(inference, config), state, rows)
    assert found["pairs"].shape == (8, 6, 3)


def test_a_run_of_entities_alone_says_so():
    config = runs(get_config("smoke"))["sptree"].config
    config.learning.task = "entities"
    with pytest.raises(UserError, match="no relations"):
        list(predict(config, None, TEXT))


# Given entities.


def given(**data) -> Config:
    config = get_config("smoke")
    config.runs = ("given",)
    config = runs(config)["given"].config
    config.model.label_embedding = False
    for name, value in data.items():
        setattr(config.data, name, value)
    return config


def of_json(folder: Path, kind: str = "place") -> str:
    items = [
        {
            "tokens": ["Ann", "owns", "Rome"],
            "entities": [
                {"type": "person", "start": 0, "end": 1},
                {"type": kind, "start": 2, "end": 3},
            ],
        }
    ]
    (folder / "own.json").write_text(json.dumps(items))
    return str(folder / "own.json")


@pytest.mark.slow
def test_relations_of_given_entities_are_answered(tmp_path):
    config = given()
    path = of_json(tmp_path)
    found = values(predict(config, init(config, jax.random.key(0)), path))
    assert found["Entities"].rows == [
        ["own/0", "Ann", "person", 0, 1],
        ["own/0", "Rome", "place", 2, 3],
    ]
    assert len(found["Relations"].rows) <= 1
    assert (tmp_path / "own.pred.json").exists()


def test_tokens_of_spert_are_read_with_their_entities(tmp_path):
    for config in (given(), runs(get_config("smoke"))["no_all"].config):
        _, (document,), notes = documents.read(config, of_json(tmp_path))
        (sentence,) = document.sentences
        assert sentence.parsed.words == ("Ann", "owns", "Rome")
        assert sentence.entities == (Entity(0, 1, "person"), Entity(2, 3, "place"))
        assert notes == ("trees by the rules over tags, where a sentence has no heads",)


def test_given_entities_that_share_words_are_counted(tmp_path):
    path = Path(of_json(tmp_path))
    path.write_text(path.read_text().replace('"start": 2', '"start": 0'))
    _, (document,), notes = documents.read(given(), str(path))
    assert len(document.sentences[0].entities) == 1
    assert notes[0] == "left out: 1 entity (overlap 1)"


def test_marked_entities_have_the_one_kind_of_training(tmp_path):
    for name in ("TRAIN_FILE.TXT", "TEST_FILE_FULL.TXT"):
        (tmp_path / name).write_text('1\t"<e1>A</e1> is <e2>B</e2>."\nOther\n\n')
    config = given(source="semeval", root=str(tmp_path), parser="chunks")
    text = "The <e2>old cradle</e2> holds a <e1>child</e1>.\n\n<e1>A</e1> <e2>B</e2>"
    first, second = documents.read(config, text).documents[0].sentences
    assert first.entities == (Entity(1, 3, "nominal"), Entity(5, 6, "nominal"))
    assert second.parsed.words == ("A", "B")
    with pytest.raises(UserError, match="line 1: the two entities share words"):
        documents.read(config, "<e1>a <e2>b</e2></e1>")
    with pytest.raises(UserError, match="line 2: one <e1>"):
        documents.read(config, f"{text.splitlines()[0]}\nnone")


@pytest.mark.parametrize("inputs", ["Ann owns Rome.", "<e1>A</e1> <e2>B</e2>"])
def test_a_run_of_given_entities_needs_them(inputs):
    with pytest.raises(UserError, match="entities that are given"):
        documents.read(given(), inputs)


def test_kinds_that_training_had_not_are_named_with_the_known_ones(tmp_path):
    with pytest.raises(UserError, match=r"own/0.*'river'.*knows person, place"):
        documents.read(given(), of_json(tmp_path, "river"))
