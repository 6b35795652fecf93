"""Batches: which pictures with which captions, in which order."""

import itertools

import numpy as np
import pytest

from common.contract import UserError
from papers.captioning import data, sources
from papers.captioning.config import Config
from papers.captioning.items import View
from papers.captioning.runs import with_vocabulary
from papers.captioning.sources import CaptionedImages
from papers.captioning.tokens import tokens, vocabulary
from papers.captioning.vocabulary import END, Vocabulary


@pytest.fixture
def config():
    config = Config()
    config.data.source = "generated"
    config.data.size = 16
    config.data.scenes = 13
    config.data.held_out = 7
    config.data.batch_size = 4
    config.data.captions = 3
    config.data.min_count = 1
    config.eval.batch_size = 4
    config.encoder.cached = False
    return with_vocabulary(config)


def captioned(*texts, **changes):
    """A set of grey pictures with these captions."""
    given = {
        "names": tuple(f"{i}.png" for i in range(len(texts))),
        "pictures": np.full((len(texts), 4, 4, 3), 90, np.uint8),
        "texts": tuple(map(tuple, texts)),
    }
    return CaptionedImages(**{**given, **changes})


def take(iterator, count):
    return [*itertools.islice(iterator, count)]


@pytest.mark.parametrize("split", ["train", "valid"])
@pytest.mark.parametrize("task", ["caption", "classify"])
@pytest.mark.parametrize("cached", [True, False])
def test_batches_are_of_batch_spec(config, split, task, cached, monkeypatch):
    monkeypatch.setattr(data, "CROPS_HELD_OUT", 60)
    config.task = task
    config.encoder.cached = cached
    config.classifier.crops = 60
    batch = next(data.batches(config, split))
    spec = data.batch_spec(config, split)
    assert {k: (v.shape, v.dtype) for k, v in batch.items()} == {
        k: (v.shape, v.dtype) for k, v in spec.items()
    }


def test_a_batch_has_the_captions_of_its_pictures(config):
    words = vocabulary(config.data)
    pictures = data.pictures(config, "train")
    for batch in take(data.batches(config, "train"), 5):
        for image, rows, index in zip(
            batch["image"], batch["tokens"], batch["index"], strict=True
        ):
            assert np.array_equal(image, pictures.picture(index))
            said = [words.decode(row) for row in rows]
            assert len(set(said)) == 3
            assert set(said) <= set(pictures.captions(index))


def test_each_epoch_has_every_picture_once(config):
    batches = take(data.batches(config, "train"), 13)
    epochs = np.concatenate([batch["index"] for batch in batches]).reshape(4, 13)
    assert (np.sort(epochs) == np.arange(13)).all()
    assert (epochs[0] != epochs[1]).any()


def test_a_stream_goes_on_where_it_was(config):
    stream = data.batches(config, "train")
    take(stream, 3)
    state = stream.get_state()
    expected = take(stream, 2)
    again = data.batches(config, "train")
    again.set_state(state)
    for one, other in zip(expected, take(again, 2), strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_two_processes_read_what_one_reads(config):
    whole = next(data.batches(config, "train"))
    shares = [
        next(data.batches(config, "train", process_index=i, process_count=2))
        for i in range(2)
    ]
    for name, array in whole.items():
        joined = np.empty_like(array)
        joined[0::2], joined[1::2] = (share[name] for share in shares)
        assert np.array_equal(joined, array)


def test_seeds_differ(config):
    first = next(data.batches(config, "train"))
    config.seed += 1
    assert (next(data.batches(config, "train"))["index"] != first["index"]).any()


def test_a_split_to_measure_on_comes_once_in_order_and_is_padded(config):
    batches = [*data.batches(config, "test")]
    index = np.concatenate([batch["index"] for batch in batches])
    mask = np.concatenate([batch["mask"] for batch in batches])
    assert index.tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert mask.tolist() == [1] * 7 + [0]


def test_where_vectors_are_known_pictures_are_left_out_of_training(config):
    config.encoder.cached = False
    images = take(data.batches(config, "train"), 5)
    config.encoder.cached = True
    for one, other in zip(images, take(data.batches(config, "train"), 5), strict=True):
        assert one.keys() - other.keys() == {"image"}
        assert np.array_equal(one["index"], other["index"])
        assert np.array_equal(one["tokens"], other["tokens"])
    assert "image" in next(data.batches(config, "valid"))


def test_images_are_those_of_batches(config):
    (first, _) = data.batches(config, "valid")
    found = data.images(config, "valid", [*first["index"], 99])
    assert np.array_equal(found[:-1], first["image"])
    assert not found[-1].any()


@pytest.mark.parametrize("min_count", [1, 40])
def test_how_many_there_are_is_known_without_making_them(config, min_count):
    config.data.min_count = min_count
    assert data.training_count(config) == len(data.pictures(config, "train"))
    config.data.source = "files"
    assert data.training_count(config) == 1


def test_another_number_of_words_than_the_networks_is_refused(config):
    config.model.vocab = 3
    with pytest.raises(UserError, match=r"--config\.model\.vocab=\d+"):
        data.batches(config, "train")


def test_of_many_captions_a_random_run_is_drawn_and_few_are_repeated():
    texts = ["red", "green", "blue", "white", "pink", "black", "grey"]
    words = Vocabulary.of(texts)
    _, found = tokens(captioned(texts, texts[:2]), words, 2, "train")
    rng = np.random.default_rng(0)
    runs = {tuple(found.drawn(0, 5, rng)[:, 0]) for _ in range(60)}
    assert runs == {tuple(range(i, i + 5)) for i in (1, 2, 3)}
    for _ in range(9):
        drawn = found.drawn(1, 5, rng)[:, 0].tolist()
        assert sorted(map(drawn.count, (1, 2))) == [2, 3]
    assert found.first_ones(0, 5)[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert found.first_ones(1, 5)[:, 0].tolist() == [1, 2, 1, 2, 1]


def test_a_caption_of_200_words_is_cut_and_counted():
    text = " ".join(f"w{i}" for i in range(200))
    with pytest.warns(UserWarning, match=r"1 captions have more than 16 .* 200"):
        _, found = tokens(captioned([text]), Vocabulary.of([text]), 16, "train")
    assert found.rows.tolist() == [[*range(1, 17)]]


def test_captions_of_unknown_words_only_are_left_out_with_their_pictures():
    words = Vocabulary.of(["a dog", "a dog", "zebra"], min_count=2)
    given = captioned(["a dog", "yak gnu"], ["zebra"], ["a zebra"])
    with pytest.warns(UserWarning, match=r"2 captions .*'yak gnu'; 1 pic.*'1\.png'"):
        kept, found = tokens(given, words, 4, "valid")
    assert kept.names == ("0.png", "2.png")
    assert found.of(0).tolist() == [[1, 2, END, END]]
    assert found.of(1).tolist() == [[1, words.unk, END, END]]


def test_a_split_without_any_known_word_is_one_line():
    with pytest.raises(UserError, match="no caption of valid has a word"):
        tokens(captioned(["yak"]), Vocabulary.of(["dog"]), 4, "valid")


@pytest.mark.parametrize("shape", [(10, 30), (30, 10), (20, 20)])
def test_a_picture_is_stretched_and_its_middle_is_cut_out(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    picture[:, shape[1] // 2 :] = 200
    image = View(8, 12)(picture)
    assert image.shape == (8, 8, 3)
    assert image[:, 0].max() < 60 < 140 < image[:, -1].min()


def test_training_cuts_out_random_parts_and_measuring_the_middle():
    picture = np.arange(12 * 12 * 3).astype(np.uint8).reshape(12, 12, 3)
    view = View(8, 12)
    rng = np.random.default_rng(0)
    parts = {view(picture, rng).tobytes() for _ in range(300)}
    assert len(parts) == 25
    assert np.array_equal(view(picture), picture[2:10, 2:10])


class Files:
    """Pictures that are read, the second of which cannot be."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return None if index == 1 else np.full((16, 16, 3), 50 * index + 9, np.uint8)


def test_a_picture_that_cannot_be_read_is_replaced_in_training_and_masked_else(
    config, monkeypatch
):
    texts = ["a red one"], ["a green one"], ["a blue one"]
    given = captioned(*texts, pictures=Files())
    splits = dict.fromkeys(("train", "valid", "test"), given)
    monkeypatch.setattr(sources, "load", lambda _: splits)
    config.data.name = "broken"  # another key of the caches
    config.model.vocab = 5
    for cached in (True, False):
        config.encoder.cached = cached
        with pytest.warns(UserWarning, match=r"more than 1 captions.*captions=1 "):
            batches = take(data.batches(config, "train"), 3)
        index = np.concatenate([batch["index"] for batch in batches])
        assert {*index} == {0, 2}
        assert all(batch["mask"].all() for batch in batches)
        (batch,) = data.batches(config, "valid")
        assert batch["mask"].tolist() == [1, 0, 1, 0]
