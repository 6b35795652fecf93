"""What `python -m launch.parser` trains on and leaves. A failure means that a test
sentence is trained on, or that a user's mistake ends in a traceback."""

import pytest

from common.text import parses
from launch import parser

# Each word's head and label.
SENTENCES = (
    (("dogs", 2, "nsubj"), ("bark", 0, "root"), ("loudly", 2, "advmod")),
    (("the", 2, "det"), ("cat", 3, "nsubj"), ("sleeps", 0, "root")),
    (
        ("birds", 2, "nsubj"),
        ("eat", 0, "root"),
        ("old", 4, "amod"),
        ("bread", 2, "obj"),
    ),
)


def conllu(documents: int, name: str = "d", newdoc: bool = True) -> str:
    """Documents of all sentences, each with its own first word."""
    lines = []
    for number in range(documents):
        lines += [f"# newdoc id = {name}{number}"] if newdoc else []
        for sentence in SENTENCES:
            for i, (word, head, arc) in enumerate(sentence, start=1):
                form = word if i > 1 else f"{word}{number}"
                columns = (i, form, "_", "_", "_", "_", head, arc, "_", "_")
                lines.append("\t".join(map(str, columns)))
            lines.append("")
    return "\n".join(lines) + "\n"


def firsts(sentences) -> set[str]:
    return {parsed.words[0] for parsed in sentences}


def test_documents_are_drawn_whole_and_the_same_ones_each_time(tmp_path):
    (tmp_path / "all.conllu").write_text(conllu(40))
    found, said = parser.splits(str(tmp_path))
    assert said == "splits drawn by names"
    assert sum(map(len, found.values())) == 40 * len(SENTENCES)
    numbers = {
        split: {first.strip("abcdefghijklmnopqrstuvwxyz") for first in firsts(of)}
        for split, of in found.items()
    }
    assert numbers["train"].isdisjoint(numbers["valid"] | numbers["test"])
    assert numbers["valid"].isdisjoint(numbers["test"])
    assert parser.splits(str(tmp_path))[0] == found


def test_sentences_are_drawn_where_documents_are_few(tmp_path):
    (tmp_path / "a.conllu").write_text(conllu(40, newdoc=False))
    found, _ = parser.splits(str(tmp_path / "a.conllu"))
    assert min(map(len, found.values())) > 0
    assert sum(map(len, found.values())) == 40 * len(SENTENCES)


@pytest.mark.parametrize(
    "names",
    [
        ("en_x-ud-train.conllu", "en_x-ud-dev.conllu", "en_x-ud-test.conllu"),
        ("train/a.conllu", "dev/a.conllu", "test/a.conllu"),
    ],
)
def test_splits_that_names_say_are_kept(tmp_path, names):
    for count, name in enumerate(names, start=1):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(conllu(count))
    found, said = parser.splits(str(tmp_path))
    assert said == "the treebank's own splits"
    counts = {split: len(of) // len(SENTENCES) for split, of in found.items()}
    assert counts == {"train": 1, "valid": 2, "test": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not exist"),
        ("1\tword\n", "2 columns"),
        (conllu(1, newdoc=False).split("\n\n")[0] + "\n", "no sentence is left to"),
    ],
)
def test_a_treebank_that_cannot_be_learnt_is_one_line(tmp_path, capsys, text, said):
    path = tmp_path / "a.conllu"
    if text is not None:
        path.write_text(text)
    assert parser.main([str(path), f"--out={tmp_path / 'out'}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("parser: ")
    assert said in error
    assert error.count("\n") == 1


def test_a_folder_that_cannot_be_written_to_is_one_line_before_training(
    tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    assert parser.main([str(tmp_path / "missing"), f"--out={out}"]) == 2
    assert "cannot be written to" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", "x", str(2**32)])
def test_a_seed_that_is_none_is_refused(tmp_path, capsys, seed):
    with pytest.raises(SystemExit) as ended:
        parser.main(["a.conllu", f"--out={tmp_path}", f"--seed={seed}"])
    assert ended.value.code == 2
    assert "no whole number" in capsys.readouterr().err


def test_a_stop_says_what_is_kept(tmp_path, capsys, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    (tmp_path / "a.conllu").write_text(conllu(40))
    monkeypatch.setattr(parser, "train", stopped)
    assert parser.main([str(tmp_path), f"--out={tmp_path / 'out'}"]) == 130
    assert "before the first epoch ended" in capsys.readouterr().err


def test_a_parser_is_never_overwritten(tmp_path, capsys):
    (tmp_path / "a.conllu").write_text(conllu(40))
    (tmp_path / "parser.json").write_text("{}")
    assert parser.main([str(tmp_path), f"--out={tmp_path}"]) == 2
    assert "has a parser: name a new folder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_small_treebank_is_learnt_and_its_parser_has_a_folder(tmp_path, capsys):
    (tmp_path / "a.conllu").write_text(conllu(40))
    out = tmp_path / "out"
    code = parser.main(
        [str(tmp_path / "a.conllu"), f"--out={out}", "--epochs=6", "--batch_words=100"]
    )
    assert code == 0
    printed = capsys.readouterr().out
    assert "epoch 6/6" in printed
    assert "the rules, chunks" in printed
    parsed = parses.parser(str(out))(["birds", "eat", "old", "bread"])
    assert parsed.heads == (1, -1, 3, 1)
    assert parsed.arcs == ("nsubj", "root", "amod", "obj")
