"""Numbers of trained runs: losses of a text, and scores of a task."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from common.host import to_host
from common.optim import ema_params
from common.rows import split_beside
from common.text.counts import Counts
from common.text.scoring import Scorer
from common.text.vocab import Vocab, refuse_other_vocabulary
from papers.gpt import data, objective, tasks, train, zero_shot
from papers.gpt.config import Config, Model
from papers.gpt.model import GPT

Trained = Mapping[str, tuple[Config, Any]]


@dataclasses.dataclass(frozen=True)
class Reader:
    """A pre-trained run, which gives texts a probability."""

    name: str
    config: Config
    params: Any  # of the one model
    snapshots: Any  # [1 + snapshots, ...]
    vocab: Vocab

    @classmethod
    def of(cls, name: str, config: Config, state: Any) -> "Reader":
        """UserError: the text of the config has another vocabulary than the state."""
        vocab = data.vocabulary(config)
        refuse_other_vocabulary(vocab, config.model.vocab_size, int(state.tokenizer))
        params = ema_params(state.opt_state, state.params)
        (one,) = train.each_member(params)
        snapshots = jax.tree.map(lambda x: x[:, 0], state.snapshots)
        return cls(name, config, one, snapshots, vocab)

    @functools.cached_property
    def scorer(self) -> Scorer:
        network = objective.network(self.config)
        rows = self.config.eval.batch_size
        return Scorer(network, self.params, rows, self.vocab.size)

    def loss(self, split: str) -> float:
        """Nats a token of the first tokens of a split, in windows."""
        return self._text_loss(data.encoded(self.config, split))

    def _text_loss(self, tokens: np.ndarray) -> float:
        length = self.config.data.length
        stride = self.config.eval.stride or length
        tokens = tokens[: self.config.eval.tokens]
        return float(
            self.scorer.text_nll(tokens, length, stride).mean(dtype=np.float64)
        )

    def bits_per_byte(self) -> float:
        """Of the whole test text, by the tokens and bytes that it has."""
        tokens = data.encoded(self.config, "test")
        length = self.config.data.length
        stride = self.config.eval.stride or length
        nats = self.scorer.text_nll(tokens, length, stride).sum(dtype=np.float64)
        text = data.texts(self.config)["test"]
        return Counts.of(len(tokens) - 1, text).bits_per_byte(float(nats))

    def zero_shot(self, task: tasks.Task) -> float | None:
        """As of `zero_shot.score`, on the test examples."""
        items = self.config.eval.items
        return zero_shot.score(task, self.scorer, self.vocab, "test", items)

    def along_training(self, task: tasks.Task) -> Iterator[tuple[int, float | None]]:
        """(step, zero-shot score) of the start and of every snapshot."""
        count = self.config.snapshots
        every = self.config.loop.steps // max(count, 1)
        trained = self.scorer.params
        for i in range(1 + count if count else 0):
            self.scorer.params = jax.tree.map(lambda x, i=i: x[i], self.snapshots)
            yield i * every, self.zero_shot(task)
        self.scorer.params = trained


@dataclasses.dataclass(frozen=True)
class Group:
    """The seeds of a fine-tuning run that took over equally many layers."""

    run: str
    config: Config
    depth: int
    test: tuple[float, ...]  # the task's first metric on the test split, for each seed
    warnings: tuple[str, ...]

    @property
    def condition(self) -> tuple[str, bool, bool]:
        """(network, whether it was pre-trained to all its depth, whether L1 counts)."""
        return (
            self.config.model.network,
            self.depth == self.config.model.layers,
            self.config.finetune.aux_weight > 0,
        )


def groups(name: str, config: Config, state: Any) -> list[Group]:
    """The groups of a fine-tuning run, one for each depth."""
    task = data.task(config)
    answers = outputs(config, state, "test")
    scores = [s[task.metrics[0]] for s in train.member_scores(config, answers)]
    seeds = config.finetune.seeds
    found = []
    for i, depth in enumerate(config.depths):
        own = slice(i * seeds, (i + 1) * seeds)
        logits = np.swapaxes(answers["logits"], 0, 1)[own]
        said = [tasks.agreement(task, tasks.predictions(task, x)) for x in logits]
        found.append(
            Group(
                run=name,
                config=config,
                depth=depth,
                test=tuple(scores[own]),
                warnings=tuple(filter(None, said)),
            )
        )
    return found


def outputs(config: Config, state: Any, split: str) -> dict[str, np.ndarray]:
    """The members' logits of a task's labelled examples, and the labels."""
    params = ema_params(state.opt_state, state.params)
    logits = logits_program(config, data.shape(config))
    found = []
    for batch in data.batches(config, split):
        labelled = (batch["example_mask"] > 0) & (batch["label"] >= 0)
        arrays = {
            "logits": to_host(
                logits(
                    params,
                    split_beside(params, batch["tokens"]),
                    split_beside(params, batch["extract"]),
                )
            ),
            **{name: batch[name] for name in ("label", "soft") if name in batch},
        }
        found.append({name: x[labelled] for name, x in arrays.items()})
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def logits_program(config: Config, shape: tasks.Shape) -> Callable:
    """(params, tokens, extract) -> logits [rows, members, outputs]. Runs that differ in
    how they were trained alone share it."""
    return _logits(shape, dataclasses.astuple(config.model))


@functools.cache
def _logits(shape: tasks.Shape, model: tuple[Any, ...]) -> Callable:
    network = GPT(Model(*model), shape.n_outputs)

    def one(params, tokens, extract):
        logits, _ = network.apply(
            {"params": params}, tokens, extract, shape.form, lm=False, method="task"
        )
        return logits

    return jax.jit(jax.vmap(one, in_axes=(0, None, None), out_axes=1))
