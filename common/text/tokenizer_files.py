"""Files of tokenisers: OpenAI's of GPT and GPT-2, Hugging Face's, and our own."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files import storage, texts
from common.text import build, tokenizer_json
from common.text import merges as bpe
from common.text.byte_bpe import LETTERS, ByteBPE
from common.text.vocab import Vocab
from common.text.word_bpe import WORD_END, WordBPE

OURS = "vocabulary.json"  # as `Vocab.save` writes it
_LIBRARY = "tokenizer.json"
_ADDED = "added_tokens.json"  # beside vocab.json
_PAIRS = (
    ("vocab.json", "merges.txt"),
    ("encoder.json", "vocab.bpe"),
    ("encoder_bpe_40000.json", "vocab_40000.bpe"),
)
_LAYOUTS = (
    "accepted: vocab.json and merges.txt; encoder.json and vocab.bpe; "
    "encoder_bpe_40000.json and vocab_40000.bpe; tokenizer.json; vocabulary.json"
)
_ENDS = ("<|endoftext|>", "</s>")
_CAPITAL = re.compile("[A-Z]")
_MARK = re.compile(r"<.*>|\[.*\]|_.*_", re.DOTALL)


def read(path: str | Path) -> Vocab:
    """The vocabulary of a folder, or of one of the files in it.

    `vocab.json` and `merges.txt` (Hugging Face), `encoder.json` and `vocab.bpe` (GPT-2)
    and `encoder_bpe_40000.json` and `vocab_40000.bpe` (GPT) hold byte-level tokens, or
    words where tokens end in </w>; so does `tokenizer.json` (the library tokenizers).
    `vocabulary.json` may hold any unit. Words are cut by the rules in `english`,
    whatever a tokenizer.json says.

    UserError: there is none, it is damaged, its parts do not fit each other, it cuts
    text by other rules, or a folder has two that differ.
    """
    if not str(path):
        raise UserError(f"no tokeniser given; {_LAYOUTS}")
    path = storage.path(path)
    if not path.exists():
        raise UserError(f"tokeniser {str(path)!r} does not exist; {_LAYOUTS}")
    found = _in_folder(path) if path.is_dir() else [_of_file(path)]
    first, *others = found
    vocab = first[1]()
    for name, reader in others:
        if reader() != vocab:
            raise UserError(
                f"{str(path)!r} has two tokenisers, {first[0]} and {name}, which "
                "differ: name one of the files"
            )
    return vocab


Reader = tuple[str, Callable[[], Vocab]]


def _in_folder(folder: Path) -> list[Reader]:
    there = storage.entries(folder)
    found = [_pair(folder, *names) for names in _PAIRS if there.keys() >= {*names}]
    found += [_of_file(there[name]) for name in (_LIBRARY, OURS) if name in there]
    if not found:
        half = [pair for pair in _PAIRS if there.keys() & {*pair}]
        missing = [name for pair in half for name in pair if name not in there]
        lacks = f"; it lacks {missing[0]}" if missing else ""
        raise UserError(f"no tokeniser in {str(folder)!r}{lacks}; {_LAYOUTS}")
    return found


def _of_file(path: Path) -> Reader:
    for pair in _PAIRS:
        if path.name.lower() in pair and "unit" not in _first_keys(path):
            missing = {*pair} - storage.entries(path.parent).keys()
            if missing:
                raise UserError(f"{str(path)!r} needs {missing.pop()} beside it")
            return _pair(path.parent, *pair)
    fields = _json(path)
    if "unit" in fields:
        return path.name, lambda: build.load(path)
    return path.name, lambda: _said(path, _of_library, fields)


def _of_library(fields: dict[str, Any]) -> Vocab:
    return _vocabulary(*tokenizer_json.read(fields))


def _first_keys(path: Path) -> dict[str, Any]:
    """The fields of a JSON file; none of another file."""
    return _json(path) if path.suffix.lower() == ".json" else {}


def _pair(folder: Path, vocab: str, merges: str) -> Reader:
    there = storage.entries(folder)

    def reader() -> Vocab:
        ids = _json(there[vocab])
        added = _json(there[_ADDED]) if _ADDED in there else {}
        pairs = _merges(there[merges])
        return _said(there[vocab], _vocabulary, ids | added, pairs, added)

    return f"{vocab} with {merges}", reader


def _said(path: Path, reader: Callable[..., Vocab], *args, **options) -> Vocab:
    """What a reader returns; its UserError names the file."""
    try:
        return reader(*args, **options)
    except UserError as error:
        raise UserError(f"{str(path)!r}: {error}") from None


def _json(path: Path) -> dict[str, Any]:
    fields = texts.read_json(path)
    if not isinstance(fields, dict):
        raise UserError(f"{str(path)!r} holds no vocabulary: it must be a JSON object")
    return fields


def _merges(path: Path) -> list[bpe.Pair]:
    """A pair a line, after a line "#version" or without it."""
    pairs = []
    for number, line in enumerate(texts.read(path).decode().split("\n"), 1):
        line = line.removesuffix("\r")
        if not line or (number == 1 and line.startswith("#version")):
            continue
        pair = tuple(line.split(" "))
        if len(pair) != 2 or not all(pair):
            raise UserError(
                f"{str(path)!r}, line {number}: {line[:80]!r} is not two tokens with a "
                "space between them"
            )
        pairs.append(pair)
    return pairs


def _vocabulary(
    ids: dict[str, int], pairs: Iterable[bpe.Pair], marks: Iterable[str]
) -> Vocab:
    """The vocabulary of tokens with their ids, and of merges.

    marks: tokens that no merge needs to make, besides <those>, [those] and _those_.
    """
    tokens = _by_id(ids)
    pairs = tuple(pairs)
    in_words = any(token.endswith(WORD_END) for token in tokens)
    if in_words and {*LETTERS} <= {*tokens}:
        raise UserError(f"bytes with {WORD_END}, as CLIP has them, are not read")
    if in_words:
        vocab = WordBPE(tokens, pairs)
        _refuse_capitals({*tokens}.difference(vocab.marks))
    else:
        end = next((end for end in _ENDS if end in tokens), None)
        vocab = ByteBPE(tokens, pairs, end)
    if unmade := {*_odd_marks(vocab)}.difference(marks):
        raise UserError(
            f"{len(unmade):,} tokens such as {min(unmade)!r} are made by no merge: the "
            "merges are cut short, or another tokeniser's"
        )
    return vocab


def _refuse_capitals(tokens: Iterable[str]) -> None:
    if cased := [token for token in tokens if _CAPITAL.search(token)]:
        raise UserError(f"{min(cased)!r} has a capital; GPT's words are in lower case")


def _odd_marks(vocab: ByteBPE | WordBPE) -> list[str]:
    """Tokens that are neither merged, nor letters, nor <marked> as marks."""
    return [token for token in vocab.marks if not _MARK.fullmatch(token)]


def _by_id(ids: dict[str, int]) -> tuple[str, ...]:
    wrong = [token for token, i in ids.items() if type(i) is not int]
    if wrong:
        raise UserError(f"the id of {wrong[0]!r} is {ids[wrong[0]]!r}, no integer")
    token_of = {i: token for token, i in ids.items()}
    for i in range(len(ids)):
        if i not in token_of:
            raise UserError(
                f"{len(ids):,} tokens must have the ids 0 to {len(ids) - 1:,}; none "
                f"has {i}"
            )
    return tuple(token_of[i] for i in range(len(ids)))


def write(vocab: ByteBPE | WordBPE, folder: str | Path) -> None:
    """Writes vocab.json, merges.txt and tokenizer.json, from which `read` makes the
    same vocabulary. What else reads a tokenizer.json of words cuts them by BERT's
    rules, because the file has no words for ours."""
    folder = storage.path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ids = {token: i for i, token in enumerate(vocab.tokens)}
    lines = ["#version: 0.2", *map(" ".join, vocab.merges)]
    files = {
        "vocab.json": json.dumps(ids, ensure_ascii=False),
        "merges.txt": "\n".join(lines) + "\n",
        _LIBRARY: tokenizer_json.text(vocab),
    }
    if odd := _odd_marks(vocab):
        files[_ADDED] = json.dumps({token: ids[token] for token in odd})
    for name, text in files.items():
        folder.joinpath(name).write_bytes(text.encode())
