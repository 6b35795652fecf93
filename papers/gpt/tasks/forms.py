"""The four input transformations (section 3.3 and figure 1 of Radford et al. 2018):
every task becomes sequences of tokens for one and the same network.

    classification  [Start text Extract]
    entailment      [Start premise Delimiter hypothesis Extract]
    similarity      [Start a Delimiter b Extract] and [Start b Delimiter a Extract]
    choice          [Start context question Delimiter answer Extract] for each answer

The linear layer reads the last state at the position of Extract.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, Num

from common.contract import UserError
from papers.gpt.tasks.soft_targets import soft_target
from papers.gpt.tasks.task import TOP_SCORE, Example, Shape, Task

Encode = Callable[[str], Sequence[int]]
LEAST = 6  # n_ctx with a place for one token of each text


class Specials(NamedTuple):
    """The ids of the three tokens that fine-tuning adds to the vocabulary."""

    start: int
    delimiter: int
    extract: int

    @classmethod
    def after(cls, vocab_size: int) -> "Specials":
        """The first three ids behind the vocabulary, in the released order."""
        return cls(vocab_size, vocab_size + 1, vocab_size + 2)


class Inputs:
    """The examples of a split as arrays: a source for `common.data.pipeline`.

    An item, with K = `task.n_inputs` and time = `n_ctx`:
      tokens: int32 [K, time], 0 behind Extract.
      mask: float32 [K, time], 1 from Start to Extract.
      extract: int32 [K], the position of Extract.
      label: int32, the class or the right answer; in a scored task the nearest whole
        score; -1 where it is unknown.
      example_mask: float32, 1; the pipeline pads a batch with rows where it is 0.
      soft: float32 [6], only in a scored task: the score as of `soft_target`, zeros
        where it is unknown.

    Attributes:
      longest: tokens of the longest input before it is cut, specials included. To
        shrink n_ctx to the longest of all splits changes no input.
      cut: how many examples lose tokens.
    """

    def __init__(
        self, task: Task, split: str, encode: Encode, vocab_size: int, n_ctx: int
    ) -> None:
        """Encodes all texts.

        Raises:
          UserError: n_ctx has no place for two texts, or an id is not below vocab_size.
        """
        if n_ctx < LEAST:
            raise UserError(f"a context of {n_ctx} is too short; {LEAST} is the least")
        self.task = task
        self.split = split
        self.n_ctx = n_ctx
        self._specials = Specials.after(vocab_size)
        self._examples = task.of(split)
        self._fields = [_encoded(e, encode, vocab_size) for e in self._examples]
        lengths = [
            max(map(_length, _sequences(task.form, fields))) for fields in self._fields
        ]
        self.longest = max(lengths, default=0)
        self.cut = sum(length > n_ctx for length in lengths)

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        sequences = _sequences(self.task.form, self._fields[index])
        rows = [_joined(s, self._specials, self.n_ctx) for s in sequences]
        lengths = np.array([len(row) for row in rows], np.int32)
        tokens = np.zeros((len(rows), self.n_ctx), np.int32)
        for place, row in zip(tokens, rows, strict=True):
            place[: len(row)] = row
        mask = np.arange(self.n_ctx) < lengths[:, None]
        return {
            "tokens": tokens,
            "mask": mask.astype(np.float32),
            "extract": lengths - 1,
            "example_mask": np.float32(1),
            **_targets(self.task, self._examples[index]),
        }

    def note(self) -> str:
        """A line that says how many examples are cut; "" if none is."""
        if not self.cut:
            return ""
        return (
            f"{self.task.name}, {self.split}: {self.cut:,} of {len(self):,} examples "
            f"are cut to {self.n_ctx} tokens; the longest has {self.longest}"
        )


class _Sequence(NamedTuple):
    """The fields of one input; `kept` belongs to the first and is cut last."""

    first: Int[np.ndarray, "a"]
    second: Int[np.ndarray, "b"] | None = None
    kept: Int[np.ndarray, "q"] = np.zeros(0, np.int32)


class _Fields(NamedTuple):
    """The token ids of an example's texts and of its question."""

    texts: tuple[Int[np.ndarray, "_"], ...]
    question: Int[np.ndarray, "q"]


def _encoded(example: Example, encode: Encode, vocab_size: int) -> _Fields:
    texts = (*example.texts, example.question)
    *ids, question = (np.asarray([*encode(t)] if t else [], np.int32) for t in texts)
    largest = max((int(x.max()) for x in (*ids, question) if x.size), default=0)
    if largest >= vocab_size:
        raise UserError(
            f"the tokeniser gives the id {largest}, and the vocabulary has "
            f"{vocab_size}: give the tokeniser that the network was trained with"
        )
    return _Fields(tuple(ids), question)


def _sequences(form: str, fields: _Fields) -> list[_Sequence]:
    """The inputs of an example, one of the forms above."""
    first, *others = fields.texts
    match form:
        case "classification":
            return [_Sequence(first)]
        case "entailment":
            return [_Sequence(first, others[0])]
        case "similarity":
            return [_Sequence(first, others[0]), _Sequence(others[0], first)]
        case "choice":
            return [_Sequence(first, answer, fields.question) for answer in others]
    raise ValueError(f"unknown form {form!r}")


def _length(sequence: _Sequence) -> int:
    """Tokens of an uncut input, with its specials."""
    first = len(sequence.first) + len(sequence.kept)
    return first + 2 if sequence.second is None else first + len(sequence.second) + 3


def _joined(
    sequence: _Sequence, specials: Specials, n_ctx: int
) -> Int[np.ndarray, "length"]:
    """The tokens of an input, cut to n_ctx. Specials are never cut.

    Of two texts, each may have n_ctx // 2 - 2 tokens, as in the released code, and more
    where the other leaves room, which the released code does not use.
    """
    start, delimiter, extract = specials
    if sequence.second is None:
        return np.r_[start, sequence.first[: n_ctx - 2], extract]
    a = len(sequence.first) + len(sequence.kept)
    b = len(sequence.second)
    half = n_ctx // 2 - 2
    most_a = max(half, n_ctx - 3 - b)
    most_b = max(half, n_ctx - 3 - a)
    shortened = sequence.first[: max(most_a - len(sequence.kept), 0)]
    first = np.r_[shortened, sequence.kept][:most_a]
    return np.r_[start, first, delimiter, sequence.second[:most_b], extract]


def _targets(task: Task, example: Example) -> dict[str, Any]:
    unknown = example.label is None
    label = {"label": np.int32(-1 if unknown else round(example.label))}
    if not task.scored:
        return label
    soft = np.zeros(TOP_SCORE + 1, np.float32)
    return {**label, "soft": soft if unknown else soft_target(example.label)}


def batch_spec(
    task: Task | Shape, batch_size: int, n_ctx: int
) -> dict[str, jax.ShapeDtypeStruct]:
    """The shapes of a batch of `Inputs`."""
    inputs = (batch_size, task.n_inputs)
    spec = {
        "tokens": jax.ShapeDtypeStruct((*inputs, n_ctx), jnp.int32),
        "mask": jax.ShapeDtypeStruct((*inputs, n_ctx), jnp.float32),
        "extract": jax.ShapeDtypeStruct(inputs, jnp.int32),
        "label": jax.ShapeDtypeStruct((batch_size,), jnp.int32),
        "example_mask": jax.ShapeDtypeStruct((batch_size,), jnp.float32),
    }
    if task.scored:
        soft = jax.ShapeDtypeStruct((batch_size, TOP_SCORE + 1), jnp.float32)
        spec["soft"] = soft
    return spec


def lm_targets(
    tokens: Int[Any, "*rows time"], mask: Num[Any, "*rows time"]
) -> tuple[Int[Any, "*rows t"], Int[Any, "*rows t"], Num[Any, "*rows t"]]:
    """Inputs, targets and weights of the auxiliary language model, t = time - 1: every
    token up to Extract is predicted from those before it. Of numpy or of JAX."""
    return tokens[..., :-1], tokens[..., 1:], mask[..., 1:]
