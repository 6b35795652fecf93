"""The variants of CornerNet: a default of minutes, the paper's network and recipe, and
smaller hourglasses.

Nobody has trained the large ones here. Their parameters (PARAM_COUNTS) are tested. They
run by

    python launch/main.py --paper=cornernet --config=coco --config.data.root=FOLDER

where FOLDER holds COCO's pictures and json.
"""

from functools import partial

from common.data.annotated_coco import COCO_NAMES
from common.sections import Loop, Optim, Schedule
from common.variants import get
from papers.cornernet.config import Config, Data, Eval, Model

SEEDS = range(3)


def _default() -> Config:
    """With and without corner pooling, three seeds each: minutes on 2 CPU cores.

    One class, digits on photographs; both networks have the same parameters, see the
    same batches and train for the same steps.
    """
    return Config(
        data=Data(source="auto", labels="one", scenes=4000, max_objects=4),
        optim=Optim(lr=2e-3),
        loop=Loop(steps=400, log_every=20, eval_every=200, save_every=400),
        eval=Eval(batch_size=50, choose_threshold=(0.5, 1.0, 2.0)),
        runs=tuple(f"{kind}_{i}" for i in SEEDS for kind in ("corner_pool", "no_pool")),
    )


def _smoke() -> Config:
    """Seconds, on generated rectangles: what the tests run."""
    return Config(
        model=Model(
            widths=(8, 8), blocks=(1, 1), stem_width=4, feature_width=8, pool_width=4,
            head_width=4,
        ),
        data=Data(
            source="generated", scenes=32, held_out=8, size=(32, 32), batch_size=8,
            max_objects=4,
        ),
        optim=Optim(lr=2e-3, schedule=Schedule("constant")),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(batch_size=8, corners=20, pairs=20, pictures=2),
        runs=("corner_pool",),
    )  # fmt: skip


def _digits() -> Config:
    """The default with ten classes: classes are learnt late, so give it more steps."""
    config = _default()
    config.data.labels = "digits"
    config.loop.steps = 1500
    return config


def _radius() -> Config:
    """Table 2 on the default's scenes: no penalty reduction, a fixed and an
    object-dependent radius, three seeds each."""
    config = _default()
    kinds = ("no_penalty_reduction", "fixed_radius", "object_radius")
    config.runs = tuple(f"{kind}_{i}" for i in SEEDS for kind in kinds)
    return config


def _folder() -> Config:
    """For a folder of the user's, in the layout of VOC, COCO or darknet: one small
    hourglass on pictures of 255 x 255, on two cores a second or so a step."""
    return Config(
        model=Model(
            widths=(32, 48, 64, 96, 128), blocks=(1, 1, 1, 1, 1), stem_width=16,
            feature_width=48, pool_width=32, head_width=32,
        ),
        data=Data(
            source="files", size=(255, 255), batch_size=8, flip=True, colour=0.4,
            lighting=0.1,
        ),
        optim=Optim(lr=1e-3, schedule=Schedule(warmup=50)),
        loop=Loop(steps=1500, log_every=10, eval_every=250, save_every=250, best="+AP"),
        eval=Eval(batch_size=8, corners=100, pairs=400, ablations=False),
    )  # fmt: skip


def _coco(stacks: int = 2) -> Config:
    """The paper: Hourglass-104 on COCO, 511 x 511, batch 49, 500,000 steps.

    It took 10 GPUs. AP 40.6 on test-dev at one scale, 42.2 at five. A pod's devices
    must divide the batch: 48 or 64. The test at several scales:

        --config.eval.scales=0.5,0.75,1,1.25,1.5 --config.eval.merge=True

    Tables 1 and 2, AP 36.5, 32.9 and 35.6 where this network has 38.4:

        --config.optim.schedule.decay=constant --config.loop.steps=250000
        --config.runs=no_pool      or no_penalty_reduction, fixed_radius, corner_pool

    The weights of August 2018 were trained with the radius of that release:

        --config.targets.radius=legacy --config.targets.min_overlap=0.7
    """
    return Config(
        model=Model(
            widths=(256, 256, 384, 384, 384, 512), blocks=(2, 2, 2, 2, 2, 4),
            stacks=stacks, stem_width=128, feature_width=256, pool_width=128,
            head_width=256, init="uniform",
        ),
        data=Data(
            source="files", names=COCO_NAMES, size=(511, 511), batch_size=49,
            view="crop", flip=True, colour=0.4, lighting=0.1,
        ),
        optim=Optim(lr=2.5e-4, schedule=Schedule("step", boundaries=(450_000,))),
        loop=Loop(
            steps=500_000, log_every=100, eval_every=5000, save_every=5000,
        ),
        eval=Eval(
            batch_size=8, view="original", flip=True, corners=100, pairs=1000,
            ablations=False,
        ),
    )  # fmt: skip


def _hourglass54() -> Config:
    """Three shallow hourglasses (CornerNet-Lite's size), 255 x 255: one small GPU."""
    config = _coco(stacks=3)
    config.model.widths = (256, 384, 384, 512)
    config.model.blocks = (1, 1, 1, 1)
    config.data.size = (255, 255)
    config.data.batch_size = 16
    return config


def _hourglass52() -> Config:
    """One of the paper's two hourglasses, 511 x 511: one GPU of 12 GB at batch 4."""
    config = _coco(stacks=1)
    config.data.batch_size = 4
    return config


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "digits": _digits,
    "radius": _radius,
    "folder": _folder,
    "coco": _coco,
    "hourglass52": _hourglass52,
    "hourglass54": _hourglass54,
}

PARAM_COUNTS = {
    "coco": 201_035_212,
    "hourglass52": 100_330_278,
    "hourglass54": 109_886_834,
}


get_config = partial(get, VARIANTS)
