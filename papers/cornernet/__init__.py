"""CornerNet: Detecting Objects as Paired Keypoints.

Law, Deng, ECCV 2018, arXiv:1808.01244.

A box is two corners. One convolutional network says for every cell and class whether a
top-left corner is there, and whether a bottom-right one is, without anchor boxes. Each
corner has a tag, a number, and corners whose tags are close belong to one object. A
corner often lies on nothing of the object: corner pooling looks along its row and its
column for the edges that meet there.

    >>> import functools, jax
    >>> from papers import cornernet
    >>> config = cornernet.get_config("smoke")
    >>> state = cornernet.init(config, jax.random.key(0))
    >>> data = cornernet.batches(config, "train")
    >>> step = jax.jit(functools.partial(cornernet.train_step, config))
    >>> for _ in range(20):
    ...     state, metrics = step(state, next(data))
    >>> bool(metrics["loss"] < 20)
    True
    >>> maps = cornernet.predicted(config, state, next(data)["image"])
    >>> maps.top_left.heat.shape, maps.bottom_right.tag.shape
    ((8, 8, 8, 3), (8, 8, 8, 1))
"""

from papers.cornernet.data import batch_spec, batches
from papers.cornernet.evaluate import evaluate
from papers.cornernet.inference import inference, inference_inputs
from papers.cornernet.lecture import LECTURE
from papers.cornernet.predict import detect, predict
from papers.cornernet.sets import class_names, runs
from papers.cornernet.train import (
    CPU_DEVICES,
    State,
    eval_step,
    init,
    predicted,
    train_step,
)
from papers.cornernet.validation import validate
from papers.cornernet.variants import PARAM_COUNTS, VARIANTS, get_config
