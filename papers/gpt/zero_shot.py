"""Tasks by the language model alone, before any fine-tuning (section 5, "Zero-shot
Behaviors"; figure 2, right).

    choice          the answer with the largest mean log p a token after the context
    acceptability   (CoLA) a sentence is acceptable if the mean log p of its tokens is
                    above a threshold, the best one on the validation examples
    sentiment       (SST-2) after the sentence and "very", the likelier of "positive"
                    and "negative"
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from common.text.scoring import Scorer
from common.text.vocab import Vocab
from papers.gpt.tasks import Example, Task, measure

CUE = " very"
WORDS = ("negative", "positive")  # SST-2's classes in order


def score(
    task: Task, scorer: Scorer, vocab: Vocab, split: str, items: int
) -> float | None:
    """The task's first metric on the first `items` examples of a split; None where the
    paper knows no way to ask a language model."""
    how = _how(task)
    if how is None:
        return None
    examples = task.of(split)[:items]
    predicted = how(task, scorer, vocab, examples)
    labels = np.array([e.label for e in examples])
    return measure(task, predicted, labels)[task.metrics[0]]


def _how(task: Task) -> Callable | None:
    if task.form == "choice":
        return chosen
    return {"cola": acceptable, "sst2": sentiment}.get(task.name)


def chosen(
    task: Task, scorer: Scorer, vocab: Vocab, examples: Sequence[Example]
) -> np.ndarray:
    """The index of the likeliest answer, by its mean log p a token."""
    del task
    texts, starts = [], []
    for example in examples:
        context, *answers = example.texts
        first = vocab.encode(f"{context} {example.question}".strip())
        for answer in answers:
            text, start = _cut(first, vocab.encode(answer), scorer.context + 1)
            texts.append(text)
            starts.append(start)
    means = _means(scorer, texts, starts)
    return np.argmax(means.reshape(len(examples), -1), axis=1)


def _cut(context: np.ndarray, answer: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """The end of a context with an answer behind it, and where the answer starts."""
    answer = answer[: most - 1]
    context = context[max(0, len(context) + len(answer) - most) :]
    return np.concatenate([context, answer]), len(context)


def acceptable(
    task: Task, scorer: Scorer, vocab: Vocab, examples: Sequence[Example]
) -> np.ndarray:
    """1 above the threshold."""
    valid = task.of("valid")
    found = _sentence_means(scorer, vocab, valid)
    labels = np.array([e.label for e in valid])
    name = task.metrics[0]
    candidates = np.quantile(found, np.linspace(0, 1, 101))
    best = max(candidates, key=lambda t: measure(task, found > t, labels)[name])
    return (_sentence_means(scorer, vocab, examples) > best).astype(int)


def _sentence_means(
    scorer: Scorer, vocab: Vocab, examples: Sequence[Example]
) -> Float[np.ndarray, "examples"]:
    """The mean log p of a sentence's tokens after the first; of one token, 0."""
    texts = [vocab.encode(e.texts[0])[: scorer.context + 1] for e in examples]
    return _means(scorer, texts, [1] * len(texts))


def sentiment(
    task: Task, scorer: Scorer, vocab: Vocab, examples: Sequence[Example]
) -> np.ndarray:
    """The class whose word is likelier, by the word's first token that differs."""
    del task
    most = scorer.context
    texts = [vocab.encode(e.texts[0] + CUE)[-most:] for e in examples]
    first = [int(vocab.encode(word)[0]) for word in WORDS]
    return np.argmax(scorer.next_log_probs(texts)[:, first], axis=1)


def _means(
    scorer: Scorer, texts: Sequence[np.ndarray], starts: Sequence[int]
) -> Float[np.ndarray, "texts"]:
    """The mean log p of each text's tokens from its start on."""
    return np.array(
        [-nll.mean() if nll.size else 0.0 for nll in scorer.nll(texts, starts)]
    )
