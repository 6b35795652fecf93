"""What every paper must do, found on disk: a new paper is tested by being there."""

import copy
import dataclasses
import doctest
import inspect
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import chex
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from common import config as configs
from common.contract import REQUIRED
from launch import checkpoints, devices, placement
from launch.ahead import export
from launch.runs import Runs, parameter_count
from launch.session import Session
from tests import smoke

PAPERS = smoke.PAPERS
VARIANTS = [(paper, variant) for paper in PAPERS for variant in smoke.variants(paper)]


@cache
def smoke_run(paper: str, run: str):
    """(module, config, six batches) of a smoke run."""
    module = smoke.load(paper)
    config = module.runs(module.get_config("smoke"))[run].config
    data = module.batches(config, "train")
    return module, config, [next(data) for _ in range(6)]


@cache
def compiled_step(paper: str, run: str):
    """(state, batch) -> (state, metrics) of a smoke run."""
    module, config, _ = smoke_run(paper, run)
    return jax.jit(partial(module.train_step, config))


def start(module, run, config=None):
    """A state before the first step, the runs it comes after untrained too."""
    runs = module.runs(module.get_config("smoke"))
    after = {name: (runs[name].config, start(module, name)) for name in runs[run].after}
    return module.init(config or runs[run].config, jax.random.key(0), after=after)


def copied(tree):
    """Arrays of its own, which a step may donate."""
    return jax.tree.map(jnp.copy, tree)


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


@pytest.mark.parametrize("paper", PAPERS)
def test_import_stays_light(paper):
    code = f"import sys, {smoke.load(paper).__name__}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"launch", "tensorflow", "tensorflow_datasets", "matplotlib", "torch"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize(("paper", "variant"), VARIANTS)
def test_every_variant_builds_and_steps(paper, variant):
    """Shapes only, so the largest is as cheap as the smallest; none of millions of
    parameters escapes their count."""
    module = smoke.load(paper)
    runs = Runs(module, module.get_config(variant))
    for name, run in runs.items():
        config = run.config
        _sets_nothing_that_nobody_reads(config)
        state = runs.abstract_state(name)
        spec = module.batch_spec(config)
        after, metrics = jax.eval_shape(partial(module.train_step, config), state, spec)
        chex.assert_trees_all_equal_shapes_and_dtypes(state, after)
        assert all(metric.shape == () for metric in metrics.values())
        jax.eval_shape(
            partial(module.eval_step, config), state, module.batch_spec(config, "valid")
        )
        count = parameter_count(state)
        if name == next(iter(runs)) and (
            variant in module.PARAM_COUNTS or count >= 2e6
        ):
            assert count == module.PARAM_COUNTS[variant]


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


@pytest.mark.parametrize(("paper", "run"), smoke.ALL)
def test_batches_are_as_specified_and_resume(paper, run):
    module, config, batches = smoke_run(paper, run)
    spec = module.batch_spec(config)
    for batch in batches:
        chex.assert_trees_all_equal_shapes_and_dtypes(batch, spec)
    data = module.batches(config, "train")
    next(data)
    position = data.get_state()
    again = module.batches(config, "train")
    again.set_state(position)
    chex.assert_trees_all_equal(next(again), batches[1])


@pytest.mark.parametrize(("paper", "run"), smoke.QUICK)
def test_loss_falls_on_one_batch(paper, run):
    """And the step is traced once."""
    module, config, batches = smoke_run(paper, run)
    chex.clear_trace_counter()
    traced = chex.assert_max_traces(lambda *a: module.train_step(config, *a), n=1)
    step, state, losses = jax.jit(traced), start(module, run), []
    for _ in range(15):
        state, metrics = step(state, batches[0])
        losses.append(float(metrics["loss"]))
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert int(state.step) == 15


@pytest.mark.parametrize(("paper", "run"), smoke.QUICK)
def test_one_device_jit_and_pmap_agree(paper, run):
    """Five steps on one device, jit over four and pmap over four."""
    module, config, batches = smoke_run(paper, run)
    first, outcomes = start(module, run), {}
    for name, n, pmap in ("one", 1, False), ("jit", 4, False), ("pmap", 4, True):
        state = copied(first)
        mesh = devices.make_mesh(n, devices=jax.devices()[:n])
        place = placement.place(state, mesh, pmap=pmap)
        step = place.compile_train(partial(module.train_step, config))
        state = place.put_state(state)
        for batch in batches[:5]:
            state, metrics = step(state, place.put_batch(batch))
        (valid, *_) = module.batches(config, "valid")
        evaluate = place.compile_eval(partial(module.eval_step, config))
        means = evaluate(state, place.put_batch(valid))
        outcomes[name] = jax.device_get((state.params, metrics, means))
    chex.assert_trees_all_close(outcomes["one"], outcomes["jit"], atol=1e-5, rtol=1e-4)
    chex.assert_trees_all_close(outcomes["one"], outcomes["pmap"], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("paper", "run"), smoke.QUICK)
def test_fsdp_gives_the_same_numbers(paper, run):
    """Parameters whole, split over all devices, and over one half of a 2-D mesh, with
    accumulated and clipped gradients and averaged parameters."""
    module, config, batches = smoke_run(paper, run)
    config = copy.deepcopy(config)
    vars(config.optim).update(accumulate=2, clip_norm=0.1, ema=0.9)
    first, results = start(module, run, config), []
    for sizes in ("data", "fsdp", "data:2,fsdp:2"):
        state = copied(first)
        mesh = devices.make_mesh(4, sizes)
        place = placement.place(state, mesh, rules=module.SHARDING)
        step = place.compile_train(partial(module.train_step, config))
        state = place.put_state(state)
        for batch in batches[:3]:
            state, _ = step(state, place.put_batch(batch))
        results.append(jax.device_get(state.replace(key=None)))
    chex.assert_trees_all_close(results[0], results[1], atol=1e-5, rtol=1e-4)
    chex.assert_trees_all_close(results[0], results[2], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("paper", "run"), smoke.ALL)
def test_processes_share_the_rows_of_every_batch(paper, run):
    """What two processes read are the rows that one would read, each of them once."""
    module, config, batches = smoke_run(paper, run)

    def rows(batch):
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(batch)]
        return [b"".join(leaf[i].tobytes() for leaf in leaves)
                for i in range(len(leaves[0]))]  # fmt: skip

    shares = [
        module.batches(config, "train", process_index=i, process_count=2)
        for i in range(2)
    ]
    for batch in batches:
        both = [row for share in shares for row in rows(next(share))]
        assert sorted(both) == sorted(rows(batch))


@pytest.mark.parametrize(("paper", "run"), smoke.QUICK)
def test_exports_for_cpu_cuda_and_tpu(paper, run):
    """The step lowers for every platform, and the artefact, read back from its bytes,
    does what the step does."""
    module, _, batches = smoke_run(paper, run)
    session = Session(module, module.get_config("smoke"), Path("unused"))
    exported = jax.export.deserialize(export.export_step(session, run))
    assert exported.platforms == ("cpu", "cuda", "tpu")
    state, batch = start(module, run), jax.tree.map(jnp.asarray, batches[0])
    expected = compiled_step(paper, run)(state, batch)
    after, metrics = exported.call(checkpoints.flat_state(state), batch)
    got = _raw((export.unflat(after, state), metrics))
    chex.assert_trees_all_close(got, _raw(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("paper", "run"), smoke.QUICK)
def test_state_is_pure_data(paper, run):
    """A step, its state copied through numpy, another step: bit for bit as without."""
    module, _, batches = smoke_run(paper, run)
    step = compiled_step(paper, run)
    state, _ = step(start(module, run), batches[0])
    through = jax.tree.map(jnp.array, state)
    straight, _ = step(state, batches[1])
    passed, _ = step(through, batches[1])
    assert equal(straight, passed)
    assert not equal(state.params, straight.params)
