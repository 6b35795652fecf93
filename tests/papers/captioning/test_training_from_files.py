"""Training from each public layout: captions come to the step beside their picture."""

import json
from functools import partial
from itertools import islice
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from common.config import changed
from papers import captioning
from papers.captioning import data, tokens, train

RUN = "td_sentence_sigmoid"
STEPS = 12
COLOURS = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}
NAMES = [f"{colour}{i}.png" for i in range(8) for colour in COLOURS]
PARTS = dict.fromkeys(NAMES, "train") | dict.fromkeys(NAMES[:3], "val")
PARTS |= dict.fromkeys(NAMES[3:6], "test")


def captions(name: str) -> list[str]:
    return [f"A {name[:-5]} one.", f"all of it is {name[:-5]}"]


def karpathy(root: Path) -> None:
    rows = [
        {
            "filename": name,
            "split": part,
            "sentences": [{"raw": text} for text in captions(name)],
        }
        for name, part in PARTS.items()
    ]
    write_json(root / "dataset_coco.json", {"dataset": "coco", "images": rows})


def neuraltalk2(root: Path) -> None:
    rows = [{"file_path": name, "captions": captions(name)} for name in NAMES]
    write_json(root / "raw.json", rows)


def coco(root: Path) -> None:
    for part in ("train", "val", "test"):
        own = [name for name in NAMES if PARTS[name] == part]
        said = [
            {"image_id": i, "id": 9 * i + j, "caption": text}
            for i, name in enumerate(own)
            for j, text in enumerate(captions(name))
        ]
        images = [{"id": i, "file_name": name} for i, name in enumerate(own)]
        found = {"images": images, "annotations": said}
        write_json(root / f"captions_{part}2014.json", found)


def flickr(root: Path) -> None:
    lines = [f"{n}#{i}\t{t}" for n in NAMES for i, t in enumerate(captions(n))]
    (root / "Flickr8k.token.txt").write_text("\n".join(lines))
    for part, title in (("train", "train"), ("val", "dev"), ("test", "test")):
        own = [name for name in NAMES if PARTS[name] == part]
        (root / f"Flickr_8k.{title}Images.txt").write_text("\n".join(own))


def table(root: Path) -> None:
    rows = [f"{name}\t{text}" for name in NAMES for text in captions(name)]
    (root / "captions.tsv").write_text("\n".join(["file\tcaption", *rows]))


def write_json(path: Path, contents) -> None:
    path.write_text(json.dumps(contents))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of plain pictures, named by their colours."""
    root = tmp_path_factory.mktemp("pictures")
    for name in NAMES:
        Image.new("RGB", (9, 12), COLOURS[name[:-5]]).save(root / name)
    return root


def config_of(root: Path, pictures: Path):
    config = changed(captioning.get_config("smoke"), {
        "data.source": "files", "data.root": str(root), "data.images": str(pictures),
        "data.captions": 2, "data.size": 8, "model.width": 8, "runs": (RUN,),
        "encoder.widths": (4,), "encoder.layers": 1, "encoder.cached": False,
        "optim.lr": 5e-2, "loop.steps": STEPS,
    })  # fmt: skip
    return captioning.runs(config)[RUN].config


@pytest.fixture(scope="module")
def program():
    """(config) -> (init, step): one for all layouts, which differ in no shape."""
    made = {}

    def of(config):
        if not made:
            step = jax.jit(partial(train.train_step, config))
            made["found"] = train.init(config, jax.random.key(0), {}), step
        return made["found"]

    return of


@pytest.mark.parametrize("write", [karpathy, neuraltalk2, coco, flickr, table])
def test_every_public_layout_trains(write, pictures, program, tmp_path):
    """All have the same words. Each picture comes with its own captions, and the loss
    falls."""
    write(tmp_path)
    config = config_of(tmp_path, pictures)
    state, step = program(config)
    words = tokens.vocabulary(config.data)
    losses = []
    for batch in islice(data.batches(config, "train"), STEPS):
        for pixels, numbers in zip(batch["image"], batch["tokens"], strict=True):
            colour = [*COLOURS][pixels[0, 0].argmax()]
            said = {words.decode(row) for row in numbers}
            assert said == {f"a {colour} one", f"all of it is {colour}"}
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0]
