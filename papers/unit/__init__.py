"""Unsupervised Image-to-Image Translation Networks (UNIT).

Liu, Breuel, Kautz, NIPS 2017, arXiv:1703.00848.

Two sets of images, no pairs. Suppose that an image of one domain and its counterpart in
the other have one code z. Two variational autoencoders with shared inner layers make
such codes, two discriminators make translations look real, and an image that goes to
the other domain and back must be itself: E_a, E_b, G_a, G_b, D_a and D_b, trained
together.

    >>> import functools, jax
    >>> from papers import unit
    >>> config = unit.get_config("smoke")
    >>> state = unit.init(config, jax.random.key(0))
    >>> data = unit.batches(config, "train")
    >>> step = jax.jit(functools.partial(unit.train_step, config), donate_argnums=0)
    >>> losses = []
    >>> for _ in range(30):
    ...     state, metrics = step(state, next(data))
    ...     losses.append(float(metrics["loss"]))
    >>> losses[-1] < losses[0]
    True
    >>> red = next(data)["a"]  # uint8, eight images of 8 x 8
    >>> unit.translate(config, unit.generator_params(state), red, "a2b").shape
    (8, 8, 8, 3)
"""

from papers.unit.config import runs
from papers.unit.data import batch_spec, batches
from papers.unit.evaluate import evaluate
from papers.unit.predict import predict
from papers.unit.train import (
    CPU_DEVICES,
    State,
    classify,
    eval_step,
    generator_params,
    init,
    train_step,
    translate,
)
from papers.unit.variants import PARAM_COUNTS, VARIANTS, get_config
