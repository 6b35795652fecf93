"""The variants of YOLOv3: the paper's nets under darknet's names, and small ones.

`default` is the run of this package's README. The large variants are the paper's;
nobody has trained them here. Their parameters (PARAM_COUNTS) are tested. They run by

    python launch/main.py --paper=yolov3 --config=NAME --config.data.root=FOLDER

where FOLDER is a set in the layout of VOC, COCO or darknet.
"""

from functools import partial

from common.config import changed
from common.sections import Loop, Optim, Schedule
from common.variants import get
from papers.yolov3.config import (
    Classifier,
    Config,
    Data,
    Eval,
    Model,
    Objective,
)

# The ten sizes of multi-scale training (darknet's `random=1`).
SIZES = tuple(32 * n for n in range(10, 20))


def _default() -> Config:
    """Digits on photographs: a classifier, then the detector on its trunk, 3 seeds.

    Minutes on 2 CPU cores. The same detector from random weights is the row "scratch".
    """
    return Config(
        model=Model(width=6, blocks=(1, 1, 2, 2, 1), objectness=-4.0),
        classifier=Classifier(steps=500, lr=1e-2),
        data=Data(size=64, batch_size=16, max_objects=8),
        optim=Optim("adam", 1e-2, schedule=Schedule(warmup=50, floor=0.01)),
        loop=Loop(steps=900, log_every=25, eval_every=450, save_every=450),
        runs=("yolov3", "yolov3_seed1", "yolov3_seed2", "scratch", "classifier"),
    )


def _smoke() -> Config:
    """Seconds, a tiny net on composed scenes: what the tests run."""
    return Config(
        model=Model("yolov3-tiny", width=2, priors="cfg", objectness=-4.0),
        classifier=Classifier("darknet", steps=20, batch_size=8, images=100),
        data=Data(
            size=64, batch_size=8, max_objects=8, scenes=40, held_out=8, labels="parity"
        ),
        optim=Optim("sgd", 1e-3, weight_decay=5e-4, schedule=Schedule("constant")),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(batch_size=8, pictures=2),
        runs=("yolov3", "classifier"),
        burn_in=4,
    )


def _darknet(name: str, classes: int, size: int, **changes) -> Config:
    """darknet's recipe: SGD, 64 images a step, burn-in, steps, ten sizes."""
    config = Config(
        model=Model(name, classes, priors="cfg"),
        data=Data(size=size, sizes=SIZES, augment="darknet"),
        objective=Objective(ignore=0.7),
        optim=Optim(
            "sgd",
            1e-3,
            weight_decay=5e-4,
            schedule=Schedule("step", boundaries=(400_000, 450_000)),
        ),
        loop=Loop(
            steps=500_200,
            log_every=100,
            eval_every=10_000,
            save_every=5000,
            best="+ap50",
        ),
        eval=Eval(batch_size=8),
        runs=("yolov3",),
        burn_in=1000,
    )
    config.data.source = "files"
    return changed(config, changes)


def _imagenet() -> Config:
    """Darknet-53 on ImageNet's class folders at 256: top-1 77.2, top-5 93.8 %.

    --config.classifier.root=FOLDER with train/CLASS/ and val/CLASS/.
    """
    return Config(
        model=Model(classes=80, priors="cfg"),
        classifier=Classifier(
            steps=800_000, lr=0.1, batch_size=128, size=256, classes=1000,
            augment="darknet", rate="polynomial",
        ),
        optim=Optim("sgd", 0.1, weight_decay=5e-4),
        loop=Loop(log_every=100, eval_every=10_000, save_every=5000),
        eval=Eval(batch_size=64),
        runs=("classifier",),
        burn_in=1000,
    )  # fmt: skip


def _coco() -> Config:
    """COCO at 416, in the paper AP 31.0 and AP50 55.3 (--config.data.size=608: 33.0,
    57.9)."""
    return _darknet("yolov3", 80, 416)


def _coco_608() -> Config:
    """COCO at 608: AP 33.0, AP50 57.9, AP75 34.4 in the paper."""
    return _darknet("yolov3", 80, 608)


def _spp() -> Config:
    """YOLOv3-spp at 608: three max pools ahead of the first scale (darknet's)."""
    return _darknet("yolov3-spp", 80, 608)


def _tiny() -> Config:
    """YOLOv3-tiny at 416: seven convolutions, two scales (darknet's)."""
    return _darknet("yolov3-tiny", 80, 416)


def _openimages() -> Config:
    """OpenImages, 601 classes that overlap (section 2.2 and darknet's)."""
    return _darknet("yolov3-openimages", 601, 608)


def _voc() -> Config:
    """Pascal VOC at 416: ignore .5, 50,200 steps (darknet's)."""
    steps = {
        "loop.steps": 50_200,
        "optim.schedule.boundaries": (40_000, 45_000),
        "objective.ignore": 0.5,
    }
    return _darknet("yolov3-voc", 20, 416, **steps)


def _tiny_voc() -> Config:
    """A folder of yours, tiny at 416 from random weights: within an hour on 2 cores.

    Classes and priors are found from the set.
    """
    return Config(
        model=Model("yolov3-tiny", objectness=-4.0),
        data=Data(source="files", size=416, batch_size=8, augment="darknet"),
        optim=Optim("adam", 1e-3, schedule=Schedule(warmup=50, floor=0.01)),
        loop=Loop(
            steps=1200, log_every=10, eval_every=200, save_every=100, best="+ap50"
        ),
        eval=Eval(batch_size=8),
        runs=("yolov3",),
    )


def _focal() -> Config:
    """The focal loss, which "did not help": beside the default's loss."""
    return _beside("focal")


def _linear_xy() -> Config:
    """Centres without a sigmoid, and as multiples of the box, which did not help."""
    return _beside("linear_xy", "multiple_xy")


def _two_thresholds() -> Config:
    """Faster R-CNN's two thresholds of assignment, which did not help."""
    return _beside("two_thresholds")


def _beside(*runs: str) -> Config:
    """The default's detector and classifier, and others beside it."""
    config = _default()
    config.runs = ("yolov3", *runs, "classifier")
    return config


def _multi_label() -> Config:
    """Each digit is also even or odd: 12 classes that overlap, no softmax."""
    config = _default()
    config.data.labels = "parity"
    config.data.max_objects = 12
    config.runs = ("yolov3", "classifier")
    return config


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "darknet53_imagenet": _imagenet,
    "coco": _coco,
    "coco_608": _coco_608,
    "spp": _spp,
    "tiny": _tiny,
    "voc": _voc,
    "openimages": _openimages,
    "tiny_voc": _tiny_voc,
    "focal": _focal,
    "linear_xy": _linear_xy,
    "two_thresholds": _two_thresholds,
    "multi_label": _multi_label,
}

PARAM_COUNTS = {
    "darknet53_imagenet": 41_609_928,
    "coco": 61_949_149,
    "coco_608": 61_949_149,
    "spp": 62_998_749,
    "tiny": 8_852_366,
    "tiny_voc": 8_713_766,  # with VOC's twenty classes
    "voc": 61_626_049,
    "openimages": 64_754_734,
}

get_config = partial(get, VARIANTS)
