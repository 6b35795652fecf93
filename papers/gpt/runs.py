"""The runs that a config stands for: pre-training, and fine-tuning after it.

pretrain, pretrain_lstm     a language model: the Transformer, an LSTM in its place
TASK                        fine-tuned with the language model's loss beside
TASK_no_aux                 without that loss
TASK_scratch                without pre-training
TASK_transfer               with 0, 1, ... of the pre-trained layers, and with none
TASK_lstm                   the LSTM, fine-tuned
"""

from functools import partial
from typing import Any

from common.config import changed
from common.contract import Run, UserError
from common.data.streams import check_windows
from common.variants import pick, runs_of
from papers.gpt import data, tasks
from papers.gpt.config import Config, Finetune

LSTM = {"model.network": "lstm"}
PRETRAINING: dict[str, dict[str, Any]] = {"pretrain": {}, "pretrain_lstm": LSTM}
CONDITIONS: dict[str, dict[str, Any]] = {
    "": {},
    "no_aux": {"finetune.aux_weight": 0.0},
    "scratch": {"finetune.transfer": (-1,)},
    "transfer": {},  # its depths are those of the network
    "lstm": LSTM,
}
# Each run: what it changes in the config.
RUNS = PRETRAINING | {
    "_".join(filter(None, (task, condition))): changes | {"task": task}
    for task in tasks.NAMES
    for condition, changes in CONDITIONS.items()
}


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table."""
    found = runs_of(config, partial(_changes, config), _check)
    return {name: _complete(config, run.config) for name, run in found.items()}


def _complete(config: Config, own: Config) -> Run:
    """With what depends on the data, and on the other runs."""
    if not own.task:
        return Run(own)
    after = _after(config, own)
    if after and not data.known(own):
        raise UserError(
            f"{own.task} reads files: name them by --config.finetune.root, before "
            f"{after[0]} trains for it"
        )
    own = changed(own, {"loop.steps": data.steps(own), "pretrained": "".join(after)})
    return Run(own, after=after)


def _changes(config: Config, name: str) -> dict[str, Any]:
    """A run's config names the run alone: its workdir can get another task later."""
    changes = {**pick("run", name, RUNS), "runs": (name,)}
    if name in PRETRAINING:
        return {**changes, "finetune": Finetune()}
    f = config.finetune
    if name.endswith("_transfer"):
        depths = f.compared or tuple(range(-1, config.model.n_layers))
        changes["finetune.transfer"] = depths
    return {
        "data.batch_size": f.batch_size,
        "optim.lr": f.lr,
        "optim.weight_decay": f.weight_decay,
        "optim.clip_norm": f.clip_norm,
        "loop.best": f.best,
        "snapshots": 0,
        **changes,
    }


def _after(config: Config, own: Config) -> tuple[str, ...]:
    """The pre-training whose parameters a run takes over."""
    if not own.task or max(own.depths) < 0:
        return ()
    name = "pretrain_lstm" if own.model.network == "lstm" else "pretrain"
    return (name,) if name in config.runs else ()


def _check(config: Config) -> None:
    m = config.model
    if m.d_model % m.n_heads:
        raise UserError(
            f"config.model.n_heads={m.n_heads} must divide d_model, {m.d_model}"
        )
    if config.weights and m.network == "lstm":
        raise UserError("config.weights are a Transformer's: leave out the LSTM's runs")
    for name in config.data.without:
        pick("task for config.data.without", name, dict.fromkeys(data.WITHOUT))
    if config.task:
        _check_task(config)
    else:
        _check_text(config)


def _check_text(config: Config) -> None:
    check_windows(config)
    if config.snapshots > config.loop.steps:
        raise UserError(
            f"config.snapshots={config.snapshots} is more than config.loop.steps, "
            f"{config.loop.steps}"
        )


def _check_task(config: Config) -> None:
    f = config.finetune
    if max(config.depths) > config.model.layers:
        raise UserError(
            f"config.finetune.transfer={max(config.depths)} is more layers than the "
            f"network has, {config.model.layers}"
        )
    if f.length and not tasks.LEAST <= f.length <= config.model.context:
        raise UserError(
            f"config.finetune.length={f.length} must be between {tasks.LEAST} and "
            f"config.model.context, {config.model.context}; 0: what the examples need"
        )
