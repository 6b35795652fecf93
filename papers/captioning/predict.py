"""Captions a user's picture, folder of pictures, or video."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from common import optim
from common.contract import Table, UserError
from common.files import outputs
from common.files.inputs import given, pictures
from common.files.video import is_video, sampled
from common.host import to_host
from common.pixels import Picture, as_channels
from papers.captioning import data, figures
from papers.captioning.captions import Writer, padded
from papers.captioning.config import Config
from papers.captioning.decoding import Options
from papers.captioning.vocabulary import Vocabulary, refuse_other_vocabulary

Values = Iterator[str | tuple[str, Any]]
Shown = Iterator[tuple[str, Picture | None]]  # None: it cannot be read
START = "START"


def predict(config: Config, state: Any, inputs: str) -> Values:
    """Yields each picture with its captions and their log p below, or its file in
    `predict.out`; the guidance over time of the first one; then a table of all captions
    with log p, the best beam first. The first seed writes them.

    inputs: a picture, a folder of pictures, or a video, of which every
    `predict.every`-th frame is captioned.
    """
    if config.task != "caption":
        raise UserError("the run writes no captions: use one that does")
    options = options_of(config)
    path = given(inputs, video=True)
    shown = _begun(_given(config, path))  # before the words, which may take a minute
    words = data.vocabulary_of_network(config)
    refuse_other_vocabulary(words, config.model.vocab, int(state.vocabulary))
    state = to_host(state.replace(opt_state=optim.averages(state.opt_state), key=None))
    if jax.process_index() == 0:  # it needs the others no more, and alone writes
        writer = Writer.of(config, jax.device_put(state))
        yield from _captioned(config, writer, words, path, shown, options)


def caption(
    config: Config, state: Any, images: Iterable[Any]
) -> list[list[tuple[str, float]]]:
    """The captions of each picture with their log p in nats, the best first, searched
    as `config.predict` says, by the first seed.

    images: uint8 [height, width] or [height, width, channels], of any sizes, grey or
      RGB. UserError: an array that is none, or the run writes no captions.
    """
    words = data.vocabulary_of_network(config)
    writer = Writer.of(config, state)
    refuse_other_vocabulary(words, config.model.vocab, int(state.vocabulary))
    view = data.View.of(config.data)
    shown = ((i, view(as_channels(image, 3))) for i, image in enumerate(images))
    options = options_of(config)
    said = []
    for names, batch in padded(shown, config.predict.batch_size):
        found = writer.write(batch, options)
        for i in range(len(names)):
            rows = _said(config, words, found.tokens[i, 0], found.log_p[i, 0])
            said.append([(caption, log_p) for caption, log_p, _ in rows])
    return said


def options_of(config: Config) -> Options:
    """How `config.predict` searches. UserError: fields that contradict each other."""
    p = config.predict
    longest = p.length or config.data.length
    if p.least > longest:
        raise UserError(
            f"config.predict.least={p.least} is above the most words, {longest}"
        )
    if p.captions > p.beams:
        raise UserError(
            f"config.predict.captions={p.captions}: at most config.predict.beams, "
            f"{p.beams}"
        )
    return Options(longest, p.beams, p.least, p.alpha, p.no_repeat)


def _captioned(
    config: Config,
    writer: Writer,
    words: Vocabulary,
    path: Path,
    shown: Shown,
    options: Options,
) -> Values:
    view = data.View.of(config.data)
    rows: list[list] = []
    first = True
    whole: dict[str, Picture] = {}

    def readable() -> Iterator[tuple[str, np.ndarray]]:
        for name, picture in shown:
            if picture is None:
                rows.append([name, "skipped: not a readable picture", None, None])
                continue
            whole[name] = picture
            yield name, view(picture)

    p = config.predict
    for number, (names, batch) in enumerate(padded(readable(), p.batch_size)):
        if p.temperature:
            seed = p.seed + 1000 * number
            found = writer.draw(batch, options, p.temperature, seed)
        else:
            found = writer.write(batch, options)
        if first:
            yield from guided(writer, words, names[0], batch[0], found.tokens[0, 0, 0])
            first = False
        for i, name in enumerate(names):
            said = [*_said(config, words, found.tokens[i, 0], found.log_p[i, 0])]
            rows += [[name, *row] for row in said]
            lines = [f"{row[0] or '(nothing)'}  ({row[1]:.2f})" for row in said]
            drawn = figures.with_caption(whole.pop(name), lines)
            yield name, outputs.kept(p.out, path, _file(name, path), drawn)
    note = "log p: of the caption and its end, in nats; a word: over words and the end"
    yield "Captions", Table(("picture", "caption", "log p", "a word"), rows, note)


def _begun(shown: Shown) -> Shown:
    """The same, read up to the first picture. UserError: none can be read."""
    first = []
    for name, picture in shown:
        first.append((name, picture))
        if picture is not None:
            break
    return itertools.chain(first, shown)


def _given(config: Config, path: Path) -> Shown:
    if not is_video(path):
        yield from pictures(path)
        return
    p = config.predict
    for seconds, frame in sampled(path, p.every, p.frames):
        yield f"{path.stem} {seconds:.2f} s", frame


def _file(name: str, path: Path) -> str:
    """A frame's name as that of a file."""
    return f"{name.replace(' ', '_')}.png" if is_video(path) else name


def _said(config: Config, words: Vocabulary, tokens, log_p) -> Iterator[list]:
    """Caption, log p, and log p a symbol, of the best beams."""
    for row, value in [*zip(tokens, log_p, strict=True)][: config.predict.captions]:
        if not np.isfinite(value):
            continue  # fewer captions exist than beams
        symbols = np.count_nonzero(row) + 1
        yield [words.decode(row), float(value), float(value) / symbols]


def guided(
    writer: Writer,
    words: Vocabulary,
    name: str,
    picture: np.ndarray,
    caption: np.ndarray,
) -> Values:
    """Of a guidance by the text: its heat map over one caption, and for each step the
    words that it is nearest to."""
    if writer.texts() is None:
        return
    (vector,) = writer.vectors(picture[None])
    count = int(np.count_nonzero(caption))
    g = writer.guidances(vector, caption)[: count + 1]
    names = [START, *words.words]
    alone = np.arange(len(names), dtype=np.int32)
    own = writer.guidances_of_words(vector, alone)
    nearest = figures.nearest_words(g, own, names, count=3)
    read = [names[i] for i in [0, *caption[:count]]]
    written = [*read[1:], "END"]
    heat = figures.guidance(g, read, [row[0] for row in nearest])
    yield f"Guidance, {name}", heat
    rows = [
        [r, w, ", ".join(near)]
        for r, w, near in zip(read, written, nearest, strict=True)
    ]
    note = "nearest: by the cosine, of the guidances that one word alone would give"
    columns = ("word read", "word written", "words nearest to g")
    yield f"Words that guide, {name}", Table(columns, rows, note)
