"""The variants of UNIT: the released settings, with exact parameter counts.

`default` and `digits` are the runs of this package's README, which has their commands
and their numbers. They learn from data inside installed packages: letters of two fonts,
and two sets of digits. PARAM_COUNTS are of all networks: encoders and generators, and
discriminators.
"""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.variants import get
from papers.unit.config import (
    Adaptation,
    Config,
    Data,
    Discriminator,
    Eval,
    History,
    Losses,
    Model,
)


def _default() -> Config:
    """Letters of two fonts, and two ablations: minutes on 2 CPU cores."""
    return Config(
        model=Model(
            channels=(1, 1), width=16, private_blocks=1, shared_blocks=1, init="he"
        ),
        discriminator=Discriminator(width=32, layers=3, init="he"),
        data=Data(size=(32, 32), batch_size=8),
        optim=_adam(lr=1e-3, schedule=Schedule(floor=0.1)),
        loop=Loop(steps=600, log_every=20, eval_every=150, save_every=300),
        history=History(frames=(1, 25, 50, 100, 200, 400, 600)),
        eval=Eval(batch_size=16),
        runs=("unit", "not_shared", "no_cycle"),
    )


def _digits() -> Config:
    """Digits of scikit-learn with labels, MNIST's without: minutes on 2 CPU cores.

    Section 5 of the paper in small. Layers that are b's alone start as copies of a's,
    and features and likelihood weigh more than in `svhn_mnist`.
    """
    return Config(
        model=Model(channels=(1, 1)),
        adaptation=Adaptation(
            width=16, discriminator_width=16, alike=True,
            reconstruction=1e-2, feature=2e-2,
        ),
        data=Data(source="labelled", margins=(0, 4), size=(16, 16), batch_size=16),
        optim=_adam(lr=1e-3, weight_decay=5e-4),
        loop=Loop(steps=1200, log_every=20, eval_every=200, save_every=400),
        history=History(frames=(1, 50, 100, 200, 400, 800, 1200)),
        eval=Eval(batch_size=250),
        runs=("adapted", "source_only"),
    )  # fmt: skip


def _smoke() -> Config:
    """Seconds, on generated squares: what the tests run."""
    return Config(
        model=Model(width=4, halvings=1, private_blocks=0, shared_blocks=1, init="he"),
        discriminator=Discriminator(width=4, layers=2),
        adaptation=Adaptation(
            width=4, discriminator_width=4, dropout=(0.0, 0.0, 0.0, 0.0)
        ),
        # Few pixels, so that rounding moves few values across a rectifier's kink.
        data=Data("generated", pair=("digits", "digits"), size=(8, 8), batch_size=8),
        # A hundredth of the paper's weights: gradients, and with them their rounding
        # errors, are near 1.
        losses=Losses("nsgan", 0.1, 0.001, 1.0, 0.001, 1.0),
        # Adam's steps stay small where a gradient is nothing but rounding errors.
        optim=_adam(lr=1e-3, eps=1e-3),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        history=History(frames=(1, 5, 20), rows=2),
        eval=Eval(batch_size=16, shown=2),
        runs=("unit", "adapted"),
    )  # fmt: skip


def _squares() -> Config:
    """The toy of two colours: red squares to blue ones and back, in their places.

    After the 2000 steps colours are right, and places overlap by 0.73, 0.96 and 0.91 on
    three seeds.
    """
    return Config(
        model=Model(width=16, halvings=1, private_blocks=1, shared_blocks=1, init="he"),
        discriminator=Discriminator(width=16, layers=3),
        data=Data(source="generated", size=(16, 16), batch_size=4),
        optim=_adam(lr=2e-4),
        loop=Loop(steps=2000, log_every=50, eval_every=500, save_every=500),
        history=History(frames=(50, 250, 500, 750, 1000, 2000)),
        eval=Eval(batch_size=16),
    )


def _adam(**fields) -> Optim:
    """Both players' Adam; `fields` replace the constant rate and the weight decay."""
    fields = {"schedule": Schedule("constant"), "weight_decay": 1e-4, **fields}
    return Optim(b1=0.5, **fields)


def _released(size: tuple[int, int], steps: int = 500_000, **sections) -> Config:
    """What the paper's image experiments share: Adam, and a batch of one image of each
    domain."""
    return Config(
        data=Data(source="files", size=size, flip=True),
        optim=_adam(lr=1e-4),
        loop=Loop(steps=steps, log_every=100, eval_every=10_000, save_every=10_000),
        history=History(
            frames=tuple(steps * n // 100 for n in (1, 2, 5, 10, 20, 50, 100))
        ),
        eval=Eval(batch_size=1),
        **sections,
    )


def _cats_dogs() -> Config:
    """Cats and dogs, 216 x 216: COCOResGen and COCODis of the released code."""
    config = _released((216, 216), model=Model(norm="instance"))
    config.data.short = 259
    return config


def _streets() -> Config:
    """SYNTHIA and Cityscapes, 480 x 640: dropout, and discriminators at three sizes."""
    config = _released(
        (480, 640),
        model=Model(dropout=0.5),
        discriminator=Discriminator("pyramid", layers=4),
    )
    config.data.short = 481
    return config


def _faces() -> Config:
    """CelebA with and without an attribute, 128 x 128: deep layers of D are shared.

    The released code cuts rows 20 to 198 out of the images; here that is left to the
    user.
    """
    config = _released(
        (128, 128), steps=2_000_000, discriminator=Discriminator("shared")
    )
    config.data.short = 132
    return config


def _later() -> Config:
    """The authors' later code, 256 x 256: nothing shared, LSGAN, smaller weights."""
    model = Model("separate", share=False, private_blocks=4, shared_blocks=0, init="he")
    config = _released(
        (256, 256),
        steps=1_000_000,
        model=model,
        discriminator=Discriminator("averaged", layers=4),
        losses=Losses("lsgan", 1.0, 0.01, 10.0, 0.01, 10.0),
    )
    config.data.short = 256
    halved_at = tuple(range(100_000, 1_000_000, 100_000))
    config.optim.schedule = Schedule("step", boundaries=halved_at, factor=0.5)
    return config


def _paper_256() -> Config:
    """The paper's networks on 256 x 256 pixels, a batch of 256: for accelerators."""
    config = _released((256, 256), steps=20_000)
    config.data.short = 286
    config.data.batch_size = 256
    config.eval.batch_size = 256
    config.history.frames = ()
    return config


def _svhn_mnist() -> Config:
    """SVHN with labels, MNIST without, at the published size.

    The paper has 90.53 % of MNIST right.
    """
    config = _released((32, 32), steps=200_000, model=Model(channels=(3, 1)))
    pair = ("tfds:svhn_cropped", "tfds:mnist")
    config.data = Data("labelled", pair=pair, batch_size=64)
    config.optim = _adam(lr=2e-4, weight_decay=5e-4)
    config.runs = ("adapted", "source_only")
    config.history.frames = ()
    config.eval.batch_size = 500
    return config


VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "digits": _digits,
    "squares": _squares,
    "cats_dogs": _cats_dogs,
    "streets": _streets,
    "faces": _faces,
    "later": _later,
    "paper_256": _paper_256,
    "svhn_mnist": _svhn_mnist,
}

# Encoders and generators first, then discriminators.
PARAM_COUNTS = {
    "cats_dogs": 18_017_286 + 50_298_114,
    "streets": 18_017_286 + 9_308_934,
    "faces": 18_017_286 + 25_240_065,
    "later": 2 * (11_140_483 + 8_271_171),
    "paper_256": 18_017_286 + 50_298_114,
    "svhn_mnist": 22_606_468 + 4_332_812,
}


get_config = partial(get, VARIANTS)
