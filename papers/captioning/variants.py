"""Named settings."""

from functools import partial

from common.config import get
from common.sections import Loop, Optim, Schedule
from papers.captioning.config import (
    Classifier,
    Config,
    Data,
    Encoder,
    Eval,
    Model,
    Stages,
)


def _default() -> Config:
    """Composed scenes, a small CNN, the three stages, and NT2, img-gLSTM and td-gLSTM
    side by side over three seeds."""
    return Config(
        model=Model(phi="identity", vocab=44, width=128, image_scale=0.7, dropout=0.0),
        data=Data(min_count=1),
        optim=Optim(lr=2e-3, schedule=Schedule("cosine")),
        text_rate=10.0,
        clamp=0.1,
        seeds=3,
        loop=Loop(steps=500, eval_every=250, log_every=50),
        runs=(
            "td_sentence", "td_1gram", "td_2gram", "img_glstm", "nt2", "tuned", "glstm",
            "classifier",
        ),
    )  # fmt: skip


def _smoke() -> Config:
    """A few steps on coloured shapes: what the tests run."""
    return Config(
        model=Model(width=16, dropout=0.0, phi="identity"),
        encoder=Encoder(widths=(4, 8)),
        classifier=Classifier(steps=4, batch_size=8, crops=120),
        stages=Stages(steps=6, tuned_steps=6),
        data=Data(
            source="generated", size=16, scenes=24, held_out=8, batch_size=8,
            min_count=1, captions=3,
        ),
        optim=Optim(lr=3e-3),
        eval=Eval(batch_size=8, pictures=2),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        seeds=2,
        runs=("td_sentence", "td_2gram_relu", "nt2", "img_glstm_warm", "tuned",
              "glstm"),
    )  # fmt: skip


VARIANTS = {"default": _default, "smoke": _smoke}
PARAM_COUNTS: dict[str, int] = {}

get_config = partial(get, VARIANTS)
