"""Layers of LSTMs beside torch.nn.LSTM and Flax's, with the same weights. A failure
means that gates, biases, directions or layers are mixed up, or states go to another.
"""

from functools import partial
from pathlib import Path

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.lstm import State, scan
from common.recurrent import LSTM, BiLSTM, Cell, StackedLSTM
from tests.common.torch_lstm import DEPTH, FEATURES, INPUTS, LENGTHS, TIME

MASK = np.arange(TIME) < np.array(LENGTHS)[:, None]
TORCH = Path(__file__).with_name("torch_lstm.npz")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def x_and_weights(net):
    """Inputs, and weights that are all away from zero."""
    x = jnp.asarray(normal(len(LENGTHS), TIME, INPUTS))
    shapes, tree = jax.tree.flatten(jax.eval_shape(net.init, jax.random.key(0), x))
    drawn = [normal(*leaf.shape, seed=1 + i) for i, leaf in enumerate(shapes)]
    return x, jax.tree.unflatten(tree, map(jnp.asarray, drawn))


def from_torch(arrays):
    """PyTorch's names and axes to ours. Its gates stand in our order."""
    params = {}
    for i in range(DEPTH):
        layer = params[f"layers_{i}"] = {}
        for name, ending in (("forward", ""), ("backward", "_reverse")):
            part = {
                kind: arrays[f"{kind}_l{i}{ending}"].T
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            }
            layer[name] = {
                "input": {"kernel": part["weight_ih"], "bias": part["bias_ih"]},
                "recurrent": part["weight_hh"],
                "recurrent_bias": part["bias_hh"],
            }
    return params


def layered(h, c):
    """PyTorch's states, stacked, as those of each layer and direction."""
    states = [State(*pair) for pair in zip(h, c, strict=True)]
    return [tuple(states[i : i + 2]) for i in range(0, len(states), 2)]


def test_values_and_gradients_are_those_of_torch_in_float64():
    with np.load(TORCH) as file:
        saved = dict(file)

    def part(prefix):
        return {k.removeprefix(prefix): v for k, v in saved.items() if prefix in k}

    net = StackedLSTM(Cell(FEATURES, recurrent_bias=True), DEPTH, bidirectional=True)
    pull = part("pull/")
    pull = pull["out"], layered(pull["final_h"], pull["final_c"])

    def loss(params, x, initial):
        results = net.apply({"params": params}, x, jnp.asarray(MASK), initial)
        terms = jax.tree.map(lambda a, b: jnp.sum(a * b), results, pull)
        return sum(jax.tree.leaves(terms)), results

    with jax.enable_x64(True):
        given = (
            from_torch(part("weights/")),
            saved["x"],
            layered(saved["h"], saved["c"]),
        )
        given = jax.tree.map(jnp.asarray, given)
        grad = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))
        gradients, results = grad(*given)
    expected = saved["out"], layered(saved["final_h"], saved["final_c"])
    chex.assert_trees_all_close(results, expected, rtol=1e-12, atol=1e-13)
    grads = part("gradients/")
    expected = from_torch(grads), grads["x"], layered(grads["h"], grads["c"])
    chex.assert_trees_all_close(gradients, expected, rtol=1e-11, atol=1e-12)


def from_flax(params):
    """OptimizedLSTMCell's parameters, a matrix a gate, as ours."""
    joined = {
        f"{way}{kind}": jnp.concatenate([params[f"{way}{g}"][kind] for g in "ifgo"], -1)
        for way, kind in (("i", "kernel"), ("h", "kernel"), ("h", "bias"))
    }
    return {
        "input": {"kernel": joined["ikernel"], "bias": joined["hbias"]},
        "recurrent": joined["hkernel"],
    }


@pytest.mark.parametrize("reverse", [False, True])
def test_values_and_gradients_are_those_of_flax_with_its_weights(reverse):
    theirs = nn.RNN(
        nn.OptimizedLSTMCell(FEATURES), reverse=reverse, keep_order=True,
        return_carry=True,
    )  # fmt: skip
    x, variables = x_and_weights(theirs)
    weights = variables["params"]["cell"]
    ours = LSTM(Cell(FEATURES), reverse)

    def flaxs(weights, x):
        lengths = jnp.array(LENGTHS)
        (c, h), outputs = theirs.apply(
            {"params": {"cell": weights}}, x, seq_lengths=lengths
        )
        return jnp.where(MASK[..., None], outputs, 0), State(h, c)

    def carried(weights, x):
        return ours.apply({"params": from_flax(weights)}, x, jnp.asarray(MASK))

    def value_and_gradients(run):
        def loss(*given):
            results = run(*given)
            return sum(jnp.sum(jnp.sin(a)) for a in jax.tree.leaves(results)), results

        return jax.jit(jax.grad(loss, (0, 1), has_aux=True))(weights, x)

    chex.assert_trees_all_close(
        value_and_gradients(carried), value_and_gradients(flaxs), rtol=1e-4, atol=1e-5
    )


def test_both_directions_are_one_layer_each_way():
    both = BiLSTM(Cell(FEATURES))
    x, variables = x_and_weights(both)
    outputs, finals = jax.jit(both.apply)(variables, x, MASK)
    for way, reverse in (("forward", False), ("backward", True)):
        params = {"params": variables["params"][way]}
        one = LSTM(Cell(FEATURES), reverse)
        out, final = jax.jit(one.apply)(params, x, MASK)
        half = slice(FEATURES, None) if reverse else slice(FEATURES)
        chex.assert_trees_all_close(
            (outputs[..., half], finals[reverse]), (out, final), atol=1e-6
        )


def test_what_padding_holds_reaches_no_output_and_no_gradient():
    net = StackedLSTM(Cell(FEATURES), DEPTH, bidirectional=True)
    x, variables = x_and_weights(net)

    @jax.jit
    def value_and_gradients(x):
        def loss(variables):
            results = net.apply(variables, x, MASK)
            return sum(jnp.sum(jnp.sin(a)) for a in jax.tree.leaves(results)), results

        return jax.grad(loss, has_aux=True)(variables)

    rubbish = jnp.where(MASK[..., None], x, jnp.nan)
    chex.assert_trees_all_equal(value_and_gradients(rubbish), value_and_gradients(x))


def test_decoding_step_by_step_is_the_whole_sequence():
    net = StackedLSTM(Cell(FEATURES, recurrent_bias=True), DEPTH)
    x, variables = x_and_weights(net)
    outputs, finals = jax.jit(net.apply)(variables, x)

    def body(states, x):
        out, states = net.apply(variables, x, states, method="step")
        return states, out

    states, steps = jax.lax.scan(body, net.zero_states(len(x)), jnp.swapaxes(x, 0, 1))
    found = jnp.swapaxes(steps, 0, 1), states
    chex.assert_trees_all_close(found, (outputs, finals), atol=1e-6)


def test_a_sequence_in_two_parts_is_the_whole_if_the_states_go_on():
    net = StackedLSTM(Cell(FEATURES), DEPTH)
    x, variables = x_and_weights(net)
    run = jax.jit(net.apply)
    whole, finals = run(variables, x)
    first, states = run(variables, x[:, :2])
    second, states = run(variables, x[:, 2:], None, states)
    parts = jnp.concatenate([first, second], 1)
    chex.assert_trees_all_close((parts, states), (whole, finals), atol=1e-6)


def test_a_guidance_added_to_the_projection_is_a_further_input():
    """gLSTM: [x; g] W = x W_x + g W_g, with g the same at every step."""
    lstm = LSTM(Cell(FEATURES))
    x, variables = x_and_weights(lstm)
    split = INPUTS - 1
    x = x.at[:, :, split:].set(x[:, :1, split:])
    expected, final = jax.jit(lstm.apply)(variables, x)

    params = variables["params"]
    kernel = params["input"]["kernel"]
    words = {"input": {**params["input"], "kernel": kernel[:split]}}
    bound = lstm.bind({"params": params | words})
    projected = bound.project(jnp.swapaxes(x[:, :, :split], 0, 1))
    projected += x[:, 0, split:] @ kernel[split:]
    zero = lstm.cell.zero_state(len(x))
    outputs, guided = scan(projected, bound.recurrent, zero)
    found = jnp.swapaxes(outputs, 0, 1), guided
    chex.assert_trees_all_close(found, (expected, final), atol=1e-6)


def test_dropout_falls_between_layers_alone():
    def dropped_and_not(depth):
        net = StackedLSTM(Cell(FEATURES), depth, dropout=0.9)
        x, variables = x_and_weights(net)
        run = partial(net.apply, rngs={"dropout": jax.random.key(1)})
        run = jax.jit(run, static_argnames="train")
        return run(variables, x, train=True), run(variables, x)

    chex.assert_trees_all_equal(*dropped_and_not(1))
    (outputs, finals), (dry, dry_finals) = dropped_and_not(2)
    chex.assert_trees_all_equal(finals[0], dry_finals[0])
    assert np.all(outputs != 0)
    assert np.mean(np.abs(outputs - dry) > 1e-3) > 0.9


def test_each_gate_is_drawn_by_itself_and_only_the_forget_gate_is_opened():
    """The bound of a Glorot matrix is that of [inputs, features], and an orthogonal one
    is orthogonal gate by gate."""
    inputs, features = 30, 50
    glorot = nn.initializers.glorot_uniform()
    cell = Cell(features, glorot, forget_bias=1.5, recurrent_bias=True)
    init = jax.jit(LSTM(cell).init)
    params = init(jax.random.key(0), jnp.zeros((1, 1, inputs)))["params"]
    gates = np.split(params["input"]["kernel"], 4, -1)
    bound = np.sqrt(6 / (inputs + features))
    for gate in gates:
        assert 0.98 * bound < np.abs(gate).max() <= bound
    assert not np.allclose(gates[0], gates[1])
    for gate in np.split(params["recurrent"], 4, -1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(features), atol=1e-5)
    bias = np.repeat([0, 1.5, 0, 0], features)
    np.testing.assert_array_equal(params["input"]["bias"], bias)
    assert not params["recurrent_bias"].any()


def test_parameters_are_as_many_as_published():
    """SPTree's BiLSTM of 200 + 25 inputs has 260,800; gLSTM of 512 + 512, with two
    biases, 3,149,824."""

    def count(net, inputs):
        shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, 1, inputs)))
        return sum(x.size for x in jax.tree.leaves(shapes))

    assert count(BiLSTM(Cell(100)), 225) == 260_800
    assert count(LSTM(Cell(512, recurrent_bias=True)), 1024) == 3_149_824


def test_bfloat16_activations_have_float32_parameters_and_cells():
    net = BiLSTM(Cell(FEATURES, dtype=jnp.bfloat16))
    x, variables = x_and_weights(net)
    drawn = jax.eval_shape(net.init, jax.random.key(0), x.astype(jnp.bfloat16))
    assert {leaf.dtype for leaf in jax.tree.leaves(drawn)} == {jnp.dtype("float32")}
    outputs, finals = jax.jit(net.apply)(variables, x, MASK)
    assert outputs.dtype == jnp.bfloat16
    for final in finals:
        assert final.h.dtype == jnp.bfloat16
        assert final.c.dtype == jnp.float32
    wide, _ = jax.jit(BiLSTM(Cell(FEATURES)).apply)(variables, x, MASK)
    np.testing.assert_allclose(outputs.astype(jnp.float32), wide, atol=0.05)


def test_both_directions_do_not_step():
    net = StackedLSTM(Cell(FEATURES), 1, bidirectional=True)
    x, variables = x_and_weights(net)
    with pytest.raises(ValueError, match="whole sequence"):
        net.apply(variables, x[:, 0], net.zero_states(len(x)), method="step")
