"""Configuration of CornerNet, and the runs that a config stands for."""

import dataclasses
from dataclasses import field
from functools import partial
from typing import Any

from common.config import above, at_least, between, choice, dtype, of_source
from common.contract import Run, UserError
from common.sections import Training
from common.soft_nms import Suppression
from common.variants import runs_of

MAPS_OF = ("object", "legacy")  # radii that depend on the object


@dataclasses.dataclass
class Model:
    # Channels of an hourglass at each size, from the largest maps to the smallest, and
    # residual blocks at each. It halves its maps once less often than there are sizes.
    widths: tuple[int, ...] = at_least(1, (32, 48, 64))
    blocks: tuple[int, ...] = at_least(1, (1, 1, 1))
    stacks: int = at_least(1, 1)  # hourglasses one after another
    stem_width: int = at_least(1, 16)  # of the 7 x 7 convolution
    feature_width: int = at_least(1, 48)  # of the maps that the corner modules read
    pool_width: int = at_least(1, 24)  # of the maps that are pooled
    head_width: int = at_least(1, 24)  # of the layer below heats, tags and offsets
    corner_pool: bool = True  # False: the same network without the maxima (table 1)
    # he: normal, for ReLU; uniform: PyTorch's default, as the published network.
    init: str = choice("he", "uniform")
    dtype: str = dtype()
    remat: bool = False  # recompute the hourglasses' blocks in the backward pass

    @property
    def stride(self) -> int:
        """Pixels of the input that the smallest maps have one cell for."""
        return 4 * 2 ** (len(self.widths) - 1)


@dataclasses.dataclass
class Data:
    # auto: files where there is a `root`, else scenes: handwritten digits on
    # photographs, inside installed packages. files: the layout of VOC, COCO or darknet.
    source: str = choice("auto", "scenes", "files", "tfds", "generated")
    name: str = of_source("tfds")  # tfds: the data set
    # files: the folder; tfds: its data_dir
    root: str = of_source("auto", "files", "tfds")
    names: tuple[str, ...] = ()  # of the classes; (): the set's
    labels: str = choice("digits", "one", "parity")  # classes of the scenes
    scenes: int = at_least(1, 4000)  # scenes to train on
    held_out: int = at_least(1, 500)  # scenes of "valid", and of "test"
    size: tuple[int, int] = at_least(1, (64, 64))  # rows, columns of the input
    batch_size: int = at_least(1, 16)
    max_objects: int = at_least(1, 128)  # of an image to train on, at most
    # whole: the picture, scaled to fit. crop: section 4.1's random scale and place.
    view: str = choice("whole", "crop")
    scales: tuple[float, ...] = above(
        0.0, (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3), only=("view", "crop")
    )
    border: int = at_least(0, 128, only=("view", "crop"))  # pixels around the centre
    flip: bool = False  # mirror half of the images
    colour: float = between(0.0, 1.0)  # brightness, contrast, saturation vary by it
    lighting: float = at_least(0.0)  # deviation of the noise along colours' axes


@dataclasses.dataclass
class Targets:
    # How far from a corner false corners cost less: object: by the object's size;
    # legacy: the same by the first release's formula; constant (section 3.2, table 2).
    radius: str = choice("object", "legacy", "constant")
    constant: float = at_least(0.0, 2.5, only=("radius", "constant"))  # cells; 0: none
    # The IoU that two corners inside the radius must reach.
    min_overlap: float = between(0.0, 1.0, 0.3, above=True, only=("radius", *MAPS_OF))


@dataclasses.dataclass
class Objective:
    """Weights of eq. 6."""

    pull: float = at_least(0.0, 0.1)
    push: float = at_least(0.0, 0.1)
    offset: float = at_least(0.0, 1.0)
    tag_images: int = at_least(1, 5)  # images whose pull and push are summed


def _suppression() -> Suppression:
    return Suppression(method="gaussian", sigma=0.5, score_threshold=0.001, keep=100)


@dataclasses.dataclass
class Eval:
    """How boxes are found and measured. Nothing here changes training."""

    batch_size: int = at_least(1, 50)
    images: int = at_least(1, 5000)  # of a split, at most
    # whole: scaled to fit `data.size`; original: at its own size, with a border.
    view: str = choice("whole", "original")
    scales: tuple[float, ...] = above(0.0, (1.0,), only=("view", "original"))
    flip: bool = False  # join the boxes of the mirrored image
    # merge: boxes are averaged with those they suppress, for several scales.
    merge: bool = False
    merge_power: float = above(0.0, 10.0, only=("merge", True))
    corners: int = at_least(1, 60)  # of each kind, the best ones of all classes
    pairs: int = at_least(1, 100)  # candidate boxes of an image and view, the best ones
    tag_threshold: float = at_least(0.0, 0.5)  # tags of a pair are no further apart
    choose_threshold: tuple[float, ...] = at_least(0.0, ())  # chosen on valid; (): not
    suppression: Suppression = field(default_factory=_suppression)
    ablations: bool = True  # rows with true maps, and without tags (table 6)
    pictures: int = at_least(0, 6)  # test pictures drawn


@dataclasses.dataclass
class Predict:
    """How a user's pictures are searched. Nothing here changes training."""

    out: str = ""  # a folder for pictures and boxes, or a video's file
    threshold: float = between(0.0, 1.0, 0.4)  # least score of a box that is drawn
    heat: bool = False  # the heat maps over the picture as well
    frames: int = at_least(0)  # of a video, at most; 0: all
    crf: int = between(0, 51, 18)  # quality of a video; 0: lossless


@dataclasses.dataclass
class Config(Training):
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    targets: Targets = field(default_factory=Targets)
    objective: Objective = field(default_factory=Objective)
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)
    # main, corner_pool, no_pool, no_penalty_reduction, radius_2.5, object_radius; and
    # with a seed of its own: no_pool_1.
    runs: tuple[str, ...] = ("main",)
    weights: str = ""  # start from the published weights (.npz or .safetensors)

    unit = "images"  # what a step reads, in the plural


CHANGES: dict[str, dict[str, Any]] = {
    "main": {},
    "corner_pool": {"model.corner_pool": True},
    "no_pool": {"model.corner_pool": False},
    "no_penalty_reduction": {"targets.radius": "constant", "targets.constant": 0.0},
    "fixed_radius": {"targets.radius": "constant", "targets.constant": 2.5},
    "object_radius": {"targets.radius": "object"},
}


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    return runs_of(config, partial(_changes, config), _check)


def kind_of(run: str) -> tuple[str, int]:
    """ "no_pool_2" -> ("no_pool", 2): a kind of run, and which of its seeds."""
    kind, _, number = run.rpartition("_")
    return (kind, int(number)) if kind and number.isdecimal() else (run, 0)


def _changes(config: Config, run: str) -> dict[str, Any]:
    kind, number = kind_of(run)
    if kind not in CHANGES:
        kinds = ", ".join(CHANGES)
        raise UserError(
            f"config.runs: no {run!r}; write one of {kinds}, or with a seed, no_pool_1"
        )
    return {**CHANGES[kind], "seed": (config.seed + number) % 2**32}


def _check(config: Config) -> None:
    m, d = config.model, config.data
    if len(m.widths) != len(m.blocks) or len(m.widths) < 2:
        raise UserError(
            "config.model.widths and config.model.blocks: as many values, two at least"
        )
    if any(cells(config, side) is None for side in d.size):
        raise UserError(
            f"config.data.size={d.size[0]},{d.size[1]}: this network takes sides that "
            f"{m.stride} divides, or divides after one more pixel: {m.stride}, "
            f"{2 * m.stride - 1}"
        )
    if not config.eval.scales:
        raise UserError("config.eval.scales: give one scale at least")
    if d.view == "crop" and not d.scales:
        raise UserError("config.data.scales: give one scale at least")


def cells(config: Config, side: int) -> int | None:
    """Rows or columns of the output for a side of the input; None: the network takes no
    such side."""
    stride = config.model.stride
    return (side + 1) // 4 if side % stride in (0, stride - 1) else None
