"""YOLOv3: An Incremental Improvement.

Redmon, Farhadi 2018, arXiv:1804.02767.

One network looks at a picture once. Every cell of three grids, coarse to fine, says for
three priors how far a box's centre, width and height are from its own, how sure it is
that an object is there, and, each by itself, which labels the object has.

    >>> import functools, jax
    >>> from papers import yolov3
    >>> config = yolov3.get_config("smoke")
    >>> config = yolov3.runs(config)["yolov3"].config
    >>> state = yolov3.init(config, jax.random.key(0))
    >>> data = yolov3.batches(config, "train")
    >>> step = jax.jit(functools.partial(yolov3.train_step, config), donate_argnums=0)
    >>> for _ in range(10):
    ...     state, metrics = step(state, next(data))
    >>> bool(metrics["loss"] < 100)
    True
"""

from papers.yolov3.classes import classify
from papers.yolov3.data import batch_spec, batches
from papers.yolov3.describe import describe
from papers.yolov3.evaluate import evaluate
from papers.yolov3.inference import inference, inference_inputs
from papers.yolov3.lecture import LECTURE
from papers.yolov3.measure import raw_detections, validate
from papers.yolov3.predict import class_names, detect, predict
from papers.yolov3.runs import runs
from papers.yolov3.train import CPU_DEVICES, State, eval_step, init, train_step
from papers.yolov3.variants import PARAM_COUNTS, VARIANTS, get_config
