"""Schedules, optimisers and gradients in chunks. A failure means that a step is not
that of its formula, or that chunks or devices change it."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common import optim
from common.contract import UserError
from common.metrics import Mean
from common.optim import (
    Gradients,
    Objective,
    ema_params,
    gradients,
    learning_rate,
    optimiser,
    scaled_modules,
)
from common.sections import Optim, Schedule

LR = 2.0
QUARTER = 0.5 * (1 + np.cos(np.pi / 4))  # the cosine after a quarter of its way


@pytest.mark.parametrize(
    ("fields", "rates"),
    [
        ({"decay": "constant"}, {0: 2, 99: 2}),
        (
            {"decay": "constant", "warmup": 4},
            {0: 0, 1: 0.5, 2: 1, 3: 1.5, 4: 2, 99: 2},
        ),
        ({"decay": "cosine"}, {0: 2, 3: 2 * QUARTER, 6: 1, 12: 0, 20: 0}),
        (
            {"decay": "cosine", "warmup": 4},
            {0: 0, 3: 1.5, 4: 2, 6: 2 * QUARTER, 8: 1, 12: 0, 20: 0},
        ),
        (
            {"decay": "cosine", "warmup": 4, "decay_from_warmup": False},
            {0: 0, 3: 1.5, 4: 1.5, 6: 1, 8: 0.5, 12: 0, 20: 0},
        ),
        (
            {"decay": "cosine", "warmup": 4, "floor": 0.1},
            {3: 1.5, 4: 2, 8: 1.1, 12: 0.2, 20: 0.2},
        ),
        (
            {"decay": "step", "boundaries": (5,), "warmup": 3, "warmup_at": 0.25},
            {0: 0.5, 2: 0.5, 3: 2, 4: 2, 5: 0.2},
        ),
        ({"decay": "linear", "floor": 0.25}, {0: 2, 4: 1.5, 12: 0.5, 20: 0.5}),
        (
            {"decay": "linear", "warmup": 2},
            {0: 0, 1: 1, 2: 2, 7: 1, 12: 0, 20: 0},
        ),
        (
            {"decay": "linear", "warmup": 3, "decay_from_warmup": False},
            {2: 4 / 3, 3: 1.5, 6: 1, 12: 0},
        ),
        (
            {"decay": "step", "boundaries": (5, 8)},
            {0: 2, 4: 2, 5: 0.2, 7: 0.2, 8: 0.02, 99: 0.02},
        ),
        # Boundaries are steps of the run, wherever the decay's clock starts.
        *(
            (
                {
                    "decay": "step",
                    "boundaries": (5, 8),
                    "factor": 0.5,
                    "warmup": 4,
                    "decay_from_warmup": from_warmup,
                },
                {2: 1, 4: 2, 5: 1, 7: 1, 8: 0.5},
            )
            for from_warmup in (True, False)
        ),
    ],
)
def test_schedule_passes_through_points_worked_out_by_hand(fields, rates):
    rate = learning_rate(Optim(lr=LR, schedule=Schedule(**fields)), steps=12)
    found = jax.jit(jax.vmap(rate))(jnp.array(list(rates)))
    np.testing.assert_allclose(found, list(rates.values()), rtol=1e-5, atol=1e-6)
    first, *_ = rates
    np.testing.assert_allclose(rate(first), rates[first], atol=1e-6)  # a Python int


def chained(config, **options):
    return optimiser(config, learning_rate(config, steps=12), **options)


def trained(config, params, grads, **options):
    """The parameters and the optimiser's state after each of `grads`."""
    tx = chained(config, **options)
    state = tx.init(params)
    history = []

    @jax.jit
    def step(params, state, grads):
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    for g in grads:
        params, state = step(params, state, g)
        history.append((params, state))
    return history


def walked(config, start, grads):
    """The values of a matrix `start` after each of `grads`."""
    history = trained(config, {"w": start}, [{"w": g} for g in grads])
    return [np.asarray(params["w"]) for params, _ in history]


def drawn(n, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(2, 3)).astype(np.float32) for _ in range(n)]


def constant(name, **fields):
    return Optim(name=name, schedule=Schedule("constant"), **fields)


def adam_in_numpy(w, grads, *, lr, b1, b2, eps, l2=0.0, decoupled=0.0):
    first = second = 0.0
    path = []
    for t, g in enumerate(grads, start=1):
        g = g + l2 * w
        first = b1 * first + (1 - b1) * g
        second = b2 * second + (1 - b2) * g**2
        direction = first / (1 - b1**t) / (np.sqrt(second / (1 - b2**t)) + eps)
        w = w - lr * (direction + decoupled * w)
        path.append(w)
    return path


MOMENTS = {"lr": 0.1, "b1": 0.8, "b2": 0.95, "eps": 0.05}


@pytest.mark.parametrize(
    ("name", "decay", "in_numpy"),
    [
        ("adam", 0.0, {}),
        ("adam", 0.3, {"l2": 0.3}),
        ("adamw", 0.3, {"decoupled": 0.3}),
    ],
)
def test_adam_and_adamw_follow_their_formulas(name, decay, in_numpy):
    start, *grads = drawn(4)
    found = walked(constant(name, weight_decay=decay, **MOMENTS), start, grads)
    expected = adam_in_numpy(start, grads, **MOMENTS, **in_numpy)
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-6)


def test_adams_first_step_is_the_learning_rate_along_the_sign():
    start, grad = drawn(2)
    (found,) = walked(constant("adam", lr=0.01), start, [grad])
    np.testing.assert_allclose(found, start - 0.01 * np.sign(grad), rtol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_sgd_follows_its_formula(momentum, decay):
    w, *grads = drawn(4)
    config = constant("sgd", lr=0.1, momentum=momentum, weight_decay=decay)
    found = walked(config, w, grads)
    velocity = 0.0
    expected = []
    for g in grads:
        g = g + decay * w
        velocity = momentum * velocity + g
        w = w - 0.1 * velocity
        expected.append(w)
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("decayed", [optim.matrices, None])
def test_decay_shrinks_the_decayed_and_spares_the_rest(name, decayed):
    params = {"kernel": jnp.array([[2.0, -3.0]]), "bias": jnp.array([2.0, -3.0])}
    nothing = jax.tree.map(jnp.zeros_like, params)
    config = constant(name, lr=0.1, weight_decay=0.1)
    for step, _ in trained(config, params, 3 * [nothing], decayed=decayed):
        for leaf in ("kernel", "bias"):
            if leaf == "kernel" or decayed is None:
                shrinkage = step[leaf] / params[leaf]
                assert np.all((shrinkage > 0) & (shrinkage < 1))
            else:
                np.testing.assert_array_equal(step[leaf], params[leaf])
        params = step


def test_the_global_norm_is_clipped_before_weight_decay():
    params = {"kernel": jnp.array([[10.0, 20.0]]), "bias": jnp.array([30.0])}
    grads = {"kernel": jnp.array([[3.0, 0.0]]), "bias": jnp.array([-4.0])}  # norm 5

    def updates(**fields):
        config = constant("sgd", lr=1.0, momentum=0.0, **fields)
        ((moved, _),) = trained(config, params, [grads])
        return jax.tree.map(
            lambda new, old: (new - old).ravel().tolist(), moved, params
        )

    def expect(found, kernel, bias):
        np.testing.assert_allclose(found["kernel"], kernel, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found["bias"], bias, rtol=1e-5)

    expect(updates(), [-3, 0], [4])
    expect(updates(clip_norm=6.0), [-3, 0], [4])
    expect(updates(clip_norm=1.0), [-0.6, 0], [0.8])
    expect(updates(clip_norm=1.0, weight_decay=0.1), [-0.6 - 1, -2], [0.8])


def test_every_step_is_taken_at_the_schedules_rate():
    start, *grads = drawn(5)
    schedule = Schedule("linear", warmup=2)
    config = Optim("sgd", lr=LR, momentum=0.0, schedule=schedule)
    found = walked(config, start, grads)
    rates = [0, 1, 2, 1.8]
    expected = start - np.cumsum([r * g for r, g in zip(rates, grads, strict=True)], 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_ema_averages_the_parameters_after_each_step(name):
    start, *grads = drawn(5)
    config = constant(name, lr=0.1, ema=0.7)
    average = start
    for params, state in trained(config, {"w": start}, [{"w": g} for g in grads]):
        average = 0.7 * average + 0.3 * np.asarray(params["w"])
        np.testing.assert_allclose(
            ema_params(state, params)["w"], average, rtol=1e-5, atol=1e-6
        )


def test_without_ema_the_average_is_the_parameters():
    params = {"w": jnp.ones((2, 3))}
    state = chained(constant("adam")).init(params)
    assert ema_params(state, params) is params


def test_a_fresh_average_can_be_donated_together_with_the_parameters():
    params = {"w": jnp.ones((2, 3))}
    tx = chained(constant("sgd", ema=0.5))

    def step(params, state):
        updates, state = tx.update(params, state, params)
        return optax.apply_updates(params, updates), state

    params, state = jax.jit(step, donate_argnums=(0, 1))(params, tx.init(params))
    chex.assert_tree_all_finite((params, state))


ROWS, TIME, FEATURES = 16, 5, 3


def problem():
    """Parameters, and rows whose masks hold from none to all of their tokens."""
    rng = np.random.default_rng(0)
    lengths = np.array([5, 0, 1, 0, 5, 2, 5, 1, 4, 0, 3, 0, 5, 0, 2, 1])
    rows = {
        "x": rng.normal(size=(ROWS, TIME, FEATURES)).astype(np.float32),
        "y": rng.normal(size=(ROWS, TIME)).astype(np.float32),
        "mask": (np.arange(TIME) < lengths[:, None]).astype(np.float32),
        "id": np.arange(ROWS),
    }
    params = {
        "w": rng.normal(size=FEATURES).astype(np.float32),
        "b": np.float32(0.5),
    }
    return jax.tree.map(jnp.asarray, (params, rows))


def loss_fn(params, rows, chunk):
    prediction = jnp.tanh(rows["x"] @ params["w"]) + params["b"]
    loss = Mean.of((prediction - rows["y"]) ** 2, rows["mask"])
    outputs = {"id": rows["id"], "chunk": jnp.full(rows["id"].shape, chunk)}
    return Objective(loss, outputs, {"loss": loss, "x": jnp.mean(rows["x"], (0, 1))})


@jax.jit
def one_big_batch(params, rows):
    def mean(params):
        prediction = jnp.tanh(rows["x"] @ params["w"]) + params["b"]
        squares = (prediction - rows["y"]) ** 2
        return jnp.sum(squares * rows["mask"]) / jnp.sum(rows["mask"])

    loss, grads = jax.value_and_grad(mean)(params)
    return grads, loss


def assert_same(found, expected):
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-6)


def assert_aux(aux, rows, loss):
    """A plain mean over chunks and devices; that of a Mean has the value of all."""
    assert_same(aux["x"], jnp.mean(rows["x"], (0, 1)))
    assert_same(aux["loss"].value, loss)


@pytest.mark.parametrize("chunks", [1, 2, 4])
def test_chunks_give_the_gradient_of_one_big_batch(chunks):
    params, rows = problem()
    run = jax.jit(partial(gradients, loss_fn, chunks=chunks))
    found = run(params, rows)
    assert_same((found.grads, found.loss), one_big_batch(params, rows))
    assert_aux(found.aux, rows, found.loss)


def test_the_mean_over_chunks_of_their_means_would_be_another_gradient():
    params, rows = problem()
    expected, _ = one_big_batch(params, rows)
    parts = [
        one_big_batch(params, {name: x[c::4] for name, x in rows.items()})[0]
        for c in range(4)
    ]
    naive = jax.tree.map(lambda *g: sum(g) / 4, *parts)
    difference = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), naive, expected)
    assert min(jax.tree.leaves(difference)) > 0.05


@pytest.mark.parametrize("chunks", [1, 4, 16])
def test_rows_return_in_their_order_and_know_their_chunk(chunks):
    params, rows = problem()
    outputs = gradients(loss_fn, params, rows, chunks=chunks).rows
    ids = np.arange(ROWS)
    np.testing.assert_array_equal(outputs["id"], ids)
    np.testing.assert_array_equal(outputs["chunk"], ids % chunks)


@pytest.mark.parametrize("chunks", [1, 2])
def test_a_batch_that_counts_nothing_moves_nothing(chunks):
    params, rows = problem()
    rows["mask"] = jnp.zeros_like(rows["mask"])
    grads, loss, *_ = gradients(loss_fn, params, rows, chunks=chunks)
    assert_same((grads, loss), (jax.tree.map(jnp.zeros_like, params), jnp.zeros(())))


def test_rows_that_do_not_divide_into_the_chunks_are_refused():
    params, rows = problem()
    with pytest.raises(UserError, match="accumulate=3 does not divide the 16 rows"):
        gradients(loss_fn, params, rows, chunks=3)


DEVICES = 4


def mapped(transform, params, rows, chunks):
    """`gradients` under vmap or pmap, each device holding ROWS / DEVICES rows."""
    run = partial(gradients, loss_fn, chunks=chunks, axis_name="device")
    shards = jax.tree.map(lambda x: x.reshape(DEVICES, -1, *x.shape[1:]), rows)
    axes = Gradients(grads=None, loss=None, rows=0, aux=None)
    run = transform(run, axis_name="device", in_axes=(None, 0), out_axes=axes)
    found = run(params, shards)
    return found._replace(rows=jax.tree.map(jnp.ravel, found.rows))


@pytest.mark.parametrize("chunks", [1, 2])
def test_devices_of_an_axis_find_the_gradient_of_one_big_batch(chunks):
    params, rows = problem()
    found = mapped(jax.vmap, params, rows, chunks)
    assert_same((found.grads, found.loss), one_big_batch(params, rows))
    assert_aux(found.aux, rows, found.loss)
    np.testing.assert_array_equal(found.rows["id"], rows["id"])


def on_devices(mode, chunks):
    """`gradients` over DEVICES fake devices."""
    params, rows = problem()
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:DEVICES]), ("device",))
    whole = jax.P()
    split = jax.P("device")
    if mode == "pmap":
        return mapped(jax.pmap, params, rows, chunks)
    if mode == "shard_map":
        run = partial(gradients, loss_fn, chunks=chunks, axis_name="device")
        out_specs = Gradients(whole, whole, split, whole)
        specs = {"in_specs": (whole, split), "out_specs": out_specs}
        return jax.jit(jax.shard_map(run, mesh=mesh, check_vma=False, **specs))(
            params, rows
        )
    batch = jax.sharding.NamedSharding(mesh, split)
    replicated = jax.sharding.NamedSharding(mesh, whole)
    run = jax.jit(
        partial(gradients, loss_fn, chunks=chunks),
        in_shardings=(replicated, batch),
        out_shardings=Gradients(replicated, replicated, batch, replicated),
    )
    # Each device keeps its rows: only sums may cross.
    assert "all-gather" not in run.lower(params, rows).compile().as_text()
    return run(params, rows)


@pytest.mark.parametrize("chunks", [1, 2])
@pytest.mark.parametrize("mode", ["jit", "pmap", "shard_map"])
def test_every_kind_of_parallelism_agrees(mode, chunks):
    params, rows = problem()
    found = on_devices(mode, chunks)
    assert_same((found.grads, found.loss), one_big_batch(params, rows))
    assert_aux(found.aux, rows, found.loss)
    np.testing.assert_array_equal(found.rows["id"], rows["id"])


def test_a_slower_module_moves_by_a_tenth_and_its_average_follows():
    params = {"first": {"w": jnp.ones(3)}, "last": {"w": jnp.ones(3)}}
    grads = jax.tree.map(lambda p: jnp.array([1.0, -2.0, 0.5]), params)
    tx = chained(Optim(ema=0.5), after=[scaled_modules(("last",), 0.1)])
    updates, state = tx.update(grads, tx.init(params), params)
    first = updates["first"]["w"]
    last = updates["last"]["w"]
    np.testing.assert_allclose(last, 0.1 * first, rtol=1e-6)
    np.testing.assert_allclose(
        ema_params(state, params)["last"]["w"], 1 + 0.5 * last, rtol=1e-6
    )
    with pytest.raises(UserError, match="no parameters in modules middle"):
        scaled_modules(("middle",), 0.1).init(params)
