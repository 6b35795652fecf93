"""Distilling the Knowledge in a Neural Network.

Hinton, Vinyals, Dean, 2015, arXiv:1503.02531.

A trained net, or an ensemble of them, says more about an image than its label: which
wrong classes are less wrong. A student is trained on these probabilities, softened by a
temperature T, q_i = exp(z_i / T) / sum_j exp(z_j / T), and keeps most of what an
ensemble gains at the cost of one model; or learns from a few images what the teacher
learnt from many.

    >>> import functools, jax
    >>> from papers import distillation
    >>> config = distillation.get_config("smoke")
    >>> config.loop.steps = 100
    >>> run = distillation.runs(config)["baseline"]
    >>> state = distillation.init(run.config, jax.random.key(0))
    >>> data = distillation.batches(run.config, "train")
    >>> step = jax.jit(functools.partial(distillation.train_step, run.config))
    >>> for _ in range(100):
    ...     state, metrics = step(state, next(data))
    >>> bool(metrics["loss"] < 2.0)
    True
"""

from papers.distillation.data import batch_spec, batches
from papers.distillation.evaluate import evaluate
from papers.distillation.inference import inference, inference_inputs
from papers.distillation.lecture import LECTURE
from papers.distillation.predict import classify, predict
from papers.distillation.runs import runs
from papers.distillation.train import (
    CPU_DEVICES,
    SHARDING,
    State,
    eval_step,
    init,
    train_step,
)
from papers.distillation.variants import PARAM_COUNTS, VARIANTS, get_config
