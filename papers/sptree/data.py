"""Batches of sentences of about one length.

A batch is made of sentences of one bucket, so that its shape is one of a few. What is
left of a bucket at the end of an epoch goes into a longer one's batches; the last batch
of an epoch may have rows without a sentence.
"""

import functools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import UserError
from common.data.pipeline import pipeline
from common.text import spelling
from papers.sptree.config import Config
from papers.sptree.corpus import Encoded, check_sizes, corpus

Batch = dict[str, np.ndarray]
Plan = list[tuple[int, list[int]]]  # batches: the bucket's words, the sentences
COLUMNS = ("word", "tag", "arc", "parent", "label")
OF_A_WORD = {"piece": (spelling.PIECES,)}  # shapes of the columns that are no numbers
NO_ROW = -1


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[Batch]:
    """Batches of `batch_spec`, of one of the buckets' lengths. "train" is endless,
    shuffled, and has `get_state` and `set_state`; "valid" and "test" end."""
    check_sizes(config)
    train = split == "train"
    size = config.data.batch_size if train else config.eval.batch_size
    source = Bucketed(
        corpus(config).encoded[split],
        config.data.buckets,
        size,
        columns=columns(config),
        seed=config.seed,
        shuffled=train,
        rows=slice(process_index, None, process_count),
    )
    return pipeline(source, batch_size=None, repeat=False)


def columns(config: Config) -> tuple[str, ...]:
    """What the network reads of each word."""
    return (*COLUMNS, "piece") if config.model.d_piece else COLUMNS


class Bucketed:
    """Item s is the batch of step s. Shuffled, it goes on for ever.

    Sentences that are longer than every bucket are left out: `corpus` counts them.
    """

    def __init__(
        self,
        sentences: Sequence[Encoded],
        buckets: Sequence[int],
        batch_size: int,
        *,
        columns: Sequence[str] = COLUMNS,
        seed: int = 0,
        shuffled: bool = False,
        rows: slice = slice(None),
    ) -> None:
        self._sentences = sentences
        self._size = batch_size
        self._columns = columns
        self._seed = seed
        self._shuffled = shuffled
        self._rows = rows
        lengths = np.array([len(s) for s in sentences])
        self._buckets = []
        above = 0
        for bucket in sorted(buckets):
            inside = np.flatnonzero((above < lengths) & (lengths <= bucket))
            self._buckets.append((bucket, inside))
            above = bucket
        self._order = functools.lru_cache(maxsize=8)(self._plan)
        self.per_epoch = len(self._plan(0))
        if not self.per_epoch:
            raise UserError(
                f"no sentence has at most {above} words: raise config.data.buckets"
            )

    def __len__(self) -> int:
        return 2**31 if self._shuffled else self.per_epoch

    def __getitem__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.per_epoch)
        words, chosen = self._order(epoch)[place]
        rows = [*chosen, *[NO_ROW] * (self._size - len(chosen))]
        return joined(
            [self._sentences[i] if i != NO_ROW else None for i in rows[self._rows]],
            words,
            rows[self._rows],
            epoch,
            self._columns,
        )

    def _plan(self, epoch: int) -> Plan:
        rng = np.random.default_rng((self._seed, epoch))
        plan: Plan = []
        waiting: list[int] = []
        bucket = 0
        for bucket, inside in self._buckets:
            order = rng.permutation(inside) if self._shuffled else inside
            waiting += order.tolist()
            while len(waiting) >= self._size:
                plan.append((bucket, waiting[: self._size]))
                waiting = waiting[self._size :]
        if waiting:
            plan.append((bucket, waiting))
        if self._shuffled:
            plan = [plan[i] for i in rng.permutation(len(plan))]
        return plan


def joined(
    sentences: Sequence[Encoded | None],
    words: int,
    rows: Sequence[int],
    epoch: int,
    columns: Sequence[str] = COLUMNS,
) -> Batch:
    """A batch of sentences that are padded to `words`; None is a row without one."""
    count = len(sentences)
    batch = {
        name: np.zeros((count, words, *OF_A_WORD.get(name, ())), np.int32)
        for name in columns
    }
    batch["parent"][:] = -1  # padding: roots of their own
    batch["relation"] = np.zeros((count, words, words), np.int8)
    batch["length"] = np.zeros(count, np.int32)
    batch["mask"] = np.zeros(count, np.float32)
    batch["row"] = np.array(rows, np.int32)
    batch["epoch"] = np.full(count, epoch, np.int32)
    for i, sentence in enumerate(sentences):
        if sentence is None:
            continue
        for name in columns:
            batch[name][i, : len(sentence)] = getattr(sentence, name)
        first, last, value = sentence.relations.T
        batch["relation"][i, first, last] = value
        batch["length"][i] = len(sentence)
        batch["mask"][i] = 1
    return batch


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch of the longest sentences. relation [rows, words, words] has the
    class of each pair by its last words."""
    rows = config.data.batch_size if split == "train" else config.eval.batch_size
    words = max(config.data.buckets)

    def array(*shape: int, dtype=jnp.int32) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((rows, *shape), dtype)

    found = {name: array(words, *OF_A_WORD.get(name, ())) for name in columns(config)}
    return found | {
        "relation": array(words, words, dtype=jnp.int8),
        "length": array(),
        "mask": array(dtype=jnp.float32),
        "row": array(),
        "epoch": array(),
    }
