"""The user's corpus: the layouts that exist, and one clear line for what is broken."""

import logging

import pytest

from common.contract import UserError
from papers import amr_summarization
from papers.amr_summarization import corpora, data, sources

GRAPH = """# ::id x.{0} ::date 2013
# ::snt The boy number {0} wants to go.
(w / want-01
    :ARG0 (b / boy :quant {0})
    :ARG1 (g / go-02 :ARG0 b))
"""


def graphs(first: int, count: int) -> str:
    return "\n".join(GRAPH.format(i) for i in range(first, first + count))


def test_ldcs_folders_are_splits(tmp_path):
    for split, count in (("training", 5), ("dev", 2), ("test", 3)):
        folder = tmp_path / "split" / split
        folder.mkdir(parents=True)
        (folder / f"amr-release-2.0-amrs-{split}-bolt.txt").write_text(graphs(0, count))
    found = corpora.read(str(tmp_path), 20)
    assert {k: len(v) for k, v in found.items()} == {"train": 5, "valid": 2, "test": 3}


def test_a_release_that_has_its_graphs_three_times_is_read_once(tmp_path, caplog):
    for kind in ("amrs/split", "alignments/split"):
        for split in ("training", "dev", "test"):
            folder = tmp_path / "data" / kind / split
            folder.mkdir(parents=True)
            (folder / "all.txt").write_text(graphs(0, 2))
    whole = tmp_path / "data" / "amrs" / "unsplit"
    whole.mkdir()
    (whole / "all.txt").write_text(graphs(0, 6))
    found = corpora.read(str(tmp_path), 20)
    assert {k: len(v) for k, v in found.items()} == {"train": 2, "valid": 2, "test": 2}
    assert "not read" in caplog.text


def test_the_amr_banks_files_are_splits(tmp_path):
    for split, count in (("training", 4), ("dev", 2), ("test", 1)):
        name = f"amr-bank-struct-v1.6-{split}.txt"
        (tmp_path / name).write_text("# AMR release\n\n" + graphs(0, count))
    found = corpora.read(str(tmp_path), 20)
    assert {k: len(v) for k, v in found.items()} == {"train": 4, "valid": 2, "test": 1}


def test_one_file_is_cut_by_place(tmp_path):
    (tmp_path / "all.amr").write_text(graphs(0, 20))
    found = corpora.read(str(tmp_path / "all.amr"), 20)
    assert {k: len(v) for k, v in found.items()} == {"train": 16, "valid": 2, "test": 2}
    pair = found["train"][0]
    assert pair.words == ("The", "boy", "number", "0", "wants", "to", "go", ".")
    assert pair.amr.tokens == {"w": (4,), "b": (1,), "g": (6,)}


def test_tokens_are_taken_as_they_are(tmp_path):
    text = graphs(0, 20).replace("# ::snt The", "# ::tok The @-@ boy\n# ::snt The")
    (tmp_path / "all.txt").write_text(text)
    found = corpora.read(str(tmp_path), 20)
    assert found["train"][0].words == ("The", "@-@", "boy")


def test_long_sentences_are_left_out_aloud(tmp_path, caplog):
    long = GRAPH.format(7).replace("to go", "to go " + "and go " * 20)
    (tmp_path / "all.txt").write_text(graphs(0, 30) + "\n" + long)
    with caplog.at_level(logging.WARNING):
        found = corpora.read(str(tmp_path), 20)
    assert sum(map(len, found.values())) == 30
    assert "1 sentences of more than 20 words" in caplog.text


BROKEN = {
    "not closed": (GRAPH.format(0).replace("b))", "b)"), "not closed"),
    "no sentence": (GRAPH.format(0).replace("# ::snt", "# said"), "# ::snt"),
    "closed too early": (GRAPH.format(0) + ")", "before the text"),
    "no concept": (GRAPH.format(0).replace("b / boy", "b"), "concept"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_graph_is_named_by_its_line(tmp_path, name):
    text, said = BROKEN[name]
    (tmp_path / "all.txt").write_text(graphs(0, 3) + "\n" + text)
    with pytest.raises(UserError, match=said) as error:
        corpora.read(str(tmp_path), 20)
    assert "all.txt, line 19" in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_corpus_is_said(tmp_path):
    config = amr_summarization.get_config("penman")
    with pytest.raises(UserError, match=r"data\.root"):
        next(data.batches(config, "train"))
    config.data.root = str(tmp_path / "missing")
    with pytest.raises(UserError, match="does not exist"):
        sources.load(config)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(UserError, match="no graph"):
        corpora.read(str(tmp_path / "empty.txt"), 20)
    (tmp_path / "few.txt").write_text(graphs(0, 3))
    with pytest.raises(UserError, match="valid, test"):
        corpora.read(str(tmp_path / "few.txt"), 20)
    (tmp_path / "latin.txt").write_bytes("(c / café)".encode("latin-1"))
    with pytest.raises(UserError, match="UTF-8"):
        corpora.read(str(tmp_path / "latin.txt"), 20)
