"""SPTree: End-to-End Relation Extraction using LSTMs on Sequences and Tree Structures.

Miwa and Bansal, ACL 2016, arXiv:1601.00770.

A BiLSTM reads the words and labels them as entities, from left to right. For every pair
of entities a second LSTM reads the dependency tree between them, from the words up to
their lowest common ancestor and down again, and says how they are related. Both are
one network, trained together after the entities alone.

    >>> import functools, jax
    >>> from papers import sptree
    >>> config = sptree.runs(sptree.get_config("smoke"))["no_all"].config
    >>> state = sptree.init(config, jax.random.key(0))
    >>> data = sptree.batches(config, "train")
    >>> step = jax.jit(functools.partial(sptree.train_step, config), donate_argnums=0)
    >>> losses = []
    >>> for _ in range(40):
    ...     state, metrics = step(state, next(data))
    ...     losses.append(float(metrics["loss"]))
    >>> losses[-1] < losses[0] / 2
    True
"""

from papers.sptree.data import batch_spec, batches
from papers.sptree.evaluate import evaluate
from papers.sptree.inference import inference, inference_inputs
from papers.sptree.lecture import LECTURE
from papers.sptree.predict import predict
from papers.sptree.runs import runs
from papers.sptree.train import State, eval_step, init, train_step, validate
from papers.sptree.variants import PARAM_COUNTS, VARIANTS, get_config
