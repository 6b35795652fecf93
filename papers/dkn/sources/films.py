"""Films stand for news: actors for readers, the films they played in for clicked news,
and for the knowledge graph what Wikidata says of films without their casts.

Nothing is simulated but the negatives, which are sampled as in the paper: films of the
same year, drawn by the size of their cast. A film's title is the mention of its entity.
"""

import bisect
import collections
import datetime

import numpy as np

from common.data import films as wikidata
from papers.dkn import graphs
from papers.dkn.config import Data
from papers.dkn.corpus import Corpus, News, build, words_of

LEAST = 6  # films of an actor who counts as a reader
FIRST = 3  # films an actor has played in before the first candidate
VALID = "2009"  # released in this year: validation; before: training; after: test


def read(data: Data, seed: int) -> Corpus:
    """The films as a corpus; the split is by date."""
    found = wikidata.films(graphs.SINCE)
    news = [News(f.title, ((words_of(f.title), f.name),)) for f in found]
    splits = _splits(data, found, np.random.default_rng(seed))
    known = [i for i, film in enumerate(found, start=1) if film.released < VALID]
    graph = graphs.films_joined()
    said = "Wikidata's films"
    return build(data, news, splits, 1 + data.negatives, graph, said, known)


def _splits(
    data: Data, films: tuple[wikidata.Film, ...], rng: np.random.Generator
) -> dict[str, list[tuple]]:
    """Rows as of `corpus.Impressions.of`, from each reader's fourth film on."""
    played = collections.defaultdict(list)  # by date, as the films are
    for news, film in enumerate(films, start=1):
        for actor in film.cast:
            played[actor].append(news)
    readers = sorted(actor for actor, own in played.items() if len(own) >= LEAST)
    if data.readers and data.readers < len(readers):
        drawn = rng.choice(len(readers), data.readers, replace=False)
        readers = [readers[i] for i in sorted(drawn)]
    draw = _Negatives(films, rng)
    splits: dict[str, list[tuple]] = {"train": [], "valid": [], "test": []}
    for user, actor in enumerate(readers, start=1):
        own = played[actor]
        dates = [films[news - 1].released for news in own]
        for news, date in zip(own[FIRST:], dates[FIRST:], strict=True):
            # A film of the same day is no earlier click.
            before = own[: bisect.bisect_left(dates, date)]
            others = draw(date[:4], {*own}, data.negatives)
            shown = ((news, 1.0), *((other, 0.0) for other in others))
            rows = splits[_split(date)]
            time = datetime.date.fromisoformat(date).toordinal()
            rows.append((user, before, shown, 0, time))
    return {
        split: [(*row[:3], i, row[4]) for i, row in enumerate(rows)]
        for split, rows in splits.items()
    }


def _split(date: str) -> str:
    year = date[:4]
    return "train" if year < VALID else "valid" if year == VALID else "test"


class _Negatives:
    """Films of a year, drawn by the size of their cast."""

    def __init__(self, films: tuple[wikidata.Film, ...], rng: np.random.Generator):
        self._rng = rng
        by_year = collections.defaultdict(list)
        for news, film in enumerate(films, start=1):
            if film.cast:
                by_year[film.released[:4]].append((news, len(film.cast)))
        self._news = {y: [news for news, _ in x] for y, x in by_year.items()}
        self._sums = {y: np.cumsum([n for _, n in x]) for y, x in by_year.items()}

    def __call__(self, year: str, own: set[int], count: int) -> list[int]:
        found = []
        while len(found) < count:
            at = self._rng.integers(self._sums[year][-1])
            place = np.searchsorted(self._sums[year], at, side="right")
            news = self._news[year][place]
            if news not in own and news not in found:
                found.append(news)
            elif len(own) + len(found) >= len(self._news[year]):
                break  # no other film is left
        return found
