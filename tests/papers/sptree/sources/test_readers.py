"""If these fail, a user's corpus is read as another one, or without a word about what
was left out. Each test writes its own corpus."""

import json
from pathlib import Path

import pytest

from common.contract import UserError
from papers.sptree import sources
from papers.sptree.sources import brat, layout, spans, spert
from papers.sptree.sources.annotated_sentence import Dropped, Entity, Relation


def named(sentence) -> list[tuple]:
    words = sentence.parsed.words
    names = [" ".join(words[e.start : e.end]) for e in sentence.entities]
    return [(r.kind, names[r.head], names[r.tail]) for r in sentence.relations]


# CoNLL04.

CONLL04 = """\
#doc 1
0	Mrs.	B-Peop	['N']	[0]
1	Rose	I-Peop	['Live_In', 'Kill']	[3, 4]
2	left	O	['N']	[2]
3	Rome	B-Loc	['N']	[3]
4	John	B-Peop	['N']	[4]
#doc 2
0	Hello	O	['N']	[0]
"""


def conll04(folder: Path, text: str | bytes = CONLL04, **more: str) -> layout.Read:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "train.txt").write_bytes(data)
    for name, content in {"dev": CONLL04, "test": CONLL04, **more}.items():
        (folder / f"{name}.txt").write_text(content)
    return sources.read("conll04", str(folder), parser="chunks")


@pytest.mark.parametrize("text", [CONLL04, CONLL04.replace("\n", "\r\n")])
def test_conll04_has_words_entities_and_relations_of_last_words(tmp_path, text):
    first, second = conll04(tmp_path, text).sentences["train"]
    assert first.parsed.words == ("Mrs.", "Rose", "left", "Rome", "John")
    assert first.entities[0] == Entity(0, 2, "Peop")
    assert named(first) == [
        ("Live_In", "Mrs. Rose", "Rome"),
        ("Kill", "Mrs. Rose", "John"),
    ]
    assert second.entities == ()


def test_conll04_counts_a_relation_of_a_word_that_is_no_entity(tmp_path):
    text = CONLL04.replace("[3, 4]", "[2, 4]")
    read = conll04(tmp_path, text)
    assert named(read.sentences["train"][0]) == [("Kill", "Mrs. Rose", "John")]
    assert str(read.dropped["train"]) == "1 relation (lost entity 1)"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[3, 4]", "[3]", "line 3.*one length"),
        ("[3, 4]", "[3, 40]", "line 3.*word 40 of 5"),
        ("[3, 4]", "[3, 4.5]", "line 3"),
        ("\tleft\t", "\t \t", "word 3 is empty"),
        ("[3, 4]", "[3, __import__('os')]", "line 3"),
        ("B-Loc", "S-Loc", "B-KIND"),
        ("2\tleft", "7\tleft", "line 4"),
        ("\tRose", " Rose", "line 3"),
        (CONLL04, "", "no sentences"),
        ("Rome", "R\udcffme", "UTF-8"),
    ],
)
def test_a_wrong_line_of_conll04_is_named(tmp_path, old, new, said):
    text = CONLL04.replace(old, new).encode(errors="surrogateescape")
    with pytest.raises(UserError, match=said) as error:
        conll04(tmp_path, text)
    assert "\n" not in str(error.value)


def test_without_a_test_the_validation_set_is_the_test(tmp_path):
    (tmp_path / "train.txt").write_text(CONLL04 * 10)
    (tmp_path / "dev.txt").write_text(CONLL04)
    read = sources.read("conll04", str(tmp_path), parser="chunks")
    assert {k: len(v) for k, v in read.sentences.items()} == {
        "train": 18,
        "valid": 2,
        "test": 2,
    }
    assert "the test is its validation set" in read.about


def test_two_files_for_a_split_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"train_old\.txt"):
        conll04(tmp_path, train_old=CONLL04)


def test_trees_come_from_a_treebank_if_it_has_the_words(tmp_path):
    words = [line.split("\t")[1] for line in CONLL04.splitlines() if "\t" in line]
    rows = [
        f"{i + 1}\t{w}\t_\t_\tX\t_\t{i}\tdep\t_\t_" for i, w in enumerate(words[:5])
    ]
    trees = tmp_path / "trees.conllu"
    hello = "1\tHello\t_\t_\tX\t_\t0\troot\t_\t_"
    trees.write_text("\n".join([*rows, "", hello, ""]))
    folder = tmp_path / "corpus"
    folder.mkdir()
    conll04(folder)
    read = sources.read("conll04", str(folder), str(trees), "chunks")
    assert read.sentences["train"][0].parsed.heads == (-1, 0, 1, 2, 3)
    trees.write_text(hello + "\n")
    with pytest.raises(UserError, match="no tree for 'Mrs"):
        layout.Trees(str(trees)).of(words[:5], "here")
    trees.write_text(
        "1\tHel\t_\t_\tX\t_\t0\troot\t_\t_\n2\tlo\t_\t_\tX\t_\t1\tx\t_\t_\n"
    )
    with pytest.raises(UserError, match="into 2 words"):
        layout.Trees(str(trees)).of(["Hello"], "here")


# SpERT.

ITEM = {
    "tokens": ["Ann", "lives", "in", "Rome"],
    "entities": [
        {"type": "Loc", "start": 3, "end": 4},
        {"type": "Peop", "start": 0, "end": 1},
    ],
    "relations": [{"type": "Live_In", "head": 1, "tail": 0}],
    "orig_id": 7,
}


def of_json(folder: Path, item: object) -> layout.Read:
    for split in ("train", "dev", "test"):
        (folder / f"x_{split}.json").write_text(json.dumps([item]))
    (folder / "x_types.json").write_text("{}")
    return sources.read("spert", str(folder), parser="chunks")


def test_spert_has_relations_between_entities_by_place(tmp_path):
    (found,) = of_json(tmp_path, ITEM).sentences["train"]
    assert [e.kind for e in found.entities] == ["Peop", "Loc"]
    assert named(found) == [("Live_In", "Ann", "Rome")]


def test_of_two_cuts_of_a_text_each_gets_its_own_tree(tmp_path):
    trees = tmp_path / "trees.conllu"
    row = "{}\t{}\t_\tNN\tNN\t_\t{}\t{}\t_\t_"
    joined = [row.format(1, "cannot", 0, "root")]
    apart = [row.format(1, "can", 2, "aux"), row.format(2, "not", 0, "root")]
    trees.write_text("\n".join([*joined, "", *apart, "", ""]))
    found = layout.Trees(str(trees))
    assert found.of(["cannot"], "here").heads == (-1,)
    assert found.of(["can", "not"], "here").heads == (1, -1)


def test_spert_keeps_given_trees_and_writes_what_it_reads(tmp_path):
    tree = {"heads": [2, 0, 4, 0], "deprels": ["a", "b", "c", "d"], "pos": ["N"] * 4}
    (found,) = of_json(tmp_path, ITEM | tree).sentences["train"]
    assert found.parsed.heads == (1, -1, 3, 1)  # the second root hangs on the first
    assert found.parsed.arcs == ("a", "b", "c", "d")
    path = tmp_path / "again.json"
    path.write_text(spert.written([found]))
    (again,) = spert.sentences(path, layout.Trees(parser="chunks"), Dropped())
    assert (again.parsed, again.entities, again.relations) == (
        found.parsed,
        found.entities,
        found.relations,
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"relations": [{"type": "r", "head": 1, "tail": 2}]}, "there are 2"),
        ({"relations": [{"type": "r", "head": 1}]}, "sentence 0"),
        ({"entities": [{"type": "Loc", "start": 3, "end": 5}]}, "sentence of 4"),
        ({"entities": [{"type": "Loc", "start": 3, "end": 3}]}, "sentence of 4"),
        ({"entities": [{"type": "Loc", "start": 1.5, "end": 3}]}, "whole number"),
        ({"entities": 5}, "sentence 0"),
        ({"tokens": []}, "no tokens"),
        ({"tokens": ["a", " "]}, "no tokens"),
        ({"tokens": "Ann lives in Rome"}, "not a list"),
        ({"tokens": ["Ann", None, "in", "Rome"]}, "not a string"),
        ({"entities": [{"type": "Loc", "start": 0, "end": 1e999}]}, "infinity"),
        ({"heads": [2, 0, 4, 2], "pos": [1, 2, 3, 4]}, "not a string"),
        ({"heads": [2, 0, 4, 2], "deprels": ["a"]}, "1 arcs"),
        ({"heads": [2, 1, 4, 3]}, "no root"),
        ({"heads": [2, 0, 4, 3]}, "circle"),
        ({"heads": [2, 0, 9, 2]}, "word 9"),
        ({"heads": [2, 0]}, "2 heads"),
    ],
)
def test_a_wrong_sentence_of_spert_is_named(tmp_path, change, said):
    with pytest.raises(UserError, match=said) as error:
        of_json(tmp_path, ITEM | change)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "words", [["Oslo"], ["The", "old", "mayor"], ["Ann", "left"] * 250]
)
def test_spert_reads_one_word_no_verb_and_500_words(tmp_path, words):
    item = {"tokens": words, "entities": [{"type": "Peop", "start": 0, "end": 1}]}
    (found,) = of_json(tmp_path, item).sentences["train"]
    assert found.parsed.words == tuple(words)
    assert found.parsed.heads.count(-1) == 1


def test_spert_counts_what_overlaps_and_relations_of_it(tmp_path):
    """The longest stays, and of a pair a relation each way."""
    long = {"type": "X", "start": 2, "end": 4}
    entities = [*ITEM["entities"], long]
    relations = [("a", 1, 0), ("b", 1, 2), ("c", 2, 1), ("d", 2, 2)]
    item = ITEM | {
        "entities": entities,
        "relations": [{"type": t, "head": h, "tail": e} for t, h, e in relations],
    }
    read = of_json(tmp_path, item)
    (found,) = read.sentences["train"]
    assert named(found) == [("b", "Ann", "in Rome"), ("c", "in Rome", "Ann")]
    assert str(read.dropped["train"]) == (
        "1 entity (overlap 1), 2 relations (lost entity 1, same entity 1)"
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '[{"tokens": ["a"]'])
def test_a_file_that_is_no_list_of_sentences_is_refused(tmp_path, text):
    (tmp_path / "a_train.json").write_text(text)
    with pytest.raises(UserError, match="a_train"):
        sources.read("spert", str(tmp_path), parser="chunks")


# SemEval.

SEMEVAL = """\
1	"The <e1>child</e1>'s toy was in the wooden-<e2>box</e2>."
Content-Container(e2,e1)
Comment: none

2	"A <e1>ridge line</e1> is no <e2>wave</e2>."
Other
Comment:

"""
TREES = [
    {
        "token": ["The", "child", "'s", "toy", "was", "in", "the", "box", "."],
        "stanford_head": ["2", "4", "2", "5", "0", "5", "8", "6", "5"],
        "stanford_deprel": ["dep"] * 9,
        "stanford_pos": ["X"] * 9,
        **{"subj_start": 1, "subj_end": 1, "obj_start": 7, "obj_end": 7},
    }
]


def semeval(folder: Path, text: str = SEMEVAL, end: str = "\r\n") -> layout.Read:
    (folder / "TRAIN_FILE.TXT").write_bytes(text.replace("\n", end).encode())
    (folder / "TEST_FILE_FULL.TXT").write_bytes(SEMEVAL.replace("\n", end).encode())
    return sources.read("semeval", str(folder), parser="chunks")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_semeval_has_two_nominals_and_a_directed_relation(tmp_path, end):
    first, second = semeval(tmp_path, end=end).sentences["test"]
    assert named(first) == [("Content-Container", "box", "child")]
    assert first.parsed.words[:4] == ("The", "child", "'s", "toy")
    assert "box" in first.parsed.words  # cut from "wooden-"
    assert second.relations == ()
    assert second.entities[0] == Entity(1, 3, "nominal")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Content-Container(e2,e1)", "Contents(e2,e1)", "line 1"),
        ("Content-Container(e2,e1)", "Content-Container(e1)", "line 1"),
        ("<e2>box</e2>", "box", "line 1"),
        ("toy", "<e1>toy</e1>", "line 1.*twice"),
        ("<e2>wave</e2>", "<e2></e2>", "line 5"),
        ('2\t"A', "A", "line 5"),
        (SEMEVAL, "", "no sentences"),
    ],
)
def test_a_wrong_line_of_semeval_is_named(tmp_path, old, new, said):
    with pytest.raises(UserError, match=said):
        semeval(tmp_path, SEMEVAL.replace(old, new))


def test_semeval_counts_a_nominal_inside_the_other(tmp_path):
    nested = "<e1>ridge <e2>line</e2></e1> is no wave"
    text = SEMEVAL.replace("<e1>ridge line</e1> is no <e2>wave</e2>", nested)
    text = text.replace("Other", "Message-Topic(e1,e2)")
    read = semeval(tmp_path, text)
    assert str(read.dropped["train"] + read.dropped["valid"]) == (
        "1 entity (overlap 1), 1 relation (lost entity 1)"
    )
    assert str(read.dropped["test"]) == "nothing"


def test_semeval_s_validation_is_spread_over_its_training_file(tmp_path):
    """The file's end is of another set than the rest."""
    block = SEMEVAL.split("\n\n")[0].split("\t", 1)[1] + "\n\n"
    read = semeval(tmp_path, "".join(f"{i}\t{block}" for i in range(25)))
    numbers = {k: [s.name for s in v] for k, v in read.sentences.items()}
    assert numbers["valid"] == ["9", "19"]
    assert len(numbers["train"]) == 23
    assert not {*numbers["train"]} & {*numbers["valid"]}


def test_semeval_takes_the_given_trees_of_the_test(tmp_path):
    block = SEMEVAL.split("\n\n")[0].replace("wooden-", "") + "\n\n"
    (tmp_path / "TEST_FILE_FULL.TXT").write_text(block * 10)
    (tmp_path / "trees.json").write_text(json.dumps(TREES * 10))
    read = sources.read("semeval_trees", str(tmp_path))
    assert {k: len(v) for k, v in read.sentences.items()} == {
        "train": 7,
        "valid": 1,
        "test": 2,
    }
    assert "not the standard split" in read.about
    found = read.sentences["train"][0]
    assert found.parsed.heads == (1, 3, 1, 4, -1, 4, 7, 5, 4)
    assert named(found) == [("Content-Container", "box", "child")]


def test_semeval_takes_words_and_trees_of_a_treebank(tmp_path):
    """CoreNLP's words: other cuts, other brackets."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    text = SEMEVAL.replace("toy", "(toy)")
    words = [
        "The",
        "child",
        "'s",
        "-LRB-",
        "toy",
        "-RRB-",
        "was",
        "in",
        "the",
        "wooden-box",
        ".",
    ]
    second = ["A", "ridge", "line", "is", "no", "wave", "."]
    rows = [
        "".join(f"{i + 1}\t{w}\t_\t_\tX\t_\t{i}\tdep\t_\t_\n" for i, w in enumerate(s))
        for s in (words, second, [w for w in words if "RB" not in w])
    ]
    trees = tmp_path / "trees.conllu"
    trees.write_text("\n".join(rows))
    semeval(folder, text)
    read = sources.read("semeval", str(folder), str(trees))
    first = read.sentences["train"][0]
    assert named(first) == [("Content-Container", "wooden-box", "child")]
    assert len(first.parsed) in (len(words), len(words) - 2)


def test_trees_in_another_order_are_refused(tmp_path):
    block = SEMEVAL.split("\n\n")[0] + "\n\n"
    (tmp_path / "TEST_FILE_FULL.TXT").write_text(block)
    wrong = [TREES[0] | {"subj_start": 3, "subj_end": 3}]
    (tmp_path / "trees.json").write_text(json.dumps(wrong))
    with pytest.raises(UserError, match="'child', and 'toy'"):
        sources.read("semeval_trees", str(tmp_path))


# brat.

TEXT = "Zoë 𝄞 Lee met Bo.\nBo of Rome-based Orb left. They saw Ann."
ANN = """\
T1\tPer 0 9\tZoë 𝄞 Lee
T2\tPer 14 16\tBo
T3\tLoc 24 28\tRome
T4\tOrg 35 38\tOrb
R1\tmet Arg1:T1 Arg2:T2
R2\tin Arg1:T4 Arg2:T3
R3\tsaw Arg1:T1 Arg2:T4
A1\tNegation T1
#1\tAnnotatorNotes T1\ta note
"""


def of_brat(folder: Path, ann: str = ANN, text: str = TEXT):
    (folder / "a.txt").write_text(text)
    (folder / "a.ann").write_text(ann)
    dropped = Dropped()
    found = brat.document(folder / "a.ann", layout.Trees(parser="chunks"), dropped)
    return found, dropped


def test_brat_counts_code_points_and_cuts_words_at_entities(tmp_path):
    found, dropped = of_brat(tmp_path)
    assert [named(s) for s in found] == [
        [("met", "Zoë 𝄞 Lee", "Bo")],
        [("in", "Orb", "Rome")],
        [],
    ]
    assert str(dropped) == "1 relation (other sentence 1)"


@pytest.mark.parametrize("gap", [" ", "\t", "\r"])
def test_what_brat_writes_it_reads(tmp_path, gap):
    text = TEXT.replace("𝄞 ", f"𝄞{gap}")
    found, _ = of_brat(tmp_path, text=text)
    again, _ = of_brat(tmp_path, brat.written(found, text), text)
    assert [(s.entities, s.relations) for s in again] == [
        (s.entities, s.relations) for s in found
    ]


def test_discontinuous_and_overlapping_entities_are_counted(tmp_path):
    ann = "T1\tPer 0 3;6 9\tZoë Lee\nT2\tPer 0 9\tZoë 𝄞 Lee\nT3\tPer 6 9\tLee\n"
    ann += "R1\tis Arg1:T1 Arg2:T2\nR2\tis Arg1:T2 Arg2:T3\n"
    found, dropped = of_brat(tmp_path, ann)
    assert found[0].entities == (Entity(0, 3, "Per"),)
    assert str(dropped) == (
        "2 entities (overlap 1, discontinuous 1), 2 relations (lost entity 2)"
    )


def test_pieces_that_a_line_break_parts_are_one_entity(tmp_path):
    found, dropped = of_brat(tmp_path, "T1\tPer 0 3;6 9\tZoë Lee\n", "Zoë\n  Lee won.")
    assert found[0].entities == (Entity(0, 2, "Per"),)
    assert str(dropped) == "nothing"


def test_brats_first_argument_is_the_one_named_so(tmp_path):
    swapped = ANN.replace("Arg1:T1 Arg2:T2", "Arg2:T2 Arg1:T1")
    assert named(of_brat(tmp_path, swapped)[0][0]) == [("met", "Zoë 𝄞 Lee", "Bo")]
    own = ANN.replace("Arg1:T1 Arg2:T2", "Who:T2 Whom:T1")
    assert named(of_brat(tmp_path, own)[0][0]) == [("met", "Bo", "Zoë 𝄞 Lee")]


@pytest.mark.parametrize(
    ("ann", "text", "said"),
    [
        ("T1\tPer 7 10\tLee", TEXT, "UTF-16"),
        ("T1\tPer 10 13\tLee", TEXT, "bytes"),
        ("T1\tPer 5 8\tBob", "Ann\nBob", "and the .txt has one"),
        ("T1\tPer 4 7\tBob", "Ann\r\nBob", "and the .txt has two"),
        ("T1\tPer 0 3\tBob", TEXT, "'Zoë', not 'Bob'"),
        ("T1\tPer 0 99\tZoë", TEXT, "line 1"),
        ("T1\tPer 3 3\t", TEXT, "line 1"),
        ("T1\tPer 0 3", TEXT, "line 1"),
        ("T1\tPer x 3\tZoë", TEXT, "line 1"),
        ("R1\tmet Arg1:T1 Arg2:T2", TEXT, "no entity 'T1'"),
        ("R1\tmet T1 T2", TEXT, "line 1"),
        ("X1\tsomething", TEXT, "line 1"),
        ("T1\tPer 0 3\tZoë\nT1\tPer 0 3\tZoë", TEXT, "2 entities are named 'T1'"),
    ],
)
def test_a_wrong_line_of_brat_is_named(tmp_path, ann, text, said):
    with pytest.raises(UserError, match=said) as error:
        of_brat(tmp_path, ann, text)
    assert "\n" not in str(error.value)


def test_an_ann_without_its_txt_is_refused(tmp_path):
    (tmp_path / "a.ann").write_text("")
    with pytest.raises(UserError, match=r"no a\.txt"):
        sources.read("brat", str(tmp_path))


def test_documents_are_split_by_folder_or_by_name(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / split).mkdir()
        of_brat(tmp_path / split)
    read = sources.read("brat", str(tmp_path), parser="chunks")
    assert {k: len(v) for k, v in read.sentences.items()} == dict.fromkeys(
        layout.SPLITS, 3
    )
    flat = tmp_path / "flat"
    flat.mkdir()
    for i in range(40):
        (flat / f"{i}.ann").write_text("")
        (flat / f"{i}.txt").write_text("One. Two.")
    splits = layout.documents(flat, ".ann")
    assert sum(map(len, splits.values())) == 40
    assert all(splits.values())


# ACE.

SGM = """\
<DOC>
<DOCID> a </DOCID>
<BODY><TEXT>
The mayor of Rome left. She met AT&amp;T's boss.
</TEXT></BODY></DOC>
"""


def apf(
    mentions: list[tuple[str, str, str]], relations: str = "", source: str = SGM
) -> str:
    """(id, type, head) of mentions, whose heads stand once in the text."""
    text = source
    plain = "".join(part.split(">")[-1] for part in text.split("<"))
    rows = []
    for key, kind, head in mentions:
        start = plain.index(head)
        rows.append(
            f'<entity ID="E{key}" TYPE="{kind}"><entity_mention ID="{key}"><head>'
            f'<charseq START="{start}" END="{start + len(head) - 1}">{head}</charseq>'
            "</head></entity_mention></entity>"
        )
    return f"<source_file><document>{''.join(rows)}{relations}</document></source_file>"


NEW = (
    '<relation TYPE="GEN-AFF"><relation_mention ID="1">'
    '<relation_mention_argument REFID="m" ROLE="Arg-1"/>'
    '<relation_mention_argument REFID="r" ROLE="Arg-2"/></relation_mention></relation>'
)
OLD = (
    '<relation TYPE="GEN-AFF"><relation_mention ID="1">'
    '<rel_mention_arg ENTITYMENTIONID="m" ARGNUM="1"/>'
    '<rel_mention_arg ENTITYMENTIONID="r" ARGNUM="2"/></relation_mention></relation>'
)
MENTIONS = [("m", "PER", "mayor"), ("r", "GPE", "Rome"), ("b", "PER", "boss")]


def of_ace(folder: Path, xml: str) -> layout.Read:
    for split in ("train", "dev", "test"):
        (folder / split).mkdir(exist_ok=True)
        (folder / split / "a.sgm").write_text(SGM)
        (folder / split / "a.apf.xml").write_text(xml)
    return sources.read("ace", str(folder), parser="chunks")


@pytest.mark.parametrize("relations", [NEW, OLD])
def test_ace_has_heads_and_directed_relations(tmp_path, relations):
    first, second = of_ace(tmp_path, apf(MENTIONS, relations)).sentences["test"]
    assert named(first) == [("GEN-AFF", "mayor", "Rome")]
    assert [e.kind for e in first.entities] == ["PER", "GPE"]
    assert len(second.entities) == 1


def test_ace_counts_a_reference_as_one_character_or_as_five(tmp_path):
    for source in (SGM, SGM.replace("&amp;", "&")):
        _, second = of_ace(tmp_path, apf(MENTIONS, "", source)).sentences["test"]
        words = second.parsed.words
        assert [words[e.start : e.end] for e in second.entities] == [("boss",)]


def test_relations_between_sentences_and_of_times_are_counted(tmp_path):
    across = NEW.replace('REFID="r"', 'REFID="b"')
    of_time = NEW.replace('REFID="r"', 'REFID="time"')
    read = of_ace(tmp_path, apf(MENTIONS, across + of_time))
    assert str(read.dropped["train"]) == (
        "2 relations (other sentence 1, lost entity 1)"
    )


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ("<a>", "not XML"),
        (apf(MENTIONS).replace(">mayor<", ">major<"), "'major'.*'mayor'"),
        (apf(MENTIONS).replace('START="', 'START="x'), "whole numbers"),
        (apf(MENTIONS, NEW.replace("Arg-2", "Time")), "no Arg-1 and Arg-2"),
    ],
)
def test_a_wrong_file_of_ace_is_named(tmp_path, xml, said):
    with pytest.raises(UserError, match=said):
        of_ace(tmp_path, xml)


# GUM.


def test_gum_has_heads_with_their_names(tmp_path):
    rows = [
        "1\tthe\t_\t_\tDT\t_\t2\tdet\t_\tEntity=(1-place",
        "2\tmayor\t_\t_\tNN\t_\t0\troot\t_\t_",
        "3\tof\t_\t_\tIN\t_\t5\tcase\t_\t_",
        "4\tNew\t_\t_\tNNP\t_\t5\tcompound\t_\tEntity=(2-place",
        "5\tYork\t_\t_\tNNP\t_\t2\tnmod\t_\tEntity=2)1)",
    ]
    text = "".join(row + "\n" for row in rows)
    for split in ("train", "dev", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.conllu").write_text(text)
    (found,) = sources.read("gum", str(tmp_path)).sentences["train"]
    assert found.entities == (Entity(1, 2, "place"), Entity(3, 5, "place"))
    assert found.parsed.heads == (1, -1, 4, 4, 1)


# All.


@pytest.mark.parametrize("source", [*sources.FILES, *sources.GIVEN])
def test_a_root_that_is_missing_or_empty_is_one_line(tmp_path, source):
    for root in ("", str(tmp_path / "absent"), str(tmp_path)):
        with pytest.raises(UserError) as error:
            sources.read(source, root, parser="chunks")
        assert "\n" not in str(error.value)


def test_hidden_files_are_not_read(tmp_path):
    (tmp_path / "._train.txt").write_text("broken")
    assert len(conll04(tmp_path).sentences["train"]) == 2


def test_words_are_cut_where_entities_end():
    words = [spans.Word("Rome-based", 3, 13)]
    assert [w.text for w in spans.cut(words, {7, 8, 20})] == ["Rome", "-", "based"]


def test_every_relation_index_has_an_entity(tmp_path):
    for sentence in conll04(tmp_path).sentences["train"]:
        for r in sentence.relations:
            assert isinstance(r, Relation)
            assert max(r.head, r.tail) < len(sentence.entities)
