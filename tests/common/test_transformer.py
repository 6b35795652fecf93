"""The decoder block, with norms before and after, whole and through its cache."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.transformer import (
    Block,
    Cache,
    Decoder,
    empty_caches,
    seen_through_cache,
)

CONFIG = Decoder(context=16, n_layers=1, d_model=12, n_heads=3, d_inner=20)
TIME = 9
both = pytest.mark.parametrize("pre_norm", [True, False])


@pytest.fixture(scope="module")
def x():
    return jax.random.normal(jax.random.key(1), (2, TIME, 12))


def drawn(pre_norm: bool, x, config=CONFIG):
    """A block whose biases and gains are random as well."""
    block = Block(config, pre_norm, 0.2)
    params = block.init(jax.random.key(0), x)["params"]
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(2), len(leaves))
    moved = [
        leaf + 0.3 * jax.random.normal(key, leaf.shape)
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return block, jax.tree.unflatten(tree, moved)


def by_numpy(p, x, pre_norm: bool) -> np.ndarray:
    """The equations in float64, one head and one query at a time."""
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), p)

    def norm(x, p):
        mean = x.mean(-1, keepdims=True)
        return (x - mean) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * p["scale"] + p[
            "bias"
        ]

    def product(x, p):
        return x @ p["kernel"] + p["bias"]

    def attention(x):
        query, key, value = np.split(product(x, p["attention"]["qkv"]), 3, axis=-1)
        mean = np.zeros_like(x)
        for head in range(3):
            at = slice(4 * head, 4 * head + 4)
            for row in range(len(x)):
                for i in range(x.shape[1]):
                    scores = key[row, : i + 1, at] @ query[row, i, at] / 2.0
                    weights = np.exp(scores - scores.max())
                    weights /= weights.sum()
                    mean[row, i, at] = weights @ value[row, : i + 1, at]
        return product(mean, p["attention"]["output"])

    def mlp(x):
        u = product(x, p["mlp"]["up"])
        gelu = 0.5 * u * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3)))
        return product(gelu, p["mlp"]["down"])

    for part, name in (attention, "attention_norm"), (mlp, "mlp_norm"):
        x = x + part(norm(x, p[name])) if pre_norm else norm(x + part(x), p[name])
    return x


@both
def test_equals_the_equations(pre_norm, x):
    block, params = drawn(pre_norm, x)
    found = block.apply({"params": params}, x)
    expected = by_numpy(params, np.asarray(x, np.float64), pre_norm)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@both
def test_through_the_cache_it_is_the_same_however_the_text_is_cut(pre_norm, x):
    block, params = drawn(pre_norm, x)
    whole = block.apply({"params": params}, x)
    (cache,) = empty_caches(CONFIG, batch=2, slots=12)
    parts = []
    for start, end in (0, 4), (4, 5), (5, 9):
        part, cache = block.apply(
            {"params": params},
            x[:, start:end],
            cache,
            jnp.full(2, start),
            seen_through_cache(jnp.full(2, start), end - start, 12),
            method="cached",
        )
        parts.append(part)
    np.testing.assert_allclose(jnp.concatenate(parts, 1), whole, atol=1e-5)


def test_rows_may_stand_at_different_positions():
    start = jnp.array([0, 3])
    cache = Cache.empty(CONFIG, 2, 5)
    ones = jnp.ones((2, 2, 3, 4))
    filled = cache.write(start, ones, 2 * ones)
    np.testing.assert_array_equal(
        filled.key[:, 0, :, 0], [[1, 1, 0, 0, 0], [0, 0, 0, 1, 1]]
    )
    np.testing.assert_array_equal(filled.value, 2 * filled.key)
    seen = seen_through_cache(start, 2, 5)[:, 0]
    np.testing.assert_array_equal(
        seen,
        [
            [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]],
            [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]],
        ],
    )


@both
def test_dropout_is_drawn_in_training_alone(pre_norm, x):
    config = Decoder(**{**vars(CONFIG), "dropout": 0.5, "attention_dropout": 0.5})
    block, params = drawn(pre_norm, x, config)
    still = block.apply({"params": params}, x)
    np.testing.assert_array_equal(
        still, drawn(pre_norm, x)[0].apply({"params": params}, x)
    )
    one, other = (
        block.apply({"params": params}, x, True, rngs={"dropout": jax.random.key(i)})
        for i in (0, 1)
    )
    assert not np.allclose(one, other)
    assert not np.allclose(one, still)


def test_without_biases_there_are_none(x):
    config = Decoder(**{**vars(CONFIG), "bias": False})
    params = Block(config, True, 0.02).init(jax.random.key(0), x)["params"]
    names = {path[-1].key for path, _ in jax.tree_util.tree_leaves_with_path(params)}
    assert names == {"kernel", "scale"}


def test_activations_have_the_dtype_and_parameters_do_not(x):
    config = Decoder(**{**vars(CONFIG), "dtype": "bfloat16"})
    block = Block(config, True, 0.02)
    variables = block.init(jax.random.key(0), x.astype(jnp.bfloat16))
    out = block.apply(variables, x.astype(jnp.bfloat16))
    assert out.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert isinstance(block, nn.Module)
