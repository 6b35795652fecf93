"""GPT: Improving Language Understanding by Generative Pre-Training.

Radford, Narasimhan, Salimans, Sutskever, OpenAI 2018.

A Transformer first learns to predict the next token of much text without labels. Then
the same network, with one linear layer added, learns a task from few examples. The
examples of every kind of task are written as token sequences, so that nothing else of
the network changes.

    >>> import functools, jax
    >>> from papers import gpt
    >>> runs = gpt.runs(gpt.get_config("smoke"))
    >>> trained = {}
    >>> for name in ("pretrain", "toy-kind"):
    ...     config = runs[name].config
    ...     after = {earlier: trained[earlier] for earlier in runs[name].after}
    ...     state = gpt.init(config, jax.random.key(0), after)
    ...     step = jax.jit(functools.partial(gpt.train_step, config), donate_argnums=0)
    ...     data = gpt.batches(config, "train")
    ...     for _ in range(config.loop.steps):
    ...         state, metrics = step(state, next(data))
    ...     trained[name] = config, state
    >>> bool(metrics["task_loss"] < 1)
    True
    >>> ((first, second),) = gpt.classify(config, state, ["the cat sees the moon."])
    >>> sorted([first["name"], second["name"]])
    ['living', 'thing']
"""

from papers.gpt.data import batch_spec, batches
from papers.gpt.evaluate import evaluate
from papers.gpt.inference import inference, inference_inputs
from papers.gpt.lecture import LECTURE
from papers.gpt.predict import classify, continue_text, predict
from papers.gpt.runs import runs
from papers.gpt.train import (
    CPU_DEVICES,
    State,
    eval_step,
    init,
    train_step,
    validate,
)
from papers.gpt.variants import PARAM_COUNTS, VARIANTS, get_config
