"""Layers of LSTMs: one direction, both, and several layers with dropout between them.

Where a sum of terms enters the gates, a paper adds to `LSTM.project` and calls
`common.lstm.scan` or `common.lstm.step` with `LSTM.recurrent`.

Axes: batch, time, inputs, features, gates = 4 features. A mask [batch, time] is True at
the steps that count: `common.lstm` says what the others do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float

from common.lstm import State, cast, scan, step

Inputs = Float[Array, "batch time inputs"]
Outputs = Float[Array, "batch time features"]
Mask = Bool[Array, "batch time"]

lecun_normal = nn.initializers.lecun_normal()
orthogonal = nn.initializers.orthogonal()


@dataclass(frozen=True)
class Cell:
    """What defines an LSTM besides its arrays. An initialiser draws the part of each
    gate by itself: [inputs, features], [features, features] or [features]."""

    features: int
    input_init: Callable = lecun_normal
    recurrent_init: Callable = orthogonal
    bias_init: Callable = nn.initializers.zeros
    forget_bias: float = 0.0  # added to bias_init; Jozefowicz et al. 2015 advise 1
    recurrent_bias: bool = False  # a second bias, as in Torch and PyTorch
    dtype: DTypeLike | None = None  # of the activations; None: that of the arrays

    def zero_state(self, batch: int) -> State:
        zeros = jnp.zeros((batch, self.features), self.dtype or jnp.float32)
        return cast(State(zeros, zeros), zeros.dtype)


class LSTM(nn.Module):
    """One layer in one direction.

    Parameters, float32: "input"/"kernel" [inputs, gates], "input"/"bias" [gates],
    "recurrent" [features, gates] and, if the cell has it, "recurrent_bias" [gates].
    """

    cell: Cell
    reverse: bool = False  # from each row's last step to its first

    def setup(self):
        c = self.cell
        gates = 4 * c.features
        self.input = nn.Dense(
            gates,
            dtype=c.dtype,
            kernel_init=gate_by_gate(c.input_init),
            bias_init=gate_by_gate(c.bias_init, c.forget_bias),
        )
        init = gate_by_gate(c.recurrent_init)
        self.recurrent = self.param("recurrent", init, (c.features, gates))
        if c.recurrent_bias:
            init = gate_by_gate(c.bias_init)
            self.second_bias = self.param("recurrent_bias", init, (gates,))

    def project(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch gates"]:
        """What the inputs and the biases add to the gates."""
        projected = self.input(x)
        if self.cell.recurrent_bias:
            projected += self.second_bias.astype(projected.dtype)
        return projected

    def __call__(
        self, x: Inputs, mask: Mask | None = None, initial: State | None = None
    ) -> tuple[Outputs, State]:
        """The outputs of all steps and the final state. The initial state is zero if
        none is given."""
        x, mask = _time_first(x, mask)
        if initial is None:
            initial = self.cell.zero_state(x.shape[1])
        projected = self.project(x)
        outputs, final = scan(projected, self.recurrent, initial, mask, self.reverse)
        return jnp.swapaxes(outputs, 0, 1), final

    def step(self, x: Float[Array, "batch inputs"], state: State) -> State:
        """The state after one more input."""
        return step(self.project(x), self.recurrent, state)


class BiLSTM(nn.Module):
    """One layer in both directions, "forward" and "backward", each with the parameters
    of `LSTM`. One loop over time computes both."""

    cell: Cell

    def setup(self):
        self.forward = LSTM(self.cell)
        self.backward = LSTM(self.cell)

    def __call__(
        self,
        x: Inputs,
        mask: Mask | None = None,
        initial: tuple[State, State] | None = None,
    ) -> tuple[Float[Array, "batch time 2*features"], tuple[State, State]]:
        """Per step the forward and the backward output, and the final states: forward
        the one after each row's last step, backward the one after its first."""
        x, mask = _time_first(x, mask)
        if initial is None:
            initial = (self.cell.zero_state(x.shape[1]),) * 2
        projected = self.forward.project(x), self.backward.project(x[::-1])
        masks = None if mask is None else jnp.stack([mask, mask[::-1]], 1)
        outputs, final = jax.vmap(scan, in_axes=(1, 0, 0, 1), out_axes=(1, 0))(
            jnp.stack(projected, 1),  # [time, direction, batch, gates]
            jnp.stack([self.forward.recurrent, self.backward.recurrent]),
            jax.tree.map(lambda *both: jnp.stack(both), *initial),
            masks,
        )
        outputs = jnp.concatenate([outputs[:, 0], outputs[::-1, 1]], -1)
        forward, backward = (State(final.h[i], final.c[i]) for i in range(2))
        return jnp.swapaxes(outputs, 0, 1), (forward, backward)


class StackedLSTM(nn.Module):
    """Layers that each read the outputs of the one before, through dropout."""

    cell: Cell
    depth: int
    bidirectional: bool = False
    dropout: float = 0.0  # of each layer's outputs but the last's

    def setup(self):
        layer = BiLSTM if self.bidirectional else LSTM
        self.layers = [layer(self.cell) for _ in range(self.depth)]
        self.drop = nn.Dropout(self.dropout)

    def __call__(
        self,
        x: Inputs,
        mask: Mask | None = None,
        initial: Sequence[Any] | None = None,
        train: bool = False,
    ) -> tuple[Outputs, list[Any]]:
        """The outputs of the last layer, and each layer's final state or states."""
        initial = [None] * self.depth if initial is None else initial
        finals = []
        for i, (layer, state) in enumerate(zip(self.layers, initial, strict=True)):
            x = self.drop(x, deterministic=not train) if i else x
            x, final = layer(x, mask, state)
            finals.append(final)
        return x, finals

    def step(
        self, x: Float[Array, "batch inputs"], states: Sequence[State]
    ) -> tuple[Float[Array, "batch features"], list[State]]:
        """The output for one more input, and the states after it; no dropout."""
        if self.bidirectional:
            raise ValueError(
                "both directions need the whole sequence: they do not step"
            )
        after = []
        for layer, state in zip(self.layers, states, strict=True):
            after.append(layer.step(x, state))
            x = after[-1].h
        return x, after

    def zero_states(self, batch: int) -> list[State]:
        """What `step` starts from."""
        return [self.cell.zero_state(batch) for _ in range(self.depth)]


def _time_first(x: Inputs, mask: Mask | None):
    """Both with the time as first axis, and x zero where the mask is False: the
    gradient of W is a sum over all steps, and 0 times infinity would be nan."""
    if mask is None:
        return jnp.swapaxes(x, 0, 1), None
    x = jnp.where(mask[..., None], x, 0)
    return jnp.swapaxes(x, 0, 1), jnp.swapaxes(mask, 0, 1)


def gate_by_gate(init: Callable, forget_bias: float = 0.0) -> Callable:
    """`init` of each gate's part, one beside the other along the last axis."""

    def drawn(key, shape, dtype=jnp.float32):
        part = (*shape[:-1], shape[-1] // 4)
        keys = jax.random.split(key, 4)
        gates = jax.vmap(lambda key: init(key, part, dtype))(keys)  # one program
        if forget_bias:
            gates = gates.at[1].add(forget_bias)
        return jnp.moveaxis(gates, 0, -2).reshape(shape)

    return drawn
