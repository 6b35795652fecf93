"""How a state shows itself. A failure means that a notebook fills with numbers, or that
to look at a state breaks it."""

import jax
import jax.numpy as jnp
import optax
from flax import struct

from common.brief import MOST, Brief


@struct.dataclass
class State(Brief):
    step: jax.Array
    key: jax.Array
    params: dict
    opt_state: tuple
    memory: jax.Array | None = None


def state(layers: int = 3) -> State:
    params = {f"layers_{i}": {"kernel": jnp.full((2, 5), 7.25)} for i in range(layers)}
    params["head"] = {"bias": jnp.zeros(4, jnp.bfloat16)}
    tx = optax.adam(1e-3)
    return State(jnp.int32(1200), jax.random.key(0), params, tx.init(params))


def test_it_says_step_paths_shapes_and_the_number_of_parameters():
    text = repr(state())
    assert text.startswith("State at step 1,200, 34 parameters\n")
    assert "layers_*/kernel    3 x float32[2, 5]" in text
    assert "head/bias    bfloat16[4]" in text
    assert "  step    int32[]" in text
    assert "  memory    None" in text
    assert "7.25" not in text


def test_numbered_layers_are_one_line_and_a_long_field_is_cut():
    assert repr(state(3)).count("\n") == repr(state(40)).count("\n")
    params = {f"{chr(97 + i)}": jnp.zeros(i) for i in range(26)}
    many = State(jnp.int32(0), jax.random.key(0), params, ())
    assert f"and {26 - MOST} lines more" in repr(many)


def test_it_stays_a_pytree_and_may_be_looked_at_everywhere():
    first = state()
    again = jax.tree.map(lambda x: x, first)
    assert type(again) is State
    assert repr(again) == repr(first)
    assert "at step ?, 0 parameters" in repr(jax.tree.map(type, first))
    assert "at step ?, 34 parameters" in repr(jax.eval_shape(lambda: state()))
    seen = []
    jax.jit(lambda x: seen.append(repr(x)) or x.step)(first)
    assert seen[0].startswith("State at step ?, 34 parameters")
    assert first.replace(step=jnp.int32(3)).step == 3
