"""Configuration of YOLOv3, and the network that a config stands for."""

import dataclasses
from dataclasses import field
from pathlib import Path

from common.config import at_least, between, choice, dtype, of_source
from common.contract import UserError
from common.sections import Training
from common.soft_nms import Suppression
from papers.yolov3.cfg import Cfg
from papers.yolov3.model import build


@dataclasses.dataclass
class Model:
    cfg: str = "yolov3"  # a network of architectures.py, or a darknet .cfg file
    classes: int = at_least(0)  # 0: as many as the training set has
    # Channels of the first convolution, and residual blocks of each stage; 0 and (): as
    # published.
    width: int = at_least(0)
    blocks: tuple[int, ...] = at_least(1, ())
    # Where the priors are from: k-means over the training set's boxes, or the cfg.
    priors: str = choice("found", "cfg")
    # The objectness that slots start with is the sigmoid of this bias. darknet's 0 has
    # to tell every slot first that it is none: a short run has no time for that.
    objectness: float = between(-20.0, 20.0, 0.0)
    dtype: str = dtype()


@dataclasses.dataclass
class Classifier:
    """The run "classifier": its trunk is the detector's start."""

    cfg: str = "darknet53"  # its first layers are the detector's
    steps: int = at_least(0, 500)
    lr: float = at_least(0.0, 1e-3)
    batch_size: int = at_least(1, 64)
    size: int = at_least(1, 32)  # pixels a side
    root: str = ""  # a folder of class folders; "": crops of one digit
    images: int = at_least(10, 10_000)  # crops, where no root is given
    classes: int = at_least(0)  # 0: as many as the training set has
    augment: str = choice("none", "darknet")
    # The rate: as of config.optim.schedule, or darknet's lr (1 - step / steps)^4 after
    # `burn_in` steps.
    rate: str = choice("schedule", "polynomial")


@dataclasses.dataclass
class Data:
    # auto: files where root is given, else scenes.
    source: str = choice("auto", "scenes", "files", "tfds")
    # a folder in the layout of VOC, COCO or darknet; tfds: the data_dir
    root: str = of_source("auto", "files", "tfds")
    name: str = of_source("tfds")  # tfds: the data set
    names: tuple[str, ...] = ()  # of the classes; (): those of the training set
    size: int = at_least(1, 416)  # pixels a side that the network sees
    # Training takes one of these sizes instead, another every `resize_every` steps, and
    # `size` in the last `last` steps; (): always `size`.
    sizes: tuple[int, ...] = at_least(1, ())
    resize_every: int = at_least(1, 10)
    last: int = at_least(0, 200)
    batch_size: int = at_least(1, 64)
    max_objects: int = at_least(1, 90)  # of an image; what is above is dropped
    augment: str = choice("none", "darknet")  # crops, mirror images and colours
    jitter: float = between(0.0, 0.9, 0.3, only=("augment", "darknet"))
    hue: float = between(0.0, 0.5, 0.1, only=("augment", "darknet"))
    saturation: float = at_least(1.0, 1.5, only=("augment", "darknet"))
    exposure: float = at_least(1.0, 1.5, only=("augment", "darknet"))
    flip: bool = True  # darknet: mirror half of the images
    # Composed scenes: how many, the digits in one, their length in pixels, and whether
    # all are one class, or each is even or odd besides.
    scenes: int = at_least(1, 6000)
    held_out: int = at_least(1, 500)  # scenes to choose on, and as many to test on
    digits: tuple[int, int] = at_least(1, (2, 4))
    ink: tuple[float, float] = at_least(4.0, (16.0, 36.0))
    labels: str = choice("digits", "one", "parity")


@dataclasses.dataclass
class Objective:
    # A slot whose box overlaps an object by more than this is not told that it is none.
    ignore: float = between(0.0, 1.0, 0.5)
    # Who answers for an object: the slot of the best prior; "two": besides it all whose
    # boxes overlap it by more than `positive`, as in Faster R-CNN.
    assign: str = choice("best", "two")
    positive: float = between(0.0, 1.0, 0.7, only=("assign", "two"))
    focal: float = between(0.0, 10.0, 0.0)  # gamma of the focal loss; 0: none
    focal_alpha: float = between(0.0, 1.0, 0.25)
    # b_x = sigmoid(t_x) + c_x, t_x + c_x, or p_w t_x + c_x.
    xy: str = choice("logistic", "linear", "multiple")


@dataclasses.dataclass
class Eval:
    """How trained models are measured. Nothing here changes training."""

    batch_size: int = at_least(1, 50)
    suppression: Suppression = field(
        default_factory=lambda: Suppression(iou_threshold=0.45, score_threshold=0.005)
    )
    candidates: int = at_least(1, 1000)  # slots of an image that suppression sees
    pictures: int = at_least(0, 6)  # test pictures drawn
    compare: bool = True  # measure the three rules of suppression


@dataclasses.dataclass
class Predict:
    """How pictures and videos are searched. Nothing here changes training."""

    threshold: float = between(0.0, 1.0, 0.5)  # the least score that is shown
    out: str = ""  # a file or folder for what is drawn, and for boxes as files
    class_names: str = ""  # a file, one name a line; "": the data set's
    top_k: int = at_least(1, 5)  # classes of a picture, by the classifier
    batch_size: int = at_least(1, 8)
    frames: int = at_least(0)  # of a video; 0: all
    crf: int = between(0, 51, 18)  # a video's quality, from 0 (lossless)


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    classifier: Classifier = field(default_factory=Classifier)
    data: Data = field(default_factory=Data)
    objective: Objective = field(default_factory=Objective)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    runs: tuple[str, ...] = ("yolov3",)
    task: str = choice("detect", "classify")  # of a run: follows from its name
    burn_in: int = at_least(0)  # steps in which the rate rises to lr (step / this)^4
    weights: str = ""  # start from these darknet weights, or from as many as fit

    unit = "images"  # what a step reads, in the plural


def network(config: Config) -> Cfg:
    """The run's network."""
    m, c = config.model, config.classifier
    small = {"width": m.width or None, "blocks": tuple(m.blocks) or None}
    if config.task == "classify":
        return _built("classifier", c.cfg, c.classes, c.size, small)
    return _built("model", m.cfg, m.classes, config.data.size, small)


def _built(section: str, name: str, classes: int, size: int, small: dict) -> Cfg:
    if Path(name).suffix == ".cfg":
        return build(name, classes)
    given = {key: value for key, value in small.items() if value is not None}
    try:
        return build(name, classes, size=size, **given)
    except UserError as error:
        raise UserError(f"config.{section}.cfg={name}: {error}") from None
