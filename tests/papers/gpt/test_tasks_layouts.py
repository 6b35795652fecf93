"""The public sets, each read from files that the test writes in the set's own layout.

What would fail if a column were taken from another place, or quotes were read as csv's.
"""

import json

import pytest

from papers.gpt import tasks

WORDS = ("river", "stone", "bird", "song", "moon", "road", "letter", "house", "winter")


def write(folder, files):
    for name, lines in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(folder)


def table(header, labels, row):
    """`row(i, label)` of each label, below a header."""
    return [header] * bool(header) + [row(i, label) for i, label in enumerate(labels)]


def texts_of(task, split):
    return [example.texts for example in task.of(split)]


def labels_of(task, split):
    return [example.label for example in task.of(split)]


GLUE = {
    "sst2": (
        "sentence\tlabel",
        lambda i, y: f'"a {WORDS[i % 9]}" film {i}\t{y}',
        ("0", "1"),
        lambda i: (f'"a {WORDS[i % 9]}" film {i}',),
    ),
    "mrpc": (
        "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String",
        lambda i, y: f"{y}\t{i}\t{i}9\tone {i}\ttwo {i}",
        ("0", "1"),
        lambda i: (f"one {i}", f"two {i}"),
    ),
    "stsb": (
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\t"
        "sentence2\tscore",
        lambda i, y: f"{i}\tg\tf\t2012\t{i}\ts\ts\tone {i}\ttwo {i}\t{y}",
        ("0.000", "3.250"),
        lambda i: (f"one {i}", f"two {i}"),
    ),
    "qqp": (
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
        lambda i, y: f"{i}\t{i}1\t{i}2\twhat {i}?\twhy {i}?\t{y}",
        ("0", "1"),
        lambda i: (f"what {i}?", f"why {i}?"),
    ),
    "qnli": (
        "index\tquestion\tsentence\tlabel",
        lambda i, y: f"{i}\twho {i}?\tshe {i}\t{y}",
        ("entailment", "not_entailment"),
        lambda i: (f"who {i}?", f"she {i}"),
    ),
    "rte": (
        "index\tsentence1\tsentence2\tlabel",
        lambda i, y: f"{i}\tlong {i}\tshort {i}\t{y}",
        ("entailment", "not_entailment"),
        lambda i: (f"long {i}", f"short {i}"),
    ),
}


@pytest.mark.parametrize("name", GLUE)
def test_a_glue_set_gives_its_columns_and_its_dev_set_is_the_test_split(tmp_path, name):
    header, row, (first, second), texts = GLUE[name]
    no_label = "index\tnothing"
    root = write(
        tmp_path,
        {
            "train.tsv": table(header, [first, second] * 10, row),
            "dev.tsv": table(header, [second, first], row),
            "test.tsv": [header.replace("label", "nothing"), no_label]
            if name == "sst2"
            else table(header, ["-1"] * 3, row),
        },
    )
    task = tasks.load(name, root)
    assert texts_of(task, "test") == [texts(0), texts(1)]
    high, low = (3.25, 0.0) if task.scored else (1, 0)
    assert labels_of(task, "test") == [high, low]
    assert (len(task.of("train")), len(task.of("valid"))) == (18, 2)
    assert sorted(labels_of(task, "valid")) == [low, high]
    known = {texts(i) for i in range(20)}
    assert {*texts_of(task, "train"), *texts_of(task, "valid")} == known
    assert "the validation examples are the test split" in task.notes
    assert tasks.load(name, root).examples == task.examples
    assert tasks.load(name, root, seed=1).of("valid") != task.of("valid")


def test_a_labelled_test_file_is_the_test_split(tmp_path):
    header, row, labels, texts = GLUE["mrpc"]
    msr = {f"msr_paraphrase_{part}.txt": table(header, labels * 10, row)
           for part in ("train", "test")}  # fmt: skip
    task = tasks.load("mrpc", write(tmp_path, msr))
    assert task.form == "similarity"
    assert [len(task.of(split)) for split in ("train", "valid", "test")] == [18, 2, 20]
    assert texts_of(task, "test")[19] == texts(19)


@pytest.mark.parametrize("place", ["", "CoLA/"])
def test_cola_of_glue_has_no_header(tmp_path, place):
    rows = [f"gj04\t{i % 2}\t{'*' * (1 - i % 2)}\tsentence {i}." for i in range(20)]
    files = {f"{place}train.tsv": rows, f"{place}dev.tsv": rows[:4]}
    task = tasks.load("cola", write(tmp_path, files))
    assert texts_of(task, "test")[0] == ("sentence 0.",)
    assert labels_of(task, "test") == [0, 1, 0, 1]
    assert task.metrics[0] == "mcc"


def test_cola_in_its_own_layout_is_tested_in_and_out_of_domain(tmp_path):
    rows = [f"gj04\t{i % 2}\t\tsentence {i}." for i in range(20)]
    files = {
        "In_Domain_TRAIN.tsv": rows,
        "in_domain_dev.tsv": rows[:4],
        "out_of_domain_dev.tsv": rows[4:7],
    }
    assert len(tasks.load("cola", write(tmp_path, files)).of("test")) == 7


SNLI = "gold_label sentence1_binary_parse sentence1 sentence2 captionID pairID label1"


def snli_rows(kind):
    labels = ["entailment", "neutral", "contradiction", "-"] * 4
    pairs = [(y, f"man {i}", f"woman {i}") for i, y in enumerate(labels)]
    if kind == "jsonl":
        names = ("gold_label", "sentence1", "sentence2")
        return [json.dumps({**dict(zip(names, p, strict=True)), "annotator_labels": []})
                for p in pairs]  # fmt: skip
    rows = [f"{y}\t( x )\t{a}\t{b}\tc\tp" for y, a, b in pairs]  # no label1
    return [SNLI.replace(" ", "\t"), *rows]


@pytest.mark.parametrize("kind", ["jsonl", "txt"])
def test_snli_leaves_out_what_annotators_do_not_agree_on(tmp_path, kind):
    files = {f"snli_1.0_{part}.{kind}": snli_rows(kind)
             for part in ("train", "dev", "test")}  # fmt: skip
    task = tasks.load("snli", write(tmp_path, files))
    assert task.classes == ("entailment", "neutral", "contradiction")
    for split in ("train", "valid", "test"):
        assert labels_of(task, split) == [0, 1, 2] * 4
        assert texts_of(task, split)[1] == ("man 1", "woman 1")
    assert sum("4 rows without an agreed label" in note for note in task.notes) == 3


def test_mnli_is_tested_on_matched_or_mismatched_genres(tmp_path):
    names = "index sentence1 sentence2 label1 gold_label".replace(" ", "\t")
    y = ["neutral", "entailment", "contradiction"]
    files = {"train.tsv": table(names, y * 5, lambda i, y: f"{i}\ta{i}\tb{i}\tx\t{y}")}
    for part in ("matched", "mismatched"):
        files[f"dev_{part}.tsv"] = table(
            names, y, lambda i, y, part=part: f"{i}\t{part}{i}\tb{i}\tx\t{y}"
        )
    root = write(tmp_path / "MNLI", files) and str(tmp_path)
    assert texts_of(tasks.load("mnli", root), "test")[0] == ("matched0", "b0")
    assert texts_of(tasks.load("mnli-mm", root), "test")[0] == ("mismatched0", "b0")


def test_scitail_has_two_classes_and_three_columns(tmp_path):
    rows = [f"premise {i}\thypothesis {i}\t{y}"
            for i, y in enumerate(["entails", "neutral"] * 3)]  # fmt: skip
    files = {f"scitail_1.0_{part}.tsv": rows for part in ("train", "dev", "test")}
    task = tasks.load("scitail", write(tmp_path / "tsv_format", files) and tmp_path)
    assert task.classes == ("entailment", "neutral")
    assert labels_of(task, "valid") == [0, 1] * 3
    assert texts_of(task, "test")[2] == ("premise 2", "hypothesis 2")


def test_sts_benchmark_has_no_header_and_rows_that_go_on(tmp_path):
    rows = [f"captions\tMSRvid\t2012\t{i:04}\t{i % 6}.000\tone {i}\ttwo {i}"
            + "\tlicence" * (i % 2) for i in range(12)]  # fmt: skip
    files = {f"sts-{part}.csv": rows for part in ("train", "dev", "test")}
    task = tasks.load("stsb", write(tmp_path, files))
    assert labels_of(task, "valid") == [float(i % 6) for i in range(12)]
    assert (task.form, task.scored, task.n_outputs) == ("similarity", True, 6)
