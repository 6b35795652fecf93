"""Text of every source and layout. A failure means that a split holds other bytes than
its data set's, or that two splits share text."""

import gzip

import pytest
import tensorflow_datasets as tfds

from common.contract import UserError
from common.data import text, text_layouts

SPLITS = ["train", "valid", "test"]


def lines(n):
    return b"".join(b"line number %d\n" % i for i in range(n))


def test_embedded_english_is_large_ascii_and_in_one_split_only():
    splits = text.embedded()
    assert list(splits) == SPLITS
    assert sum(map(len, splits.values())) > 1_500_000
    assert all(data.isascii() for data in splits.values())
    for split in ("valid", "test"):
        assert 0.02 < len(splits[split]) / len(splits["train"]) < 0.12
    assert text.load("embedded") is splits


def test_every_embedded_file_has_one_split_and_every_text_one_file():
    topics = dict(text._topics())
    splits = text.embedded()
    chapters = [topics[name].encode().strip() for name in ("if", "while", "lambda")]
    for chapter in filter(bytes.isascii, chapters):
        assert sum(data.count(chapter) for data in splits.values()) == 1
    files = {name for name, _ in text._docstrings()}
    assert len(files) > 100
    assert not any("test" in name.split("/") for name in files)
    assert {text_layouts._split_of(name) for name in files} == set(SPLITS)


@pytest.mark.parametrize("name", ["enwik8", "text8", "enwik8.gz"])
def test_raw_files_are_cut_at_90_and_95_percent_exactly(tmp_path, name):
    data = bytes(range(256)) * 4
    raw = gzip.compress(data) if name.endswith(".gz") else data
    (tmp_path / name).write_bytes(raw)
    for root in (tmp_path, tmp_path / name):
        splits = text.files(root)
        assert list(map(len, splits.values())) == [921, 51, 52]
        assert b"".join(splits.values()) == data


@pytest.mark.parametrize(
    "names",
    [
        ("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"),
        ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"),
        ("train.txt", "valid.txt", "test.txt"),
        ("train.txt", "val.txt", "test.txt.gz"),
        ("train.txt.gz", "dev.txt", "test.txt"),
    ],
)
def test_a_file_a_split_is_taken_as_it_is(tmp_path, names):
    for name in names:
        data = f" = {name} = \n".encode()
        compressed = gzip.compress(data) if name.endswith(".gz") else data
        (tmp_path / name).write_bytes(compressed)
    splits = text.files(str(tmp_path))
    expected = {s: f" = {n} = \n".encode() for s, n in zip(SPLITS, names, strict=True)}
    assert splits == expected


@pytest.mark.parametrize("name", ["book.txt", "book.txt.gz"])
def test_one_file_is_cut_by_position_between_lines(tmp_path, name):
    data = lines(200)
    raw = gzip.compress(data) if name.endswith(".gz") else data
    (tmp_path / name).write_bytes(raw)
    (tmp_path / "README.md").write_bytes(b"about the book")
    splits = text.files(tmp_path)
    assert splits == text.files(tmp_path / name)
    assert b"".join(splits.values()) == data
    assert all(part.endswith(b"\n") for part in splits.values())
    assert 0.85 < len(splits["train"]) / len(data) <= 0.9


def test_a_tree_is_split_by_file_whatever_else_it_holds(tmp_path):
    def write(folder, n):
        for i in range(n):
            path = folder / str(i % 3) / f"{i}.{'md' if i % 2 else 'txt'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"document %d.\n" % i)
        return text.files(folder)

    small = write(tmp_path / "a", 150)
    large = write(tmp_path / "b", 200)
    for i in range(150):
        document = b"document %d." % i
        homes = [split for split in SPLITS if document in small[split]]
        assert len(homes) == 1
        assert document in large[homes[0]]


@pytest.mark.parametrize("name", ["book.txt", "BOOK.TXT", "Book.Txt"])
def test_hidden_copies_of_a_book_are_not_read(tmp_path, name):
    (tmp_path / name).write_bytes(lines(400))
    for place in (
        ".ipynb_checkpoints/book-checkpoint.txt", "._book.txt", "__MACOSX/book.txt",
        ".git/notes.md",
    ):  # fmt: skip
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(lines(400))
    splits = text.files(tmp_path)
    assert b"".join(splits.values()) == lines(400)
    train = {*splits["train"].splitlines()}
    assert train.isdisjoint(splits["test"].splitlines())


@pytest.mark.parametrize(
    "names",
    [
        ("TRAIN.TXT", "VALID.TXT", "TEST.TXT"),
        ("Train.txt", "Val.txt", "Test.txt"),
        ("training.txt", "validation.txt", "testing.TXT"),
    ],
)
def test_splits_in_capitals_or_at_length_are_splits(tmp_path, names):
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    assert [*text.files(tmp_path).values()] == [name.encode() for name in names]


@pytest.mark.parametrize(
    "names",
    [
        ("train/a.txt", "train/b.txt", "test/a.txt"),
        ("book_train.txt", "book_test.txt"),
        ("my.train.txt", "my.dev.txt", "notes.md"),
    ],
)
def test_files_that_somebody_has_split_are_not_mixed(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(lines(50))
    with pytest.raises(UserError, match=r"several splits, .*: make them train\.txt"):
        text.files(tmp_path)


@pytest.mark.parametrize("root", ["", "book.txt"])
def test_text_that_is_no_utf8_names_its_file(tmp_path, root):
    (tmp_path / "book.txt").write_bytes(lines(9) + b"caf\xe9\n")
    with pytest.raises(
        UserError, match=r"book\.txt' is not UTF-8: byte 0xe9 at offset"
    ):
        text.files(tmp_path / root)
    (tmp_path / "book.txt").write_bytes(lines(90).decode().encode("utf-16"))
    assert b"".join(text.files(tmp_path / root).values()) == lines(90)


def test_one_long_line_is_cut_between_characters(tmp_path):
    (tmp_path / "a.txt").write_text("北京" * 33, "utf-8")
    splits = text.files(tmp_path)
    assert "".join(part.decode() for part in splits.values()) == "北京" * 33


def test_a_tree_of_few_files_is_cut_by_position(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(lines(50))
    splits = text.files(tmp_path)
    assert all(splits.values())
    assert b"".join(splits.values()) == 2 * (lines(50) + b"\n")


def test_documents_are_the_docstrings_and_chapters_of_the_text():
    splits = text.embedded()
    documents = text.documents("embedded")
    assert [*documents] == SPLITS
    for split in SPLITS:
        joined = b"".join(document + b"\n\n" for document in documents[split])
        assert joined == splits[split]
        assert all(document.strip(b"\r\n") for document in documents[split])
    assert len(documents["train"]) > 1000
    assert text.documents("embedded") is documents


def test_documents_of_a_tree_are_its_files(tmp_path):
    for i in range(150):
        (tmp_path / f"{i}.txt").write_bytes(b"\nfile %d\r\n\n" % i)
    (tmp_path / "empty.txt").write_bytes(b"")
    documents = text.documents("files", str(tmp_path))
    found = [document for split in SPLITS for document in documents[split]]
    assert sorted(found) == sorted(b"file %d" % i for i in range(150))
    splits = text.load("files", str(tmp_path))
    for split in SPLITS:
        assert all(document in splits[split] for document in documents[split])


def test_a_document_across_a_cut_is_cut_in_two(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(lines(50))
    splits = text.load("files", str(tmp_path))
    documents = text.documents("files", str(tmp_path))
    assert [len(documents[split]) for split in SPLITS] == [2, 1, 1]
    for split in SPLITS:
        together = b"\n".join(documents[split])
        assert together.split() == splits[split].split()


def test_a_split_in_a_file_is_one_document_as_it_is(tmp_path):
    for split in SPLITS:
        (tmp_path / f"{split}.txt").write_bytes(b"\n = A = \n\n" + lines(3) + b"\n")
    splits = text.load("files", str(tmp_path))
    documents = text.documents("files", str(tmp_path))
    assert documents == {split: [splits[split]] for split in SPLITS}
    assert text.documents("generated")["test"] == [text.load("generated")["test"]]


def test_unusable_folders_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="does not exist; accepted: enwik8"):
        text.files(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no text folder given"):
        text.load("files")
    with pytest.raises(UserError, match=r"no text found in .*accepted: enwik8"):
        text.files(tmp_path)
    (tmp_path / "train.txt").write_bytes(lines(3))
    with pytest.raises(UserError, match=r"has no valid\.txt beside"):
        text.files(tmp_path)
    (tmp_path / "short.txt").write_bytes(b"a")
    with pytest.raises(UserError, match="no text for train, valid"):
        text.files(tmp_path / "short.txt")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(lines(100))[:-20])
    with pytest.raises(UserError, match="not a complete gzip file"):
        text.files(tmp_path / "cut.txt.gz")


def test_generated_text_is_reproducible_and_repeats_itself():
    splits = text.generated(seed=1)
    assert splits == text.generated(seed=1)
    assert splits != text.generated(seed=2)
    assert splits["valid"] != splits["test"]
    sentences = splits["train"].splitlines()
    recent = [s in sentences[max(i - 8, 0) : i] for i, s in enumerate(sentences)]
    assert 0.4 < sum(recent) / len(recent) < 0.6


def test_an_unknown_source_names_the_nearest():
    with pytest.raises(
        UserError, match="unknown text source 'embeded'; nearest: embed"
    ):
        text.load("embeded")
    with pytest.raises(UserError, match="unknown text source 'embeded'"):
        text.documents("embeded")


class _Sentences(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    SIZES: dict[str, int]

    def _info(self):
        features = tfds.features.FeaturesDict({"text": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {split: self._sentences(split, n) for split, n in self.SIZES.items()}

    def _generate_examples(self, **kwargs):
        raise NotImplementedError

    def _sentences(self, split, n):
        for i in range(n):
            yield i, {"text": f"{split} sentence {i}, «quoted»"}


class TwoSplits(_Sentences):
    SIZES = {"train": 40, "test": 4}  # noqa: RUF012


class OneSplit(_Sentences):
    SIZES = {"train": 40}  # noqa: RUF012


def prepare(builder, folder, file_format="array_record"):
    builder(data_dir=folder, file_format=file_format).download_and_prepare()


def test_a_prepared_tfds_set_is_read_one_example_a_line(tmp_path):
    prepare(TwoSplits, tmp_path)
    splits = text.load("tfds", str(tmp_path), "two_splits")
    expected = {f"train sentence {i}, «quoted»" for i in range(40)}
    assert set(splits["train"].decode().splitlines()) == expected
    assert splits["train"].count(b"\n") == 40
    assert splits["valid"] == splits["test"]
    assert splits["test"].count(b"test sentence") == 4
    documents = text.documents("tfds", str(tmp_path), "two_splits")
    assert {document.decode() for document in documents["train"]} == expected
    assert documents["valid"] == documents["test"]


def test_a_tfds_set_of_one_split_is_cut_by_position(tmp_path):
    prepare(OneSplit, tmp_path)
    splits = text.tfds("one_split", str(tmp_path))
    assert splits["train"].count(b"\n") in (35, 36)
    assert sum(part.count(b"\n") for part in splits.values()) == 40


def test_unusable_tfds_sets_are_user_errors(tmp_path):
    with pytest.raises(UserError, match=r"unknown TFDS set 'lm1'; nearest: lm1b"):
        text.tfds("lm1", str(tmp_path))
    with pytest.raises(UserError, match=r"builder\('two_splits', data_dir=.*prepare"):
        text.tfds("two_splits", str(tmp_path))
    prepare(TwoSplits, tmp_path)
    with pytest.raises(UserError, match="no feature 'txt'; nearest: text"):
        text.tfds("two_splits", str(tmp_path), key="txt")
