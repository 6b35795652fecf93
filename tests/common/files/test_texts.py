"""Text files by the mark at their beginning, and one line where they are no UTF-8."""

import codecs
import gzip

import pytest

from common.contract import UserError
from common.files import texts

TEXT = "Déjà vu, 北京 😀\r\n" * 3


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "A.TXT.GZ"])
@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_mark_says_how_a_text_is_decoded_and_is_no_part_of_it(
    tmp_path, name, mark, codec
):
    data = mark + TEXT.encode(codec)
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if "gz" in name.lower() else data)
    assert texts.read(path) == TEXT.encode()
    assert texts.lines(path) == ("Déjà vu, 北京 😀",) * 3


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"caf\xe9 au lait", "UTF-8: byte 0xe9 at offset 3"),
        (codecs.BOM_UTF8 + b"caf\xe9", "UTF-8: byte 0xe9 at offset 6"),
        ("Latin".encode("utf-16-le"), "UTF-8: byte 0x00 at offset 1, as in UTF-16"),
        (codecs.BOM_UTF16_LE + b"a\0b", "UTF-16-LE: byte 0x62 at offset 4"),
        ("é".encode()[:1], "UTF-8: byte 0xc3 at offset 0"),
    ],
)
def test_what_is_no_text_names_its_file_and_the_byte(tmp_path, data, wrong):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(UserError, match=rf"a\.txt' is not {wrong}.*; save it as UTF-8"):
        texts.read(tmp_path / "a.txt")


@pytest.mark.parametrize("part", [1, 2, 3, 5, 64])
def test_where_a_long_text_is_parted_changes_nothing(tmp_path, monkeypatch, part):
    monkeypatch.setattr(texts, "_PART", part)
    (tmp_path / "a.txt").write_bytes(TEXT.encode())
    assert texts.read(tmp_path / "a.txt") == TEXT.encode()
    for at in range(len(TEXT)):
        before = TEXT[:at].encode()
        (tmp_path / "a.txt").write_bytes(before + b"\xff" + TEXT[at:].encode())
        with pytest.raises(UserError, match=f"byte 0xff at offset {len(before)};"):
            texts.read(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (" \n", "is empty$"),
        ('{"a": 1,\n}', "is not JSON: line 2, column 1: "),
        ("[" * 100_000, "is not JSON that can be read: too deep$"),
    ],
)
def test_what_is_no_json_is_told_in_a_line(tmp_path, content, said):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(UserError, match=said):
        texts.read_json(path)
    path.write_text('{"a": [1]}')
    assert texts.read_json(path) == {"a": [1]}


def test_a_folder_in_a_files_place_is_told_in_a_line(tmp_path):
    with pytest.raises(UserError, match="is a folder: a file is wanted"):
        texts.read_json(tmp_path)
