"""Language modelling on the public corpora, section 3.1."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.contract import UserError
from common.data.streams import windows
from common.files import storage
from common.nearest import refuse_unknown
from papers.gpt2.zero_shot import files
from papers.gpt2.zero_shot.detokenise import (
    ONE_BILLION,
    PENN,
    WIKITEXT,
    Style,
    detokenise,
    lost,
    style_of,
)
from papers.gpt2.zero_shot.model import Model, total_nll

_FILES = {
    # The folder says which of both it is: their files have the same names.
    "wikitext2": ("wikitext*2*/wiki.test.tokens", "wikitext*2*/wiki.test.raw"),
    "wikitext103": ("wikitext*103*/wiki.test.tokens", "wikitext*103*/wiki.test.raw"),
    "ptb": ("ptb.test.txt",),
    "enwik8": ("enwik8",),
    "text8": ("text8",),
    "1bw": ("news.en.heldout-00000-of-00050", "news.en.heldout-*"),
}
_STYLES = {
    "wikitext2": WIKITEXT,
    "wikitext103": WIKITEXT,
    "ptb": PENN,
    "1bw": ONE_BILLION,
}
NAMES = tuple(_FILES)


class Corpus(NamedTuple):
    """text: what the model reads. units: how many words, bytes or characters the file
    has; a line end counts as a word, as in published perplexities. lost_lines: lines
    that the de-tokeniser's inverse does not give back."""

    text: str
    units: int
    unit: str
    lost_lines: int = 0


def read(root: str | Path, name: str) -> Corpus:
    """The test text of a corpus, de-tokenised where its words were cut.

    name: one of `NAMES`. Of enwik8 and text8 it is the last 5% of the bytes.
    """
    refuse_unknown("corpus", name, NAMES)
    path = files.find(root, _FILES[name], name)
    if name in ("enwik8", "text8"):
        return _characters(path, name)
    return of_words(files.text(path), _STYLES[name])


def _characters(path: Path, name: str) -> Corpus:
    """The last 5%, but for a character that begins before it."""
    data = storage.read_bytes(path)
    if not data:
        raise UserError(f"{str(path)!r} is empty; fetch it again")
    part = data[len(data) * 95 // 100 :]
    first = next((i for i, byte in enumerate(part[:4]) if byte & 0xC0 != 0x80), 0)
    part = part[first:]
    try:
        text = part.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{str(path)!r} is no {name}: {error}") from None
    unit = "byte" if name == "enwik8" else "character"
    return Corpus(text, len(part), unit)


def of_words(text: str, style: Style) -> Corpus:
    """A tokenised text. Its units are its words and line ends."""
    text = text.replace("\r\n", "\n")
    if style is WIKITEXT:
        style = style_of(text, style)
    units = len(text.split()) + text.count("\n")
    return Corpus(detokenise(text, style), units, "word", lost(text, style))


def score(model: Model, corpus: Corpus, *, stride: int) -> dict[str, float]:
    """perplexity a word, or bits a byte or character: the nats of the whole text by the
    units of the file, so that vocabularies compare.

    The text follows end-of-text and is read in windows of the network's length; each
    counts its last `stride` tokens, the first one all. Say the stride with the number:
    the paper does not, and a small one is better and dearer.
    """
    ids = np.concatenate([[model.end], model.encode(corpus.text)])
    found = windows(ids, model.context_length, stride)
    sequences, contexts = _sequences(found)
    each = math.fsum(total_nll(model, sequences, contexts)) / corpus.units
    word = corpus.unit == "word"
    measure = math.exp(each) if word else each / math.log(2)
    return {
        "perplexity" if word else "bits": measure,
        "tokens": len(ids) - 1,
        "units": corpus.units,
        "stride": stride,
        "lost_lines": corpus.lost_lines,
    }


def _sequences(found: dict[str, np.ndarray]) -> tuple[Sequence[np.ndarray], list[int]]:
    """Windows as whole sequences, and how many of their tokens are context."""
    sequences, contexts = [], []
    rows = zip(found["inputs"], found["targets"], found["mask"], strict=True)
    for inputs, targets, mask in rows:
        counted = np.flatnonzero(mask)
        end = counted[-1] + 1
        sequences.append(np.append(inputs[:end], targets[end - 1]))
        contexts.append(int(counted[0]) + 1)
    return sequences, contexts
