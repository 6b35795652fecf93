"""The variants of ResNet: the paper's nets and recipes under its names.

`default` is the run of this package's README: the degradation experiment. The large
variants are the paper's; nobody has trained them here. Their parameters (PARAM_COUNTS)
and multiply-adds are tested. They run by

    python launch/main.py --paper=resnet --config=NAME --config.data.root=DATA_DIR

where DATA_DIR is the data_dir of TFDS. The paper's errors in per cent stand in ERRORS,
PLAIN_ERRORS (ImageNet, 10 crops) and CIFAR_ERRORS.
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.variants import get, variant
from papers.resnet.config import Config, Data, Eval, Model


def _default() -> Config:
    """Plain nets and ResNets of 8, 20, 44 layers on MNIST: minutes on 2 CPU cores.

    The degradation of figure 1. Training takes 0.5 minutes for plain_44 and 0.6 minutes
    for resnet_44, on one device. Test errors: 34.0 % (plain_44), 2.5 % (resnet_44).
    """
    return Config(
        model=Model(width=8),
        data=Data(size=14, batch_size=64),
        optim=_sgd(lr=0.1, schedule=Schedule(warmup=20)),
        loop=Loop(steps=400, log_every=20, eval_every=100, save_every=200),
        runs=("plain_8", "plain_20", "plain_44", "resnet_8", "resnet_20", "resnet_44"),
    )


def _smoke() -> Config:
    """Seconds, on generated images: what the tests run."""
    return Config(
        model=Model(depth=8, width=4),
        data=Data(source="generated", size=8, batch_size=16),
        optim=_sgd(lr=0.02, schedule=Schedule("constant")),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(batch_size=64),
        runs=("resnet_8",),
    )


def _sgd(**fields) -> Optim:
    """Section 3.4: momentum 0.9, weight decay, no dropout."""
    return Optim(name="sgd", weight_decay=1e-4, **fields)


def _steps(*boundaries: int) -> Schedule:
    """The rate is divided by ten at each of these steps."""
    return Schedule("step", boundaries=boundaries)


def _imagenet(depth: int, shortcut: str = "B") -> Config:
    """Section 3.4, tables 2 and 3: 10-crop errors.

    The paper divides the rate at plateaus; here it is divided after 30, 60 and 90
    epochs. The paper's 34 layers with the shortcuts A, B and C: 25.03, 24.52, 24.19.
    """
    return Config(
        model=Model("imagenet", depth, 64, 1000, shortcut),
        data=Data(
            source="tfds", name="imagenet2012", size=224, channels=3, batch_size=256,
            augment="imagenet",
        ),
        optim=_sgd(lr=0.1, schedule=_steps(150_000, 300_000, 450_000)),
        loop=Loop(
            steps=600_000, log_every=100, eval_every=5000, save_every=5000, best="error"
        ),
        eval=Eval(batch_size=256, short=256, test="ten_crops", responses=False),
    )  # fmt: skip


def _torchvision(depth: int) -> Config:
    """torchvision's nets, to be measured or fine-tuned. Bottlenecks have their stride
    on the 3x3; ImageNet's mean and deviation normalise the images."""
    config = _imagenet(depth)
    config.model.stride_on = "3x3"
    config.data.subtract = "imagenet"
    config.eval.test = "centre"
    config.optim.lr = 0.01
    config.optim.schedule = Schedule("cosine")
    config.loop.steps = 20_000
    return config


def _cifar10(depth: int, shortcut: str = "A") -> Config:
    """Section 4.2, table 6: 110 layers warm up at 0.01 for 400 steps; so do 1202 here.

    The paper's 110 layers: 6.43 (6.61 +- 0.16).
    """
    config = Config(
        model=Model("cifar", depth, 16, 10, shortcut),
        data=Data(
            source="tfds", name="cifar10", size=32, channels=3, batch_size=128,
            augment="cifar", mean_of=50_000,
        ),
        optim=_sgd(lr=0.1, schedule=_steps(32_000, 48_000)),
        loop=Loop(
            steps=64_000, log_every=100, eval_every=1000, save_every=1000, best="error"
        ),
    )  # fmt: skip
    if depth >= 110:
        config.optim.schedule.warmup = 400
        config.optim.schedule.warmup_at = 0.1
    if depth >= 1000:
        config.model.remat = True
    return config


# Layers -> error in per cent. On ImageNet with option B, but 18 layers with A.
ERRORS = {18: 27.88, 34: 24.52, 50: 22.85, 101: 21.75, 152: 21.43}
PLAIN_ERRORS = {18: 27.94, 34: 28.54}
TORCHVISION_ERRORS = {18: 30.24, 34: 26.69, 50: 23.87, 101: 22.63, 152: 21.69}
CIFAR_ERRORS = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}

VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    **{
        f"resnet{n}_imagenet": variant(
            _imagenet,
            f"ImageNet, {n} layers: 10-crop error {e} % in the paper"
            f"{', with option A' if n == 18 else ''}.",
            n,
        )
        for n, e in ERRORS.items()
    },
    **{
        f"plain{n}_imagenet": variant(
            _imagenet, f"The same, no shortcuts: {e} % in the paper.", n, "none"
        )
        for n, e in PLAIN_ERRORS.items()
    },
    **{
        f"resnet{n}_torchvision": variant(
            _torchvision, f"For torchvision's weights: its error is {e} %, one crop.", n
        )
        for n, e in TORCHVISION_ERRORS.items()
    },
    **{
        f"resnet{n}_cifar10": variant(
            _cifar10, f"CIFAR-10, {n} layers: error {e} % in the paper.", n
        )
        for n, e in CIFAR_ERRORS.items()
    },
    **{
        f"plain{n}_cifar10": variant(
            _cifar10, f"CIFAR-10, {n} layers without shortcuts.", n, "none"
        )
        for n in (20, 32, 44, 56, 110)
    },
}

_IMAGENET_COUNTS = {
    18: 11_689_512,
    34: 21_797_672,
    50: 25_557_032,
    101: 44_549_160,
    152: 60_192_808,
}
_CIFAR_COUNTS = {
    20: 269_722,
    32: 464_154,
    44: 658_586,
    56: 853_018,
    110: 1_727_962,
    1202: 19_421_274,
}
PARAM_COUNTS = {
    **{f"resnet{n}_imagenet": count for n, count in _IMAGENET_COUNTS.items()},
    **{f"resnet{n}_torchvision": count for n, count in _IMAGENET_COUNTS.items()},
    **{f"resnet{n}_cifar10": count for n, count in _CIFAR_COUNTS.items()},
    **{f"plain{n}_cifar10": _CIFAR_COUNTS[n] for n in (20, 32, 44, 56, 110)},
    "plain18_imagenet": 11_689_512 - 173_824,  # the ResNet's without projections
    "plain34_imagenet": 21_797_672 - 173_824,
}


get_config = partial(get, VARIANTS)
