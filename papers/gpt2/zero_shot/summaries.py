"""CNN and Daily Mail: a summary is what follows "TL;DR:"."""

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.contract import UserError
from common.data.tfds_sets import prepared
from common.files import storage
from common.text.rouge import Rouge, rouge
from papers.gpt2.zero_shot import files
from papers.gpt2.zero_shot.model import Model, prompts
from papers.gpt2.zero_shot.sentences import sentences

NAMES = ("*cnn*test*.jsonl", "*cnn*/*test*.jsonl", "*test*.jsonl", "*.jsonl")
TFDS = "cnn_dailymail"
TOKENS = 100
TOP_K = 2
SENTENCES = 3
HINT = "\nTL;DR:"
_FORM = '.story files with @highlight, {"article", "highlights"} a line, or TFDS'


class Article(NamedTuple):
    """highlights: the reference, a sentence a line."""

    article: str
    highlights: str


def read(root: str | Path, count: int | None = None) -> files.Found[Article]:
    """Articles in .story files, in JSON lines, or of a prepared TFDS set below `root`.

    count: how many to read, the first in the order of the files; None: all.
    """
    folder = storage.path(root)
    if str(root) and folder.is_dir():
        if (folder / TFDS).is_dir():
            return _from_tfds(folder, count)
        stories = [p for p in storage.files_below(folder) if p.suffix == ".story"]
        if stories:
            parts = ((path.name, path) for path in stories[:count])
            return files.gather(folder, parts, _from_story, _FORM)
    path = files.find(root, NAMES, f"CNN/Daily Mail articles, as {_FORM}")
    if path.suffix == ".story":
        return files.gather(path, [(path.name, path)], _from_story, _FORM)
    lines = itertools.islice(files.read_lines(path), count)
    return files.gather(path, lines, _from_json, _FORM)


def _from_tfds(folder: Path, count: int | None) -> files.Found[Article]:
    builder = prepared(
        TFDS, str(folder), features=("article", "highlights"), splits=("test",)
    )
    source = builder.as_data_source("test")
    items = (source[i] for i in range(min(count or len(source), len(source))))
    parts = ((f"{TFDS}, item {i}", item) for i, item in enumerate(items))
    return files.gather(folder, parts, _from_item, _FORM)


def _from_item(item: dict[str, bytes]) -> Article:
    return _article(*(item[name].decode() for name in ("article", "highlights")))


def _from_json(line: str) -> Article:
    found = files.json_object(line)
    return _article(*(files.field(found, n, str) for n in ("article", "highlights")))


def _from_story(path: Path) -> Article:
    """Paragraphs, then "@highlight" before each sentence of the summary."""
    try:
        story = files.text(path)
    except UserError as error:
        raise files.Broken(str(error)) from None
    body, *highlights = story.replace("\r", "").split("@highlight")
    return _article(body, "\n".join(" ".join(each.split()) for each in highlights))


def _article(article: str, highlights: str) -> Article:
    if not article.strip():
        raise files.Broken("no article")
    if not highlights.strip():
        raise files.Broken("no highlights")
    return Article(article.strip(), highlights.strip())


def score(
    model: Model,
    articles: Sequence[Article],
    *,
    seed: int = 0,
    hint: str = HINT,
    length: int = TOKENS,
) -> dict[str, float]:
    """ROUGE F1 in percent of the first three sentences of `length` tokens, sampled from
    the two most probable, after the article and the hint.

    The paper has 29.34, 8.27 and 26.58 (section 3.6), and 21.58, 4.03 and 19.47 without
    the hint. An article loses the end that does not fit.
    """
    asking = prompts(model, [(item.article, hint) for item in articles], length)
    texts = model.continue_(asking.texts, length, top_k=TOP_K, seed=seed)
    found = _mean(articles, [_cut(sentences(text)) for text in texts])
    return found | {"cropped": asking.cropped}


def lead(articles: Sequence[Article]) -> dict[str, float]:
    """The same of each article's first three sentences."""
    return _mean(articles, [_cut(sentences(item.article)) for item in articles])


def random_three(articles: Sequence[Article], *, seed: int = 0) -> dict[str, float]:
    """The same of three sentences of each article by chance (28.78/8.63/25.52 in the
    paper)."""
    drawn = []
    for index, item in enumerate(articles):
        found = sentences(item.article)
        rng = random.Random(f"{seed} {index}")
        drawn.append(_cut(rng.sample(found, min(SENTENCES, len(found)))))
    return _mean(articles, drawn)


def _cut(found: list[str]) -> str:
    return "\n".join(found[:SENTENCES])


def _mean(articles: Sequence[Article], texts: Sequence[str]) -> dict[str, float]:
    found = [rouge(t, a.highlights) for t, a in zip(texts, articles, strict=True)]
    mean = 100 * np.mean(found, axis=0)
    measures = dict(zip(Rouge._fields, map(float, mean), strict=True))
    return measures | {"items": len(articles)}
