"""Language-model streams: one long text cut into parallel rows, read in segments."""

import numpy as np

from common.contract import UserError


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
        self.tokens = np.asarray(tokens)
        self.length = length
        self.stream_length = (
            _ceil_div(n_targets, batch_size) if keep_tail else n_targets // batch_size
        )
        self.streams = np.arange(batch_size)[rows or slice(None)]

    def __len__(self) -> int:
        return _ceil_div(self.stream_length, self.length)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        time = np.arange(index * self.length, (index + 1) * self.length)
        position = self.streams[:, None] * self.stream_length + time  # [batch, time]
        valid = (time < self.stream_length) & (position + 1 < len(self.tokens))
        position = np.where(valid, position, 0)
        return {
            "inputs": np.where(valid, self.tokens[position], 0).astype(np.int32),
            "targets": np.where(valid, self.tokens[position + 1], 0).astype(np.int32),
            "mask": valid.astype(np.float32),
            "first": np.full(len(self.streams), index == 0),
        }


def stretches(tokens: np.ndarray, *, rows: int, length: int) -> dict[str, np.ndarray]:
    """A whole split as one batch, every token but the first a target exactly once.

    Args:
      tokens: [N] integers.
      rows: consecutive stretches of the text, each starting with nothing to remember.
      length: tokens a segment; time is padded to a multiple of it.

    Returns:
      The fields of `StreamSegments`, of shapes [rows, time] and [rows].
    """
    segments = _ceil_div(_ceil_div(len(tokens) - 1, rows), length)
    whole = max(segments, 1) * length
    return StreamSegments(tokens, batch_size=rows, length=whole, keep_tail=True)[0]


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
