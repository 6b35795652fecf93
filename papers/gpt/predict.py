"""A user's text: continued by a pre-trained run, labelled by a fine-tuned one."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from common.contract import UserError
from common.data.pipeline import pipeline
from common.files import storage
from common.files import texts as text_files
from common.host import to_host
from common.optim import ema_params
from common.text import prompts
from common.text.vocab import refuse_other_vocabulary
from papers.gpt import data, measure, objective, tasks, train
from papers.gpt.config import Config

FIELDS = {  # what a line of --input holds
    "classification": "a text",
    "entailment": "premise ||| hypothesis",
    "similarity": "text ||| text",
    "choice": "context ||| answer ||| answer",
}


def predict(config: Config, state: Any, inputs: str) -> Iterator[Any]:
    """Of a pre-trained run: continues `inputs` as `prompts.continued` says.

    Of a fine-tuned one: yields a line for each example, its classes or answers with
    their probabilities, the likeliest first, or its score. `inputs` is an example, or
    LINES:path for a file with one a line, or FILE:path for a file that is one text.
    Texts of an example are separated by a tab or by |||.
    """
    vocab = data.vocabulary(config)
    refuse_other_vocabulary(vocab, config.model.vocab_size, int(state.tokenizer))
    params = ema_params(state.opt_state, state.params)
    if config.task:
        yield from _labelled(config, params, _examples(config, inputs))
        return
    if config.model.network == "lstm":
        raise UserError("the LSTM does not continue texts here; use --run=pretrain")
    network = objective.network(config)
    (one,) = train.each_member(params)
    write = prompts.generator(network, one, vocab, config.predict)
    yield from prompts.continued(inputs, write, vocab, config.predict)


def _examples(config: Config, inputs: str) -> list[tuple[str, ...]]:
    """The texts of each example. UserError: their number does not fit the task."""
    kind, _, path = inputs.partition(":")
    if kind == "LINES":
        lines = text_files.lines(storage.path(path))
    elif kind == "FILE":
        lines = [text_files.read(storage.path(path)).decode()]
    else:
        lines = [inputs]
    form = data.task(config).form
    found = [_fields(form, line) for line in lines]
    if not found:
        raise UserError(f"--input={inputs!r} has no example")
    if len({len(texts) for texts in found}) > 1:
        raise UserError(f"--input={inputs!r}: give all lines equally many answers")
    return found


def _fields(form: str, line: str) -> tuple[str, ...]:
    separator = "|||" if "|||" in line else "\t"
    texts = tuple(part.strip() for part in line.split(separator))
    right = {"classification": 1, "choice": max(len(texts), 3)}.get(form, 2)
    if form == "classification" and separator == "\t":
        texts = (line.strip(),)
    if len(texts) != right or not all(texts):
        raise UserError(
            f"--input has {line[:60]!r}; this run is for {form}: give "
            f"{FIELDS[form]!r}, texts separated by ||| or a tab"
        )
    return texts


def _labelled(
    config: Config, params: Any, examples: Sequence[tuple[str, ...]]
) -> Iterator[str]:
    task = data.task(config)
    asked = tasks.Task(
        task.name,
        task.form,
        task.classes,
        task.metrics,
        tuple(tasks.Example(texts, None, "test") for texts in examples),
        task.scored,
    )
    encode = data.vocabulary(config).encode
    context = config.model.context
    source = tasks.Inputs(asked, "test", encode, config.model.vocab_size, context)
    if note := source.note():
        yield f"{note}\n"
    deepest = max(config.depths)
    kept = np.repeat(config.depths, config.finetune.seeds) == deepest
    chosen = jax.tree.map(lambda x: x[np.flatnonzero(kept)], params)
    logits = partial(measure.logits_program(config, asked.shape), chosen)
    rows = min(config.eval.batch_size, len(examples))
    done = 0
    for batch in pipeline(source, batch_size=rows, repeat=False):
        found = jax.nn.softmax(logits(batch["tokens"], batch["extract"]), axis=-1)
        for row in to_host(found).mean(axis=1)[: len(examples) - done]:
            yield _line(asked, examples[done], row)
            done += 1


def _line(task: tasks.Task, texts: tuple[str, ...], probabilities: np.ndarray) -> str:
    """The mean of the seeds' probabilities, in words."""
    shown = texts[0] if len(texts[0]) <= 60 else f"{texts[0][:57]}..."
    if task.scored:
        return f"{tasks.expected(probabilities):.2f} of {tasks.TOP_SCORE}  {shown}\n"
    names = texts[1:] if task.form == "choice" else task.classes
    order = np.argsort(-probabilities)
    said = ", ".join(f"{names[i]} {probabilities[i]:.3f}" for i in order)
    return f"{said}  {shown}\n"
