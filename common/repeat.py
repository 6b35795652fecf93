"""Equal blocks one after the other, written out or as one loop.

Written out, XLA compiles every block. In a loop it compiles one, and runs it with each
block's variables in turn. Loop where a network is deep enough for compilation to
matter, from about eight blocks on, or where its parameters are sharded: then one
block's gathered parameters are in memory at a time. Write the blocks out where

- the program is for a CPU and the blocks have convolutions: XLA runs those many times
  slower in a loop, but for `Conv(looped=True)`
  (`loop_by_platform` asks which platform the program is for);
- intermediates are wanted: a loop keeps none.

Both ways compute the same function, but draw different dropout. Variables keep the
blocks' own names and are stacked inside the program alone, so that a checkpoint is the
same for both.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from common.sharding import whole


def repeat(
    call: Callable[[nn.Module, Any, Any], tuple[Any, Any]],
    blocks: Sequence[nn.Module],
    x: Any,
    inputs: Sequence[Any] | None = None,
    *,
    loop: bool,
    remat: bool = False,
) -> tuple[Any, list[Any]]:
    """Runs x, output = call(block, x, input) for every block and its own input. Returns
    the last x and the list of outputs.

    call: may read what all blocks share (a mask, `train`) from around it, but may use
        no other module than the block that it is given.
    blocks: children of the module that calls `repeat`, equal but for their names.
    x, inputs, outputs: trees of arrays. In a loop, x keeps its shapes and dtypes, and
        the inputs of all blocks have the same ones.
    loop: False writes the blocks out, as initialising variables always does.
    remat: recompute each block in the backward pass, and keep only x and its input.
    """
    inputs = inputs or [None] * len(blocks)
    if loop and blocks and not blocks[0].is_initializing():
        return _looped(call, blocks, x, inputs, remat)
    step = nn.remat(call) if remat else call
    outputs = []
    for block, own in zip(blocks, inputs, strict=True):
        x, output = step(block, x, own)
        outputs.append(output)
    return x, outputs


def _looped(call, blocks, x, inputs, remat) -> tuple[Any, list[Any]]:
    first = blocks[0]
    variables = [block.variables for block in blocks]
    mutable = [kind for kind in variables[0] if first.is_mutable_collection(kind)]
    run = nn.apply(call, first.clone(parent=None), mutable=mutable)

    def body(x, of_block):
        variables, rngs, own = of_block
        variables = jax.tree.map(whole, variables)
        (x, output), updated = run(variables, x, own, rngs=rngs)
        return x, (output, updated)

    of_blocks = zip(variables, _rngs(blocks), inputs, strict=True)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *of_blocks)
    x, stacked = lax.scan(jax.checkpoint(body) if remat else body, x, stacked)
    outputs, updated = zip(*_unstacked(stacked, len(blocks)), strict=True)
    for block, variables in zip(blocks, updated, strict=True):
        _put(block, variables)
    return x, [*outputs]


def _rngs(blocks: Sequence[nn.Module]) -> list[dict[str, Any]]:
    """A dropout key for every block, where the caller has one."""
    parent = blocks[0].parent
    if not parent.has_rng("dropout"):
        return [{} for _ in blocks]
    key = parent.make_rng("dropout")
    return [{"dropout": jax.random.fold_in(key, i)} for i in range(len(blocks))]


def draw_at_once(blocks: Sequence[nn.Module], *arguments: Any) -> None:
    """Draws the initial variables of equal blocks, called with `arguments`, in one
    vmapped program: a thousand layers, or their shapes, take seconds. To be called
    instead of the blocks while variables are initialised. Flax, which draws block by
    block, would draw other numbers."""
    if not blocks:
        return
    keys = jax.random.split(blocks[0].parent.make_rng("params"), len(blocks))
    one = blocks[0].clone(parent=None)
    stacked = jax.vmap(lambda key: one.init(key, *arguments))(keys)
    for block, variables in zip(blocks, _unstacked(stacked, len(blocks)), strict=True):
        _put(block, variables)


def loop_by_platform(step: Callable[..., Any], *arguments: Any) -> Any:
    """`step(loop, *arguments)`, with loop False in a program for a CPU and True in any
    other, whatever platform compiles it."""
    return lax.platform_dependent(
        *arguments, cpu=partial(step, False), default=partial(step, True)
    )


def _unstacked(tree: Any, count: int) -> list[Any]:
    return [jax.tree.map(lambda leaf, i=i: leaf[i], tree) for i in range(count)]


def _put(block: nn.Module, variables: Any) -> None:
    """Writes variables under the block's name, where Flax collects them."""
    for kind, tree in variables.items():
        for name, value in tree.items():
            block.put_variable(kind, name, value)
