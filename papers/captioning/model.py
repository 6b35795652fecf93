"""The caption LSTM with text-conditional guidance (Zhou et al. 2016; the LSTM with a
guidance is Jia et al. 2015's gLSTM).

    z_0 = W_x I + W_g I + b                  the first step; its output is not used
    z_t = W_x E[w_{t-1}] + W_g g_t + b       then START, and the words
    p(w_t) = softmax(W_o dropout(h_t) + b_o)

Symbol 0 is START, END and padding in one; words are 1 to V. A caption w_1 ... w_L is
read as 0 w_1 ... w_L and has the targets w_1 ... w_L 0: L + 1 of them.

Axes: images, captions (of an image), time, width (of all vectors), symbols = V + 1.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from common import lstm
from common.convolution import uniform_fan_in
from common.recurrent import LSTM, Cell
from papers.captioning import guidance
from papers.captioning.config import Model

Images = Float[Array, "images width"]
Tokens = Int[Array, "images captions length"]

END = 0  # the symbol that begins and ends a caption


@struct.dataclass
class Progress:
    """What decoding carries from word to word. Leaves [images, beams, ...]."""

    h: Float[Array, "images beams width"]
    c: Float[Array, "images beams width"]
    memory: Any  # of the guidance's words


def shifted(tokens: Tokens) -> Int[Array, "images captions time"]:
    """The input words: START and the caption; time = length + 1."""
    return jnp.pad(tokens, ((0, 0), (0, 0), (1, 0)))


def targets(tokens: Tokens) -> Int[Array, "images captions time"]:
    """The caption and END."""
    return jnp.pad(tokens, ((0, 0), (0, 0), (0, 1)))


def target_mask(tokens: Tokens) -> Float[Array, "images captions time"]:
    """1 at the words and at one END after them."""
    ended = jnp.cumsum(targets(tokens) == END, axis=-1)
    return (ended - (targets(tokens) == END) == 0).astype(jnp.float32)


class Captioner(nn.Module):
    """Image vectors and captions -> logits of the next symbol.

    Parameters, float32: "embed" [symbols, width], "lstm", with a guidance "guide"
    [width, 4 width], with one of the text "text" [symbols, width] (W_c; of the bilinear
    form [symbols, width * width], and "text_bias"), and "decoder".
    """

    config: Model

    def setup(self):
        c = self.config
        uniform = uniform_fan_in(c.width)
        halves = uniform_fan_in(c.width if c.guidance == "none" else 2 * c.width)
        cell = Cell(c.width, halves, uniform, uniform, recurrent_bias=True)
        self.lstm = LSTM(cell)
        shape = (c.symbols, c.width)
        self.embed = self.param("embed", nn.initializers.normal(1.0), shape)
        if c.guidance != "none":
            self.guide = nn.Dense(4 * c.width, use_bias=False, kernel_init=halves)
        if c.guidance == "text":
            self.text = self.param("text", _near_one(c.text_std), shape)
        if c.guidance == "bilinear":
            self.text = self.param("text", _near_identity(c), (c.symbols, c.width**2))
            zeros = nn.initializers.zeros
            self.text_bias = self.param("text_bias", zeros, (c.width,))
        self.drop = nn.Dropout(c.dropout)
        self.decoder = nn.Dense(c.symbols, kernel_init=uniform, bias_init=uniform)

    @property
    def context(self) -> guidance.Context:
        return guidance.context(self.config.words)

    def __call__(
        self, image: Images, tokens: Tokens, train: bool = False
    ) -> Float[Array, "images captions time symbols"]:
        """Logits at every step, the one after START first."""
        inputs = shifted(tokens)
        images, captions, time = inputs.shape
        projected = self.lstm.project(self.embed[inputs])
        projected += self._guide_all(image, inputs)
        projected = projected.reshape(images * captions, time, -1)
        first = self._after_image(image)
        first = jax.tree.map(lambda x: jnp.repeat(x, captions, axis=0), first)
        time_first = jnp.swapaxes(projected, 0, 1)
        hidden, _ = lstm.scan(time_first, self.lstm.recurrent, first)
        hidden = self.drop(jnp.swapaxes(hidden, 0, 1), deterministic=not train)
        return self.decoder(hidden).reshape(images, captions, time, -1)

    def guidances(
        self, image: Images, tokens: Tokens
    ) -> Float[Array, "images captions time width"]:
        """g_t at every step, the one after START first; zeros without a guidance."""
        inputs = shifted(tokens)
        shape = (*inputs.shape, self.config.width)
        if self.config.guidance == "none":
            return jnp.zeros(shape)
        if self.config.guidance == "image":
            return jnp.broadcast_to(image[:, None, None], shape)
        means = self.context.means(self.text[inputs])
        return self._guidance(image[:, None, None], means)

    def alone(
        self, image: Float[Array, "width"], words: Int[Array, "words"]
    ) -> Float[Array, "words width"]:
        """The guidance that each word would give if S_t were that word alone."""
        return self._guidance(image[None], self.text[words])

    def start(self, image: Images, beams: int) -> Progress:
        """The state before START is read."""
        state = self._after_image(image)
        batch = (image.shape[0], beams)
        wide = [jnp.broadcast_to(x[:, None], (*batch, x.shape[-1])) for x in state]
        if self.config.guidance in ("none", "image"):
            return Progress(*wide, ())
        return Progress(*wide, self.context.start(batch, self.text.shape[-1]))

    def step(
        self, image: Images, tokens: Int[Array, "images beams"], progress: Progress
    ) -> tuple[Float[Array, "images beams symbols"], Progress]:
        """Logits after one more symbol, START the first; no dropout."""
        projected = self.lstm.project(self.embed[tokens])
        memory = progress.memory
        if self.config.guidance == "image":
            projected += self.guide(image)[:, None]
        elif self.config.guidance != "none":
            memory, mean = self.context.step(memory, self.text[tokens])
            projected += self.guide(self._guidance(image[:, None], mean))
        flat = [x.reshape(-1, x.shape[-1]) for x in (projected, progress.h, progress.c)]
        state = lstm.step(flat[0], self.lstm.recurrent, lstm.State(*flat[1:]))
        h, c = (x.reshape(progress.h.shape) for x in state)
        return self.decoder(h), Progress(h, c, memory)

    def _guide_all(self, image: Images, inputs: Int[Array, "images captions time"]):
        """What the guidance adds to the gates; one product an image where the words do
        not matter."""
        if self.config.guidance == "none":
            return 0.0
        if self.config.guidance == "image":
            return self.guide(image)[:, None, None]
        means = self.context.means(self.text[inputs])
        return self.guide(self._guidance(image[:, None, None], means))

    def _guidance(self, image: Array, means: Array) -> Array:
        phi = self.config.phi
        if self.config.guidance == "bilinear":
            return guidance.bilinear(image, means, self.text_bias, phi)
        return guidance.factored(image, means, phi)

    def _after_image(self, image: Images) -> lstm.State:
        """The state after the image, which is the first input."""
        projected = self.lstm.project(image)
        if self.config.guidance != "none":
            projected += self.guide(image)
        zero = self.lstm.cell.zero_state(image.shape[0])
        return lstm.step(projected, self.lstm.recurrent, zero)


def _near_one(deviation: float):
    """W_c = 1 + N(0, deviation): the start is Φ(I), whatever the words."""

    def init(key, shape, dtype=jnp.float32):
        return 1 + deviation * jax.random.normal(key, shape, dtype)

    return init


def _near_identity(config: Model):
    """The bilinear table that equals `_near_one`."""

    def init(key, shape, dtype=jnp.float32):
        table = _near_one(config.text_std)(key, (shape[0], config.width), dtype)
        return guidance.factored_as_bilinear(table)

    return init
