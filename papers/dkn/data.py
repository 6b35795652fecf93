"""Batches of impressions: the ids of clicked news and of candidates, with their titles
as words and entities."""

import functools
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.data.pipeline import Rows, SideBySide, pipeline
from papers.dkn import sources
from papers.dkn.config import Config
from papers.dkn.corpus import Corpus, words_of

# What networks read besides words and entities.
TFIDF = ("libfm", "deepwide", "deepfm")


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" is endless, shuffled, and has `get_state` and
    `set_state`; "valid" and "test" end, and have a mask of rows."""
    train = split == "train"
    size = config.data.batch_size if train else config.eval.batch_size
    found = pipeline(
        Rows(_rows(sources.corpus(config), split)),
        batch_size=size // process_count,
        seed=config.seed,
        shuffle=train,
        repeat=train,
        process_index=process_index,
        process_count=process_count,
    )
    complete = functools.partial(with_titles, titles(config))
    return SideBySide({"rows": found}, lambda parts: complete(parts["rows"]))


def _rows(corpus: Corpus, split: str) -> dict[str, np.ndarray]:
    rows = corpus.splits[split]
    return {
        "news": np.concatenate([rows.history, rows.candidates], axis=1),
        "label": rows.label,
        "shown": (rows.candidates > 0).astype(np.float32),
        "user": rows.user,
        "row": np.arange(len(rows), dtype=np.int32),
    }


def titles(config: Config) -> dict[str, np.ndarray]:
    """Arrays by news id, those that the config's network reads."""
    return title_arrays(config, sources.corpus(config))


def title_arrays(config: Config, corpus: Corpus) -> dict[str, np.ndarray]:
    """The same of a corpus."""
    m = config.model
    arrays = {"words": corpus.words, "entities": corpus.entities}
    if m.network in TFIDF:
        arrays["tfidf"] = tfidf(corpus, corpus.words)
    if m.network == "dssm":
        rows = [trigrams(title, m.letters, m.buckets) for title in corpus.titles]
        arrays["letters"] = np.stack(rows)
    if m.network == "dmf":
        arrays["clickers"] = corpus.clicked_before(m.clickers)
    return arrays


def with_titles(
    arrays: Mapping[str, np.ndarray], rows: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """`rows` with the arrays of their news; "clickers" are of candidates alone."""
    candidates = rows["label"].shape[1]
    found = dict(rows)
    for name, array in arrays.items():
        news = rows["news"]
        found[name] = array[news[:, -candidates:] if name == "clickers" else news]
    return found


def tfidf(corpus: Corpus, words: np.ndarray) -> np.ndarray:
    """The weight of each word of a title; titles have length 1."""
    weights = corpus.idf[words]
    norms = np.sqrt(np.sum(weights**2, axis=-1, keepdims=True))
    return (weights / np.maximum(norms, 1e-9)).astype(np.float32)


def trigrams(title: str, most: int, buckets: int) -> np.ndarray:
    """The hashed letter trigrams of #word# for each word, from 1; 0 is padding."""
    marked = [f"#{word}#" for word in words_of(title)]
    parts = [word[i : i + 3] for word in marked for i in range(len(word) - 2)]
    row = np.zeros(most, np.int32)
    for i, part in enumerate(parts[:most]):
        row[i] = 1 + zlib.crc32(part.encode()) % buckets
    return row


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch."""
    d = config.data
    m = config.model
    train = split == "train"
    rows = d.batch_size if train else config.eval.batch_size
    candidates = candidates_of(config)
    news = d.history + candidates

    def array(dtype: Any, *shape: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((rows, *shape), dtype)

    spec = {
        "news": array(jnp.int32, news),
        "label": array(jnp.float32, candidates),
        "shown": array(jnp.float32, candidates),
        "user": array(jnp.int32),
        "row": array(jnp.int32),
        "words": array(jnp.int32, news, d.title),
        "entities": array(jnp.int32, news, d.title),
    }
    if m.network in TFIDF:
        spec["tfidf"] = array(jnp.float32, news, d.title)
    if m.network == "dssm":
        spec["letters"] = array(jnp.int32, news, m.letters)
    if m.network == "dmf":
        spec["clickers"] = array(jnp.int32, candidates, m.clickers)
    return spec if train else {**spec, "mask": array(jnp.float32)}


def candidates_of(config: Config) -> int:
    """Candidates of a row: the sample's lines have one each."""
    return 1 if config.data.source == "bing" else 1 + config.data.negatives
