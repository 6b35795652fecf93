"""News, users and impressions, whatever they were read from: arrays by id.

Id 0 is nobody: no news, no word, no entity. Word 1 is any unknown word.
"""

import collections
import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from common.contract import UserError
from papers.dkn.config import Data

UNKNOWN = 1
_WORD = re.compile(r"\w+")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a title, in lower case, without punctuation."""
    return tuple(_WORD.findall(text.lower()))


@dataclasses.dataclass(frozen=True)
class News:
    """One news item as read: its title, and the entities that it mentions.

    mentions: (the words of a mention, the entity's name); every title word among the
        words of a mention stands for the entity, as in the released code.
    """

    title: str
    mentions: tuple[tuple[tuple[str, ...], str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Impressions:
    """Candidates shown to users who clicked before. The first axis is impressions."""

    user: Int[np.ndarray, "rows"]
    history: Int[np.ndarray, "rows clicks"]  # news ids, the latest last; 0: none
    candidates: Int[np.ndarray, "rows candidates"]  # news ids; 0: none
    label: Float[np.ndarray, "rows candidates"]  # 1: clicked
    group: Int[np.ndarray, "rows"]  # rows whose candidates are ranked together
    time: Float[np.ndarray, "rows"]  # any unit that grows

    @classmethod
    def of(cls, rows: Sequence[tuple], clicks: int, candidates: int) -> "Impressions":
        """rows: (user, history, ((news, label), ...), group, time). A history keeps its
        latest clicks, without the row's own candidates."""
        history = np.zeros((len(rows), clicks), np.int32)
        shown = np.zeros((len(rows), candidates), np.int32)
        label = np.zeros((len(rows), candidates), np.float32)
        for i, (_, clicked, pairs, _, _) in enumerate(rows):
            own = {news for news, _ in pairs}
            before = [news for news in clicked if news not in own][-clicks:]
            history[i, : len(before)] = before
            for j, (news, value) in enumerate(pairs):
                shown[i, j] = news
                label[i, j] = value
        column = [np.array([row[k] for row in rows]) for k in (0, 3, 4)]
        user, group, time = column if rows else [np.zeros(0)] * 3
        return cls(
            user.astype(np.int32),
            history,
            shown,
            label,
            group.astype(np.int32),
            time.astype(np.float64),
        )

    def __len__(self) -> int:
        return len(self.user)


@dataclasses.dataclass(frozen=True)
class Links:
    """The graph as DKN needs it.

    names: of the graph's entities, as its runs and files of vectors name them.
    rows: of each entity of the news, its place in `names`; -1: the graph lacks it.
    edges: (entity of the news, place of a neighbour in `names`), both directions.
    """

    names: tuple[str, ...]
    rows: Int[np.ndarray, "entities"]
    edges: Int[np.ndarray, "edges 2"]


@dataclasses.dataclass(frozen=True)
class Corpus:
    titles: tuple[str, ...]  # by news id
    words: Int[np.ndarray, "news words"]  # word ids
    entities: Int[np.ndarray, "news words"]  # of each word
    vocabulary: Mapping[str, int]
    entity_names: tuple[str, ...]  # by entity id
    aliases: Mapping[tuple[str, ...], int]  # words of a name -> entity id
    splits: Mapping[str, Impressions]
    links: Links
    said_in: str  # what the data are, for notes

    def encode(self, title: str) -> tuple[np.ndarray, np.ndarray]:
        """Word and entity ids of a new title; entities are found by their names, the
        longest first."""
        length = self.words.shape[1]
        tokens = words_of(title)
        words = [self.vocabulary.get(word, UNKNOWN) for word in tokens][:length]
        entities = [0] * len(tokens)
        longest = max(map(len, self.aliases), default=0)
        at = 0
        while at < len(tokens):
            for size in range(min(longest, len(tokens) - at), 0, -1):
                if entity := self.aliases.get(tokens[at : at + size]):
                    entities[at : at + size] = [entity] * size
                    at += size - 1
                    break
            at += 1
        return padded(words, length), padded(entities[:length], length)

    @functools.cached_property
    def idf(self) -> Float[np.ndarray, "vocabulary"]:
        """log(news / news with the word), by word id; 0 for no word."""
        count = np.zeros(2 + len(self.vocabulary))
        for row in self.words[1:]:
            count[np.unique(row[row > 0])] += 1
        idf = np.log((1 + len(self.words)) / (1 + count))
        idf[0] = 0
        return idf.astype(np.float32)

    def clicked_before(self, most: int) -> Int[np.ndarray, "news users"]:
        """Users who clicked each news item in training; 0: none."""
        train = self.splits["train"]
        users = collections.defaultdict(list)
        for user, history, shown, label in zip(
            train.user, train.history, train.candidates, train.label, strict=True
        ):
            for news in {*history[history > 0], *shown[label > 0]}:
                if user not in users[news]:
                    users[news].append(user)
        found = np.zeros((len(self.titles), most), np.int32)
        for news, clickers in users.items():
            found[news, : len(clickers[:most])] = clickers[:most]
        return found


def padded(ids: Sequence[int], length: int) -> Int[np.ndarray, "length"]:
    row = np.zeros(length, np.int32)
    row[: len(ids)] = ids
    return row


def build(
    data: Data,
    news: Sequence[News],
    splits: Mapping[str, Sequence[tuple]],
    candidates: int,
    graph: tuple[Sequence[str], Iterable[tuple[int, int]], Mapping[str, int]],
    said_in: str,
    vocabulary_of: Iterable[int],
) -> Corpus:
    """A corpus of `news`, whose first has id 1.

    Args:
      splits: rows as of `Impressions.of`.
      graph: (names, edges between places in them, {entity of the news: its place}).
      vocabulary_of: ids of the news whose words are known, those of training.
    """
    tokens = [(), *(words_of(item.title) for item in news)]
    vocabulary = _vocabulary(data, (tokens[i] for i in vocabulary_of))
    names = ("", *dict.fromkeys(name for item in news for _, name in item.mentions))
    entity_of = {name: i for i, name in enumerate(names)}
    words = np.zeros((len(tokens), data.title), np.int32)
    entities = np.zeros_like(words)
    aliases = {}
    for i, item in enumerate(news, start=1):
        for j, word in enumerate(tokens[i][: data.title]):
            words[i, j] = vocabulary.get(word, UNKNOWN)
            for surface, name in item.mentions:
                if word in surface:
                    entities[i, j] = entity_of[name]
        for surface, name in item.mentions:
            aliases |= dict.fromkeys((surface, words_of(name)), entity_of[name])
    aliases.pop((), None)
    found = Corpus(
        ("", *(item.title for item in news)),
        words,
        entities,
        vocabulary,
        names,
        aliases,
        {
            split: Impressions.of(rows, data.history, candidates)
            for split, rows in splits.items()
        },
        _links(names, *graph),
        said_in,
    )
    _check(data, found)
    return found


def _vocabulary(data: Data, titles: Iterable[tuple[str, ...]]) -> dict[str, int]:
    counts = collections.Counter(word for title in titles for word in title)
    common = [word for word, n in counts.most_common() if n >= data.min_count]
    return {word: i for i, word in enumerate(common[: data.words - 2], start=2)}


def _links(
    entities: Sequence[str],
    names: Sequence[str],
    edges: Iterable[tuple[int, int]],
    place: Mapping[str, int],
) -> Links:
    rows = np.array([place.get(name, -1) for name in entities], np.int32)
    of_place = collections.defaultdict(list)
    for entity, row in enumerate(rows):
        if row >= 0:
            of_place[row].append(entity)
    found = set()
    for head, tail in edges:
        found |= {(entity, tail) for entity in of_place.get(head, ())}
        found |= {(entity, head) for entity in of_place.get(tail, ())}
    return Links(tuple(names), rows, np.array(sorted(found), np.int32).reshape(-1, 2))


def _check(data: Data, corpus: Corpus) -> None:
    users = max((max(s.user, default=0) for s in corpus.splits.values()), default=0)
    sizes = {
        "entities": len(corpus.entity_names),
        "news": len(corpus.titles),
        "users": 1 + users,
    }
    for name, size in sizes.items():
        if size > vars(data)[name]:
            raise UserError(
                f"config.data.{name}={vars(data)[name]} rows are too few: the data "
                f"have {size}, the empty one included"
            )
    for split in ("train", "valid", "test"):
        if not len(corpus.splits[split]):
            raise UserError(f"the data have no impression for {split!r}")
