"""What a state remembers of its past: qualities every few steps, and some outputs."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from common.pixels import to_uint8
from papers.deep_image_prior.config import Config

QUALITIES = ("fit", "last", "average")  # dB: -10 log10(energy), and PSNRs to the truth
Frames = UInt8[Array, "rows frames height width channels"]
Images = Float[Array, "rows height width channels"]


def first_history(config: Config, rows: int) -> dict[str, Float[Array, "rows samples"]]:
    """Zeros, with room for the samples of steps 1, 1 + history.every, ..."""
    samples = config.loop.steps // config.history.every + 1
    return {name: jnp.zeros((rows, samples)) for name in QUALITIES}


def recorded(
    config: Config, step: Int[Array, ""], history: dict, qualities: dict
) -> dict:
    """The history, with this step's qualities if a sample is due."""
    index, late = jnp.divmod(step, config.history.every)
    # An index out of bounds writes nothing.
    index = jnp.where(late == 0, index, jnp.iinfo(jnp.int32).max)
    return {
        name: values.at[:, index].set(qualities[name], mode="drop")
        for name, values in history.items()
    }


def first_frames(config: Config, images: Images) -> Frames:
    """Zeros, with room for the outputs of the steps `history.frames`."""
    rows, *shape = images.shape
    return jnp.zeros((rows, len(config.history.frames), *shape), jnp.uint8)


def with_frame(
    config: Config, step: Int[Array, ""], frames: Frames, output: Images
) -> Frames:
    """The frames, with this step's output if it is due."""
    due = jnp.array(config.history.frames, jnp.int32) == step + 1
    return jnp.where(due[:, None, None, None], to_uint8(output)[:, None], frames)
