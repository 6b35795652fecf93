"""The network against its published counts and a plain PyTorch one: a failure means
that published weights would not give published maps."""

from collections import Counter
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from common.contract import UserError
from papers import cornernet
from papers.cornernet import objective, weights
from papers.cornernet.config import Config, Eval, Model
from papers.cornernet.decode import decode, probabilities
from papers.cornernet.initial import variables
from papers.cornernet.model import Corner, CornerNet, Prediction
from papers.cornernet.targets import CornerTargets, Encoded
from tests.papers.cornernet.fixtures import make

MAPS = {"heat": "heats", "tag": "tags", "offset": "regrs"}


def shapes_of(config: Config):
    """Shapes of the state, without a set: names of classes are given."""
    config.data.names = tuple(map(str, range(80)))
    return jax.eval_shape(partial(cornernet.init, config), jax.random.key(0))


@pytest.fixture(scope="module")
def published():
    return shapes_of(cornernet.get_config("coco"))


def test_every_part_has_the_published_number_of_parameters(published):
    counts = Counter()
    for path, leaf in flatten_dict(published.params, sep="/").items():
        first, *_ = path.split("/")
        counts[first.rstrip("01").rstrip("_")] += leaf.size
    assert counts == {
        "stem": 19_072,
        "stem_residual": 938_112 - 19_072,
        "hourglass": 184_268_800,
        "features": 1_180_672,
        "top_left": 3_084_288,
        "bottom_right": 3_084_288,
        "top_left_heat": 1_221_280,
        "bottom_right_heat": 1_221_280,
        "top_left_tag": 1_180_674,
        "bottom_right_tag": 1_180_674,
        "top_left_offset": 1_181_188,
        "bottom_right_offset": 1_181_188,
        "inter": 1_180_672,
        "from_inter": 66_048,
        "from_features": 66_048,
    }
    assert counts.total() == 201_035_212
    assert sum(leaf.size for leaf in jax.tree.leaves(published.batch_stats)) == 125_696


def test_an_hourglass_has_75_convolutions_and_the_network_204(published):
    kernels = [p for p in flatten_dict(published.params) if p[-1] == "kernel"]
    assert len(kernels) == 204
    assert sum(path[0] == "hourglass_0" for path in kernels) == 75


def test_without_pooling_the_parameters_are_the_same(published):
    config = cornernet.get_config("coco")
    config.model.corner_pool = False
    chex.assert_trees_all_equal_shapes_and_dtypes(
        shapes_of(config).params, published.params
    )


@pytest.fixture(
    scope="module",
    params=[True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["pool", "no_pool"],
)
def both(request):
    """(case, our predictions of every stack, PyTorch's stored outputs)."""
    shapes, outputs = make.read()
    size = {k: tuple(v) if isinstance(v, list) else v for k, v in make.SIZE.items()}
    net = CornerNet(Model(**size, corner_pool=request.param), make.CLASSES)
    x = jnp.array(make.images())
    like = jax.eval_shape(lambda: net.init(jax.random.key(0), x[:1], every_stack=True))
    own = weights.from_published(make.draw(shapes), like)
    # Ours reads red first.
    found = jax.jit(partial(net.apply, every_stack=True))(own, x[..., ::-1])
    return ("pool" if request.param else "no_pool"), found, outputs


def test_maps_of_every_stack_are_pytorchs(both):
    case, found, outputs = both
    assert len(found) == make.SIZE["stacks"]
    for i, prediction in enumerate(found):
        for kind, corner in zip(("tl", "br"), prediction, strict=True):
            for name, values in corner._asdict().items():
                expected = outputs[f"{case}/{i}/{kind}_{MAPS[name]}"]
                np.testing.assert_allclose(values, expected, atol=2e-4, err_msg=name)


def targets() -> Encoded:
    """The fixture's truth in our form."""
    truth = make.truth()
    most = max(map(len, truth["objects"]))
    rows = [own + [(0,) * 8] * (most - len(own)) for own in truth["objects"]]
    cells = np.array([[row[:4] for row in own] for own in rows], int)
    offsets = np.array([[row[4:] for row in own] for own in rows], np.float32)
    present = np.array([np.arange(most) < len(own) for own in truth["objects"]])
    corners = [
        CornerTargets(
            jnp.array(truth[f"{kind}_heat"].transpose(0, 2, 3, 1), jnp.float32),
            *(jnp.array(cells[..., 2 * k + i]) for i in (0, 1)),
            jnp.array(offsets[..., 2 * k : 2 * k + 2]),
        )
        for k, kind in enumerate(("tl", "br"))
    ]
    return Encoded(*corners, jnp.array(present))


def test_losses_are_pytorchs(both):
    case, found, outputs = both
    truth = targets()
    total = objective.counts(truth)
    run = jax.jit(lambda p: objective.terms(p, truth, total, jnp.float32(2)))
    stacks = [run(p) for p in found]
    for name in objective.Terms._fields:
        mean = np.mean([getattr(terms, name).mean() for terms in stacks])
        np.testing.assert_allclose(mean, outputs[f"{case}/{name}"], rtol=2e-4)


def test_boxes_are_pytorchs():
    drawn = {name: jnp.array(values) for name, values in make.maps().items()}
    prediction = Prediction(
        *(
            Corner(*(drawn[f"{kind}_{name}"] for name in MAPS.values()))
            for kind in ("tl", "br")
        )
    )
    config = Eval(corners=make.CORNERS, pairs=make.PAIRS)
    run = jax.jit(lambda p: decode(config, probabilities(p), make.THRESHOLD))
    own = run(prediction)
    expected = make.read()[1]["boxes"]
    real = expected[..., 4] > 0
    assert (real.sum(1) > 5).all()
    np.testing.assert_array_equal(own.present, real)
    np.testing.assert_allclose(own.scores[real], expected[real][:, 4], atol=1e-5)
    np.testing.assert_allclose(own.boxes[real], expected[real][:, :4], atol=1e-4)
    np.testing.assert_array_equal(own.classes[real], expected[real][:, 5])


@pytest.mark.parametrize("kind", ["he", "uniform"])
def test_kernels_drawn_at_once_have_the_modules_distributions(kind):
    model = Model(widths=(64, 64), blocks=(1, 1), init=kind)
    draw = jax.jit(partial(variables, CornerNet(model, 1), model))
    own = flatten_dict(draw(jax.random.key(0))["params"])
    for path, kernel in own.items():
        if path[-1] == "kernel" and kernel.size > 5000:
            fan_in = np.prod(kernel.shape[:-1])
            std = (2 / fan_in) ** 0.5 if kind == "he" else (3 * fan_in) ** -0.5
            assert abs(float(kernel.std()) / std - 1) < 0.05, path
            if kind == "uniform":
                assert float(jnp.abs(kernel).max()) <= fan_in**-0.5
    assert float(own["top_left_heat_0", "out", "bias"][0]) == pytest.approx(-2.19)


def test_sides_that_cannot_be_halved_are_refused():
    config = cornernet.get_config("smoke")
    config.data.size = (32, 30)
    with pytest.raises(UserError, match="sides that 8 divides"):
        cornernet.runs(config)
