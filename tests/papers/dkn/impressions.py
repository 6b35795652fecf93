"""Small configs, batches and folders for the tests of DKN."""

import json

import jax
import numpy as np

from common.config import changed
from papers import dkn
from papers.dkn import train


def config(**changes):
    """The smoke config's first run, with changes: model__mapping="linear"."""
    smoke = dkn.runs(dkn.get_config("smoke"))["dkn"].config
    return changed(smoke, {k.replace("__", "."): v for k, v in changes.items()})


def start(own):
    """A state whose biases are not 0: those would hide what leaks through them."""
    state = dkn.init(own, jax.random.key(0))
    keys = iter(jax.random.split(jax.random.key(1), 200))

    def moved(x):
        return x + 0.3 * jax.random.normal(next(keys), x.shape)

    return state.replace(params=jax.tree.map(moved, state.params))


def logits(own, state, batch):
    """Of the first seed: logits and the clicks' weights."""
    params = jax.tree.map(lambda x: x[0], state.params)
    found = train.apply(own, params, state.tables, batch)
    return [None if x is None else np.asarray(x) for x in found]


BING_TRAIN = [
    ("a", "old car race", 1, "1:car"),
    ("a", "dull tax news", 0, "2:Tax Office"),
    ("a", "old car race", 1, "1:car"),
    ("a", "new car sale", 1, "1:car;3:sale"),
    ("b", "dull tax news", 1, ""),
    ("b", "new car sale", 0, "1:car;3:sale"),
]
BING_TEST = [("a", "fast car", 1, "1:car"), ("c", "tax rise", 0, "2:Tax Office")]


def bing(folder):
    """A folder in the layout of the authors' sample, long enough for validation."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in {
        "raw_train.txt": BING_TRAIN * 3,
        "raw_test.txt": BING_TEST,
    }.items():
        lines = ["\t".join(map(str, row)) for row in rows]
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def mind(folder):
    """A folder in MIND's layout."""
    entity = [{"WikidataId": "Q1", "SurfaceForms": ["Prince Philip"], "Label": "x"}]
    news = [
        ("N1", "The brands Prince Philip wears", json.dumps(entity)),
        ("N2", "Drop in the temperature", "[]"),
        ("N3", "Philip again", json.dumps(entity)),
        ("N4", "A game", ""),
    ]
    lines = [f"{n}\tnews\tsub\t{title}\t\turl\t{e}\t[]" for n, title, e in news]
    behaviours = [
        ("1", "U1", "11/11/2019 9:05:58 AM", "N4", "N1-1 N2-0 N3-0"),
        ("2", "U2", "11/12/2019 6:11:30 PM", "", "N2-1 N1-0"),
        *(
            (str(i), "U1", f"11/13/2019 1:{i:02d}:00 PM", "N4 N1", "N3-1 N2-0")
            for i in range(20)
        ),
    ]
    for split in ("train", "dev"):
        part = folder / f"MINDtiny_{split}"
        part.mkdir(parents=True)
        (part / "news.tsv").write_text("\n".join(lines) + "\n", "utf-8")
        text = "\n".join("\t".join(row) for row in behaviours)
        (part / "behaviors.tsv").write_text(text + "\n", "utf-8")
    numbers = "\t".join(["0.5"] * 8)
    (folder / "entity_embedding.vec").write_text(f"Q1\t{numbers}\n", "utf-8")
    return folder
