"""The networks of the digit experiment. A failure means that they do not compute
PyTorch's numbers, which torch_outputs.py wrote, or have other sizes than released."""

from functools import cache, partial

import chex
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from papers.unit import variants
from papers.unit.config import Adaptation, Config, Data, Model
from papers.unit.config import runs as runs_of
from papers.unit.digits import objective
from papers.unit.digits.networks import DigitDiscriminator, DigitTranslator
from papers.unit.directions import DOMAINS, Direction
from tests.papers.unit import torch_outputs
from tests.papers.unit.against_torch import (
    SHAPES,
    close,
    dotted,
    expected,
    parameters,
    renamed,
)

DIGITS = Config(
    model=Model("adaptation", channels=(1, 1)),
    adaptation=Adaptation(torch_outputs.WIDTH, torch_outputs.WIDTH),
    data=Data("labelled", size=torch_outputs.DIGIT[1:]),
)


@cache
def digit_shapes():
    """Abstract parameters, and abstract statistics of the generators."""
    a, b = torch_outputs.digits().values()
    init = partial(objective.init, DIGITS)
    return jax.eval_shape(init, jax.random.key(0), a, b)


def digit_name(path: str) -> str:
    """ "enc_a/bias" is the convolution's, "enc_a/BatchNorm_0/bias" is added later."""
    if path.startswith(("enc_", "gen_")) and path.count("/") == 1:
        return path.replace("/bias", ".conv.bias")
    return dotted(path.replace("/BatchNorm_0", ""))


def digit_statistics(arrays):
    """Our statistics, which are taken before a layer's bias is added."""
    stats = {}
    for path in flatten_dict(digit_shapes()[1], sep="/"):
        layer, _, moment = path.split("/")
        value = arrays[f"{layer}.norm.running_{moment}"]
        bias = arrays.get(f"{layer}.conv.bias", 0)
        stats[path] = value - bias if moment == "mean" else value
    return unflatten_dict(stats, sep="/")


def digit_variables():
    arrays = torch_outputs.draw(SHAPES["digit_translator"])
    learnt = {n: x for n, x in arrays.items() if "running" not in n}
    params = renamed(learnt, digit_shapes()[0]["generators"], digit_name)
    return {"params": params, "batch_stats": digit_statistics(arrays)}


def test_the_digits_translator_gives_pytorch_s_numbers_by_its_statistics():
    images = torch_outputs.digits()
    values = digit_variables()
    wanted = expected("digit_translator")
    encode = partial(DigitTranslator(DIGITS).apply, method="encode")
    mu, sigma = jax.jit(encode)(values, images)
    close(mu, wanted["mu"])
    close(sigma, wanted["sigma"])
    translate = jax.jit(
        partial(objective.translate, DIGITS), static_argnames="direction"
    )
    for source, rows in ("a", slice(2)), ("b", slice(2, 4)):
        for target in DOMAINS:
            direction = Direction(source, target)
            found = translate(values, images[source], direction=direction)
            close(found, wanted[target][rows])


def test_the_digits_translator_trains_on_both_domains_statistics_as_pytorch():
    images = torch_outputs.digits()
    values = digit_variables()
    wanted = expected("digit_training")
    model = DigitTranslator(DIGITS)
    apply = partial(model.apply, train=True, mutable="batch_stats")

    @jax.jit
    def run(values):
        codes, encoded = apply(values, images, method="encode")
        made, generated = apply({**values, **encoded}, codes[0], method="generate")
        return *codes, made, generated["batch_stats"]

    mu, sigma, made, stats = run(values)
    for name, array in {"mu": mu, "sigma": sigma, **made}.items():
        close(array, wanted[name], 1e-4)
    drawn = torch_outputs.draw(SHAPES["digit_translator"])
    moved = {n: x for n, x in wanted.items() if "running" in n}
    after = digit_statistics({**drawn, **moved})
    chex.assert_trees_all_close(stats, after, rtol=1e-4, atol=1e-5)


def test_the_digits_discriminator_gives_pytorch_s_logits():
    images = torch_outputs.digits()
    wanted = expected("digit_discriminator")
    arrays = torch_outputs.draw(SHAPES["digit_discriminator"])
    params = renamed(arrays, digit_shapes()[0]["discriminators"], dotted)
    apply = partial(DigitDiscriminator(DIGITS).apply, {"params": params})
    close(apply(images), wanted["real"][:, 1] - wanted["real"][:, 0])
    close(apply(images, method="classify"), wanted["digit"])
    one = objective.class_logits(DIGITS, params, images["b"], "b")
    close(one, wanted["digit"][2:])


def convolution(k: int, inputs: int, outputs: int) -> int:
    return (k * k * inputs + 1) * outputs


def test_the_digit_experiment_s_parameters_are_as_many_as_released():
    """With the 3 channels of SVHN and the 1 of MNIST."""
    config = runs_of(variants.get_config("svhn_mnist"))["adapted"].config
    images = (jax.ShapeDtypeStruct((1, 32, 32, n), jnp.float32) for n in (3, 1))
    init = partial(objective.init, config)
    params, _ = jax.eval_shape(init, jax.random.key(0), *images)
    counts = {n: parameters(x) for n, x in params["generators"].items()}
    n = 96  # a layer has a bias before its norm, and one after
    assert counts["enc_a"] == convolution(5, 3 + 2, n) + n
    assert counts["enc_b"] == convolution(5, 1 + 2, n) + n
    assert counts["enc_shared_1"] == convolution(8, 2 * n, 4 * n) + 4 * n
    assert counts["mu"] == counts["sigma"] == convolution(1, 8 * n, 8 * n)
    assert counts["gen_shared_0"] == convolution(4, 8 * n, 8 * n) + 8 * n
    assert counts["gen_a"] == counts["gen_b"] == convolution(4, 2 * n, n) + n
    assert counts["out_a"] == convolution(1, n, 3)
    assert counts["out_b"] == convolution(1, n, 1)
    assert sum(counts.values()) == 22_606_468
    assert parameters(params["discriminators"]) == 4_332_812
    assert variants.PARAM_COUNTS["svhn_mnist"] == 22_606_468 + 4_332_812
