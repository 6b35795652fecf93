"""If these fail, a user's treebank is read as another one."""

from pathlib import Path

import pytest

from common.contract import UserError
from common.data import conllu

TEXT = """\
# newdoc id = one
# global.Entity = GRP-etype-infstat
# meta::summary1 = (human1) What a person wrote.
# meta::summary2 = (some-model-7B) What a model wrote.
# sent_id = one-1
1-2	don't	_	_	_	_	_	_	_	_
1	do	do	AUX	VBP	_	3	aux	_	Entity=(1-person-new
2	n't	not	PART	RB	_	3	advmod	_	Entity=(2-place-new)1)
3	go	go	VERB	VB	_	0	root	_	_
3.1	there	_	_	_	_	_	_	_	_

# newdoc id = two
1	Yes	yes	INTJ	_	_	0	root	_	_
2	No	no	INTJ	_	_	0	root	_	_
"""


def written(folder: Path, text: str | bytes, name: str = "a.conllu") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_words_heads_and_documents(tmp_path, end):
    one, two = conllu.read(written(tmp_path, TEXT.replace("\n", end)))
    (sentence,) = one.sentences
    assert (one.name, two.name) == ("one", "two")
    assert sentence.words == ("do", "n't", "go")
    assert sentence.heads == (2, 2, -1)
    assert sentence.arcs == ("aux", "advmod", "root")
    assert sentence.lemmas == ("do", "not", "go")
    assert one.comments[0]["sent_id"] == "one-1"
    assert two.sentences[0].tags == ("INTJ", "INTJ")  # the universal one
    assert two.sentences[0].heads == (-1, 0)


def test_entities_and_what_people_wrote(tmp_path):
    one, _ = conllu.read(written(tmp_path, TEXT))
    outer, inner = conllu.mentions(one)
    assert (outer.start, outer.end, outer.kind, outer.cluster) == (0, 2, "person", "1")
    assert (inner.start, inner.end, inner.kind) == (1, 2, "place")
    assert conllu.summaries(one) == ("What a person wrote.",)


def test_a_folder_is_read_by_name_without_hidden_files(tmp_path):
    word = "1\t{}\t_\t_\t_\t_\t0\troot\t_\t_\n"
    written(tmp_path, word.format("b"), "b.conllu")
    written(tmp_path, word.format("a"), "a.conllu")
    written(tmp_path, "broken", "._a.conllu")
    assert [d.name for d in conllu.read(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no sentences"),
        ("# only = comments\n", "no sentences"),
        ("1 a b c\n", "line 1 has 1 columns"),
        (
            "1\ta\t_\t_\t_\t_\t2\tx\t_\t_\n2\tb\t_\t_\t_\t_\t1\tx\t_\t_\n",
            "line 1.*root",
        ),
        ("1\ta\t_\t_\t_\t_\t_\tx\t_\t_\n", "no head"),
        ("1\ta\t_\t_\t_\t_\t9\tx\t_\t_\n", "word 9 of 1"),
        ("1\ta\t_\t_\t_\t_\tzero\tx\t_\t_\n", "line 1"),
        ("2\ta\t_\t_\t_\t_\t0\tx\t_\t_\n", "numbered"),
        ("1\t\xe9\t_\t_\t_\t_\t0\tx\t_\t_\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_what_is_no_conllu_is_one_line(tmp_path, text, said):
    with pytest.raises(UserError, match=said) as error:
        conllu.read(written(tmp_path, text))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("entity", ["(1-person-new", "1)"])
def test_an_entity_without_its_other_bracket_is_refused(tmp_path, entity):
    text = f"1\ta\t_\t_\t_\t_\t0\troot\t_\tEntity={entity}\n"
    (document,) = conllu.read(written(tmp_path, text))
    with pytest.raises(UserError, match="sentence 1"):
        conllu.mentions(document)
