"""Image captions with text-conditional attention.

Zhou, Xu, Koch, Corso, Watch What You Just Said: Image Captioning with Text-Conditional
Attention, 2016/17 (https://arxiv.org/abs/1606.04621).

An LSTM writes a caption a word at a time. At every step a guidance says what of the
image matters now, given the words so far: g_t = Φ(I ⊙ W_c S_t).

    >>> import functools, jax
    >>> from papers import captioning
    >>> config = captioning.runs(captioning.get_config("smoke"))["tuned"].config
    >>> state = captioning.init(config, jax.random.key(0))
    >>> data = captioning.batches(config, "train")
    >>> step = jax.jit(functools.partial(captioning.train_step, config))
    >>> state, metrics = step(state, next(data))
    >>> sorted(metrics)
    ['loss', 'lr']
"""

from papers.captioning.data import batch_spec, batches
from papers.captioning.evaluate import evaluate
from papers.captioning.inference import inference, inference_inputs
from papers.captioning.lecture import LECTURE
from papers.captioning.predict import caption, predict
from papers.captioning.runs import runs
from papers.captioning.train import (
    CPU_DEVICES,
    State,
    eval_step,
    init,
    train_step,
    validate,
)
from papers.captioning.variants import PARAM_COUNTS, VARIANTS, get_config
