"""Evaluation and prediction of models that no process holds whole. A failure means that
a process would hold more of a model than in training, or would need what another has.

One process has all its devices, so the tests of one process say otherwise: an array
that is split counts as spread over processes, and JAX then refuses what it refuses in
a job of several, to read it on the host or to build it into a program.
"""

import fnmatch
import json
from functools import cache
from pathlib import Path

import chex
import jax
import numpy as np
import pytest
from jax._src.array import ArrayImpl
from jax.experimental import multihost_utils
from PIL import Image

from common import optim
from common.contract import Records, Table, UserError
from common.host import to_host
from common.sections import Loop
from launch import placement
from launch.checkpoints import Checkpoints
from launch.runs import for_evaluation
from launch.session import Session
from tests import smoke
from tests.launch.jobs import TIMED, bytes_of

ADDRESSABLE = ArrayImpl.is_fully_addressable


@pytest.fixture
def spread(monkeypatch):
    """Arrays on several devices count as spread over processes, however small."""

    def addressable(array):
        return len(array.sharding.device_set) == 1

    def allgather(array, tiled):
        assert tiled
        with pytest.MonkeyPatch.context() as real:
            real.setattr(ArrayImpl, "is_fully_addressable", ADDRESSABLE)
            return np.asarray(array)

    monkeypatch.setattr(placement, "SMALLEST_SPLIT", 1)
    monkeypatch.setattr(ArrayImpl, "is_fully_addressable", property(addressable))
    monkeypatch.setattr(multihost_utils, "process_allgather", allgather)


def split_array():
    mesh = jax.make_mesh((4,), ("fsdp",), axis_types=(jax.sharding.AxisType.Auto,))
    return jax.device_put(np.arange(8.0), jax.NamedSharding(mesh, jax.P("fsdp")))


def test_what_is_spread_is_read_through_one_function(spread):
    array = split_array()
    with pytest.raises(RuntimeError, match="spans non-addressable"):
        np.asarray(array)
    with pytest.raises(RuntimeError, match="Closing over"):
        jax.jit(lambda: array + 1)()
    found = to_host({"split": 2 * array, "name": "as it is", "sum": array.sum()})
    np.testing.assert_array_equal(found["split"], 2 * np.arange(8.0))
    assert found["name"] == "as it is"
    assert found["sum"] == 28


class Placed(Session):
    """A session whose runs are at their first step, untrained and saved nowhere.

    like: the session whose states these are too, placed otherwise.
    """

    def __init__(self, paper: str, mesh: str, like: "Placed | None" = None) -> None:
        module = smoke.load(paper)
        config = module.get_config("smoke")
        super().__init__(module, config, Path("unused"), mesh=mesh, every_device=True)
        self._like = like
        self._first = {}

    def _restore(self, name, part=lambda state: state, which="newest"):
        if name not in self._first:
            self._first[name] = self._made(name)
        steps = self.runs[name].config.loop.steps
        return part(self._first[name]), {"step": steps, "seconds": 1.0}

    def _made(self, name):
        place, _ = self.placed(name)
        if self._like:
            state, _ = self._like._restore(name)
            return jax.jit(lambda state: state, out_shardings=place.state)(state)
        after = {n: self.measured(n)[0] for n in self.runs[name].after}
        key = jax.random.key(self.runs[name].config.seed)
        state = place.make_state(self.runs.initialiser(name), key, after)
        return state.replace(step=state.step + 1)


@cache
def placed(paper: str, mesh: str = "fsdp") -> Placed:
    """One session for all tests: to make its states takes longer than to use them."""
    return Placed(paper, mesh, like=None if mesh == "fsdp" else placed(paper))


def trained(session: Placed) -> dict:
    return {n: (r.config, session.measured(n)[0]) for n, r in session.runs.items()}


def numbers(values) -> dict[str, list]:
    """The numbers of tables, but for those that a clock gave."""
    tables = {name: value for name, value in values if isinstance(value, Table)}
    timed = {*TIMED, "Summary"}
    return {
        name: [x for row in table.rows for x in row if isinstance(x, float)]
        for name, table in tables.items()
        if name not in timed
    }


QUICK = (smoke.SMALLEST, "espcn")


@pytest.mark.parametrize(
    "paper",
    [
        p if p in QUICK else pytest.param(p, marks=pytest.mark.slow)
        for p in smoke.PAPERS
    ],
)
def test_models_are_measured_where_they_are_split(paper, spread):
    """No process reads what it does not hold, and the tables are those of whole
    models."""
    session = placed(paper)
    states = trained(session)
    leaves = jax.tree.leaves([state for _, state in states.values()])
    assert any(not leaf.is_fully_replicated for leaf in leaves)
    split = numbers(session.paper.evaluate(session.config, states))
    alone = placed(paper, "data")
    values = [*alone.paper.evaluate(alone.config, trained(alone))]
    whole = numbers(values)
    assert missing(alone.paper, values) <= NOT_IN_SMOKE.get(paper, set())
    assert split.keys() == whole.keys()
    for name in split:
        np.testing.assert_allclose(split[name], whole[name], rtol=1e-3, atol=1e-3)


# Titles of lectures that need several finished runs, seeds, or sets from elsewhere.
NOT_IN_SMOKE = {
    "captioning": {"Beside *", "Summary"},
    "cornernet": {"Kinds", "Corner pooling*", "Summary"},
    "deep_image_prior": {
        "inpaint: side by side",
        "Loss against iteration, by target",
        "Impedance",
    },
    "distillation": {"Classes that the transfer set lacks"},
    "gpt": {"The paper's tasks", "Layers taken over*", "Score against layers*"},
    "gpt2": {
        "The paper's sets",
        "Without training for the task",
        "Zero-shot against size",
    },
    "resnet": {"Degradation", "Error against depth", "Summary"},
    "soft_nms": {"Objects that hard suppression loses*", "Time"},
    "sptree": {"A sentence of the test"},  # one that is all right
    "unit": {"Side by side*"},
    "yolov3": {"Summary"},
}


def missing(paper, values) -> set[str]:
    """Titles that the paper's lecture names in the default report and that are not
    among the values, or the report's own."""
    names = [name for name, _ in values] + ["Training curves"]
    titles = {t for i in paper.LECTURE if i.config == "default" for t in i.results}
    return {t for t in titles if not fnmatch.filter(names, t)}


INPUTS = {
    smoke.SMALLEST: "0.2,0.9",
    **dict.fromkeys(("transformer_xl", "gpt", "gpt2"), "the old "),
    "knowledge_graph": "7,1",  # a field of its board
    "sptree": "Ann owns the mill .",
    "amr_summarization": "The boy wants to visit the girl in the town.",
    "dkn": '{"clicked": ["w1 w2 w3"], "candidates": ["w5 w6", "w2 w1"]}',
}
# One fits a new net, the other reads a file of boxes.
UNTRAINED = ("deep_image_prior", "soft_nms")
TRAINED = [p for p in smoke.PAPERS if p not in UNTRAINED]


@pytest.mark.parametrize(
    "paper",
    [p if p in QUICK else pytest.param(p, marks=pytest.mark.slow) for p in TRAINED],
)
def test_models_predict_where_they_are_split(paper, tmp_path, spread):
    picture = tmp_path / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save(picture)
    inputs = INPUTS.get(paper, str(picture))
    split, whole = (
        [*placed(paper, mesh).predict("", inputs)] for mesh in ("fsdp", "data")
    )
    assert len(split) == len(whole) > 0
    for a, b in zip(split, whole, strict=True):
        if isinstance(a, str):
            assert a == b
        elif isinstance(a, Records):
            first, other = ([*map(probability, x.rows)] for x in (a, b))
            assert first == pytest.approx(other, rel=1e-3, abs=1e-4)
        elif isinstance(a[1], np.ndarray):
            np.testing.assert_allclose(a[1].astype(int), b[1].astype(int), atol=1)


def probability(row) -> float:
    """Of a record's best class, or its own."""
    return row.get("classes", [row])[0]["probability"]


def wide_transformer_xl(**optim_settings):
    """Most of it splits over four devices."""
    config = smoke.load("transformer_xl").get_config("smoke")
    config.model.d_model = 128
    vars(config.optim).update(optim_settings)
    return config


def test_evaluation_holds_the_parameters_of_training_and_nothing_else(tmp_path):
    """As restored from a checkpoint: neither the optimiser's moments nor the memory."""
    session = Session(
        smoke.load("transformer_xl"), wide_transformer_xl(), tmp_path, mesh="fsdp"
    )
    state = session.trainer("xl").make_state()
    save(tmp_path / "xl", state)
    restored, _ = Checkpoints(tmp_path / "xl", Loop(), read_only=True).restore(
        session.trainer("xl").state, for_evaluation
    )
    assert bytes_of(restored) == bytes_of((state.step, state.key, state.params))
    whole = sum(leaf.nbytes for leaf in jax.tree.leaves(state.params))
    assert max(bytes_of(restored).values()) < 0.3 * whole  # a quarter, and the rest
    chex.assert_trees_all_equal(*map(jax.device_get, (restored.params, state.params)))


def test_evaluation_finds_the_running_average(tmp_path):
    config = wide_transformer_xl(ema=0.9)
    session = Session(smoke.load("transformer_xl"), config, tmp_path, mesh="fsdp")
    state = session.trainer("xl").make_state()
    save(tmp_path / "xl", state)
    restored, _ = Checkpoints(tmp_path / "xl", Loop(), read_only=True).restore(
        session.trainer("xl").state, for_evaluation
    )
    average = optim.ema_params(restored.opt_state, None)
    assert bytes_of(restored.opt_state) == bytes_of(average)
    chex.assert_trees_all_equal(*map(jax.device_get, (average, state.params)))


def save(folder, state):
    checkpoints = Checkpoints(folder, Loop())
    checkpoints.save(1, state, {"data": None}, None)
    checkpoints.close()


def test_a_flipped_bit_is_noticed_where_it_is_read_and_only_there(tmp_path):
    """What evaluation reads is checked by its own fingerprints: the optimiser's arrays,
    damaged, are training's matter."""
    session = Session(
        smoke.load(smoke.SMALLEST), smoke.load(smoke.SMALLEST).get_config(), tmp_path
    )
    trainer = session.trainer("line")
    save(tmp_path, trainer.make_state())
    meta = tmp_path / "checkpoints" / "1" / "meta" / "metadata"
    content = json.loads(meta.read_text())
    for name in ("params.bias", "opt_state.1.count"):
        spoiled = {**content, "fingerprints": {**content["fingerprints"], name: 1}}
        del spoiled["checksum"]  # as of older code
        meta.write_text(json.dumps(spoiled))
        reads = Checkpoints(tmp_path, Loop(), read_only=True)
        with pytest.raises(UserError, match="are not the ones that were saved"):
            reads.restore(trainer.state)
        if name.startswith("params"):
            with pytest.raises(UserError, match="are not the ones that were saved"):
                reads.restore(trainer.state, for_evaluation)
        else:
            reads.restore(trainer.state, for_evaluation)
