"""What a step reads and does. A failure means another mean image, augmentation or
decay, or, slowly, that plain and residual nets do not differ."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from papers import resnet
from papers.resnet import data
from tests import optimised


def smoke(**fields):
    config = resnet.get_config("smoke")
    for name, value in fields.items():
        section, _, field = name.partition("__")
        setattr(getattr(config, section), field, value)
    return config


def test_the_mean_image_is_that_of_the_training_split_pixel_by_pixel():
    config = smoke()
    images = data.image_set(config, "train").images
    found = jax.jit(partial(data.mean_image, config))()
    np.testing.assert_allclose(found, images.mean(0) / 255, rtol=1e-5)
    x = data.normalised(config, found, jnp.asarray(images))
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(x[3], images[3] / 255 - found, atol=1e-6)


def test_images_of_another_size_lose_the_resized_mean():
    config = smoke()
    mean = jnp.full((8, 8, 1), 0.25)
    x = data.normalised(config, mean, jnp.full((2, 12, 20, 1), 255, jnp.uint8))
    np.testing.assert_allclose(x, 0.75, rtol=1e-6)


def test_imagenet_s_constants_are_torchvision_s():
    config = smoke(data__subtract="imagenet", data__channels=3)
    pixel = np.array([124, 116, 104], np.uint8).reshape(1, 1, 1, 3)
    found = data.normalised(config, data.mean_image(config), jnp.asarray(pixel))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(found[0, 0, 0], (pixel[0, 0, 0] / 255 - mean) / std,
                               rtol=1e-4, atol=1e-5)  # fmt: skip


def test_augmented_images_are_crops_and_mirrors_of_their_own():
    """Every pixel of a shifted image is one of the image, or of the black border."""
    plain = {"image": np.arange(1, 65, dtype=np.uint8).reshape(8, 8, 1), "label": 0}
    seen = set()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        config = smoke(data__augment="cifar", data__padding=1)
        augmented = data._augmented(config.data, plain, rng.random(3))
        image = augmented["image"][..., 0].astype(int)
        step = image[4, 5] - image[4, 4]
        assert abs(step) == 1
        seen.add((step, image[4, 4]))
    assert len(seen) == 18  # 3 x 3 shifts, mirrored or not


def test_too_many_classes_are_answered_with_their_number():
    config = smoke(data__name="8x8x1x12")
    with pytest.raises(UserError, match="num_classes=12"):
        data.batches(config, "train")


def test_every_parameter_decays():
    """Every kernel, gain and bias loses lr * decay * p besides its gradient step."""
    after = {}
    for decay in (0.0, 0.1):
        config = smoke(optim__weight_decay=decay, optim__lr=0.5, optim__momentum=0.0)
        state = resnet.init(config, jax.random.key(0))
        batch = next(resnet.batches(config, "train"))
        after[decay], _ = jax.jit(partial(resnet.train_step, config))(state, batch)
    jax.tree.map(
        lambda p, without, decayed: np.testing.assert_allclose(
            without - decayed, 0.5 * 0.1 * p, rtol=1e-3, atol=1e-6
        ),
        state.params, after[0.0].params, after[0.1].params,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"runs": ("resnet_8",), "model__shortcut": "none"}, "shortcut=A, B or C"),
        ({"runs": ("vgg_16",)}, "write main, plain_DEPTH or resnet_DEPTH"),
        ({"optim__accumulate": 0}, r"optim\.accumulate=0: must be at least 1"),
        ({"optim__accumulate": 3}, "must divide"),
        ({"data__subtract": "imagenet"}, r"data\.channels=3"),
        ({"data__mean_of": 0}, "mean_of=0: must be at least 1"),
        ({"eval__train_images": 0}, "train_images=0: must be at least 1"),
        ({"eval__scales": ()}, "one length at least"),
        ({"eval__short": 5}, r"at least config\.data\.size"),
        ({"data__augment": "imagenet", "data__channels": 3, "data__short": (6, 9)},
         r"rise from config\.data\.size"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_are_user_errors(changes, message):
    names = changes.pop("runs", ("main",))
    config = smoke(**changes)
    config.runs = names
    with pytest.raises(UserError, match=message):
        resnet.runs(config)


def test_how_images_are_measured_does_not_change_what_is_subtracted():
    means = [data.mean_image(smoke(eval__short=short)) for short in (0, 10)]
    np.testing.assert_array_equal(*means)


def test_chunks_normalise_by_their_own_statistics_and_move_the_running_ones_once():
    config = smoke(optim__accumulate=2)
    state = resnet.init(config, jax.random.key(0))
    batch = next(resnet.batches(config, "train"))
    after, metrics = jax.jit(partial(resnet.train_step, config))(state, batch)
    config.optim.accumulate = 1
    halves = [{name: x[c::2] for name, x in batch.items()} for c in (0, 1)]
    step = jax.jit(partial(resnet.train_step, config))
    parts = [step(state, half) for half in halves]
    mean = jax.tree.map(lambda a, b: (a + b) / 2, *(s.batch_stats for s, _ in parts))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        after.batch_stats, mean,
    )  # fmt: skip
    for name in ("loss", "error"):
        expected = np.mean([m[name] for _, m in parts])
        np.testing.assert_allclose(metrics[name], expected, rtol=1e-5)


def losses(config, steps, batch=None):
    """The losses of training on the stream of batches, or on one `batch` throughout."""
    state = resnet.init(config, jax.random.key(0))
    stream = resnet.batches(config, "train")
    step = optimised.train_step(resnet, config)
    found = []
    for _ in range(steps):
        state, metrics = step(state, next(stream) if batch is None else batch)
        found.append(float(metrics["loss"]))
    return found


@pytest.mark.slow
def test_a_thousand_layers_build_step_and_learn():
    config = smoke(model__depth=1202, data__batch_size=4)
    config.optim.lr = 1e-4
    batch = next(resnet.batches(config, "train"))
    found = losses(config, 20, batch)
    assert np.isfinite(found).all()
    assert np.mean(found[-5:]) < 0.5 * np.mean(found[:5])


@pytest.mark.slow
def test_deep_plain_nets_train_worse_than_residual_ones():
    """Degradation on a small scale: 44 layers, the same images and steps."""
    final = {}
    for row in ("plain_44", "resnet_44"):
        config = resnet.get_config()
        config.runs = (row,)
        final[row] = np.mean(losses(resnet.runs(config)[row].config, 120)[-20:])
    assert final["plain_44"] > final["resnet_44"] + 0.2
