"""Deep Residual Learning for Image Recognition.

He, Zhang, Ren, Sun, CVPR 2016, arXiv:1512.03385.

Deeper plain nets have a higher training error than shallow ones: not overfitting, they
are harder to optimise. Let a few layers learn the residual F(x) and add their input
back, y = F(x) + x: the identity is then easy, gradients pass, and depth helps again,
up to a thousand layers. The shortcuts cost neither parameters nor multiplications.

    >>> import functools, jax
    >>> from papers import resnet
    >>> config = resnet.get_config("smoke")
    >>> state = resnet.init(config, jax.random.key(0))
    >>> data = resnet.batches(config, "train")
    >>> step = jax.jit(functools.partial(resnet.train_step, config), donate_argnums=0)
    >>> for _ in range(30):
    ...     state, metrics = step(state, next(data))
    >>> bool(metrics["error"] < 0.6)
    True
    >>> resnet.features(config, state, next(data)["image"])["stage3"].shape
    (16, 2, 2, 16)
"""

from papers.resnet.config import runs
from papers.resnet.cost import describe
from papers.resnet.data import batch_spec, batches
from papers.resnet.evaluate import evaluate
from papers.resnet.inference import inference, inference_inputs
from papers.resnet.lecture import LECTURE
from papers.resnet.predict import classify, predict
from papers.resnet.train import (
    CPU_DEVICES,
    State,
    eval_step,
    features,
    init,
    train_step,
)
from papers.resnet.variants import PARAM_COUNTS, VARIANTS, get_config
