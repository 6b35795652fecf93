"""The run "words": which words the captions of a picture have, told by its vector.

    p(w | I) = softmax(W I + b)_w
    loss = mean of -log p(w | I) over all words of all captions

A caption's words count as if they had no order, so that only what is in the picture
helps to tell them. Its encoder, trunk and neck, is the start of those that come after.

Axes: images, captions (of an image), length, width (of the vector), symbols = V + 1.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from common.convolution import uniform_fan_in
from common.metrics import Mean
from papers.captioning.config import Config
from papers.captioning.model import END, Images, Tokens

Head = dict[str, Array]  # "kernel" [width, symbols] and "bias" [symbols]
OfWord = Float[Array, "images words"]  # words = captions * length


def variables(config: Config, key: Key[Array, ""]) -> Head:
    """A drawn head, with PyTorch's initialiser of a linear layer."""
    m = config.model
    draw = uniform_fan_in(m.width)
    kernel, bias = jax.random.split(key)
    return {
        "kernel": draw(kernel, (m.width, m.symbols), jnp.float32),
        "bias": draw(bias, (m.symbols,), jnp.float32),
    }


def log_p(head: Head, image: Images) -> Float[Array, "images symbols"]:
    """log p of every symbol; that of END means nothing."""
    return jax.nn.log_softmax(image @ head["kernel"] + head["bias"])


def losses(head: Head, image: Images, tokens: Tokens) -> tuple[OfWord, OfWord]:
    """-log p of each word of an image's captions in nats, and the mask that is 1 at
    words."""
    words = tokens.reshape(len(tokens), -1)
    each = -jnp.take_along_axis(log_p(head, image), words, axis=-1)
    return each, (words != END).astype(jnp.float32)


def evaluated(
    head: Head, image: Images, tokens: Tokens, mask: Float[Array, "images"]
) -> dict[str, Mean]:
    """The loss, and the share of images whose likeliest word is in none of their
    captions.

    mask: 1 at images that count.
    """
    each, words = losses(head, image, tokens)
    likeliest = 1 + jnp.argmax(log_p(head, image)[:, 1:], axis=-1)
    wrong = jnp.all(tokens != likeliest[:, None, None], axis=(1, 2))
    return {
        "loss": Mean.of(each, words * mask[:, None]),
        "word_error": Mean.of(wrong, mask),
    }
