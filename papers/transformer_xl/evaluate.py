"""The trained runs in the paper's tables and pictures, on our text."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from common.contract import Claim, Table, summary
from common.optim import ema_params
from papers.transformer_xl.config import Config
from papers.transformer_xl.cost import speed_table
from papers.transformer_xl.data import encoded, vocabulary
from papers.transformer_xl.decode import predict
from papers.transformer_xl.figures import pictures, tokens_needed
from papers.transformer_xl.measure import after_context, attending, by_segments, sliding
from papers.transformer_xl.recl import PAPER as RECL_PAPER
from papers.transformer_xl.recl import recl
from papers.transformer_xl.train import evaluated

Values = Iterator[tuple[str, Any]]

# Run -> perplexities of table 6, at the attention length of training and at the best:
# 128 M parameters on WikiText-103.
TABLE_6 = {
    "xl": (27.02, 26.77),
    "shaw": (27.94, 27.94),
    "xl_half": (28.69, 28.33),
    "xl_alone": (29.59, 29.02),
    "xl_alone_half": (30.10, 30.10),
    "shaw_alone": (29.75, 29.75),
    "shaw_alone_half": (30.50, 30.50),
    "vaswani_half": (30.97, 30.97),
    "al_rfou_half": (31.16, 31.16),
}
SOURCES = {"embedded": "CPython's documentation", "generated": "generated text"}
MOST_WINDOWS = 200_000  # tokens; a window that slides over more takes too long
PROMPT = 120  # tokens of the test split that the sample continues


@dataclasses.dataclass(frozen=True)
class Reader:
    """A trained run that reads the test text."""

    name: str
    config: Config  # with the evaluation's lengths
    params: Any
    tokens: np.ndarray  # [stream]

    @property
    def recurrent(self) -> bool:
        return self.config.model.mem_len > 0

    @property
    def relative(self) -> bool:
        return self.config.model.attention == "relative"

    @property
    def window(self) -> int:
        """Tokens that are read at once."""
        return self.config.data.length + self.config.data.ext_len

    def loss(self, keys: int | None = None) -> float:
        """Bits per character, or perplexity per word. Each prediction sees `keys`
        tokens, or what the config says; without recurrence, in a sliding window."""
        if keys is None:
            nll = by_segments(self.config, self.params, self.tokens)
        elif self.recurrent or keys == 0:
            config = attending(self.config, keys)
            nll = by_segments(config, self.params, self.tokens)
        else:
            nll = sliding(self.config, self.params, self.tokens, keys)
        mean = nll.mean(dtype=np.float64)
        words = self.config.data.level == "word"
        return float(np.exp(mean) if words else mean / np.log(2.0))


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): the loss of every run and way of reading, the loss against
    attention length, the speed, the context that is used, pictures, and a sample."""
    tokens = encoded(config, "test")[: config.eval.characters + 1]
    readers = {
        name: Reader(name, evaluated(c), ema_params(s.opt_state, s.params), tokens)
        for name, (c, s) in trained.items()
    }
    words = config.data.level == "word"
    measure = "perplexity" if words else "bits per character"
    losses = _losses(readers, measure)
    yield measure.capitalize(), losses
    if any(name.startswith("depth_") for name in readers):
        yield from _depth(readers, measure)
    if set(TABLE_6) <= set(readers):
        yield "Table 6", _table_6(readers, measure)
    xl = next((r for r in readers.values() if r.recurrent and r.relative), None)
    if xl is None:
        return
    alone = next((r for r in readers.values() if not r.recurrent), xl)
    yield from _lengths(readers, measure)
    speed = speed_table(xl.config, xl.params, alone.config, alone.params)
    yield "Seconds a token", speed
    vocab = vocabulary(config.data)
    if config.eval.recl and len(readers) <= 3:
        yield "Relative effective context length", _recl(readers)
    needed = tokens_needed(xl.config)
    if len(tokens) >= needed:
        yield from pictures(xl.config, xl.params, tokens, vocab)
    else:
        yield "No pictures", f"they need {needed:,} test tokens, not {len(tokens):,}"
    yield "Sample", _sample(*trained[xl.name], vocab.decode(tokens[:PROMPT]))
    claims = _claims(config, xl.name, losses, speed)
    yield "Summary", summary("[Transformer-XL](papers/transformer_xl)", claims)


def _claims(config: Config, run: str, losses: Table, speed: Table) -> Iterator[Claim]:
    """What a memory is worth, in loss and in time."""
    measure = losses.columns[-1]
    text = SOURCES.get(config.data.source) or config.data.name or config.data.root
    own = next(row[-1] for row in losses.rows if row[0] == run)
    others = [row[-1] for row in losses.rows if row[0] != run]
    if others:
        best = min(others)
        yield Claim(
            "a memory of past segments lowers the loss",
            "perplexity 27.02, without recurrence 29.59 (WikiText-103, 128 M)",
            f"{own:.3f} {measure}, without recurrence {best:.3f} ({text})",
            own < best,
        )
    keys, *_ = longest = speed.rows[-1]
    times, there = max(longest[5:8]), longest[-1]
    yield Claim(
        "it predicts hundreds of times faster than a window that slides",
        f"{there} times at {keys} tokens" if there else "1,874 times at 3,800 tokens",
        f"{times:.0f} times at {keys} tokens",
        True if times >= 100 else None if times > 10 else False,
    )


def _losses(readers: Mapping[str, Reader], measure: str) -> Table:
    rows = []
    for r in readers.values():
        memory = r.config.model.mem_len
        segment = f"{r.config.data.ext_len + 1}..{r.window}"
        if r.recurrent:
            rows.append([r.name, "with memory", f"{memory}+{segment}", r.loss()])
            rows.append([r.name, "without memory", segment, r.loss(0)])
            continue
        rows.append([r.name, "by segments", segment, r.loss()])
        if len(r.tokens) <= MOST_WINDOWS:
            rows.append([r.name, "sliding", f"{r.window}", r.loss(r.window)])
    note = f"every row reads the same {len(r.tokens) - 1:,} {r.config.data.level}s"
    return Table(("run", "read", "tokens in sight", measure), rows, note)


def _lengths(readers: Mapping[str, Reader], measure: str) -> Values:
    """Loss against attention length: XL's grows past what it was trained on, a window
    without recurrence is read anew for each token and ends at its training length."""
    curves, lengths = {}, next(iter(readers.values())).config.eval.lengths
    for r in readers.values():
        longest = max(lengths) if r.recurrent else r.window
        if r.relative or not r.recurrent:
            keys = [k for k in lengths if k <= longest]
            curves[r.name] = keys, [r.loss(k) for k in keys]
    rows = [
        [keys, *(dict(zip(*curve, strict=True)).get(keys) for curve in curves.values())]
        for keys in lengths
    ]
    title = f"{measure.capitalize()} against attention length"
    yield title, Table(("keys in sight", *curves), rows)
    from common import figures

    labels = ("tokens in sight of each prediction", measure)
    figure = figures.curves(curves, *labels, log_x=True, points=True)
    yield f"{title}: curves", figure


def _depth(readers: Mapping[str, Reader], measure: str) -> Values:
    depths = [r.config.model.n_layers for r in readers.values()]
    losses = [r.loss() for r in readers.values()]
    yield (
        "Deeper is better",
        Table(
            ("layers", measure), [list(row) for row in zip(depths, losses, strict=True)]
        ),
    )
    from common import figures

    curve = {"Transformer-XL": (depths, losses)}
    yield "Loss against depth", figures.curves(curve, "layers", measure, points=True)


def _table_6(readers: Mapping[str, Reader], measure: str) -> Table:
    rows = []
    for name, paper in TABLE_6.items():
        c = readers[name].config
        recurrence = "yes" if c.model.mem_len else "no"
        counted = "half" if c.half_loss else "full"
        rows.append(
            [c.model.attention, recurrence, counted, readers[name].loss(), *paper]
        )
    columns = (
        "encoding",
        "recurrence",
        "loss",
        measure,
        "paper ppl",
        "paper, best length",
    )
    note = "ours: small models on our text; the paper: 128 M parameters, WikiText-103"
    return Table(columns, rows, note)


def _recl(readers: Mapping[str, Reader]) -> Table:
    config = next(iter(readers.values())).config
    step, longest = config.eval.recl_step, 16 * config.eval.recl_step
    rng = np.random.default_rng(0)

    @functools.cache
    def loss(name: str, context: int) -> np.ndarray:
        r = readers[name]
        c = attending(r.config, r.config.model.mem_len, step)
        c = c if r.recurrent else r.config
        return after_context(c, r.params, r.tokens, ends, context)

    n_tokens = len(next(iter(readers.values())).tokens)
    ends = rng.integers(
        min(longest, n_tokens - 2), n_tokens - 1, config.eval.recl_positions
    )
    longest = min(longest, int(ends.min()) // step * step)
    rows = []
    for fraction in (0.1, 0.5, 1.0):
        found = recl([*readers], loss, step=step, longest=longest, fraction=fraction)
        rows.append([fraction, *(found[name] for name in readers)])
    note = (
        f"tokens; contexts grow by {step} up to {longest}, {len(ends)} test positions. "
        f"The paper, in words of WikiText-103: {RECL_PAPER}"
    )
    return Table(("r, hardest positions", *readers), rows, note)


def _sample(config: Config, state: Any, prompt: str) -> str:
    length = dataclasses.replace(config.predict, length=config.eval.sample)
    config = dataclasses.replace(config, predict=length)
    return "".join(predict(config, state, prompt))
