"""The layout of the authors' sample of Bing News: a line `user TAB title TAB label TAB
id:name;id:name` in raw_train.txt and raw_test.txt.

There are no times. The order of a user's lines stands for it: a history holds the
titles clicked on earlier lines alone, and the last tenth of each user's training lines
is for validation.
"""

import collections
from pathlib import Path

from common.contract import UserError
from common.files import storage
from common.files import texts as text_files
from papers.dkn import graphs
from papers.dkn.config import Data
from papers.dkn.corpus import Corpus, News, build, words_of

FILES = {"train": ("raw_train.txt", "train.txt"), "test": ("raw_test.txt", "test.txt")}
LAYOUT = "user TAB title TAB label TAB id:name;id:name"
EVERY = 10  # one of so many training lines of a user is for validation


def read(data: Data, seed: int) -> Corpus:
    del seed
    root = _root(data)
    files = {split: _file(root, names) for split, names in FILES.items()}
    reader = _Reader()
    lines = {split: reader.lines(path) for split, path in files.items()}
    known = sorted({news for _, news, _ in lines["train"]})
    graph = graphs.joined(data.graph, reader.entities)
    said = f"{root.name}, the layout of the authors' sample"
    return build(data, reader.news, _splits(lines), 1, graph, said, known)


def _root(data: Data) -> Path:
    if not data.root:
        raise UserError(f"config.data.root: name a folder with {FILES['train'][0]}")
    return storage.path(data.root)


def _file(root: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (root / name).exists():
            return root / name
    raise UserError(f"{str(root)!r} has no {' or '.join(names)}: lines of {LAYOUT}")


class _Reader:
    """News by title, and entities by number, as they are met."""

    def __init__(self) -> None:
        self.news: list[News] = []
        self._id_of: dict[str, int] = {}
        self._names: dict[str, str] = {}  # by the file's number of the entity

    @property
    def entities(self) -> list[str]:
        return [*self._names.values()]

    def lines(self, path: Path) -> list[tuple[str, int, float]]:
        """(user, news id, label) of each line."""
        found = []
        text = text_files.read(path).decode()
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                where = f"{str(path)!r}, line {number}"
                found.append(self._line(line.rstrip("\r"), where))
        if not found:
            raise UserError(f"{str(path)!r} is empty: lines of {LAYOUT}")
        return found

    def _line(self, line: str, where: str) -> tuple[str, int, float]:
        parts = line.split("\t")
        if len(parts) not in (3, 4):
            raise UserError(f"{where} has {len(parts)} columns, not 4: {LAYOUT}")
        user, title, label, *mentions = parts
        if label not in ("0", "1"):
            raise UserError(f"{where}: the label is 0 or 1, not {label[:40]!r}")
        if title not in self._id_of:
            found = self._mentions("".join(mentions), where)
            self.news.append(News(title, found))
            self._id_of[title] = len(self.news)
        return user, self._id_of[title], float(label)

    def _mentions(self, text: str, where: str) -> tuple[tuple[tuple, str], ...]:
        parts: list[str] = []
        for part in filter(None, text.split(";")):
            if part.partition(":")[0].isdigit():
                parts.append(part)
            elif parts:
                parts[-1] += f";{part}"  # a name with a semicolon
            else:
                raise UserError(f"{where}: entities are id:name, not {part[:40]!r}")
        found = []
        for part in parts:
            number, _, name = part.partition(":")
            if number not in self._names:
                known = name in self._names.values()
                self._names[number] = f"{name} #{number}" if known else name
            found.append((words_of(name), self._names[number]))
        return tuple(found)


def _splits(lines: dict[str, list]) -> dict[str, list[tuple]]:
    users = dict.fromkeys(user for rows in lines.values() for user, *_ in rows)
    user_of = {name: i for i, name in enumerate(users, start=1)}
    counts = collections.Counter(user for user, *_ in lines["train"])
    clicked = collections.defaultdict(list)
    seen = collections.Counter()
    splits: dict[str, list[tuple]] = {"train": [], "valid": [], "test": []}
    time = 0
    for part in ("train", "test"):
        for user, news, label in lines[part]:
            time += 1
            seen[user] += 1
            late = part == "train" and seen[user] > counts[user] * (1 - 1 / EVERY)
            history = tuple(clicked[user])
            own = user_of[user]
            row = own, history, ((news, label),), own, time
            splits["valid" if late else part].append(row)
            if label and part == "train":
                clicked[user].append(news)
    return splits
