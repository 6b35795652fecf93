"""KCNN, attention and the click model, beside loops over numpy and their identities.

What would fail: a window of padding that wins the maximum, an entity 0 that is tanh(b),
a padded click with a weight, channels that are not aligned.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers import dkn
from papers.dkn import train
from papers.dkn.model import KCNN, attention_weights, channels_of
from tests.papers.dkn import numpy_dkn
from tests.papers.dkn.impressions import config, logits, start


def first_batch(own):
    return next(dkn.batches(own, "train"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model__mapping": "linear", "model__attention": "dot"},
        {"model__mapping": "none", "model__attention": "none"},
        {"model__contexts": False, "model__score": "dot"},
        {"model__windows": (1, 2, 4), "model__entities": False},
    ],
)
def test_the_network_is_the_loop_over_windows_filters_and_clicks(changes):
    own = config(**changes)
    state = start(own)
    batch = first_batch(own)
    batch["news"][0, :2] = 0  # clicks that are padding
    batch["words"][1, 0] = 0  # a title without a word
    found, shares = logits(own, state, batch)
    params = jax.tree.map(lambda x: np.float64(x[0]), state.params["net"])
    tables = {name: np.float64(x) for name, x in state.tables.items()}
    m = own.model
    clicks = own.data.history
    for row in range(3):
        vectors = [
            numpy_dkn.title_vector(
                params["kcnn"], words, entities, tables, channels_of(m), m.windows,
                m.mapping,
            )
            for words, entities in zip(
                batch["words"][row], batch["entities"][row], strict=True
            )
        ]  # fmt: skip
        real = np.flatnonzero(batch["news"][row, :clicks])
        for c, candidate in enumerate(vectors[clicks:]):
            expected, weights = numpy_dkn.logit(
                params, [vectors[k] for k in real], candidate, m.attention, m.score
            )
            np.testing.assert_allclose(found[row, c], expected, rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(shares[row, c, real], weights, atol=1e-6)


def title(own, state, words, entities, tables=None):
    params = {"params": jax.tree.map(lambda x: x[0], state.params["net"]["kcnn"])}
    ids = jnp.asarray([words]), jnp.asarray([entities])
    return KCNN(own).apply(params, *ids, tables or state.tables)[0]


def test_padding_behind_a_title_changes_nothing():
    own = config()
    state = start(own)
    short = title(own, state, [3, 4, 5], [1, 0, 2])
    long = title(own, state, [3, 4, 5, 0, 0, 0, 0], [1, 0, 2, 0, 0, 0, 0])
    np.testing.assert_allclose(short, long, atol=1e-6)


def test_a_title_without_a_word_is_the_vector_0():
    own = config()
    np.testing.assert_array_equal(title(own, start(own), [0, 0, 0], [0, 0, 0]), 0)


def test_no_entity_is_zeros_behind_g_whatever_row_0_holds():
    own = config()
    state = start(own)
    other = {name: table.at[0].set(7.0) for name, table in state.tables.items()}
    a = title(own, state, [3, 4], [0, 0])
    np.testing.assert_array_equal(a, title(own, state, [3, 4], [0, 0], other))


def test_channels_may_change_places_with_their_filters():
    """The entity and context channels swapped, in tables, g and kernels alike."""
    own = config()
    state = start(own)
    d = own.model.d_word
    kcnn = dict(state.params["net"]["kcnn"])
    kcnn["entity"], kcnn["context"] = kcnn["context"], kcnn["entity"]

    def swapped(x, size):
        parts = x.reshape(len(x), size, 3, d, -1)
        return parts[:, :, np.array([0, 2, 1])].reshape(x.shape)

    windows = dict(kcnn["windows"])
    for size in own.model.windows:
        windows[f"kernel{size}"] = swapped(windows[f"kernel{size}"], size)
    net = state.params["net"] | {"kcnn": kcnn | {"windows": windows}}
    other = state.replace(params={"net": net})
    tables = {"entity": state.tables["context"], "context": state.tables["entity"]}
    words = [3, 4, 5], [1, 0, 2]
    np.testing.assert_allclose(
        title(own, state, *words), title(own, other, *words, tables), atol=1e-6
    )


def test_attention_sums_to_1_and_gives_padding_exactly_0():
    mask = jnp.array([[True, True, False], [False, False, False]])
    weights = attention_weights(jnp.array([[5.0, 1.0, 90.0], [1.0, 2.0, 3.0]]), mask)
    np.testing.assert_allclose(jnp.sum(weights, axis=1), [1, 0], atol=1e-6)
    assert weights[0, 2] == 0
    np.testing.assert_array_equal(weights[1], 0)
    grad = jax.grad(lambda x: jnp.sum(attention_weights(x, mask) ** 2))(
        jnp.ones((2, 3))
    )
    assert np.isfinite(grad).all()


def test_more_padded_clicks_change_no_logit():
    own = config()
    state = start(own)
    batch = first_batch(own)
    expected, _ = logits(own, state, batch)
    wider = {n: np.pad(batch[n], [(0, 0), (3, 0)] + [(0, 0)] * (batch[n].ndim - 2))
             for n in ("news", "words", "entities")}  # fmt: skip
    own.data.history += 3
    found, weights = logits(own, state, batch | wider)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (weights[..., :3] == 0).all()


def test_a_user_without_clicks_is_0_and_gets_finite_gradients():
    own = config(model__score="dot")
    state = start(own)
    batch = first_batch(own)
    batch["news"][:, : own.data.history] = 0
    found, weights = logits(own, state, batch)
    np.testing.assert_array_equal(found, 0)
    np.testing.assert_array_equal(weights, 0)
    after, metrics = dkn.train_step(own, state, batch)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(after.params))
    np.testing.assert_allclose(metrics["loss"], np.log(2), rtol=1e-6)


def test_log_loss_is_minus_log_of_the_probability_of_the_label():
    x = np.array([-3.0, 0.5, 40.0, 2.0])
    label = np.array([1.0, 0.0, 1.0, 1.0])
    p = 1 / (1 + np.exp(-x))
    expected = -np.log(np.where(label > 0, p, 1 - p))
    found = train.log_loss(jnp.asarray(x), jnp.asarray(label))
    np.testing.assert_allclose(found, expected, atol=1e-6)
