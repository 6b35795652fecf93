"""A user's text: continued by a pre-trained run, labelled by a fine-tuned one."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from common.contract import Records, UserError
from common.data.pipeline import pipeline
from common.decoding import Generator
from common.files.inputs import refuse_bare_path, text_of_file
from common.host import to_host
from common.optim import ema_params
from common.text import prompts
from common.text.vocab import refuse_other_vocabulary
from common.top_classes import best
from papers.gpt import data, measure, objective, tasks, train
from papers.gpt.config import Config
from papers.gpt.inference import deepest

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
    if config.task:
        params = _params(config, state)
        yield from _labelled(config, params, _examples(config, inputs))
        return
    given = _writer(config, state), data.vocabulary(config), config.predict
    yield from prompts.continued(inputs, *given)


def continue_text(config: Config, state: Any, prompt: str) -> str:
    """The prompt with one continuation by a pre-trained run, as `config.predict` says.
    UserError: it is empty or no text, or the run is a task's."""
    if config.task:
        raise UserError("a fine-tuned run continues no text: use the run pretrain")
    given = _writer(config, state), data.vocabulary(config), config.predict
    return prompts.continued_text(prompt, *given)


def classify(
    config: Config, state: Any, examples: Iterable[Sequence[str]]
) -> list[list[dict[str, Any]]]:
    """[{"name", "probability"}, ...] of each example's classes, the most probable
    first, by a fine-tuned run. Of a scored task the classes are the scores.

    examples: the texts of each, as the task has them: ("a text",), ("premise",
      "hypothesis"), ("context", "answer", "answer"). UserError: other numbers of texts,
      or a pre-trained run.
    """
    if not config.task:
        raise UserError("a pre-trained run labels nothing: use a task's run")
    given = [(text,) if isinstance(text, str) else tuple(text) for text in examples]
    form = data.task(config).form
    for texts in given:
        _check_texts(form, texts, shown=" ||| ".join(map(str, texts)))
    _check_counts(given)
    params = _params(config, state)
    return [best(*named) for named in _answered(config, params, given)]


def _params(config: Config, state: Any) -> Any:
    vocab = data.vocabulary(config)
    refuse_other_vocabulary(vocab, config.model.vocab_size, int(state.tokenizer))
    return ema_params(state.opt_state, state.params)


def _writer(config: Config, state: Any) -> Generator:
    params = _params(config, state)
    if config.model.network == "lstm":
        raise UserError("the LSTM does not continue texts here; use --run=pretrain")
    (one,) = train.each_member(params)
    vocab = data.vocabulary(config)
    return prompts.generator(objective.network(config), one, vocab, config.predict)


def _examples(config: Config, inputs: str) -> list[tuple[str, ...]]:
    """The texts of each example. UserError: their number does not fit the task."""
    kind = inputs.partition(":")[0]
    if kind == "LINES":
        lines = [*filter(None, map(str.strip, text_of_file(inputs).splitlines()))]
    elif kind == "FILE":
        lines = [text_of_file(inputs)]
    else:
        refuse_bare_path(inputs)
        lines = [inputs]
    form = data.task(config).form
    found = [_fields(form, line) for line in lines]
    if not found:
        raise UserError(f"--input={inputs!r} has no example")
    _check_counts(found)
    return found


def _check_counts(examples: Sequence[tuple[str, ...]]) -> None:
    if len({len(texts) for texts in examples}) > 1:
        raise UserError("the examples differ in their number of answers: give as many")


def _fields(form: str, line: str) -> tuple[str, ...]:
    separator = "|||" if "|||" in line else "\t"
    texts = tuple(part.strip() for part in line.split(separator))
    if form == "classification" and separator == "\t":
        texts = (line.strip(),)
    _check_texts(form, texts, line)
    return texts


def _check_texts(form: str, texts: Sequence[Any], shown: str) -> None:
    """UserError: they are no texts, or not as many as the form has."""
    right = {"classification": 1, "choice": max(len(texts), 3)}.get(form, 2)
    real = all(isinstance(text, str) and text for text in texts)
    if len(texts) != right or not real:
        raise UserError(
            f"{shown[:60]!r} is no example; this run is for {form}: give "
            f"{FIELDS[form]!r}, texts separated by ||| or a tab"
        )


def _labelled(
    config: Config, params: Any, examples: Sequence[tuple[str, ...]]
) -> Iterator[str | Records]:
    """Lines for a reader, and records of the same."""
    task = data.task(config)
    if note := _inputs(config, _asked(config, examples)).note():
        yield f"{note}\n"
    records = []
    for texts, named in zip(examples, _answered(config, params, examples), strict=True):
        yield _line(task, texts, *named)
        given = texts[0] if len(texts) == 1 else list(texts)
        score = {"score": tasks.expected(named[1]).item()} if task.scored else {}
        records.append({"input": given, **score, "classes": best(*named)})
    yield Records(records)


def _asked(config: Config, examples: Sequence[tuple[str, ...]]) -> tasks.Task:
    """The run's task, of these examples alone."""
    task = data.task(config)
    found = tuple(tasks.Example(texts, None, "test") for texts in examples)
    return tasks.Task(
        task.name, task.form, task.classes, task.metrics, found, task.scored
    )


def _inputs(config: Config, asked: tasks.Task) -> tasks.Inputs:
    encode = data.vocabulary(config).encode
    context = config.model.context
    return tasks.Inputs(asked, "test", encode, config.model.vocab_size, context)


def _answered(
    config: Config, params: Any, examples: Sequence[tuple[str, ...]]
) -> Iterator[tuple[Sequence[str], np.ndarray]]:
    """The names of each example's classes or answers, and their probabilities, means
    over the seeds of the deepest transfer."""
    asked = _asked(config, examples)
    chosen = deepest(config, params)
    logits = partial(measure.logits_program(config, asked.shape), chosen)
    rows = min(config.eval.batch_size, len(examples))
    left = iter(examples)
    source = _inputs(config, asked)
    for batch in pipeline(source, batch_size=rows, repeat=False):
        found = jax.nn.softmax(logits(batch["tokens"], batch["extract"]), axis=-1)
        # The last batch has rows of padding behind the examples.
        for row, texts in zip(to_host(found).mean(axis=1), left, strict=False):
            yield texts[1:] if asked.form == "choice" else asked.classes, row


def _line(
    task: tasks.Task,
    texts: tuple[str, ...],
    names: Sequence[str],
    probabilities: np.ndarray,
) -> str:
    """The probabilities in words."""
    shown = texts[0] if len(texts[0]) <= 60 else f"{texts[0][:57]}..."
    if task.scored:
        return f"{tasks.expected(probabilities):.2f} of {tasks.TOP_SCORE}  {shown}\n"
    order = np.argsort(-probabilities)
    said = ", ".join(f"{names[i]} {probabilities[i]:.3f}" for i in order)
    return f"{said}  {shown}\n"
