"""MIND: behaviors.tsv and news.tsv of each split's folder.

A behaviour is `id TAB user TAB time TAB N1 N2 (history) TAB N3-1 N4-0 (impression)`, a
news item `id, category, subcategory, title, abstract, url, title entities (JSON), ...`.
The folders' names have "train", and "dev" or "valid", in them. Behaviours of "dev" are
the test; the last tenth of training by time is for validation. A history is the log's
own, which holds earlier clicks alone.
"""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.files import storage
from common.files import texts as text_files
from papers.dkn import graphs
from papers.dkn.config import Data
from papers.dkn.corpus import Corpus, News, build, words_of

VALID_SHARE = 0.1
TIME = "%m/%d/%Y %I:%M:%S %p"
TITLE, ENTITIES = 3, 6  # columns of news.tsv


def read(data: Data, seed: int) -> Corpus:
    folders = _folders(data)
    news, id_of = _news(folders)
    users: dict[str, int] = {}
    rng = np.random.default_rng(seed)
    trained = [*_behaviours(folders["train"], id_of, users)]
    trained.sort(key=lambda row: row[0])
    cut = len(trained) - int(len(trained) * VALID_SHARE)
    tested = _behaviours(folders["test"], id_of, users)
    splits = {
        "train": _sampled(trained[:cut], data.negatives, rng),
        "valid": _whole(trained[cut:], data.negatives),
        "test": _whole(tested, data.negatives),
    }
    known = sorted(
        {i for *_, h, shown in trained for i in (*h, *(n for n, _ in shown))}
    )
    names = dict.fromkeys(name for item in news for _, name in item.mentions)
    graph = graphs.joined(data.graph, [*names], by_name=False)
    return build(data, news, splits, 1 + data.negatives, graph, "MIND", known)


def _folders(data: Data) -> dict[str, Path]:
    root = storage.path(data.root) if data.root else None
    if root is None or not root.is_dir():
        raise UserError(
            f"config.data.root={data.root!r}: name the folder with MIND's folders for "
            "training and dev"
        )
    found = {}
    for folder in storage.folders(root):
        for split, words in {"train": ("train",), "test": ("dev", "valid")}.items():
            named = any(word in folder.name.lower() for word in words)
            if named and (folder / "behaviors.tsv").exists():
                found.setdefault(split, folder)
    for split, kind in {"train": "train", "test": "dev"}.items():
        if split not in found:
            raise UserError(
                f"{str(root)!r} has no folder with {kind!r} in its name and "
                "behaviors.tsv in it"
            )
    return found


def _lines(path: Path, columns: int) -> Iterator[tuple[str, list[str]]]:
    """(where, columns) of each line of a table."""
    if not path.exists():
        raise UserError(f"{str(path)!r} is missing")
    text = text_files.read(path).decode()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{str(path)!r}, line {number}"
        parts = line.rstrip("\r").split("\t")
        if len(parts) != columns:
            raise UserError(f"{where} has {len(parts)} columns, not MIND's {columns}")
        yield where, parts


def _news(folders: dict[str, Path]) -> tuple[list[News], dict[str, int]]:
    news: list[News] = []
    id_of: dict[str, int] = {}
    for split in ("train", "test"):
        folder = folders[split]
        for where, parts in _lines(folder / "news.tsv", 8):
            if parts[0] not in id_of:
                news.append(News(parts[TITLE], _mentions(parts[ENTITIES], where)))
                id_of[parts[0]] = len(news)
    return news, id_of


def _mentions(text: str, where: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    try:
        entities = json.loads(text or "[]")
        return tuple(
            (words_of(surface), entity["WikidataId"])
            for entity in entities
            for surface in entity["SurfaceForms"]
        )
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{where}: title entities are a JSON list with WikidataId and "
            f"SurfaceForms, not {text[:60]!r}"
        ) from None


def _behaviours(
    folder: Path, id_of: dict[str, int], users: dict[str, int]
) -> Iterator[tuple]:
    """(time, user, history, ((news, label), ...)) of each line."""
    for where, parts in _lines(folder / "behaviors.tsv", 5):
        _, user, time, history, shown = parts
        try:
            seconds = datetime.datetime.strptime(time, TIME).timestamp()
        except ValueError:
            raise UserError(
                f"{where}: {time!r} is no time as MIND has them, 11/15/2019 8:55:22 AM"
            ) from None
        clicked = tuple(_id(name, id_of, where) for name in history.split())
        pairs = []
        for item in shown.split():
            name, dash, label = item.rpartition("-")
            if not dash or label not in ("0", "1"):
                raise UserError(
                    f"{where}: an impression is N123-1 or N123-0, not {item[:40]!r}"
                )
            pairs.append((_id(name, id_of, where), float(label)))
        number = users.setdefault(user, 1 + len(users))
        yield seconds, number, clicked, tuple(pairs)


def _id(name: str, id_of: dict[str, int], where: str) -> int:
    if name not in id_of:
        raise UserError(f"{where}: {name[:40]!r} is not in news.tsv")
    return id_of[name]


def _sampled(rows: list[tuple], negatives: int, rng: np.random.Generator) -> list:
    """Each clicked candidate with some of its impression's others."""
    found = []
    for time, user, history, pairs in rows:
        others = [pair for pair in pairs if not pair[1]]
        for pair in pairs:
            if pair[1] and (others or not negatives):
                few = len(others) < negatives
                drawn = rng.choice(len(others), negatives, replace=few)
                shown = (pair, *(others[i] for i in drawn))
                found.append((user, history, shown, len(found), time))
    return found


def _whole(rows: Iterator[tuple] | list[tuple], negatives: int) -> list:
    """All candidates, in rows of as many as training has; a group is an impression."""
    found = []
    size = 1 + negatives
    for group, (time, user, history, pairs) in enumerate(rows):
        for at in range(0, len(pairs), size):
            found.append((user, history, pairs[at : at + size], group, time))
    return found
