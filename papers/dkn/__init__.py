"""DKN: Deep Knowledge-Aware Network for News Recommendation.

Wang, Zhang, Xie, Guo, WWW 2018, arXiv:1801.08284.

News titles are short and full of names. DKN links them to a knowledge graph, whose
entities have vectors by TransE, TransH, TransR or TransD. One convolution reads words,
entities and the entities' neighbours as three aligned channels. A user is a sum of the
news clicked before, in which each weighs the more the better it fits the candidate.

    >>> import functools, jax
    >>> from papers import dkn
    >>> config = dkn.runs(dkn.get_config("smoke"))["dkn"].config
    >>> state = dkn.init(config, jax.random.key(0))
    >>> data = dkn.batches(config, "train")
    >>> step = jax.jit(functools.partial(dkn.train_step, config), donate_argnums=0)
    >>> losses = []
    >>> for _ in range(60):
    ...     state, metrics = step(state, next(data))
    ...     losses.append(float(metrics["loss"]))
    >>> losses[-1] < losses[0] / 2
    True
"""

from papers.dkn.data import batch_spec, batches
from papers.dkn.evaluate import evaluate
from papers.dkn.inference import inference, inference_inputs
from papers.dkn.lecture import LECTURE
from papers.dkn.predict import predict
from papers.dkn.runs import runs
from papers.dkn.train import State, eval_step, init, train_step, validate
from papers.dkn.variants import PARAM_COUNTS, VARIANTS, get_config
