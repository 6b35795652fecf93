"""Deep Image Prior.

Ulyanov, Vedaldi, Lempitsky, CVPR 2018, arXiv:1711.10925.

A convolutional net that has seen no image knows much about images already. Its input z
is random and fixed, and its weights are fitted to one degraded picture x0: they
minimise an energy E(f(z); x0). The net fits soon what looks natural, and late what is
noise. Stopped in time, its output f(z) is the restored picture. Nothing is learned from
data: each picture has its own net.

    >>> import functools, jax
    >>> from papers import deep_image_prior as dip
    >>> config = dip.get_config("smoke")
    >>> state = dip.init(config, jax.random.key(0))
    >>> data = dip.batches(config, "train")
    >>> step = jax.jit(functools.partial(dip.train_step, config), donate_argnums=0)
    >>> for _ in range(60):
    ...     state, metrics = step(state, next(data))
    >>> bool(metrics["psnr_average"] > 16)
    True
    >>> state.average.shape  # four restarts of one picture
    (4, 16, 16, 3)
"""

from papers.deep_image_prior.config import runs
from papers.deep_image_prior.data import batch_spec, batches
from papers.deep_image_prior.evaluate import evaluate
from papers.deep_image_prior.lecture import LECTURE
from papers.deep_image_prior.predict import predict, restore
from papers.deep_image_prior.train import (
    State,
    eval_step,
    init,
    restored,
    start,
    train_step,
)
from papers.deep_image_prior.variants import PARAM_COUNTS, VARIANTS, get_config


def predicts_untrained(config) -> bool:
    """Always: the picture is all there is to learn from."""
    return True
