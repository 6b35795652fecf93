"""Where a corpus has its splits, and where its sentences have their trees."""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from common.contract import UserError
from common.data import conllu
from common.files import storage
from common.text import parses, tagging
from common.text.parses import Parsed
from papers.sptree.sources.annotated_sentence import AnnotatedSentence, Dropped

SPLITS = ("train", "valid", "test")
# Parts of names of files or folders.
_NAMES = {"train": ("train",), "valid": ("valid", "dev"), "test": ("test",)}
_SHARES = {"train": 8, "valid": 1, "test": 1}  # of ten documents


@dataclasses.dataclass(frozen=True)
class Read:
    """A corpus: sentences and what was left out by split, and a line that says what it
    is, the first of its tables' texts."""

    sentences: dict[str, tuple[AnnotatedSentence, ...]]
    dropped: dict[str, Dropped]
    about: str


def root_of(root: str, holds: str) -> Path:
    """The path `config.data.root`. UserError: it is not set or not there; `holds` says
    what it should hold."""
    if not root:
        raise UserError(f"config.data.root: name {holds}")
    path = storage.path(root)
    if not path.exists():
        raise UserError(f"config.data.root={root!r} does not exist: name {holds}")
    return path


def by_split(paths: Iterable[Path], holds: str, root: Path) -> dict[str, Path]:
    """The file of each split by its name: train, dev or valid, test. UserError: none is
    for training, or two are for the same split."""
    found: dict[str, Path] = {}
    for path in paths:
        for split, words in _NAMES.items():
            if any(word in path.name.lower() for word in words):
                if split in found:
                    raise UserError(
                        f"{str(root)!r} has two files for {split}: {found[split].name} "
                        f"and {path.name}; leave one"
                    )
                found[split] = path
                break
    if "train" not in found:
        raise UserError(f"{str(root)!r} has no file with 'train' in its name: {holds}")
    return found


def completed(
    sentences: dict[str, list[AnnotatedSentence]], dropped: dict[str, Dropped]
) -> tuple[dict[str, tuple[AnnotatedSentence, ...]], dict[str, Dropped], str]:
    """All three splits, what was left out of each, and what was done to get them.

    Without a test, the validation set is the test. What then is missing is taken from
    training, each tenth sentence; what a reader left out there stays counted for
    training. UserError: too few sentences for that.
    """
    found = {split: list(sentences.get(split, ())) for split in SPLITS}
    left_out = {split: dropped.get(split, Dropped()) for split in SPLITS}
    said = ""
    if not found["test"] and found["valid"]:
        found["test"], found["valid"] = found["valid"], []
        left_out["test"], left_out["valid"] = left_out["valid"], Dropped()
        said = "; the test is its validation set"
    for split, digit in (("test", 8), ("valid", 9)):
        if not found[split]:
            found[split] = found["train"][digit::10]
            said += f"; {split}: one of ten training sentences"
            taken = {id(sentence) for sentence in found[split]}
            found["train"] = [s for s in found["train"] if id(s) not in taken]
    for split in SPLITS:
        if not found[split]:
            raise UserError(
                f"the corpus has too few sentences: none is left to {split}"
            )
    return {split: tuple(found[split]) for split in SPLITS}, left_out, said


def of_documents(
    root: str,
    holds: str,
    ending: str,
    read: Callable[..., list[AnnotatedSentence]],
    trees: "Trees",
    about: str,
) -> Read:
    """A corpus of files, of which `read(file, trees, dropped)` gives the sentences.
    `about` says what they are; `holds` and `ending` are as of `root_of` and
    `documents`."""
    folder = root_of(root, holds)
    found: dict[str, list[AnnotatedSentence]] = {}
    dropped = {}
    for split, files in documents(folder, ending).items():
        dropped[split] = Dropped()
        found[split] = [s for file in files for s in read(file, trees, dropped[split])]
    sentences, dropped, said = completed(found, dropped)
    return Read(sentences, dropped, f"{folder.name}, {about}; {trees}{said}")


def documents(root: Path, ending: str) -> dict[str, list[Path]]:
    """Files of a corpus of documents by split: those in folders named train, dev (or
    valid) and test, or else by a fixed draw of the files' names."""
    files = [f for f in storage.files_below(root) if f.name.endswith(ending)]
    if not files:
        raise UserError(f"{str(root)!r} has no files that end in {ending}")
    found: dict[str, list[Path]] = {split: [] for split in SPLITS}
    folders = [f for f in storage.folders(root) if any(f in p.parents for p in files)]
    named = {split: [f for f in folders if _is(f, split)] for split in SPLITS}
    if named["train"] and named["test"]:
        for split, of in named.items():
            found[split] = [p for p in files if any(f in p.parents for f in of)]
        return found
    for file in files:
        found[drawn(file.name, _SHARES)].append(file)
    return (
        found if found["train"] else {**found, "train": files, "valid": [], "test": []}
    )


def _is(folder: Path, split: str) -> bool:
    return any(word in folder.name.lower() for word in _NAMES[split])


def drawn(name: str, shares: dict[str, int]) -> str:
    """The split of a document or name, the same on every machine."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") % sum(shares.values())
    for split, share in shares.items():
        if place < share:
            return split
        place -= share
    raise AssertionError("a place is within the shares")


class Trees:
    """The trees of sentences: those of a CoNLL-U file, or a parser's."""

    def __init__(self, file: str = "", parser: str = "best") -> None:
        self.file = file
        self.parser = parser
        self._parse: Callable[..., Parsed] = parses.parser(parser)
        # By the words, and, for a text that is cut otherwise, by the letters.
        self._known: dict[tuple[str, ...] | str, Parsed] = {}
        if file:
            path = storage.path(file)
            if not path.exists():
                raise UserError(f"config.data.trees={file!r} does not exist")
            for document in conllu.read(path):
                for parsed in document.sentences:
                    self._known.setdefault(parsed.words, parsed)
                    self._known.setdefault(letters(parsed.words), parsed)

    def __str__(self) -> str:
        if self.file:
            return f"trees of {Path(self.file).name}"
        return parses.said(self.parser)

    def of(self, words: Sequence[str], where: str) -> Parsed:
        """The tree over `words`. UserError, beginning with `where`: the file of trees
        has no such sentence, or cuts it into other words."""
        parsed = self.of_text(words, where)
        if parsed.words != tuple(words):
            raise UserError(
                f"{where}: {self.file} cuts {' '.join(words)[:80]!r} into "
                f"{len(parsed)} words and the corpus into {len(words)}"
            )
        return parsed

    def of_text(self, words: Sequence[str], where: str) -> Parsed:
        """The tree of a text that `words` spell, over its own words: a file of trees
        may cut the text elsewhere. UserError: the file has no such text."""
        if not self.file:
            return self._parse(words)
        cut_otherwise = self._known.get(letters(words))
        parsed = self._known.get(tuple(words), cut_otherwise)
        if parsed is None:
            raise UserError(
                f"{where}: {self.file} has no tree for {' '.join(words)[:80]!r}"
            )
        return parsed


_SIGNS = re.compile("-[LR][RSC]B-")  # brackets in treebanks


def letters(words: Sequence[str]) -> str:
    """The letters and digits of words, in small letters: the same for all ways to cut a
    text and to write its signs."""
    whole = "".join(_SIGNS.sub("", word) for word in words).lower()
    return "".join(letter for letter in whole if letter.isalnum())


def moved(
    span: tuple[int, int], words: Sequence[str], others: Sequence[str], where: str
) -> tuple[int, int]:
    """Words [start, end) of one way to cut a text, as those of another which have its
    letters. UserError: it has no letters."""
    start = len(letters(words[: span[0]]))
    end = start + len(letters(words[span[0] : span[1]]))
    at = 0
    inside = []
    for i, word in enumerate(others):
        after = at + len(letters([word]))
        if at < end and after > start:
            inside.append(i)
        at = after
    if not inside:
        raise UserError(f"{where}: {' '.join(words[slice(*span)])!r} has no letters")
    return inside[0], inside[-1] + 1


def given_tree(
    words: Sequence[str],
    heads: Sequence[int],
    arcs: Sequence[str] | None,
    tags: Sequence[str] | None,
    where: str,
) -> Parsed:
    """A tree from columns as CoNLL-U has them: heads count from 1, and 0 is the root's.
    Several roots hang on the first. UserError: no tree."""
    numbers = tuple(head - 1 for head in heads)
    parsed = Parsed(
        words=tuple(words),
        tags=tuple(tags) if tags else tagging.tags(words),
        heads=parses.one_root(numbers) if parses.ROOT in numbers else numbers,
        arcs=tuple(arcs) if arcs else ("",) * len(words),
    )
    return parses.check(parsed, where)
