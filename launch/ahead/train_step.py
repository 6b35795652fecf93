"""The train step as a file: one program for CPU, CUDA and TPU, without our code.

    exported = jax.export.deserialize(bytearray(open("train_step.jax", "rb").read()))
    state, metrics = exported.call(state, batch)

`state` is {path: array}, named as in a checkpoint; `batch` is as of `batch_spec`.
"""

import jax
import jax.export

from launch.flat_states import flat_state, unflat
from launch.session import Session

PLATFORMS = ("cpu", "cuda", "tpu")


def write(session: Session, name: str) -> None:
    """Writes workdir/<run>/train_step.jax."""
    path = session.workdir / name / "train_step.jax"
    data = export_step(session, name)
    path.write_bytes(data)
    print(f"{path}: {len(data) / 2**20:.2f} MiB, for {', '.join(PLATFORMS)}")


def export_step(session: Session, name: str) -> bytearray:
    """The serialised train step of a run: (state, batch) -> (state, metrics)."""
    paper = session.runs.paper(name)
    config = session.runs[name].config
    abstract = session.runs.abstract_state(name)

    def step(flat, batch):
        state, metrics = paper.train_step(config, unflat(flat, abstract), batch)
        return flat_state(state), metrics

    exported = jax.export.export(jax.jit(step), platforms=PLATFORMS)
    return exported(flat_state(abstract), paper.batch_spec(config)).serialize()
