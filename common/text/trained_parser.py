"""A trained biaffine parser: a folder of two files, and the trees that it makes.

parser.safetensors has the arrays of `common.biaffine.Parser`, parser.json its sizes,
the vocabulary of its treebank, and how well it does. `launch.parser` writes both.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from common import biaffine
from common.arborescence import best_tree
from common.biaffine import Sizes
from common.contract import UserError
from common.files import params as params_files
from common.files import storage, weights
from common.text import chunk_parser, spelling, tagging, treebank
from common.text.parses import Parsed
from common.text.treebank import Vocabulary

WEIGHTS = "parser.safetensors"
SETTINGS = "parser.json"
LONGEST = 511  # words of a sentence: memory grows with their square, time faster


@dataclasses.dataclass(frozen=True)
class TrainedParser:
    """A `common.text.parses.Parser`."""

    sizes: Sizes
    vocabulary: Vocabulary
    params: Any
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __call__(
        self, words: Sequence[str], tags: Sequence[str] | None = None
    ) -> Parsed:
        """The tree of a sentence; `tags`, which the network does not read, are Penn's,
        those of `tagging` if not given. Longer ones than `LONGEST` are left to the
        rules."""
        if not words:
            return Parsed((), (), (), ())
        if len(words) > LONGEST:
            return chunk_parser.parse(words, tags)
        sentence = treebank.encode(words, self.vocabulary)
        length = _room(len(words) + 1)
        found = _decoded(
            self.sizes, self.params, treebank.padded([sentence], 1, length)
        )
        heads, arcs = tree(found.arc[0], found.label[0], len(words))
        return Parsed(
            words=tuple(words),
            tags=tuple(tags) if tags is not None else tagging.tags(words),
            heads=tuple(heads),
            arcs=tuple(self.vocabulary.arcs[arc] for arc in arcs),
        )


def tree(arc: np.ndarray, label: np.ndarray, words: int) -> tuple[list, list]:
    """Heads, as `Parsed` has them, and labels of a row of `biaffine.Decoded`."""
    count = words + 1
    head = best_tree(np.asarray(arc)[:count, :count])
    labels = np.asarray(label)[np.arange(count), head]
    return (head[1:] - 1).tolist(), labels[1:].tolist()


def _room(count: int) -> int:
    """The length that a sentence is padded to: few programs serve all."""
    length = 16
    while length < count:
        length *= 2
    return length


@functools.partial(jax.jit, static_argnums=0)
def _decoded(sizes: Sizes, params: Any, batch: biaffine.Batch) -> biaffine.Decoded:
    scores = biaffine.Parser(sizes).apply({"params": params}, batch)
    return biaffine.decoded(scores)


def initial(sizes: Sizes, key: jax.Array) -> Any:
    """Parameters before training."""
    word = np.zeros((1, 2), np.int32)
    piece = np.zeros((1, 2, spelling.PIECES), np.int32)
    length = np.full(1, 2, np.int32)
    batch = {"word": word, "tag": word, "piece": piece, "length": length}
    return biaffine.Parser(sizes).init(key, batch)["params"]


def save(folder: Path, parser: TrainedParser) -> None:
    """Writes the folder's two files, each at once. UserError: it cannot be written."""
    settings = {
        "sizes": dataclasses.asdict(parser.sizes),
        "vocabulary": dataclasses.asdict(parser.vocabulary),
        "about": dict(parser.about),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        weights.write(folder / WEIGHTS, params_files.named(parser.params))
        weights.write_settings(folder / SETTINGS, settings)
    except OSError as error:
        reason = storage.reason(error)
        raise UserError(f"{folder}: the parser is not written: {reason}") from error


@functools.lru_cache(maxsize=2)
def load(folder: str) -> TrainedParser:
    """The parser of a folder. UserError: it has none, or its files do not fit."""
    path = storage.path(folder)
    settings = weights.settings_beside(path / WEIGHTS, SETTINGS)
    try:
        sizes = Sizes(**settings["sizes"])
        vocabulary = Vocabulary(
            **{name: tuple(names) for name, names in settings["vocabulary"].items()}
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder!r} has no trained parser, {SETTINGS} beside {WEIGHTS} as "
            f"python -m launch.parser writes them: {error}"
        ) from None
    like = jax.eval_shape(functools.partial(initial, sizes), jax.random.key(0))
    params = params_files.load_params(path / WEIGHTS, like)
    return TrainedParser(sizes, vocabulary, params, settings.get("about", {}))
