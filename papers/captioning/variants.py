"""Named settings."""

from functools import partial

from common.sections import Loop, Optim, Schedule
from common.variants import get, variant
from papers.captioning.config import (
    Classifier,
    Config,
    Data,
    Encoder,
    Eval,
    Model,
    Stages,
)
from papers.captioning.guidance import PHI

# The last one first: a table begins with its own runs.
STAGES = ("tuned", "glstm", "classifier")


def _default() -> Config:
    """Composed scenes, a small CNN, the three stages, and NT2, img-gLSTM and td-gLSTM
    side by side over three seeds."""
    return Config(
        model=Model(phi="identity", vocab=44, width=128, image_scale=0.7, dropout=0.0),
        encoder=Encoder(widths=(12, 24, 48, 96), lr=5e-4),
        classifier=Classifier(steps=800),
        stages=Stages(steps=300, tuned_steps=1200, lr=2e-3, tuned_lr=2e-3),
        data=Data(min_count=1),
        optim=Optim(lr=8e-3),
        text_rate=10.0,
        clamp=0.1,
        seeds=3,
        loop=Loop(steps=400, eval_every=400, log_every=50, save_every=0),
        runs=("td_sentence", "td_1gram", "td_2gram", "img_glstm", "nt2", *STAGES),
    )


def _smoke() -> Config:
    """A few steps on coloured shapes: what the tests run."""
    return Config(
        model=Model(width=16, dropout=0.0, phi="identity"),
        encoder=Encoder(widths=(4, 8)),
        classifier=Classifier(steps=4, batch_size=8, crops=120),
        stages=Stages(steps=6, tuned_steps=6, words_steps=6),
        data=Data(
            source="generated", size=16, scenes=24, held_out=8, batch_size=8,
            min_count=1, captions=3,
        ),
        optim=Optim(lr=3e-3),
        eval=Eval(batch_size=8, pictures=2),
        loop=Loop(steps=20, log_every=5, eval_every=10, save_every=10),
        seeds=2,
        runs=("td_sentence", "td_3gram_relu_warm", "tuned", "words", "classifier"),
    )  # fmt: skip


def _warm() -> Config:
    """The paper's third stage: td-gLSTM goes on from the tuned gLSTM, W_c near 1, and
    img-gLSTM for as many steps."""
    config = _default()
    config.optim.lr = 5e-4
    names = ("td_sentence", "td_1gram", "td_2gram", "img_glstm")
    config.runs = (*(f"{name}_warm" for name in names), *STAGES)
    return config


def _ngrams() -> Config:
    """Guidance by the last one to four words and by the whole sentence."""
    config = _default()
    table = ("td_sentence", "td_1gram", "td_2gram", "td_3gram", "td_4gram")
    config.runs = (*table, *STAGES)
    return config


def _phis() -> Config:
    """Every Φ, and the full bilinear form, at a small width."""
    config = _default()
    config.model.width = 48
    table = tuple(f"td_sentence_{phi}" for phi in PHI)
    config.runs = (*table, "td_bilinear", *STAGES)
    return config


def _encoders() -> Config:
    """What the image encoder is worth: the same runs on that of the classifier alone
    and on the fine-tuned one."""
    config = _default()
    names = ("td_sentence", "img_glstm", "nt2")
    frozen = tuple(f"{name}_frozen" for name in names)
    config.runs = (*names, *frozen, *STAGES)
    return config


def _folder() -> Config:
    """Your pictures and captions, config.data.root: a small CNN from scratch, then
    img-gLSTM and td-gLSTM."""
    config = _default()
    config.model.vocab = 0
    config.data = Data(source="files", min_count=2)
    config.optim.lr = 4e-3
    config.seeds = 1
    config.stages = Stages(steps=0, tuned_steps=3000, lr=1e-3, tuned_lr=1e-3)
    config.encoder.lr = 1e-3
    config.runs = ("td_sentence_warm", "img_glstm_warm", "tuned")
    return config


def _styles() -> Config:
    """Your pictures in two styles with a name each, config.data.root: one style,
    config.data.train_in, is trained on, restyled, and the other, test_in, is measured.
    A small encoder learns the names' words before the captioner. On emoji, 28.2 % of
    the names are right, mean of 3 seeds, and 26.9 % by the nearest picture."""
    config = _folder()
    config.model.width = 256
    config.model.image_scale = 0.0
    config.encoder = Encoder(
        widths=(32, 64), layers=1, cached=False, statistics="moving", lr=5e-4,
        weight_decay=0.0,
    )  # fmt: skip
    config.stages = Stages(
        words_steps=2000, words_lr=2e-3, tuned_steps=1500, tuned_lr=2e-3
    )
    config.data = Data(
        source="files", size=16, restyle=0.5, captions=1, length=8, min_count=1,
        batch_size=64,
    )  # fmt: skip
    config.clamp = 0.0
    config.loop = Loop(steps=300, eval_every=1000, log_every=100, save_every=0)
    config.runs = ("tuned", "words")
    return config


def _photographs() -> Config:
    """Your photographs and captions, config.data.root, on vectors of a ResNet-34 with
    ImageNet's weights, config.encoder.weights, computed once."""
    config = _folder()
    config.model.width = 512
    config.model.dropout = 0.5
    config.encoder = Encoder("resnet", depth=34, pixels="imagenet")
    config.data.size = 224
    config.optim.lr = 1e-3
    config.loop.steps = 1000
    config.runs = ("td_sentence", "img_glstm", "nt2")
    return config


def _coco(encoder: Encoder, *runs: str) -> Config:
    """COCO as the released code trains on it: 9,567 words, 224 pixels, five captions of
    16 images. config.data.root names the folder, config.encoder.weights torchvision's
    file."""
    return Config(
        model=Model(vocab=9567),
        encoder=encoder,
        stages=Stages(steps=100_000, tuned_steps=150_000, lr=4e-4, tuned_lr=4e-4),
        data=Data(source="files", size=224, resize=256, min_count=6),
        optim=Optim(lr=4e-4, schedule=Schedule("constant"), b1=0.8),
        clamp=0.1,
        halve_every=100_000,
        halve_from=100_000,
        eval=Eval(batch_size=64),
        loop=Loop(
            steps=150_000,
            log_every=100,
            eval_every=2500,
            save_every=2500,
            best="+cider",
        ),
        runs=runs,
    )


def _vgg16() -> Encoder:
    return Encoder("vgg16", pixels="imagenet", cached=False)


def _resnet(depth: int) -> Encoder:
    return Encoder("resnet", depth=depth, pixels="imagenet", cached=False)


THREE_STAGES = ("td_sentence_warm", "tuned", "glstm")

VARIANTS = {
    "default": _default,
    "smoke": _smoke,
    "warm": _warm,
    "ngrams": _ngrams,
    "phis": _phis,
    "encoders": _encoders,
    "folder": _folder,
    "styles": _styles,
    "photographs": _photographs,
    "sc_vgg16": variant(
        _coco, "COCO, three stages, VGG-16 (a pod).", _vgg16(), *THREE_STAGES
    ),
    **{
        f"sc_resnet{depth}": variant(
            _coco,
            f"COCO, three stages, ResNet-{depth} (a pod).",
            _resnet(depth),
            *THREE_STAGES,
        )
        for depth in (34, 101, 200)
    },
    "glstm": variant(
        _coco, "COCO, img-gLSTM on a frozen VGG-16 (a pod).", _vgg16(), "img_glstm"
    ),
    "nt2": variant(_coco, "COCO, NT2 on a frozen VGG-16 (a pod).", _vgg16(), "nt2"),
}
# Of the first run; an encoder counts where it trains.
PARAM_COUNTS = {
    **dict.fromkeys(("sc_vgg16", "sc_resnet34", "sc_resnet101"), 17_855_840),
    "sc_resnet200": 17_855_840,
    "photographs": 4_688_361,  # of PLANNED_VOCAB words
    "glstm": 12_957_024,
    "nt2": 11_908_448,
}

get_config = partial(get, VARIANTS)
