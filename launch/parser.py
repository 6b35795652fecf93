"""Trains a parser of dependency trees on a treebank of the user's.

    python -m launch.parser TREEBANK --out=FOLDER

TREEBANK is a .conllu file or a folder of them, such as an English treebank of Universal
Dependencies. Files and folders named train, dev and test are those splits; otherwise
one document of ten is for the test and one for validation, by a fixed draw of their
names. The best parser on validation so far is in FOLDER after every epoch. FOLDER is
then the name of a parser wherever "chunks" or "spacy" is one:
--config.predict.parser=FOLDER.
"""

import argparse
import dataclasses
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from common import optim
from common.biaffine import Sizes
from common.contract import Table, UserError
from common.data import conllu
from common.data.conllu import Document
from common.data.split_names import SPLITS, split_of
from common.files import storage
from common.text import (
    chunk_parser,
    parser_training,
    spelling,
    trained_parser,
    treebank,
)
from common.text.parser_training import Attachment, Plan, State, attachment
from common.text.parses import Parsed
from common.text.trained_parser import TrainedParser
from common.text.treebank import Vocabulary
from launch.reports import results

FEWEST = 20  # documents that are drawn whole; of fewer, sentences are
Splits = Mapping[str, tuple[Parsed, ...]]


def main(argv: Sequence[str]) -> int:
    """Trains, prints a table, writes. Returns 0, or 2 for a user's mistake."""
    arguments = _flags().parse_args(argv)
    try:
        folder = _new_folder(arguments.out)
        sentences, said = splits(arguments.treebank)
        for split, of in sentences.items():
            print(f"{split}: {len(of):,} sentences, {sum(map(len, of)):,} words")
        parser = train(sentences, arguments, folder)
    except UserError as error:
        print(f"parser: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        has = (folder / trained_parser.SETTINGS).exists()
        kept = (
            f"{folder} has the best so far" if has else "before the first epoch ended"
        )
        print(f"parser: stopped; {kept}", file=sys.stderr)
        return 130
    results.show("Trees", compared(parser, sentences["test"], said))
    print(f"wrote {folder}")
    return 0


def _new_folder(out: str) -> Path:
    """The folder of --out, which is made. UserError: it cannot be, or has a parser."""
    folder = storage.path(out)
    if folder.is_file():
        raise UserError(f"--out={out!r} is a file: name a folder")
    if (folder / trained_parser.SETTINGS).exists():
        raise UserError(f"--out={out!r} has a parser: name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(f"--out={out!r} cannot be written to: {error}") from error
    return folder


def splits(treebank_path: str) -> tuple[Splits, str]:
    """The sentences of each split, and who made the splits. UserError: the treebank is
    not there or has too few sentences."""
    root = storage.path(treebank_path)
    if not root.exists():
        raise UserError(f"{treebank_path!r} does not exist: give a .conllu file or "
                        "a folder of them")  # fmt: skip
    found: dict[str, list[Parsed]] = {split: [] for split in SPLITS}
    files = [root] if root.is_file() else conllu.files(root)
    named = {file: _named(file, root) for file in files}
    if {*SPLITS} <= {*named.values()}:
        said = "the treebank's own splits"
        for file, split in named.items():
            for document in conllu.read(file) if split else ():
                found[split] += document.sentences
    else:
        said = "splits drawn by names"
        documents = [document for file in files for document in conllu.read(file)]
        for name, sentences in _units(documents):
            found[_drawn(name)] += sentences
    for split, sentences in found.items():
        if not sentences:
            raise UserError(f"{treebank_path!r}: no sentence is left to {split}")
    return {split: tuple(sentences) for split, sentences in found.items()}, said


def _named(file: Path, root: Path) -> str | None:
    """The split that a file's name or a folder above it, below `root`, stands for."""
    parts = [
        *file.relative_to(root).parts[:-1],
        *file.stem.replace("_", "-").split("-"),
    ]
    return next((split for part in parts if (split := split_of(part))), None)


def _units(documents: Sequence[Document]) -> Iterator[tuple[str, Sequence[Parsed]]]:
    """(name, sentences) of what goes to one split together."""
    if len(documents) >= FEWEST:
        yield from ((document.name, document.sentences) for document in documents)
        return
    for document in documents:
        for number, parsed in enumerate(document.sentences):
            yield f"{document.name} {number}", [parsed]


def _drawn(name: str) -> str:
    """The split of a name, the same on every machine."""
    return {0: "test", 1: "valid"}.get(zlib.crc32(name.encode()) % 10, "train")


def train(
    sentences: Splits, arguments: argparse.Namespace, folder: Path
) -> TrainedParser:
    """The best parser on validation, which is also in the folder. UserError: no
    sentence of training is short enough, or the folder cannot be written."""
    vocabulary = Vocabulary.of(sentences["train"])
    encoded = _short(sentences["train"], vocabulary)
    rng = np.random.default_rng(arguments.seed)
    words = arguments.batch_words
    per_epoch = len([*treebank.epoch(encoded, words, rng)])
    plan = Plan(_sizes(vocabulary), arguments.epochs * per_epoch)
    state = parser_training.init(plan, jax.random.key(arguments.seed))
    valid = sentences["valid"]
    best: tuple[Attachment, TrainedParser] | None = None
    for number in range(1, arguments.epochs + 1):
        losses = []
        for batch in treebank.epoch(encoded, words, rng):
            state, loss = parser_training.train_step(plan, state, batch)
            losses.append(loss)
        parser = _parser(plan.sizes, vocabulary, state)
        score = attachment(valid, map_words(parser, valid))
        _print_epoch(f"{number}/{arguments.epochs}", losses, score)
        if best is None or score.las >= best[0].las:
            about = {"epoch": number, "valid_uas": score.uas, "valid_las": score.las}
            best = score, dataclasses.replace(parser, about=about)
            trained_parser.save(folder, best[1])
    return best[1]


def _short(sentences: Sequence[Parsed], vocabulary: Vocabulary) -> list[treebank.Batch]:
    """The sentences that training has room for, as numbers."""
    most = treebank.LENGTHS[-1] - 1
    kept = [parsed for parsed in sentences if len(parsed) <= most]
    if not kept:
        raise UserError(f"no sentence to train on has at most {most} words")
    if left := len(sentences) - len(kept):
        print(f"{left:,} sentence(s) of more than {most} words left out of training")
    return [treebank.encode_tree(parsed, vocabulary) for parsed in kept]


def _print_epoch(number: str, losses: Sequence[Mapping], score: Attachment) -> None:
    nats = {name: np.mean([float(x[name]) for x in losses]) for name in losses[0]}
    said = ", ".join(f"{name} {value:.3f}" for name, value in nats.items())
    print(
        f"epoch {number}  {said} nats a word  validation UAS {score.uas:.4f} LAS "
        f"{score.las:.4f}  {time.process_time():.0f} CPU s",
        flush=True,
    )


def _sizes(vocabulary: Vocabulary) -> Sizes:
    return Sizes(
        words=len(vocabulary.words),
        tags=len(vocabulary.tags),
        pieces=spelling.ROWS,
        arcs=len(vocabulary.arcs),
    )


def _parser(sizes: Sizes, vocabulary: Vocabulary, state: State) -> TrainedParser:
    params = optim.ema_params(state.opt_state, state.params)
    return TrainedParser(sizes, vocabulary, jax.tree.map(np.array, params))


def map_words(parser, sentences: Iterable[Parsed]) -> Iterator[Parsed]:
    """The parser's trees over the same words."""
    return (parser(parsed.words) for parsed in sentences)


def compared(parser: TrainedParser, test: Sequence[Parsed], said: str) -> Table:
    """The parser's attachment scores beside those of the rules and of no parser."""
    made = {
        "this parser": map_words(parser, test),
        "the rules, chunks": map_words(chunk_parser.parse, test),
        "each word hangs on the next": map(parser_training.next_word, test),
    }
    rows = []
    for name, found in made.items():
        score = attachment(test, found)
        rows.append([name, 100 * score.uas, 100 * score.las])
    words = sum(map(len, test))
    note = (
        f"per cent of {words:,} words and signs of {len(test):,} sentences ({said}); "
        "tags by the rules of textblob's lexicon"
    )
    return Table(("trees by", "UAS", "LAS"), rows, note)


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m launch.parser", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("treebank", help="a .conllu file, or a folder of them")
    parser.add_argument("--out", required=True, help="the folder of the parser")
    parser.add_argument("--epochs", type=_positive, default=20)
    parser.add_argument("--batch_words", type=_positive, default=700)
    parser.add_argument("--seed", type=_seed, default=0)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no whole number from 0 to 2^32-1"
        )
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
