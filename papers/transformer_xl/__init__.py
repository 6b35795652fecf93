"""Transformer-XL: Attentive Language Models beyond a Fixed-Length Context.

Dai, Yang, Yang, Carbonell, Le, Salakhutdinov, ACL 2019, arXiv:1901.02860.

A Transformer that reads a long text segment by segment. Each layer also attends to its
own inputs in the segments before, which are kept as a memory that gradients do not
enter. With each layer, a position therefore sees one memory's length further back.
Positions are relative: the score of query i with key j knows of position only i - j.
Old positions are never confused with new ones when a memory is used again.

    >>> import functools, jax
    >>> from papers import transformer_xl as xl
    >>> config = xl.get_config("smoke")
    >>> state, data = xl.init(config, jax.random.key(0)), xl.batches(config, "train")
    >>> step = jax.jit(functools.partial(xl.train_step, config), donate_argnums=0)
    >>> for _ in range(20):
    ...     state, metrics = step(state, next(data))
    >>> bool(metrics["loss"] < 5)
    True
    >>> print(xl.continue_text(config, state, "the old "))  # doctest: +ELLIPSIS
    the old ...
"""

from papers.transformer_xl.config import runs
from papers.transformer_xl.data import batch_spec, batches
from papers.transformer_xl.decode import continue_text, predict
from papers.transformer_xl.evaluate import evaluate
from papers.transformer_xl.inference import inference, inference_inputs
from papers.transformer_xl.lecture import LECTURE
from papers.transformer_xl.train import (
    SHARDING,
    State,
    eval_step,
    init,
    train_step,
)
from papers.transformer_xl.variants import PARAM_COUNTS, VARIANTS, get_config
