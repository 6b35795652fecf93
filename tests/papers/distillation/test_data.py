"""Which images a run reads. A failure means that a seed trains on another share, or a
transfer set holds classes that it should lack."""

import itertools

import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from papers.distillation import data
from papers.distillation.runs import runs
from papers.distillation.variants import get_config


def changed(row="baseline", **changes):
    config = get_config("smoke")
    config.runs = tuple(dict.fromkeys(["baseline", "ensemble", row]))
    for name, value in changes.items():
        section, _, field = name.partition("__")
        setattr(getattr(config, section) if field else config, field or section, value)
    return runs(config)[row].config


def test_every_seed_has_its_own_balanced_share():
    config = changed("soft_part", experiment__seeds=3, experiment__share=0.1)
    indices = data.chosen(config)
    labels = data.load(config.data, "train").labels
    assert indices.shape == (3, 51)
    assert len({tuple(sorted(row)) for row in indices}) == 3
    for row in indices:
        assert len({*row.tolist()}) == 51
        assert np.ptp(np.bincount(labels[row], minlength=10)) <= 1


def test_a_batch_has_each_seeds_own_images():
    config = changed("soft_part")
    split = data.load(config.data, "train")
    indices = data.chosen(config)
    (batch,) = itertools.islice(data.batches(config, "train"), 1)
    assert batch["index"].shape == (16, 2)
    for seed in range(2):
        rows = batch["index"][:, seed]
        assert np.isin(rows, indices[seed]).all()
        np.testing.assert_array_equal(batch["image"][:, seed], split.images[rows])
        np.testing.assert_array_equal(batch["label"][:, seed], split.labels[rows])


def test_every_epoch_has_every_image_once_in_another_order():
    config = changed("soft_part", data__batch_size=24)  # does not divide the 51 images
    batches = itertools.islice(data.batches(config, "train"), 17)  # 8 epochs
    read = np.concatenate([batch["index"] for batch in batches]).reshape(8, 51, 2)
    for seed in range(2):
        for epoch in read[..., seed]:
            assert sorted(epoch) == sorted(data.chosen(config)[seed])
        assert len({tuple(epoch) for epoch in read[..., seed]}) == 8


@pytest.mark.parametrize("count", [2, 4])
def test_processes_read_the_rows_of_the_one(count):
    config = changed()
    stream = itertools.islice(data.batches(config, "train"), 40)
    parts = [
        data.batches(config, "train", process_index=i, process_count=count)
        for i in range(count)
    ]
    for batch in stream:
        for i, part in enumerate(map(next, parts)):
            for name, value in batch.items():
                np.testing.assert_array_equal(part[name], value[i::count])


@pytest.mark.parametrize(
    ("row", "kept"),
    [("soft_without", {0, 1, 2, *range(4, 10)}), ("soft_only", {7, 8}),
     ("hard_without", {0, 1, 2, *range(4, 10)})],
)  # fmt: skip
def test_a_transfer_set_lacks_its_classes(row, kept):
    config = changed(row)
    batches = itertools.islice(data.batches(config, "train"), 40)
    assert {int(y) for batch in batches for y in batch["label"].ravel()} == kept
    (valid, *_) = data.batches(config, "valid")
    assert {*valid["label"].ravel().tolist()} == {*range(10)}


@pytest.mark.parametrize("row", ["hard_without", "soft_only"])
def test_a_class_that_the_set_has_not_is_answered_before_any_training(row):
    config = changed(row, data__name="8x8x1x3")
    with pytest.raises(UserError, match="and the set has 3: choose others by"):
        data.batch_spec(config)
    few = {"experiment__without": 2, "experiment__only": (0, 1)}
    data.batch_spec(changed(row, data__name="8x8x1x3", **few))


def test_jitter_moves_training_images_alone():
    config = changed()
    split = data.load(config.data, "train")
    (batch,) = itertools.islice(data.batches(config, "train"), 1)
    plain = split.images[batch["index"][:, 0]]
    moved = (batch["image"][:, 0] != plain).any((1, 2, 3))
    assert 0.5 < moved.mean() <= 1
    (valid, *_) = data.batches(config, "valid")
    expected = data.load(config.data, "valid").images[:64]
    np.testing.assert_array_equal(valid["image"][:, 0], expected)


def write_folder(root, sizes=((12, 9), (7, 7))):
    for split, n in ("train", 12), ("test", 6):
        for name in ("ant", "bee"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(n):
                size = sizes[i % len(sizes)]
                Image.new("RGB", size, (9 * i, 0, 0)).save(folder / f"{i}.png")


def test_a_folder_of_pictures_of_many_sizes_is_resized_if_told(tmp_path):
    write_folder(tmp_path)
    files = {"data__source": "files", "data__root": str(tmp_path)}
    with pytest.raises(UserError, match="images of one size are needed"):
        data.batch_spec(changed(**files))
    config = changed(**files, data__image=(8, 8, 1))
    spec = data.batch_spec(config)
    assert spec["image"].shape == (16, 1, 8, 8, 1)
    assert data.count_classes(config.data) == 2
    (batch,) = itertools.islice(data.batches(config, "train"), 1)
    assert batch["image"].shape == spec["image"].shape
    with pytest.raises(UserError, match=r"2 classes, not 1: set --config\.data\.cl"):
        data.batches(changed(**files, data__image=(8, 8, 1), data__classes=1), "train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"runs": ("distilled",)}, "'distilled' comes after 'ensemble': add it"),
        ({"runs": ("nothing",)}, "no run 'nothing': there are: baseline"),
        (
            {"distill__average": "median"},
            "distill.average=median: choose one of arithmetic",
        ),
        (
            {"distill__targets": "now"},
            "distill.targets=now: choose one of cached, live",
        ),
        ({"distill__temperatures": (2.0,)}, "are the runs' own"),
        ({"distill__hard_weight": 0.5}, "are the runs' own"),
        ({"role": "student"}, "choose runs"),
        ({"experiment__distilled_at": (0.0,)}, "distilled_at=0.0: must be above 0"),
        ({"experiment__hard_weight": 1.5}, "between 0 and 1"),
        ({"optim__accumulate": 0}, "accumulate=0: must be at least 1"),
        ({"student__dtype": "float99"}, "student.dtype=float99: choose one of float32"),
        ({"eval__write": "/no/such/logits.npz"}, "no such folder"),
        ({"eval__soften": ()}, "one temperature at least"),
        ({"data__share": 0.0}, "data.share=0.0: must be above 0, at most 1"),
        ({"data__image": (8, 8)}, "data.image=8,8: give 0 or 3 values"),
        ({"teacher__kind": "cnn"}, "teacher.kind=cnn: choose one of mlp, resnet"),
        ({"experiment__members": 0}, "members=0: must be at least 1"),
        ({"optim__accumulate": 3}, "accumulate=3 must divide"),
    ],
)
def test_values_that_cannot_be_are_user_errors(changes, message):
    config = get_config("smoke")
    for name, value in changes.items():
        section, _, field = name.partition("__")
        setattr(getattr(config, section) if field else config, field or section, value)
    with pytest.raises(UserError, match=message):
        runs(config)
