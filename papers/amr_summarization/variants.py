"""The variants: silver graphs of Wikipedia's sentences, and the user's own corpus.

`default` is the run of this package's README, which has its command and its numbers.
"""

from functools import partial

from common.contract import Run, UserError
from common.nearest import refuse_unknown
from common.sections import Loop, Optim, Schedule
from common.text import parses
from common.variants import get, runs_of
from papers.amr_summarization.config import Config, Data, Decode, Eval, Model, Predict

DIRECTIONS = ("parser", "generator")


def _default() -> Config:
    """Silver graphs, which rules make of Wikipedia's sentences: minutes on 2 cores."""
    return Config(
        optim=Optim("adamw", 1.5e-3, Schedule(warmup=100), b2=0.98, weight_decay=0.01),
        loop=Loop(steps=1000, log_every=50, eval_every=0, save_every=0, keep=1),
    )


def _smoke() -> Config:
    """Seconds, on sentences of a small grammar: what the tests run."""
    return Config(
        model=Model(
            d_model=32, n_heads=2, d_inner=32, encoder_layers=1, decoder_layers=1,
            dropout=0.0, items=64, endings=32, symbols=64,
        ),
        data=Data(
            source="generated", min_count=1, words=16, pieces=40, batch_size=8,
            row_words=24, row_pieces=64, row_written=48,
        ),
        # Adam's small epsilon makes large steps of gradients that are only rounding.
        optim=Optim("adam", 1e-2, Schedule("constant"), eps=1e-3),
        loop=Loop(steps=40, log_every=5, eval_every=20, save_every=20),
        eval=Eval(batch_size=8, sentences=8, documents="toy", words=20),
        predict=Predict(decode=Decode(beams=2, batch_size=4)),
    )  # fmt: skip


def _penman() -> Config:
    """A corpus of AMR graphs in PENMAN, LDC's folders or the AMR bank's files.

    --config.data.root=.../data/amrs/split
    """
    config = _default()
    config.data = Data(
        source="penman", words=60, pieces=240, batch_size=32,
        row_words=160, row_pieces=320, row_written=240,
    )  # fmt: skip
    config.model = Model(
        d_model=256, n_heads=8, d_inner=1024, encoder_layers=4, decoder_layers=4,
        dropout=0.2, items=16_384, endings=4096, symbols=4096,
    )  # fmt: skip
    config.optim.lr = 1e-3
    config.loop = Loop(steps=20_000, log_every=100, eval_every=2000, save_every=2000)
    return config


VARIANTS = {"default": _default, "smoke": _smoke, "penman": _penman}
PARAM_COUNTS = {"default": 1_732_627, "penman": 15_453_971}

get_config = partial(get, VARIANTS)


def runs(config: Config) -> dict[str, Run]:
    """A run for each direction in `config.runs`."""

    def changes(name: str) -> dict[str, str]:
        refuse_unknown("run", name, DIRECTIONS)
        return {"direction": name}

    return runs_of(config, changes, _check)


def _check(config: Config) -> None:
    """UserError: a sentence has no room in a row, heads do not divide the width, or
    there is no parser of the name."""
    d = config.data
    m = config.model
    parses.check_name(config.eval.trees, "config.eval.trees")
    parses.check_name(config.predict.trees, "config.predict.trees")
    room = (d.row_words, d.row_pieces, d.row_written)
    for has, needs in zip(room, (d.words, d.pieces, 2 * d.words), strict=True):
        if has < needs:
            raise UserError(
                f"config.data: a row has room for the longest sentence: row_words is "
                f"{d.words} or more, row_pieces {d.pieces}, row_written {2 * d.words}"
            )
    if m.d_model % m.n_heads:
        raise UserError(
            f"config.model.n_heads={m.n_heads} does not divide d_model={m.d_model}"
        )
