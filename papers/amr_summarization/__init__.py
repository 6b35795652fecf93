"""Summaries by Abstract Meaning Representation, without summaries to learn from.

Dohare, Gupta, Karnick, "Unsupervised Semantic Abstractive Summarization", ACL 2018
student workshop, aclanthology.org/P18-3011; its first form is arXiv:1706.01678.

Every sentence is parsed to a graph of concepts and relations. The graphs of a document
are merged where they speak of one thing, the parts that speak of its frequent things
are selected, and words are generated for them. Parser and generator are one network,
text to linearised graph and back, whose pointers copy words.

    >>> import functools, jax
    >>> from papers import amr_summarization
    >>> config = amr_summarization.get_config("smoke")
    >>> config = amr_summarization.runs(config)["parser"].config
    >>> state = amr_summarization.init(config, jax.random.key(0))
    >>> data = amr_summarization.batches(config, "train")
    >>> step = functools.partial(amr_summarization.train_step, config)
    >>> step = jax.jit(step, donate_argnums=0)
    >>> losses = []
    >>> for _ in range(60):
    ...     state, metrics = step(state, next(data))
    ...     losses.append(float(metrics["loss"]))
    >>> losses[-1] < losses[0] / 2
    True
"""

from papers.amr_summarization.data import batch_spec, batches
from papers.amr_summarization.evaluate import evaluate
from papers.amr_summarization.inference import inference, inference_inputs
from papers.amr_summarization.lecture import LECTURE
from papers.amr_summarization.predict import predict, predicts_untrained
from papers.amr_summarization.train import (
    CPU_DEVICES,
    State,
    eval_step,
    init,
    train_step,
    validate,
)
from papers.amr_summarization.variants import (
    PARAM_COUNTS,
    VARIANTS,
    get_config,
    runs,
)
