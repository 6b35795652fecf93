"""Unsupervised Image-to-Image Translation Networks (UNIT).

Liu, Breuel, Kautz, NIPS 2017, arXiv:1703.00848.

There are two sets of images, a and b, and no pairs between them. UNIT assumes that an
image and its counterpart in the other domain have the same code z. Six networks are
trained together: two variational autoencoders, E_a with G_a and E_b with G_b, whose
inner layers are shared, compute the codes; two discriminators, D_a and D_b, make
translations look real; and an image that is translated and translated back must be
itself.

    >>> import functools, jax
    >>> from papers import unit
    >>> config = unit.get_config("smoke")
    >>> state = unit.init(config, jax.random.key(0))
    >>> data = unit.batches(config, "train")
    >>> step = jax.jit(functools.partial(unit.train_step, config), donate_argnums=0)
    >>> losses = []
    >>> for _ in range(30):
    ...     state, metrics = step(state, next(data))
    ...     losses.append(float(metrics["loss"]))
    >>> losses[-1] < losses[0]
    True
    >>> red = next(data)["a"]  # uint8, eight images of 8 x 8
    >>> blue = unit.translate(config, state, red)
    >>> len(blue), blue[0].shape
    (8, (8, 8, 3))
"""

from papers.unit.config import runs
from papers.unit.data import batch_spec, batches
from papers.unit.digits.measure import classify
from papers.unit.directions import Direction
from papers.unit.evaluate import evaluate
from papers.unit.inference import inference, inference_inputs
from papers.unit.lecture import LECTURE
from papers.unit.predict import predict, translate
from papers.unit.train import (
    CPU_DEVICES,
    State,
    eval_step,
    generator_params,
    init,
    train_step,
)
from papers.unit.variants import PARAM_COUNTS, VARIANTS, get_config
