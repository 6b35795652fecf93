"""Language-model streams: one long text cut into parallel rows, read in segments."""

import copy
import functools
from typing import Any

import numpy as np

from common.contract import UserError

ENDLESS = 2**40  # items of a source that never ends


class StreamSegments:
    """Segments of B parallel streams, a random-access source of whole batches.

    The text is cut into B streams of S tokens, and item i holds tokens i·T to (i+1)·T
    of each, so a row of item i + 1 continues the same row of item i. A model with a
    memory reads the items in order, and clears it where "first" says so. An item is
      "inputs"  [batch, time] int32
      "targets" [batch, time] int32: the token after each input in the text; after the
        end of a stream comes the first token of the next stream
      "mask"    [batch, time] float32: 0 where the stream has ended (both ids are 0)
      "first"   [batch] bool: True in item 0, before which there is nothing to remember

    In training S = floor((N - 1) / B): at most B - 1 tokens are dropped from the end of
    the text, and the last item is ragged. With `keep_tail`, for evaluation, S is
    rounded up, and the last streams run short or stay empty: every token but the very
    first is then a target exactly once.

    It holds the tokens of its own rows, and lets the others go.

    Args:
      tokens: [N] integers.
      batch_size: B, streams over all processes.
      length: T, tokens a segment.
      rows: the streams that this process reads; None: all.
      keep_tail: drop no token.

    Raises:
      UserError: the text is too short for one token a stream.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        *,
        batch_size: int,
        length: int,
        rows: slice | None = None,
        keep_tail: bool = False,
    ):
        n_targets = len(tokens) - 1
        if n_targets < (1 if keep_tail else batch_size):
            raise UserError(
                f"{len(tokens)} tokens are too few for {batch_size} streams; "
                "give more text or a smaller batch size"
            )
        self.length = length
        self.stream_length = (
            _ceil_div(n_targets, batch_size) if keep_tail else n_targets // batch_size
        )
        self.streams = np.arange(batch_size)[rows or slice(None)]
        self._end = len(tokens)
        # Streams that stay empty have the last token, which no mask shows.
        self._start = min(int(self.streams[0]) * self.stream_length, self._end - 1)
        stop = (int(self.streams[-1]) + 1) * self.stream_length + 1
        own = np.asarray(tokens)[self._start : stop]
        self._own = own if len(own) == self._end else own.copy()

    def of_length(self, length: int) -> "StreamSegments":
        """The same streams in segments of another length."""
        other = copy.copy(self)
        other.length = length
        return other

    def __len__(self) -> int:
        return _ceil_div(self.stream_length, self.length)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        time = np.arange(index * self.length, (index + 1) * self.length)
        position = self.streams[:, None] * self.stream_length + time  # [batch, time]
        valid = (time < self.stream_length) & (position + 1 < self._end)
        place = np.where(valid, position - self._start, 0)
        inputs = self._own[place]
        targets = self._own[np.where(valid, place + 1, 0)]
        return {
            "inputs": np.where(valid, inputs, 0).astype(np.int32),
            "targets": np.where(valid, targets, 0).astype(np.int32),
            "mask": valid.astype(np.float32),
            "first": np.full(len(self.streams), index == 0),
        }


def stretches(
    tokens: np.ndarray, *, rows: int, length: int, own: slice | None = None
) -> dict[str, np.ndarray]:
    """A whole split as one batch, every token but the first a target exactly once.

    Args:
      tokens: [N] integers.
      rows: consecutive stretches of the text, each starting with nothing to remember.
      length: tokens a segment; time is padded to a multiple of it.
      own: the rows that are returned; None: all.

    Returns:
      The fields of `StreamSegments`, of shapes [rows, time] and [rows].
    """
    segments = _ceil_div(_ceil_div(len(tokens) - 1, rows), length)
    whole = max(segments, 1) * length
    return StreamSegments(
        tokens, batch_size=rows, length=whole, rows=own, keep_tail=True
    )[0]


def check_windows(config: Any) -> None:
    """UserError: `data.length` is beyond the network's positions, `model.context`, or
    `eval.stride` beyond `data.length`."""
    length = config.data.length
    if length > config.model.context:
        raise UserError(
            f"config.data.length={length} is beyond the network's positions: at most "
            f"config.model.context, {config.model.context}"
        )
    if config.eval.stride > length:
        raise UserError(
            f"config.eval.stride={config.eval.stride} would skip tokens: at most "
            f"config.data.length, {length}"
        )


def windows(tokens: np.ndarray, length: int, stride: int) -> dict[str, np.ndarray]:
    """A long text as overlapping windows, for a model that reads `length` tokens.

    Window i begins at token i·stride. In the first window all targets count, in a later
    one the last `stride`, which is those that no window before it has: every token but
    the first is a target that counts exactly once, and from the second window on it has
    at least length - stride tokens before it.

    Args:
      tokens: [N] integers.
      length: tokens that a window reads.
      stride: from the start of a window to the next one's, 1 to `length`.

    Returns:
      "inputs"  [window, length] int32
      "targets" [window, length] int32: the token after each input
      "mask"    [window, length] float32: 1 where the target counts; after the end of
        the text both ids are 0

    Raises:
      UserError: no token to predict, or a stride that leaves targets out.
    """
    n_targets = len(tokens) - 1
    if n_targets < 1:
        raise UserError(f"{len(tokens)} tokens are too few to predict one; give more")
    if not 1 <= stride <= length:
        raise UserError(f"a stride of {stride} is not between 1 and length, {length}")
    count = 1 + max(0, _ceil_div(n_targets - length, stride))
    start = np.arange(count)[:, None] * stride
    position = start + np.arange(length)  # [window, length]
    valid = position < n_targets
    seen = np.where(start > 0, start - stride + length, 0)  # by the windows before
    position = np.where(valid, position, 0)
    tokens = np.asarray(tokens)
    return {
        "inputs": np.where(valid, tokens[position], 0).astype(np.int32),
        "targets": np.where(valid, tokens[position + 1], 0).astype(np.int32),
        "mask": (valid & (position >= seen)).astype(np.float32),
    }


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)


class Windows:
    """Windows of one text for training, a random-access source of whole batches.

    An epoch cuts the text into windows that touch, from a shift of its own on, and
    reads them in an order of its own. Item i is batch i of the endless stream:
      "inputs"  [batch, length] int32
      "targets" [batch, length] int32: the token after each input

    Args:
      tokens: [N] integers, an array or a memory map.
      batch_size: rows over all processes.
      length: tokens a window.
      rows: the rows that this process reads; None: all.
      seed: of shifts and orders.

    Raises:
      UserError: the text is shorter than one window and the token after it.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        *,
        batch_size: int,
        length: int,
        rows: slice | None = None,
        seed: int = 0,
    ):
        if len(tokens) <= length:
            raise UserError(
                f"the text has {len(tokens)} tokens; a window needs {length + 1}: "
                "give more text, or a smaller config.data.length"
            )
        self.tokens = tokens
        self.length = length
        self.batch_size = batch_size
        self.rows = np.arange(batch_size)[rows or slice(None)]
        self.seed = seed
        self._spare = min(length, len(tokens) - length)  # shifts that are possible
        self._count = (len(tokens) - self._spare) // length  # windows of an epoch
        self._epoch = functools.lru_cache(maxsize=2)(self._order)

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        places = index * self.batch_size + self.rows
        starts = [self._start(*divmod(int(place), self._count)) for place in places]
        time = np.asarray(starts)[:, None] + np.arange(self.length + 1)
        tokens = self.tokens[time].astype(np.int32)
        return {"inputs": tokens[:, :-1], "targets": tokens[:, 1:]}

    def _start(self, epoch: int, place: int) -> int:
        shift, order = self._epoch(epoch)
        return shift + int(order[place]) * self.length

    def _order(self, epoch: int) -> tuple[int, np.ndarray]:
        """An epoch's shift, and the order of its windows."""
        rng = np.random.default_rng([self.seed, epoch])
        return int(rng.integers(self._spare)), rng.permutation(self._count)
