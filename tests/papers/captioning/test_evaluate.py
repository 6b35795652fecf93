"""Runs that are measured: the nll is the training loss, captions are the beams'."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from common.contract import Table
from common.metrics import over
from papers import captioning
from papers.captioning import baselines, data
from papers.captioning.captions import Writer
from papers.captioning.decoding import Options
from papers.captioning.measure import measured


@pytest.fixture(scope="module")
def config():
    config = captioning.get_config("smoke")
    config.model.width = 8
    config.encoder.widths = (4,)
    config.data.held_out = 10  # more than a batch
    config.runs = ("td_sentence",)
    return config


@pytest.fixture(scope="module")
def trained(config):
    """A drawn state."""
    return drawn(config)


def drawn(config):
    return {
        name: (run.config, captioning.init(run.config, jax.random.key(0), {}))
        for name, run in captioning.runs(config).items()
    }


def test_a_run_is_measured_by_its_loss_and_its_beams(trained):
    own, state = trained["td_sentence"]
    row = measured("td_sentence", own, state)
    step = jax.jit(functools.partial(captioning.eval_step, own, state))
    metrics = over(lambda batch: {"loss": step(batch)["loss"]},
                   data.batches(own, "test"))  # fmt: skip
    assert row.mean("nll") == pytest.approx(metrics["loss"], rel=1e-5)
    assert len(row.seeds) == own.seeds == 2
    assert {len(seed.captions) for seed in row.seeds} == {10}
    writer = Writer.of(own, state)
    options = Options(own.data.length, own.eval.beams)
    images = data.images(own, "test", range(10))
    tokens = writer.write(images, options).tokens
    words = data.vocabulary_of_network(own)
    for number, seed in enumerate(row.seeds):
        assert seed.captions == tuple(words.decode(t[number, 0]) for t in tokens)
        targets = [
            sum(len(text.split()) + 1 for text in own_texts[: own.data.captions])
            for own_texts in row.pictures.texts
        ]
        assert seed.targets.tolist() == targets


def test_pictures_that_cannot_be_read_are_not_measured(trained, monkeypatch):
    own, state = trained["td_sentence"]
    whole = measured("td_sentence", own, state)
    batches = [*data.batches(own, "test")]
    batches[0]["mask"][3] = 0
    monkeypatch.setattr(data, "batches", lambda *_: batches)
    row = measured("td_sentence", own, state)
    assert row.index.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    rest = np.delete(np.arange(10), 3)
    assert row.pictures.names == tuple(whole.pictures.names[i] for i in rest)
    assert row.seeds[0].nll == pytest.approx(whole.seeds[0].nll[rest])


def test_the_constant_caption_is_one_of_training(trained):
    own, _ = trained["td_sentence"]
    texts = data.pictures(own, "train").texts
    assert baselines.constant_caption(own) in {text for own in texts for text in own}


def test_the_nearest_training_picture_lends_its_caption(trained, monkeypatch):
    """Of test pictures that are those of training, with other captions, the first of
    which is what the reference says."""
    own, state = trained["td_sentence"]
    same = data.pictures(own, "train").take(range(10))
    row = dataclasses.replace(measured("td_sentence", own, state), pictures=same)
    split = data.pictures
    monkeypatch.setattr(
        data, "pictures", lambda c, s: same if s == "test" else split(c, s)
    )
    assert baselines.nearest_scores(own, row)["exact"] == 100
    monkeypatch.setattr(baselines, "_MOST", 9)
    assert baselines.nearest_scores(own, row) is None


@pytest.mark.slow
def test_evaluate_yields_each_name_once_and_claims(config):
    config = dataclasses.replace(config, runs=("td_sentence", "img_glstm"))
    trained = drawn(config)
    found = [*captioning.evaluate(config, trained)]
    values = dict(found)
    assert len(values) == len(found)
    assert [row[0] for row in values["Captions"].rows[:2]] == [*trained]
    assert len(values["Data"].rows) == 3
    assert len(values["Summary"].rows) == 1
    assert isinstance(values["Beside img_glstm"], Table)
    sheet = values["Pictures with their captions, 1"]
    assert sheet.dtype == np.uint8
    assert any(name.startswith("Guidance, td_sentence") for name in values)
