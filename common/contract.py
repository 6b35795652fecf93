"""The types that cross between a paper and whoever runs it.

`Paper` is the contract: what `papers/<name>/__init__.py` hands on. WORKSPACE.md shows
it, `tests/test_contract.py` tests it, and `tests/smallest_paper.py` is all of it in one
file.
"""

import dataclasses
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

Config = Any  # the paper's own dataclass
State = Any  # the paper's own flax.struct.dataclass of arrays
Batch = Mapping[str, Any]  # arrays whose first axis is the batch's rows


class UserError(ValueError):
    """What the user gave cannot work. The message is one line: what is wrong, and
    what would be right. `launch` prints it and exits with 2; a notebook sees it raised.
    """


@dataclasses.dataclass(frozen=True)
class Run:
    """One row of a paper's table: a model to train, and the runs it builds on.

    after: names of runs; `init` receives `{name: (config, state)}` of them.
    paper: the run is of this other paper, with its step, data and weights; "": our own.
    """

    config: Config
    after: tuple[str, ...] = ()
    paper: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """What `evaluate` yields for a table: numbers stay numbers, None is a gap."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float | None]]
    note: str = ""  # printed below: what to look for, and what was measured how


Trained = Mapping[str, tuple[Config, State]]  # {run: its config and its state}
Values = Iterator[tuple[str, Any]]  # named results, as of `Paper.evaluate`


class Claim(NamedTuple):
    """An effect that a paper reports, and what became of it here.

    `there` and `here` say the data they were measured on: they are not compared with
    each other. Whether the effect `holds` is computed; None: in part.
    """

    claim: str
    there: str
    here: str
    holds: bool | None


def summary(link: str, claims: Iterable[Claim]) -> Table:
    """The value of `evaluate`'s "Summary": rows for the table of all papers.

    link: to the paper's page, in Markdown.
    """
    words = {True: "yes", False: "no", None: "partly"}
    rows = [[link, c.claim, c.there, c.here, words[c.holds]] for c in claims]
    return Table(("paper", "it claims", "there", "here", "holds?"), rows)


class Paper(Protocol):
    """What a paper hands on. The names in `DEFAULTS` are optional."""

    VARIANTS: Mapping[str, Callable[[], Config]]
    """Functions that make a config; the first line of a docstring is its --help."""

    PARAM_COUNTS: Mapping[str, int]
    """Parameters of a variant's first run, exactly: the paper's sizes."""

    SHARDING: Iterable[tuple[str, tuple[int, ...] | None]]
    """FSDP rules that are read before those of `launch.placement`."""

    CPU_DEVICES: int | None
    """How many devices of a CPU host are fastest; None: all."""

    PREDICTS_UNTRAINED: bool
    """Whether `predict` needs no trained state."""

    def get_config(self, variant: str = "default") -> Config:
        """A fresh config, free to be changed. UserError names the variants."""

    def runs(self, config: Config) -> dict[str, Run]:
        """The rows of the variant's table. UserError: the config cannot work."""

    def init(self, config: Config, key: Any, after: Trained | None = None) -> State:
        """The state before the first step. It is also traced for its shapes alone: no
        `float()` and no `if` on what it computes."""

    def train_step(
        self,
        config: Config,
        state: State,
        batch: Batch,
        *,
        axis_name: str | None = None,
    ) -> tuple[State, dict[str, Any]]:
        """The next state, and scalars by name, `loss` among them. Pure: whoever calls
        it compiles it. `axis_name` is pmap's; under jit the batch is global."""

    def eval_step(
        self,
        config: Config,
        state: State,
        batch: Batch,
        *,
        axis_name: str | None = None,
    ) -> dict[str, Any]:
        """{name: metric}, as of `common.metrics`."""

    def validate(self, config: Config, outputs: Mapping[str, Any]) -> dict[str, float]:
        """What only the host computes of a split, or of its first batch: AP, BLEU, a
        correlation. `outputs` are the values of `eval_step`'s metrics. `loop.best` may
        name any of either."""

    def batches(
        self,
        config: Config,
        split: str,
        *,
        process_index: int = 0,
        process_count: int = 1,
    ) -> Iterator[Batch]:
        """A process's rows of the batches of a split. "train" is endless and has
        `get_state` and `set_state`; "valid" and "test" end, and have a mask."""

    def batch_spec(self, config: Config, split: str = "train") -> dict[str, Any]:
        """A `jax.ShapeDtypeStruct` for each array of a global batch."""

    def describe(self, config: Config) -> Iterable[tuple[str, Table]]:
        """Tables that --mode=describe prints besides its own."""

    def evaluate(self, config: Config, trained: Trained) -> Values:
        """Numbers, strings, Tables, matplotlib figures, uint8 images, each name once.
        It measures and never trains."""

    def predict(self, config: Config, state: State, inputs: str) -> Iterator[Any]:
        """What the trained model makes of `--input`: text, or (name, value)."""


DEFAULTS = {
    "SHARDING": (),
    "CPU_DEVICES": None,
    "PREDICTS_UNTRAINED": False,
    "validate": lambda config, outputs: {},
    "describe": lambda config: (),
}
REQUIRED = tuple(
    name
    for name in {**Paper.__annotations__, **vars(Paper)}
    if not name.startswith("_") and name not in DEFAULTS
)


def complete(paper: types.ModuleType | Paper) -> Paper:
    """A paper's package with the defaults for what it does not hand on."""
    return types.SimpleNamespace(**(DEFAULTS | vars(paper)))
