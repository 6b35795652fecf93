"""AMR corpora in the user's files: graphs in PENMAN below lines of # ::snt or # ::tok.

Layouts: LDC's data/amrs/split/{training,dev,test}/*.txt, the AMR bank's
amr-bank-struct-v1.6-{training,dev,test}.txt, or any file or folder of .txt and .amr,
of which every tenth graph validates and every tenth tests.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from common.contract import UserError
from common.data.split_names import SPLITS, split_of
from common.files import storage, texts
from common.text import sentences, tagging
from papers.amr_summarization import amr
from papers.amr_summarization.alignment import aligned
from papers.amr_summarization.pairs import Pair

ENDINGS = (".txt", ".amr", ".penman")
HELD_OUT = 10  # of so many graphs one validates and one tests, where no name says
LAYOUTS = (
    "name a file of PENMAN graphs with --config.data.root, or a folder of .txt or .amr "
    "files, such as LDC's data/amrs/split"
)


def read(root: str, most: int) -> dict[str, tuple[Pair, ...]]:
    """The pairs of each split; sentences of more than `most` words are left out, and
    their number logged. UserError: a graph or its sentence is missing or broken."""
    found: dict[str, list[Pair]] = {split: [] for split in SPLITS}
    long = 0
    for path in _files(root):
        named = _split(path)
        for place, pair in enumerate(_pairs(path)):
            if len(pair.words) > most:
                long += 1
                continue
            split = named or {8: "valid", 9: "test"}.get(place % HELD_OUT, "train")
            found[split].append(pair)
    if long:
        logging.warning(
            "%d sentences of more than %d words are left out: config.data.words",
            long,
            most,
        )
    empty = [split for split in SPLITS if not found[split]]
    if empty:
        raise UserError(
            f"{root} has no sentence of at most {most} words for {', '.join(empty)}: "
            f"give more graphs; {LAYOUTS}"
        )
    return {split: tuple(pairs) for split, pairs in found.items()}


def _files(root: str) -> list[Path]:
    if not root:
        raise UserError(f"no AMR corpus is named: {LAYOUTS}")
    path = storage.path(root)
    if not path.exists():
        raise UserError(f"{root} does not exist: {LAYOUTS}")
    if path.is_file():
        return [path]
    found = [p for p in storage.files_below(path) if _name(p).endswith(ENDINGS)]
    if not found:
        raise UserError(f"{root} has no .txt or .amr file: {LAYOUTS}")
    return _once(found)


def _once(paths: list[Path]) -> list[Path]:
    """A release has its graphs several times: in folders by split and in others, with
    alignments and without. Those by split are taken, of data/amrs where there is one.
    """
    for chosen in (
        [path for path in paths if split_of(path.parent.name)],
        [path for path in paths if split_of(path.parent.name) and "amrs" in path.parts],
    ):
        if chosen and len(chosen) < len(paths):
            left = len(paths) - len(chosen)
            logging.warning("%d files beside those by split are not read", left)
            paths = chosen
    return paths


def _name(path: Path) -> str:
    return path.name.lower().removesuffix(".gz")


def _split(path: Path) -> str | None:
    """The split that the file's folder or the end of its name says."""
    last = _name(path).rsplit(".", 1)[0].replace("_", "-").rsplit("-", 1)[-1]
    return split_of(path.parent.name) or split_of(last)


def _pairs(path: Path) -> Iterator[Pair]:
    text = texts.read(path).decode()
    none = True
    for block in amr.blocks(text):
        none = False
        where = f"{path}, line {block.line}"
        try:
            graph = amr.read(block.text)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        words = _words(block.metadata, where)
        if not graph.tokens:
            graph = aligned(graph, words)
        yield Pair(words, tagging.tags(words), graph)
    if none:
        raise UserError(f"{path} has no graph: {LAYOUTS}")


def _words(metadata: dict[str, str], where: str) -> tuple[str, ...]:
    if metadata.get("tok"):
        return tuple(metadata["tok"].split())
    if metadata.get("snt"):
        return tuple(word.text for word in sentences.words(metadata["snt"]))
    raise UserError(
        f"{where}: the graph has no sentence: write '# ::snt The sentence.' or "
        "'# ::tok The sentence .' above it"
    )
