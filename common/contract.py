"""The types that a paper and its caller exchange.

`Paper` is the contract: the names that `papers/<name>/__init__.py` exports.
WORKSPACE.md explains it, `tests/test_contract.py` tests it, and
`tests/smallest_paper.py` is a whole paper in one file.
"""

import dataclasses
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from common import cells
from common.lecture import Item

Config = Any  # the paper's own dataclass
State = Any  # the paper's own flax.struct.dataclass of arrays
Batch = Mapping[str, Any]  # arrays whose first axis is the batch's rows
# {name: (shape, dtype)}, such as ("rows, height, width, 3", "uint8"): an axis with a
# name may be of any size.
Inputs = Mapping[str, tuple[str, str]]


class UserError(ValueError):
    """The user's input cannot work. The message is one line: what is wrong, and what
    would be right. `launch` prints it and exits with 2; a notebook shows this line.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of the calls that led here."""
        return [f"{type(self).__name__}: {self}"]


@dataclasses.dataclass(frozen=True)
class Run:
    """One row of a paper's table: a model to train, and the runs it builds on.

    after: names of runs that train before; `init` gets their `{name: (config, state)}`.
    paper: the paper whose step, data and weights the run takes; "": this one.
    """

    config: Config
    after: tuple[str, ...] = ()
    paper: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that `evaluate` yields. Numbers come unformatted; None is a gap."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float | None]]
    note: str = ""  # printed below: how it was measured, what to look for

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return cells.html(self)


class BeforeAfter(NamedTuple):
    """Two uint8 pictures of one size, `[H, W]` or `[H, W, channels]`, that `evaluate`
    yields: on its page a slider lays one over the other."""

    before: Any
    after: Any
    names: tuple[str, str] = ("before", "after")


@dataclasses.dataclass(frozen=True)
class Records:
    """What `predict` says to programs: with --json each row is a line of stdout, and
    without it none is shown."""

    rows: Sequence[Mapping[str, Any]]


Trained = Mapping[str, tuple[Config, State]]  # {run: its config and its state}
Values = Iterator[tuple[str, Any]]  # (name, value) pairs, which `Paper.evaluate` yields


class Claim(NamedTuple):
    """An effect that a paper reports, measured there and here.

    `there` and `here` name the data, which differ: compare the effect, not the numbers.
    `holds` is computed; None means in part.
    """

    claim: str
    there: str
    here: str
    holds: bool | None


def summary(link: str, claims: Iterable[Claim]) -> Table:
    """The table that `evaluate` yields as "Summary": rows for the table of all papers.

    link: a link to the paper's page, in Markdown.
    """
    words = {True: "yes", False: "no", None: "partly"}
    rows = [[link, c.claim, c.there, c.here, words[c.holds]] for c in claims]
    return Table(("paper", "it claims", "there", "here", "holds?"), rows)


class Paper(Protocol):
    """The names that a paper exports. Those in `DEFAULTS` are optional."""

    VARIANTS: Mapping[str, Callable[[], Config]]
    """{name: function that returns a config}. Its docstring begins with its --help."""

    PARAM_COUNTS: Mapping[str, int]
    """{variant: number of parameters of its first run}, exactly."""

    SHARDING: Iterable[tuple[str, tuple[int, ...] | None]]
    """FSDP rules that come before those of `launch.placement`."""

    CPU_DEVICES: int | None
    """How many devices of a CPU host are fastest; None: all."""

    LECTURE: Sequence[Item]
    """What a lecture on the paper shows, for --mode=figures."""

    def get_config(self, variant: str = "default") -> Config:
        """A new config, which the caller may change. UserError: no such variant."""

    def runs(self, config: Config) -> dict[str, Run]:
        """The rows of the variant's table. UserError: the config cannot work."""

    def init(self, config: Config, key: Any, after: Trained | None = None) -> State:
        """The state before the first step. It is also traced for shapes only, so that
        no `float()` and no `if` may read what it computes."""

    def train_step(
        self,
        config: Config,
        state: State,
        batch: Batch,
        *,
        axis_name: str | None = None,
    ) -> tuple[State, dict[str, Any]]:
        """The next state, and {name: scalar}, `loss` among them. It is pure, and its
        caller compiles it. `axis_name` is pmap's; under jit the batch is global."""

    def eval_step(
        self,
        config: Config,
        state: State,
        batch: Batch,
        *,
        axis_name: str | None = None,
    ) -> dict[str, Any]:
        """{name: metric}, with the metrics of `common.metrics`."""

    def validate(self, config: Config, outputs: Mapping[str, Any]) -> dict[str, float]:
        """{name: value} of metrics that only the host computes, such as AP or BLEU.

        `outputs` are the values of `eval_step`'s metrics, over a split or its first
        batch. `loop.best` may name a metric of either function."""

    def batches(
        self,
        config: Config,
        split: str,
        *,
        process_index: int = 0,
        process_count: int = 1,
    ) -> Iterator[Batch]:
        """The batches of a split, with this process's rows. "train" is endless and has
        `get_state` and `set_state`; "valid" and "test" end, and have a mask."""

    def batch_spec(self, config: Config, split: str = "train") -> dict[str, Any]:
        """A `jax.ShapeDtypeStruct` for each array of a global batch."""

    def describe(self, config: Config) -> Iterable[tuple[str, Table]]:
        """Tables that --mode=describe prints besides its own."""

    def evaluate(self, config: Config, trained: Trained) -> Values:
        """Yields (name, value), each name once. Values are numbers, strings, Tables,
        matplotlib figures, uint8 images and pairs of them, `BeforeAfter`. It measures
        and never trains: a state may lack what training alone reads, all of `opt_state`
        but running averages among it. Every process of a job runs it, on arrays that
        are split over all: it reads them through `common.host.to_host`."""

    def inference_inputs(self, config: Config) -> Inputs:
        """The arrays that `inference` reads. {}: the run has no such function."""

    def inference(self, config: Config, state: State, inputs: Batch) -> dict[str, Any]:
        """{name: array} that the trained network makes of arrays, pure and without
        random numbers. --mode=export writes it as a program for JAX alone."""

    def predicts_untrained(self, config: Config) -> bool:
        """Whether `predict` needs no trained state: it gets None, in process 0."""

    def predict(self, config: Config, state: State, inputs: str) -> Iterator[Any]:
        """Yields the model's results for `--input`, as text or as (name, value), and
        Records for --json, which otherwise has all the rest as JSON. Values are as of
        `evaluate`, and Paths of files that it wrote. Of many inputs a result has its
        input's name as one of its name's words, and a table as the first cell of its
        rows: the page shows them beside it. States and processes are as of `evaluate`;
        process 0 alone writes files."""


DEFAULTS = {
    "SHARDING": (),
    "CPU_DEVICES": None,
    "LECTURE": (),
    "validate": lambda config, outputs: {},
    "describe": lambda config: (),
    "predicts_untrained": lambda config: False,
    "inference_inputs": lambda config: {},
    "inference": lambda config, state, inputs: {},
}
REQUIRED = tuple(
    name
    for name in {**Paper.__annotations__, **vars(Paper)}
    if not name.startswith("_") and name not in DEFAULTS
)


def rows_of(spec: Batch, names: Iterable[str]) -> Inputs:
    """The named arrays of a `batch_spec`, with any number of rows."""
    shapes = {name: spec[name].shape[1:] for name in names}
    return {
        name: (", ".join(("rows", *map(str, shape))), str(spec[name].dtype))
        for name, shape in shapes.items()
    }


def complete(paper: types.ModuleType | Paper) -> Paper:
    """The paper's package, with a default for every optional name that it lacks."""
    return types.SimpleNamespace(**(DEFAULTS | vars(paper)))
