"""What every paper must do, found on disk: a new paper is tested by being there."""

import copy
import dataclasses
import doctest
import inspect
import subprocess
import sys
from functools import cache, cached_property, partial
from itertools import islice
from pathlib import Path

import chex
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from common import config as configs
from common.contract import REQUIRED
from launch import devices, flat_states, placement
from launch.ahead import inference, train_step
from launch.runs import Runs, parameter_count
from launch.session import Session
from tests import predictions, smoke

PAPERS = smoke.PAPERS
VARIANTS = [(paper, variant) for paper in PAPERS for variant in smoke.variants(paper)]


# Runs whose network is a function of arrays, of each kind one; compiling most takes
# seconds.
_LIGHT = {"distillation", "espcn", "knowledge_graph", smoke.SMALLEST}
_OTHERS = [("espcn", "srcnn_9_1_5"), ("gpt", "toy-kind")]
INFERENCE = [
    pytest.param(
        (paper, run),
        id=f"{paper}-{run}",
        marks=() if paper in _LIGHT else pytest.mark.slow,
    )
    for paper, run in [*sorted(smoke.FIRST), *_OTHERS]
    if paper not in ("deep_image_prior", "soft_nms")
]


class Case:
    """A smoke run, and what its tests share."""

    def __init__(self, paper: str, run: str):
        self.paper = paper
        self.module = smoke.load(paper)
        self.run = run
        self.config = self.module.runs(self.module.get_config("smoke"))[run].config

    @cached_property
    def batches(self):
        """Six, of training."""
        return [*islice(self.module.batches(self.config, "train"), 6)]

    @cached_property
    def first(self):
        """The state before the first step."""
        return start(self.module, self.run)

    @cached_property
    def step(self):
        """(state, batch) -> (state, metrics), compiled. A second trace is an error."""
        chex.clear_trace_counter()
        step = partial(self.module.train_step, self.config)
        return jax.jit(chex.assert_max_traces(lambda *a: step(*a), n=1))

    @cached_property
    def exported(self):
        """The network as a program, and the names of the arrays that it reads."""
        config = self.module.get_config("smoke")
        session = Session(self.module, config, Path("unused"))
        return inference.program(session, self.run)

    @cached_property
    def program(self):
        """The network, read back from its bytes."""
        return jax.export.deserialize(self.exported.exported.serialize())

    def call(self, state, inputs):
        """The program, with the arrays of a state."""
        flat = flat_states.flat_state(state)
        weights = {name: flat[name] for name in self.exported.weights}
        return self.program.call(weights, inputs)


@pytest.fixture(scope="module")
def case(request) -> Case:
    return Case(*request.param)


of_all_runs = pytest.mark.parametrize("case", smoke.ALL, indirect=True)
of_first_runs = pytest.mark.parametrize("case", smoke.QUICK, indirect=True)


def start(module, run, config=None):
    """A state before the first step, the runs it comes after untrained too."""
    runs = module.runs(module.get_config("smoke"))
    after = {name: (runs[name].config, start(module, name)) for name in runs[run].after}
    return module.init(config or runs[run].config, jax.random.key(0), after=after)


def equal(a, b) -> bool:
    return all(
        np.array_equal(np.asarray(x), np.asarray(y))
        for x, y in zip(jax.tree.leaves(_raw(a)), jax.tree.leaves(_raw(b)), strict=True)
    )


def _raw(tree):
    """Random keys as their numbers."""

    def raw(leaf):
        typed = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return jax.random.key_data(leaf) if typed else leaf

    return jax.tree.map(raw, tree)


def test_papers_are_found():
    assert PAPERS


@pytest.mark.parametrize("paper", PAPERS)
def test_hands_on_the_contract(paper):
    module = smoke.load(paper)
    assert [name for name in REQUIRED if not hasattr(module, name)] == []
    assert {"smoke", "default"} <= set(module.VARIANTS)
    assert all(make.__doc__ for make in module.VARIANTS.values())
    assert set(module.PARAM_COUNTS) <= set(module.VARIANTS)


@pytest.mark.parametrize("paper", PAPERS)
def test_the_notebook_example_runs(paper):
    results = doctest.testmod(sys.modules[smoke.load(paper).__name__])
    assert results.attempted > 3
    assert results.failed == 0


IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    before = {*sys.modules}
    try:
        importlib.import_module(name)
    except Exception:
        continue
    print(name, *{*sys.modules} - before)
"""


@cache
def imported() -> dict[str, set[str]]:
    """{paper's module: what its import loads}, one after another in one process."""
    names = [f"papers.{paper}" for paper in PAPERS if paper != smoke.SMALLEST]
    start = [sys.executable, "-c", IMPORT_ALL, "tests.smallest_paper", *names]
    done = subprocess.run(start, capture_output=True, text=True)
    return {line.split()[0]: {*line.split()} for line in done.stdout.splitlines()}


@pytest.mark.parametrize("paper", PAPERS)
def test_import_stays_light(paper):
    heavy = {"launch", "tensorflow", "tensorflow_datasets", "matplotlib", "torch"}
    assert not heavy & imported()[smoke.load(paper).__name__]


STEPPED = set()  # in what ways runs were traced by this process


@pytest.mark.parametrize(("paper", "variant"), VARIANTS)
def test_every_variant_builds_and_steps(paper, variant, monkeypatch):
    """Shapes only, so the largest is as cheap as the smallest; none of millions of
    parameters escapes their count. Every run's state is built; a step is traced of a
    variant's first run, and of others where none was traced the same way with other
    sizes.

    What is written twice, for CPUs and for others, is traced as for others: there a
    deep net is a loop. That both are one is tested where they are written.
    """

    def for_others(*arguments, default, cpu):
        return default(*arguments)

    monkeypatch.setattr(jax.lax, "platform_dependent", for_others)
    module = smoke.load(paper)
    runs = Runs(module, module.get_config(variant))
    for name, run in runs.items():
        config = run.config
        owner = runs.paper(name)
        _sets_nothing_that_nobody_reads(config)
        state = runs.abstract_state(name)
        spec = owner.batch_spec(config)
        first = name == next(iter(runs))
        count = parameter_count(state)
        if first and (variant in module.PARAM_COUNTS or count >= 2e6):
            assert count == module.PARAM_COUNTS[variant]
        way = owner.train_step, smoke.branches(config, spec)
        if first or way not in STEPPED:
            STEPPED.add(way)
            _steps(owner, config, state, spec)


def _steps(owner, config, state, spec):
    """A train step gives a state like the one before it, and scalars."""
    after, metrics = jax.eval_shape(partial(owner.train_step, config), state, spec)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, after)
    assert all(metric.shape == () for metric in metrics.values())
    valid = owner.batch_spec(config, "valid")
    jax.eval_shape(partial(owner.eval_step, config), state, valid)


def _sets_nothing_that_nobody_reads(config):
    ignored = configs.unused(config)
    for name, kind, value in configs.fields(config):
        assert name not in ignored or value == kind.default, ignored[name]


@pytest.mark.parametrize("paper", PAPERS)
def test_configs_are_fresh_and_typed(paper):
    module = smoke.load(paper)
    assert module.get_config() == module.get_config("default")
    assert module.get_config() is not module.get_config()
    assert dataclasses.is_dataclass(module.get_config())
    assert list(inspect.signature(module.train_step).parameters) == [
        "config", "state", "batch", "axis_name",
    ]  # fmt: skip


@of_first_runs
def test_a_state_shows_itself_by_its_shapes(case):
    """In a notebook; none of its numbers."""
    text = repr(case.first)
    assert text.startswith("State at step 0, ")
    assert f" {parameter_count(case.first):,} parameters" in text
    assert len(text) < 8000


@of_all_runs
def test_batches_are_as_specified_and_resume(case):
    spec = case.module.batch_spec(case.config)
    for batch in case.batches:
        chex.assert_trees_all_equal_shapes_and_dtypes(batch, spec)
    data = case.module.batches(case.config, "train")
    next(data)
    position = data.get_state()
    again = case.module.batches(case.config, "train")
    again.set_state(position)
    chex.assert_trees_all_equal(next(again), case.batches[1])


@of_first_runs
def test_loss_falls_on_one_batch(case):
    """And the step is traced once."""
    state, losses = case.first, []
    for _ in range(15):
        state, metrics = case.step(state, case.batches[0])
        losses.append(float(metrics["loss"]))
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert int(state.step) == 15


@of_first_runs
def test_one_device_jit_and_pmap_agree(case):
    """Five steps on one device; jit over four, with rows on both axes of the mesh and
    parameters split over one of them; and pmap over four."""
    (valid, *_) = case.module.batches(case.config, "valid")
    evaluate = partial(case.module.eval_step, case.config)
    state = case.first
    for batch in case.batches[:5]:
        state, metrics = case.step(state, batch)
    expected = state.params, metrics, jax.jit(evaluate)(state, valid)
    mesh = devices.make_mesh(4, "data:2,fsdp:2")
    jit = placement.place(case.first, mesh, rules=case.module.SHARDING)
    pmap = placement.place(case.first, devices.make_mesh(4), pmap=True)
    for place in (jit, pmap):
        state, metrics = trained(case, case.config, place, case.first, 5)
        means = place.compile_eval(evaluate)(state, place.put_batch(valid))
        agree((state.params, metrics, means), expected)


@pytest.mark.parametrize("case", smoke.FIRSTS, indirect=True)
def test_fsdp_gives_the_same_numbers(case):
    """Parameters whole and split over all devices, with accumulated and clipped
    gradients and averaged parameters; of the smallest paper over one half too."""
    config = copy.deepcopy(case.config)
    vars(config.optim).update(accumulate=2, clip_norm=0.1, ema=0.9)
    first, results = start(case.module, case.run, config), []
    smallest = case.module.__name__ == smoke.smallest_paper.__name__
    for sizes in ("data", "fsdp", *["data:2,fsdp:2"] * smallest):
        mesh = devices.make_mesh(4, sizes)
        place = placement.place(first, mesh, rules=case.module.SHARDING)
        state, _ = trained(case, config, place, first, 3)
        results.append(jax.device_get(state.replace(key=None)))
    for result in results[1:]:
        agree(results[0], result)


def trained(case, config, place, state, steps):
    """State and metrics after so many steps where `place` says."""
    step = place.compile_train(partial(case.module.train_step, config))
    state = place.put_state(jax.tree.map(jnp.copy, state))  # a step may donate it
    for batch in case.batches[:steps]:
        state, metrics = step(state, place.put_batch(batch))
    return state, metrics


def agree(a, b):
    """But for rounding."""
    a, b = jax.device_get((a, b))
    chex.assert_trees_all_close(a, b, atol=1e-5, rtol=1e-4)


@of_all_runs
def test_processes_share_the_rows_of_every_batch(case):
    """What two processes read are the rows that one would read, each of them once."""

    def rows(batch):
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(batch)]
        return [b"".join(leaf[i].tobytes() for leaf in leaves)
                for i in range(len(leaves[0]))]  # fmt: skip

    shares = [
        case.module.batches(case.config, "train", process_index=i, process_count=2)
        for i in range(2)
    ]
    for batch in case.batches:
        both = [row for share in shares for row in rows(next(share))]
        assert sorted(both) == sorted(rows(batch))


@of_first_runs
def test_exports_for_cpu_cuda_and_tpu(case):
    """The step lowers for every platform, and the artefact, read back from its bytes,
    does what the step does."""
    session = Session(case.module, case.module.get_config("smoke"), Path("unused"))
    exported = jax.export.deserialize(train_step.export_step(session, case.run))
    assert exported.platforms == ("cpu", "cuda", "tpu")
    state, batch = case.first, jax.tree.map(jnp.asarray, case.batches[0])
    expected = case.step(state, batch)
    after, metrics = exported.call(flat_states.flat_state(state), batch)
    got = _raw((flat_states.unflat(after, state), metrics))
    chex.assert_trees_all_close(got, _raw(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("case", INFERENCE, indirect=True)
def test_inference_runs_by_jax_alone(case):
    """The program, read back from its bytes, with any number of rows and the weights by
    their names, does what the paper's function does."""
    assert case.program.platforms == ("cpu", "cuda", "tpu")
    spec = case.module.inference_inputs(case.config)
    (valid, *_) = case.module.batches(case.config, "valid")
    inputs = {
        name: some_of(shape, kind, valid.get(name))
        for name, (shape, kind) in spec.items()
    }
    own = jax.jit(partial(case.module.inference, case.config))
    chex.assert_trees_all_close(
        case.call(case.first, inputs), own(case.first, inputs), atol=1e-5, rtol=1e-4
    )


PREDICTED = [
    x
    for x in INFERENCE
    if x.values[0] in smoke.FIRST and x.values[0][0] in predictions.READERS
]


@pytest.mark.parametrize("case", PREDICTED, indirect=True)
def test_the_exported_program_gives_what_predict_says(case, tmp_path):
    """Of a picture in a file, where `predict` says classes, boxes, captions or shows
    a picture."""
    given = case.module, case.config, case.first, partial(case.call, case.first)
    said, made = predictions.both(*given, tmp_path, case.paper)
    # A level of grey may be rounded otherwise.
    level = 1 if case.paper in ("espcn", "unit") else 1e-4
    np.testing.assert_allclose(said, made, atol=level, rtol=1e-3)


def some_of(shape, kind, rows):
    """Three rows of a batch, or random ones where the batch has no such array."""
    sizes = [{"rows": "3", "height": "9", "width": "7", "time": "5"}.get(n, n)
             for n in shape.split(", ")]  # fmt: skip
    sizes = [*map(int, sizes)]
    if rows is not None and rows.shape[1:] == (*sizes[1:],):
        return np.resize(rows, sizes)
    drawn = np.random.default_rng(0).random(sizes)
    return (drawn * {"uint8": 256, "int32": 4}.get(kind, 1)).astype(kind)


@of_first_runs
def test_state_is_pure_data(case):
    """A step, its state copied through numpy, another step: bit for bit as without."""
    state, _ = case.step(case.first, case.batches[0])
    through = jax.tree.map(jnp.array, state)
    straight, _ = case.step(state, case.batches[1])
    passed, _ = case.step(through, case.batches[1])
    assert equal(straight, passed)
    assert not equal(state.params, straight.params)
