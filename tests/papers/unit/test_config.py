"""What the runs of a variant train on. A failure means that an override misses a run,
or that values which cannot work are accepted."""

import pytest

from common.contract import UserError
from launch import catalogue
from papers import unit


def runs(variant, *overrides):
    """{run: Config} of a command line."""
    flags = [f"--config.{override}" for override in overrides]
    config = catalogue.override(unit.get_config(variant), flags)
    return {name: run.config for name, run in unit.runs(config).items()}


@pytest.mark.parametrize("variant", ["digits", "svhn_mnist", "smoke"])
def test_overrides_reach_every_run(variant):
    changed = runs(
        variant, "loop.steps=10", "optim.lr=0.5", "optim.weight_decay=0.0",
        "data.batch_size=4", "data.pair=mnist5k,digits", "data.margins=4,0",
    )  # fmt: skip
    for c in changed.values():
        assert (c.loop.steps, c.optim.lr, c.optim.weight_decay) == (10, 0.5, 0)
        assert (c.data.batch_size, c.data.margins) == (4, (4, 0))
        assert c.data.pair == ("mnist5k", "digits")
    if variant != "smoke":
        for c in runs(variant, "data.size=48,48", "data.flip=True").values():
            assert (c.data.size, c.data.flip) == ((48, 48), True)


def test_digits_beside_other_images_are_small_grey_ones():
    configs = runs("smoke", "data.size=32,32", "data.flip=True", "data.short=40")
    assert (configs["unit"].data.size, configs["adapted"].data.size) == (
        (32, 32),
        (16, 16),
    )
    assert configs["adapted"].data.source == "labelled"
    assert configs["adapted"].model.channels == (1, 1)
    decays = [c.optim.weight_decay for c in configs.values()]
    assert decays == [1e-4, 5e-4]
    both = runs("digits", "runs=unit,adapted")
    alone = runs("digits")
    assert both["adapted"].data == alone["adapted"].data


def test_photos_are_scaled_as_released_before_they_are_cropped():
    shorter = {v: unit.get_config(v).data.short for v in unit.VARIANTS}
    assert {v: short for v, short in shorter.items() if short} == {
        "cats_dogs": 259, "streets": 481, "faces": 132, "later": 256, "paper_256": 286,
    }  # fmt: skip


@pytest.mark.parametrize(("variant", "overrides", "message"), [
    ("digits", ["weights=w.npz"], "digit experiment has no weights files"),
    ("smoke", ["weights=w.npz"], "adapted and source_only out of config.runs"),
    ("digits", ["data.source=tfds"], "digit experiment needs labelled"),
    ("digits", ["data.size=20,20"], r"such as 32,32, not \(20, 20\)"),
    ("digits", ["data.size=16,32"], r"such as 32,32, not \(16, 32\)"),
    ("digits", ["data.short=20"], "labelled images are resized whole"),
    ("digits", ["adaptation.dropout=0.1,0.2"], "give 4 values"),
    ("digits", ["model.channels=3,1"], "copies need as many channels in b as in a"),
    ("later", ["data.size=60,64"], r"sides of at least 61, not \(60, 64\)"),
    ("later", ["data.size=64,64", "discriminator.layers=5"], "at least 125"),
])  # fmt: skip
def test_what_cannot_work_is_one_line(variant, overrides, message):
    with pytest.raises(UserError, match=message) as refused:
        runs(variant, *overrides)
    assert "\n" not in str(refused.value)


def test_the_smallest_images_of_averaged_discriminators_are_accepted():
    runs("later", "data.size=64,64", "data.short=64")
