"""Reading token by token: each layer keeps its projected keys and values in a ring."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from common import rng
from common.attention import KVRing
from common.contract import Records, UserError
from common.host import to_host
from common.optim import ema_params
from common.sampling import sample
from common.text import prompts
from papers.transformer_xl.config import Config, Model
from papers.transformer_xl.data import vocabulary
from papers.transformer_xl.model import TransformerXL

CHUNK = 16  # tokens sampled on the device before the host sees them


@struct.dataclass
class Decoder:
    """The state after reading t tokens, of which each layer keeps the last `slots`."""

    t: Int[Array, ""]
    rings: tuple[KVRing, ...]
    # W_r R of every layer, for distances 0, 1, ...
    positions: tuple[Float[Array, "heads slots d_head"], ...]


def empty_decoder(config: Model, params: Any, batch: int, slots: int) -> Decoder:
    """A decoder that has read nothing. A token will see at most `slots` keys, its own
    included. UserError if the attention's positions are not relative."""
    if config.attention != "relative":
        raise UserError(
            f"attention={config.attention!r} cannot decode token by token: its "
            "positions belong to a segment; use a run with attention='relative'"
        )
    far_to_near = TransformerXL(config).apply(
        {"params": params}, slots, method="project_positions"
    )
    shape = (batch, slots, config.n_heads, config.d_head)
    rings = tuple(KVRing.empty(*shape, config.dtype) for _ in far_to_near)
    positions = tuple(jnp.swapaxes(r[::-1], 0, 1) for r in far_to_near)
    return Decoder(jnp.zeros((), jnp.int32), rings, positions)


def read(
    config: Model, params: Any, decoder: Decoder, token: Int[Array, "batch"]
) -> tuple[Decoder, Float[Array, "batch vocab"]]:
    """Reads one token of each row; returns the decoder, and log p of the next token."""
    model = TransformerXL(config)
    log_probs, rings = model.apply(
        {"params": params},
        token,
        decoder.rings,
        decoder.t,
        decoder.positions,
        method="decode",
    )
    return decoder.replace(t=decoder.t + 1, rings=rings), log_probs


def predict(
    config: Config, state: Any, inputs: str
) -> Iterator[str | tuple[str, str] | Records]:
    """Continues `inputs`: a prompt, FILE:path for a file that holds one, or LINES:path
    for a file with one a line. A line break stands for an empty one.

    One text is yielded piece by piece, the prompt first; several as (name, text) and as
    a record each. UserError: a file cannot be read, or its path stands there without
    FILE:.
    """
    texts = prompts.given(inputs or "\n", new="--input= begins a new text")
    if len(texts) == 1:
        yield from _continued(config, state, texts[0])
        return
    for number, prompt in enumerate(texts, start=1):
        text = "".join(_continued(config, state, prompt))
        yield f"prompt {number}", text
        yield Records([{"input": prompt, "prompt": number, "text": text}])


def _continued(config: Config, state: Any, prompt: str) -> Iterator[str]:
    """The text piece by piece, the prompt first.

    Each layer reads and writes through a ring of `predict.slots` keys, so that prompt
    and continuation may be longer than any context.
    """
    c = config.model
    p = config.predict
    vocab = vocabulary(config.data)
    tokens = vocab.encode(prompt.encode() or b"\n")
    slots = p.slots or config.data.length + config.data.ext_len + c.mem_len
    params = ema_params(state.opt_state, state.params)
    decoder = empty_decoder(c, params, 1, slots)

    @jax.jit
    def read_all(params, decoder, tokens):
        def step(decoder, token):
            return read(c, params, decoder, token[None])

        decoder, log_probs = jax.lax.scan(step, decoder, tokens)
        return decoder, log_probs[-1]

    @jax.jit
    def write(params, decoder, log_probs):
        def step(carry, _):
            decoder, log_probs = carry
            key = rng.stream(jax.random.key(p.seed), decoder.t, "predict")
            token = sample(
                key,
                log_probs[:, : vocab.size],
                temperature=p.temperature,
                top_k=p.top_k,
                top_p=p.top_p,
            )
            return read(c, params, decoder, token), token[0]

        return jax.lax.scan(step, (decoder, log_probs), length=CHUNK)

    decode = vocab.decoder()
    yield decode(tokens)
    decoder, log_probs = read_all(params, decoder, jnp.asarray(tokens))
    for start in range(0, p.length, CHUNK):
        (decoder, log_probs), tokens = write(params, decoder, log_probs)
        left = min(CHUNK, p.length - start)
        yield decode(to_host(tokens)[:left], final=start + CHUNK >= p.length)


def continue_text(config: Config, state: Any, prompt: str) -> str:
    """The prompt itself, never a path, with its continuation. UserError: it is no
    text."""
    if not isinstance(prompt, str):
        raise UserError(f"{prompt!r} is no prompt: give a text")
    return "".join(_continued(config, state, prompt))
