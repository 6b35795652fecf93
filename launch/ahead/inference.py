"""A trained network as a file: one program for CPU, CUDA and TPU, without our code.

    from safetensors.numpy import load_file

    program = jax.export.deserialize(bytearray(open("inference.jax", "rb").read()))
    outputs = program.call(load_file("inference.safetensors"), {"image": images})

The program reads the arrays of a state that the network needs, {path: array}, named as
in a checkpoint. `program.in_avals` has their shapes and those of the inputs.
"""

import itertools
from pathlib import Path
from typing import NamedTuple

import jax
import jax.export
import jax.numpy as jnp
from jax.extend import core
from jax.interpreters import partial_eval

from common.contract import Inputs
from common.files import weights
from common.host import to_host
from launch.ahead.train_step import PLATFORMS
from launch.flat_states import flat_state, unflat
from launch.runs import for_evaluation
from launch.session import Session


class Program(NamedTuple):
    """weights: the names of the arrays that the program reads of a state."""

    exported: jax.export.Exported
    weights: tuple[str, ...]


def write(session: Session, name: str) -> None:
    """Writes workdir/<run>/inference.jax and, where the run is trained,
    inference.safetensors. Prints what it wrote, or that the run has no such function.
    """
    inputs = session.runs.paper(name).inference_inputs(session.runs[name].config)
    if not inputs:
        print(f"{name}: no inference.jax, as what it does is no function of arrays")
        return
    path = session.workdir / name / "inference.jax"
    found = program(session, name)
    data = found.exported.serialize()
    path.write_bytes(data)
    said = ", ".join(f"{n} {kind}[{shape}]" for n, (shape, kind) in inputs.items())
    print(f"{path}: {len(data) / 2**20:.2f} MiB, for {', '.join(PLATFORMS)}; of {said}")
    _write_weights(session, name, found, path.with_suffix(".safetensors"))


def _write_weights(session: Session, name: str, found: Program, path: Path) -> None:
    if not session.has_weights(name):
        print(f"{path.name} is not written: {name} is not trained yet")
        return
    state, said = session.trained_or_shipped(name)
    flat = flat_state(state)
    arrays = {weight: to_host(flat[weight]) for weight in found.weights}
    weights.write(path, arrays)
    size = sum(array.nbytes for array in arrays.values())
    print(f"{path}: {size / 2**20:.2f} MiB, {said or 'of the last step'}")


def program(session: Session, name: str) -> Program:
    """The run's `inference`: (weights, inputs) -> outputs."""
    paper, config = session.runs.paper(name), session.runs[name].config
    abstract = for_evaluation(session.runs.abstract_state(name, weights=False))
    flat = flat_state(abstract)
    inputs = shapes(paper.inference_inputs(config))

    def of_all(flat, inputs):
        return paper.inference(config, unflat(flat, abstract), inputs)

    traced = jax.jit(of_all).trace(flat, inputs)
    closed = traced.jaxpr
    # Without what no output depends on. `read` says which arrays of the state are left
    # as arguments; the inputs all stay.
    wanted = [True] * len(closed.out_avals)
    always = [False] * len(flat) + [True] * len(inputs)
    jaxpr, read = partial_eval.dce_jaxpr(closed.jaxpr, wanted, always)
    names = tuple(itertools.compress(sorted(flat), read))  # a dict's order in JAX
    run = core.jaxpr_as_fun(core.ClosedJaxpr(jaxpr, closed.consts))
    outputs = jax.tree.structure(traced.out_info)

    def of_read(some, inputs):
        return jax.tree.unflatten(outputs, run(*jax.tree.leaves((some, inputs))))

    exported = jax.export.export(jax.jit(of_read), platforms=PLATFORMS)
    return Program(exported({n: flat[n] for n in names}, inputs), names)


def shapes(inputs: Inputs) -> dict[str, jax.ShapeDtypeStruct]:
    """What the program takes: an axis with a name is of any size."""
    scope = jax.export.SymbolicScope()
    return {
        name: jax.ShapeDtypeStruct(
            jax.export.symbolic_shape(shape, scope=scope), jnp.dtype(kind)
        )
        for name, (shape, kind) in inputs.items()
    }
