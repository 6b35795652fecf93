"""The networks. A failure means that they do not compute PyTorch's numbers, which
torch_outputs.py wrote, have other sizes than released, or share other parts."""

import dataclasses
from functools import cache, partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from papers.unit import objective, variants, weights
from papers.unit.config import Config, Discriminator, Model
from papers.unit.digits.networks import DigitTranslator
from papers.unit.directions import DIRECTIONS, Direction
from papers.unit.discriminator import Discriminators
from papers.unit.model import Layer, Translator
from tests.papers.unit import torch_outputs
from tests.papers.unit.against_torch import (
    SHAPES,
    close,
    dotted,
    expected,
    parameters,
    renamed,
)

CHANNELS = tuple(torch_outputs.CHANNELS.values())
A_TO_B = Direction("a", "b")


def model_of(case: str) -> Model:
    family, _, norm = case.partition("_")
    return Model(
        family,
        share=family == "shared",
        channels=CHANNELS,
        width=torch_outputs.WIDTH,
        halvings=torch_outputs.HALVINGS,
        private_blocks=torch_outputs.TRANSLATORS[case],
        shared_blocks=int(family == "shared"),
        norm=norm or "none",
    )


def abstract_parameters(model: Model):
    """Shapes and dtypes."""
    a, b = (jax.ShapeDtypeStruct((1, 16, 16, n), jnp.float32) for n in model.channels)
    return jax.eval_shape(Translator(model).init, jax.random.key(0), a, b)["params"]


@pytest.mark.parametrize("case", torch_outputs.TRANSLATORS)
def test_translators_give_pytorch_s_numbers(case):
    config = Config(model=model_of(case))
    arrays = torch_outputs.draw(SHAPES[case])
    params = weights.from_torch(config, arrays, abstract_parameters(config.model))
    variables = {"params": params}
    wanted = expected(case)

    @jax.jit
    def run(a, b):
        encode, generate = objective.networks(config, params)
        mu = encode(a, "a")
        return {
            "mu": mu,
            "aa": generate(mu, "a"),
            "ab": objective.translate(config, variables, a, A_TO_B),
            "ba": objective.translate(config, variables, b, A_TO_B.back),
        }

    found = run(**torch_outputs.images(torch_outputs.SMALL))
    for name, array in wanted.items():
        close(found[name], array)


@pytest.mark.parametrize("kind", torch_outputs.KINDS)
def test_discriminators_give_pytorch_s_logits_at_every_scale(kind):
    model = Discriminators(
        Discriminator(
            kind,
            torch_outputs.WIDTH,
            torch_outputs.LAYERS,
            torch_outputs.PRIVATE_LAYERS,
        )
    )
    images = torch_outputs.images(torch_outputs.LARGE)
    init = partial(model.init, method="both")
    shapes = jax.eval_shape(init, jax.random.key(0), **images)["params"]
    params = renamed(torch_outputs.draw(SHAPES[kind]), shapes, dotted)
    both = jax.jit(partial(model.apply, method="both"))({"params": params}, **images)
    found = {
        f"{d}{scale}": grid
        for d, grids in zip("ab", both, strict=True)
        for scale, grid in enumerate(grids)
    }
    wanted = expected(kind)
    assert found.keys() == wanted.keys()
    for name, logits in wanted.items():
        close(found[name], logits)


def abstract_players(variant: str):
    """Shapes and dtypes of both players' parameters."""
    config = variants.get_config(variant)
    a, b = (jax.ShapeDtypeStruct((1, 64, 64, n), jnp.float32) for n in (3, 3))
    init = partial(objective.init, config)
    return jax.eval_shape(init, jax.random.key(0), a, b)[0]


@pytest.mark.parametrize(
    ("variant", "generators", "discriminators"),
    [
        ("cats_dogs", 18_017_286, 50_298_114),
        ("streets", 18_017_286, 9_308_934),
        ("faces", 18_017_286, 25_240_065),
        ("later", 2 * 11_140_483, 2 * 8_271_171),
    ],
)
def test_parameters_are_as_many_as_released(variant, generators, discriminators):
    params = abstract_players(variant)
    assert parameters(params["generators"]) == generators
    assert parameters(params["discriminators"]) == discriminators
    assert variants.PARAM_COUNTS[variant] == generators + discriminators


def test_shared_parts_are_there_once():
    counts = {
        n: parameters(x) for n, x in abstract_players("faces")["generators"].items()
    }
    assert counts == {
        "enc_a": 3_918_976, "enc_b": 3_918_976, "enc_shared": 1_180_160,
        "gen_a": 3_909_507, "gen_b": 3_909_507, "gen_shared": 1_180_160,
    }  # fmt: skip
    apart = abstract_parameters(Model(share=False))
    assert parameters(apart) == 18_017_286 + 2 * 1_180_160
    assert not {"enc_shared", "gen_shared"} & apart.keys()
    own = abstract_players("later")["generators"]
    assert parameters([own["enc_a"], own["gen_a"]]) == 5_385_856 + 5_754_627


def test_biases_of_images_are_drawn_by_their_channels():
    """PyTorch's default of a transposed 1 x 1 convolution."""
    digits = DigitTranslator(Config(model=Model(channels=(3, 1)))).bind({})
    layers = (Layer(Model(), 3, 1), 3), (digits.out_a, 3), (digits.out_b, 1)
    keys = jax.random.split(jax.random.key(0), 200)
    x = jnp.zeros((1, 2, 2, 64))
    for layer, channels in layers:
        init = jax.vmap(layer.clone(parent=None).init, (0, None))
        bias = init(keys, x)["params"]["bias"]
        assert bias.shape == (200, channels)
        np.testing.assert_allclose(abs(bias).max(), channels**-0.5, rtol=0.02)


@cache
def random_translator(family: str):
    config = Config(model=Model(family, width=4, private_blocks=1))
    rng = np.random.default_rng(0)

    def drawn(leaf):  # much sooner than init compiles
        if len(leaf.shape) == 1:
            return jnp.asarray(rng.uniform(0.1, 0.9, leaf.shape), jnp.float32)
        scale = (2 / np.prod(leaf.shape[:-1])) ** 0.5
        return jnp.asarray(scale * rng.normal(size=leaf.shape), jnp.float32)

    a, b = jnp.asarray(rng.uniform(-1, 1, (2, 2, 16, 12, 3)), jnp.float32)
    return config, jax.tree.map(drawn, abstract_parameters(config.model)), a, b


@pytest.fixture(params=["shared", "separate"])
def setting(request):
    """A small translator that shares, its parameters, and images of a and of b."""
    return random_translator(request.param)


def changed(params, part):
    """Parameters with one feature of a part's first kernel replaced, which no norm
    undoes."""
    flat = flatten_dict(params[part], sep="/")
    path = next(name for name in flat if name.endswith("kernel"))
    flat[path] = flat[path].at[..., 0].set(-flat[path][..., 1])
    return {**params, part: unflatten_dict(flat, sep="/")}


@pytest.mark.parametrize("part", ["enc_shared", "gen_shared"])
def test_what_is_shared_works_in_both_directions(setting, part):
    config, params, *images = setting
    translate = jax.jit(
        partial(objective.translate, config), static_argnames="direction"
    )
    for direction, image in zip(DIRECTIONS, images, strict=True):
        before, after = (
            translate({"params": p}, image, direction=direction)
            for p in (params, changed(params, part))
        )
        assert jnp.mean(jnp.abs(after - before)) > 1e-3


def test_only_what_a_direction_goes_through_gets_its_gradient(setting):
    config, params, a, _ = setting

    def loss(params):
        translation = objective.translate(config, {"params": params}, a, A_TO_B)
        return jnp.sum(jnp.sin(3 * translation))

    grads = jax.jit(jax.grad(loss))(params)
    unused = jax.tree.leaves([grads.pop(part) for part in ("enc_b", "gen_a")])
    assert all(not jnp.any(grad) for grad in unused)
    assert grads.keys() == {"enc_a", "enc_shared", "gen_shared", "gen_b"}
    kernels = [grad for grad in jax.tree.leaves(grads) if grad.ndim == 4]
    assert min(float(jnp.abs(grad).max()) for grad in kernels) > 1e-4


def test_translations_have_the_size_of_their_images_and_treat_rows_as_columns(setting):
    """With images and kernels transposed, translations are transposed."""
    config, params, *images = setting
    turned = jax.tree.map(lambda p: p.swapaxes(0, 1) if p.ndim == 4 else p, params)
    translate = jax.jit(
        partial(objective.translate, config), static_argnames="direction"
    )
    for direction, image in zip(DIRECTIONS, images, strict=True):
        translation = translate({"params": params}, image, direction=direction)
        assert translation.shape == image.shape
        image = image.swapaxes(1, 2)
        found = translate({"params": turned}, image, direction=direction)
        np.testing.assert_allclose(
            found.swapaxes(1, 2), translation, rtol=1e-4, atol=1e-4
        )


def test_bfloat16_is_inside_and_images_are_float32(setting):
    config, params, a, _ = setting
    rough = Config(model=dataclasses.replace(config.model, dtype="bfloat16"))
    model = Translator(rough.model)
    chex.assert_trees_all_equal_dtypes(
        jax.eval_shape(model.init, jax.random.key(0), a, a)["params"], params
    )

    def run(a):
        apply = partial(model.apply, {"params": params}, capture_intermediates=True)
        mu, encoder = apply(a, "a", method="encode")
        z = mu + jax.random.normal(jax.random.key(2), mu.shape)  # float32, as `noise`
        image, generator = apply(z, "b", method="generate")
        inner = [flatten_dict(x["intermediates"]) for x in (encoder, generator)]
        return image, inner[0] | inner[1]

    image, inside = jax.eval_shape(run, a)
    assert image.dtype == inside.pop(("gen_b", "__call__"))[0].dtype == jnp.float32
    assert len(inside) > 20
    assert {str(x.dtype) for (x,) in inside.values()} == {"bfloat16"}
    exact, found = (
        jax.jit(partial(objective.translate, c, direction=A_TO_B))(
            {"params": params}, a
        )
        for c in (config, rough)
    )
    assert 0 < jnp.abs(found - exact).mean() < 0.1
