"""GPT-2: Language Models are Unsupervised Multitask Learners.

Radford, Wu, Child, Luan, Amodei, Sutskever, OpenAI 2019.

A Transformer that predicts the next token of a text, and nothing else. A task is told
in the text itself: "TL;DR:" asks for a summary, "A:" for an answer. A network that
predicts such text well does the task, without one example of it to train on. How well
it does grows with its size.

    >>> import functools, jax
    >>> from papers import gpt2
    >>> config = gpt2.get_config("smoke")
    >>> data = gpt2.batches(config, "train")
    >>> state = gpt2.init(config, jax.random.key(0))
    >>> step = jax.jit(functools.partial(gpt2.train_step, config), donate_argnums=0)
    >>> for _ in range(20):
    ...     state, metrics = step(state, next(data))
    >>> bool(metrics["loss"] < 6)
    True
    >>> print("".join(gpt2.predict(config, state, "the old ")))  # doctest: +ELLIPSIS
    the old ...
"""

from papers.gpt2.config import runs
from papers.gpt2.data import batch_spec, batches
from papers.gpt2.evaluate import evaluate
from papers.gpt2.inference import inference, inference_inputs
from papers.gpt2.lecture import LECTURE
from papers.gpt2.predict import continue_text, predict
from papers.gpt2.train import CPU_DEVICES, State, eval_step, init, train_step
from papers.gpt2.variants import PARAM_COUNTS, VARIANTS, get_config
