"""The variants of distillation: the slides' experiments in small, and the paper's nets.

The command is

    python launch/main.py --paper=distillation --config=NAME
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.variants import get
from papers.distillation.config import (
    Config,
    Data,
    Distill,
    Eval,
    Experiment,
    Net,
)


def _default() -> Config:
    """The slides' two tables on real digits: minutes on 2 CPU cores.

    Tables 1 and 5. Test accuracy in per cent: single model 96.8, ten models 97.2,
    distilled 96.9 (the paper's frames: 58.9, 61.1, 60.8). All labels 96.8, 3% of the
    labels 83.3, 3% with soft targets 93.1 (the paper: 58.9, 44.5, 57.0).
    """
    net = {"hidden": (200, 200), "jitter": 2}
    return Config(
        teacher=Net(**net),
        student=Net(**net),
        distill=Distill(targets="live"),
        optim=Optim(lr=3e-3, schedule=Schedule(warmup=50)),
        loop=Loop(steps=1000, log_every=20, eval_every=250, save_every=500),
        runs=(
            "baseline", "ensemble", "small", "distilled", "hard_part", "soft_part",
            "hard_without", "soft_without", "soft_only",
        ),
    )  # fmt: skip


def _specialists() -> Config:
    """A generalist and three specialists for classes that it confuses.

    Table 3, on the default's images. The paper: 25.0% to 26.1%, 61 specialists (JFT).
    """
    config = _default()
    config.runs = ("baseline", "specialists")
    return config


def _smoke() -> Config:
    """Seconds, on generated images: what the tests run."""
    return Config(
        teacher=Net(hidden=(32, 32), max_norm=4.0, jitter=1),
        student=Net(hidden=(16,)),
        data=Data(source="generated", batch_size=16),
        experiment=Experiment(
            members=4, seeds=2, distilled_at=(2.0,), longer=1.0, hard_weight=0.1,
            share=0.1, temperatures=(1.0, 4.0),
        ),
        optim=Optim(lr=1e-2, schedule=Schedule(warmup=5)),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        eval=Eval(batch_size=64, digits=2, timed_steps=2),
        runs=(
            "baseline", "ensemble", "distilled", "hard_part", "soft_part",
            "specialists",
        ),
    )  # fmt: skip


def _mnist_1200() -> Config:
    """The paper's MNIST nets: 2 x 1200 with dropout teaches 2 x 800 without.

    Section 3. Teacher 2,395,210 parameters, student 1,276,810. The paper's errors of
    10,000: teacher 67, student 146, distilled at T = 20 74.
    """
    teacher = Net(
        hidden=(1200, 1200), dropout_input=0.2, dropout=0.5, max_norm=4.0, jitter=2
    )
    config = _default()
    config.teacher = teacher
    config.student = Net(hidden=(800, 800))
    config.distill.targets = "cached"
    config.experiment.members = 1
    config.experiment.temperature = 20.0
    config.experiment.distilled_at = (20.0,)
    config.experiment.longer = 1.0
    config.experiment.hard_weight = 0.1
    config.runs = ("ensemble", "small", "distilled", "soft_without", "soft_only")
    return config


def _mnist_30() -> Config:
    """Students of 2 x 30 units, for which the paper found T from 2.5 to 4 the best.

    Section 3. Student 24,790 parameters, teacher as mnist_1200.
    """
    config = _mnist_1200()
    config.student = Net(hidden=(30, 30))
    config.experiment.distilled_at = (2.5, 4.0, 20.0)
    config.runs = ("ensemble", "small", "distilled")
    return config


def _speech() -> Config:
    """The acoustic model of section 4 at its published size, on generated frames.

    Table 1. 26 frames x 40 filter banks -> 8 x 2560 -> 14,000, 84,412,080 parameters.
    The paper's frames right and words wrong: single model 58.9%, 10.9%, ten models
    61.1%, 10.7%, distilled 60.8%, 10.7%. The speech is not public, so this was not
    trained here; shapes, counts and steps are tested.
    """
    net = Net(hidden=(2560,) * 8)
    return Config(
        teacher=net,
        student=net,
        data=Data(source="generated", name="26x40x1x14000", image=(26, 40, 1),
                  classes=14_000, batch_size=256),
        distill=Distill(keep_teacher=False),
        experiment=Experiment(
            seeds=1, distilled_at=(2.0,), longer=1.0, hard_weight=0.5
        ),
        optim=Optim(lr=1e-4, schedule=Schedule(warmup=1000)),
        loop=Loop(steps=100_000, log_every=100, eval_every=5000, save_every=5000),
        eval=Eval(batch_size=256),
    )  # fmt: skip


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "specialists": _specialists,
    "mnist_1200": _mnist_1200,
    "mnist_30": _mnist_30,
    "speech": _speech,
}

# Parameters of each variant's first run.
PARAM_COUNTS = {"mnist_1200": 2_395_210, "mnist_30": 2_395_210, "speech": 84_412_080}


get_config = partial(get, VARIANTS)
