"""The runs that a config stands for.

classifier    digit, colour and ground of crops, for the encoder's trunk
words         which words captions have, for the whole encoder
glstm         stage 1: img-gLSTM on the frozen encoder
tuned         stage 2: the same, its encoder fine-tuned
nt2           the image at the first step only
img_glstm     the image as guidance of every step
td_sentence   guidance of the image and all words so far
td_1gram ...  and the last word, two words, ...; td_bilinear: the full tensor
NAME_relu     with that Φ; also _tanh, _identity, _sigmoid, _softmax
NAME_warm     stage 3: from the language model of stage 2, W_c near 1
NAME_frozen   on the encoder of stage 1, which was not fine-tuned

The runs of the table read the vectors of stage 2's encoder, or of the last stage there
is, and start from random language models: every one of them has `config.seeds`.
"""

import dataclasses
import re
from typing import Any

from common.config import changed, check
from common.contract import Run, UserError
from common.nearest import refuse_unknown
from common.variants import runs_of as checked_runs
from papers.captioning import data, tokens
from papers.captioning.config import Config, Model
from papers.captioning.encoder import resnet_model
from papers.captioning.guidance import PHI
from papers.resnet.config import blocks

PLANNED_VOCAB = 1000  # of captions that no folder is named for yet
STAGES = ("classifier", "words", "glstm", "tuned")
FORMS: dict[str, dict[str, Any]] = {
    "nt2": {"model.guidance": "none"},
    "img_glstm": {"model.guidance": "image"},
    "td_sentence": {"model.guidance": "text"},
    "td_bilinear": {"model.guidance": "bilinear"},
}
_GRAM = re.compile(r"td_([1-9]\d?)gram")
# What nobody reads without a guidance of the text, as Model has it by default.
_WITHOUT_TEXT = {
    "model.words": 0,
    "model.phi": "tanh",
    "model.text_std": Model().text_std,
    "text_rate": 1.0,
}
# Of the stages before the table: one img-gLSTM.
_STAGE = {"model.guidance": "image", "seeds": 1, "loop.best": "", **_WITHOUT_TEXT}


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    check(config)
    if config.task != "caption" or config.warm or config.encoder.trains:
        raise UserError(
            "config.task, config.warm and config.encoder.trains follow from "
            "config.runs: choose runs"
        )
    config = with_vocabulary(config)
    made = checked_runs(config, lambda name: changes(config, name), _check)
    return {
        name: dataclasses.replace(run, after=_after(config, name))
        for name, run in made.items()
    }


def with_vocabulary(config: Config) -> Config:
    """The config with the number of words that its training captions have, where it
    leaves that open."""
    if config.model.vocab:
        return config
    if not data.known(config):
        return changed(config, {"model.vocab": PLANNED_VOCAB})
    return changed(config, {"model.vocab": tokens.vocabulary(config.data).size})


def parts(run: str) -> tuple[str, str, str]:
    """A run's form, its Φ ("": the config's), and "warm", "frozen" or ""."""
    rest, _, last = run.rpartition("_")
    suffix = last if last in ("warm", "frozen") and rest else ""
    form = rest if suffix else run
    rest, _, last = form.rpartition("_")
    phi = last if last in PHI and rest else ""
    return (rest if phi else form), phi, suffix


def changes(config: Config, run: str) -> dict[str, Any]:
    """What a run changes in the config."""
    s = config.stages
    c = config.classifier
    if run == "classifier":
        own = {"loop.steps": c.steps, "optim.lr": c.lr, "data.batch_size": c.batch_size}
        return {**_STAGE, **own, "task": "classify"}
    rows = {"data.batch_size": s.batch_size or config.data.batch_size}
    if run == "words":
        own = {"loop.steps": s.words_steps, "optim.lr": s.words_lr, "task": "words"}
        own |= {"encoder.trains": True, "encoder.statistics": "moving"}
        own |= {"encoder.lr": s.words_lr, "model.image_scale": 0.0}
        return {**_STAGE, **rows, **own, "halve_every": 0, "halve_from": 0}
    if run == "glstm":
        own = {"loop.steps": s.steps, "optim.lr": s.lr, "halve_every": 0}
        return {**_STAGE, **rows, **own, "halve_from": 0}
    if run == "tuned":
        own = {"loop.steps": s.tuned_steps, "optim.lr": s.tuned_lr}
        own |= {"encoder.trains": True, "warm": True, "halve_from": 0, **rows}
        # The scale is found where the encoder is frozen.
        return {**_STAGE, **own, "model.image_scale": 0.0}
    return _of_table(run)


def _of_table(run: str) -> dict[str, Any]:
    form, phi, suffix = parts(run)
    gram = _GRAM.fullmatch(form)
    if gram:
        found = {"model.guidance": "text", "model.words": int(gram[1])}
    else:
        refuse_unknown("run", form, (*STAGES, *FORMS, "td_1gram", "td_2gram"))
        found = dict(FORMS[form])
    if found["model.guidance"] not in ("text", "bilinear"):
        if phi:
            raise UserError(f"config.runs: {run}: {form} has no Φ, leave out _{phi}")
        found |= _WITHOUT_TEXT
    elif phi:
        found["model.phi"] = phi
    if suffix == "warm":
        found["warm"] = True
    return found


def _after(config: Config, run: str) -> tuple[str, ...]:
    """The stage that a run goes on from: the last one before it that there is."""
    if run in STAGES:
        before = STAGES[: STAGES.index(run)]
    else:
        frozen = parts(run)[2] == "frozen"
        before = STAGES[:-1] if frozen else STAGES
    return tuple([stage for stage in before if stage in config.runs][-1:])


def _check(config: Config) -> None:
    d, e = config.data, config.encoder
    if d.resize and d.resize < d.size:
        raise UserError(
            f"config.data.resize={d.resize}: 0, or at least config.data.size, {d.size}"
        )
    if config.model.guidance == "bilinear" and config.model.width > 64:
        raise UserError(
            f"config.model.width={config.model.width}: the full tensor has width² "
            "numbers a word; at most 64, or a td_ run without bilinear"
        )
    if config.model.image_scale and not (e.cached or config.task == "classify"):
        raise UserError("config.model.image_scale needs config.encoder.cached")
    if config.vectors_cached and (d.resize > d.size or d.restyle):
        name = "restyle" if d.restyle else "resize"
        raise UserError(
            "config.encoder.cached keeps one vector a picture, and with "
            f"config.data.{name} a picture is another one each time: leave out one of "
            "them"
        )
    if config.optim.clip_norm and config.seeds > 1:
        raise UserError(
            "config.optim.clip_norm is of all seeds together: use config.clamp, or "
            "config.seeds=1"
        )
    if e.trains and not config.optim.lr:
        raise UserError("config.stages.tuned_lr and words_lr: above 0")
    if e.name == "resnet":
        blocks(resnet_model(e))
