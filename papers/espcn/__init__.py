"""Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel CNN.

Shi, Caballero, Huszar, Totz, Aitken, Bishop, Rueckert, Wang, CVPR 2016,
arXiv:1609.05158.

SRCNN enlarges an image by bicubic interpolation and then convolves at high resolution,
where every layer costs r^2 times as much. ESPCN convolves at low resolution. Its last
layer has r^2 channels, one for each pixel of an r x r square, and a shuffle puts them
in their places. So the upscaling filters are learned, where bicubic interpolation has
one that is fixed, and every layer is cheap.

    >>> import functools, jax
    >>> from papers import espcn
    >>> config = espcn.get_config("smoke")
    >>> state = espcn.init(config, jax.random.key(0))
    >>> data = espcn.batches(config, "train")
    >>> step = jax.jit(functools.partial(espcn.train_step, config), donate_argnums=0)
    >>> losses = []
    >>> for _ in range(30):
    ...     state, metrics = step(state, next(data))
    ...     losses.append(float(metrics["loss"]))
    >>> losses[-1] < losses[0] / 2
    True
    >>> espcn.forward(config, state.params, next(data)["low"]).shape
    (8, 24, 24, 1)
"""

from papers.espcn.config import runs
from papers.espcn.data import batch_spec, batches
from papers.espcn.evaluate import evaluate
from papers.espcn.inference import inference, inference_inputs
from papers.espcn.lecture import LECTURE
from papers.espcn.predict import predict
from papers.espcn.train import State, eval_step, forward, init, train_step
from papers.espcn.upscaling import upscale
from papers.espcn.variants import PARAM_COUNTS, VARIANTS, get_config
