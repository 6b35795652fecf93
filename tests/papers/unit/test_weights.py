"""The released files' layouts. A failure means that an array goes to another layer, or
that a file which does not fit is accepted."""

import dataclasses
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from common.files import weights as files
from papers.unit import train, variants, weights
from papers.unit.config import Config, Model
from papers.unit.model import Translator
from tests.papers.unit import torch_outputs

SHARED = Model(width=4, private_blocks=1)
SEPARATE = Model("separate", share=False, width=4, private_blocks=1, shared_blocks=0)

# Of domain a, and of what is shared, in the released code; each also has a bias.
PAPER = {
    "encode_A.0.model.0": (4, 3, 7, 7),
    "encode_A.1.model.0": (8, 4, 3, 3),
    "encode_A.2.model.0": (16, 8, 3, 3),
    "encode_A.3.model.0": (16, 16, 3, 3),
    "encode_A.3.model.3": (16, 16, 3, 3),
    "enc_shared.0.model.0": (16, 16, 3, 3),
    "enc_shared.0.model.3": (16, 16, 3, 3),
    "dec_shared.0.model.0": (16, 16, 3, 3),
    "dec_shared.0.model.3": (16, 16, 3, 3),
    "decode_A.0.model.0": (16, 16, 3, 3),
    "decode_A.0.model.3": (16, 16, 3, 3),
    "decode_A.1.model.0": (16, 8, 3, 3),  # transposed: inputs before outputs
    "decode_A.2.model.0": (8, 4, 3, 3),
    "decode_A.3": (4, 3, 1, 1),
}
LATER = {
    "a.enc.model.0.conv": (4, 3, 7, 7),
    "a.enc.model.1.conv": (8, 4, 4, 4),
    "a.enc.model.2.conv": (16, 8, 4, 4),
    "a.enc.model.3.model.0.model.0.conv": (16, 16, 3, 3),
    "a.enc.model.3.model.0.model.1.conv": (16, 16, 3, 3),
    "a.dec.model.0.model.0.model.0.conv": (16, 16, 3, 3),
    "a.dec.model.0.model.0.model.1.conv": (16, 16, 3, 3),
    "a.dec.model.2.conv": (8, 16, 5, 5),
    "a.dec.model.4.conv": (4, 8, 5, 5),
    "a.dec.model.5.conv": (3, 4, 7, 7),
}
LATER_NORMS = {"a.dec.model.2.norm": 8, "a.dec.model.4.norm": 4}


def of_both(name: str) -> set[str]:
    """The name, and b's."""
    later = name.startswith("a.")
    return {name, f"b{name[1:]}" if later else name.replace("code_A", "code_B")}


def shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """{name: shape} of all arrays, from the lists above."""
    later = config.model.family == "separate"
    found = {}
    for name, shape in (LATER if later else PAPER).items():
        transposed = name.startswith("decode") and shape[0] != shape[1]
        for each in of_both(name):
            found[f"{each}.weight"] = shape
            found[f"{each}.bias"] = (shape[1] if transposed else shape[0],)
    for name, n in LATER_NORMS.items() if later else ():
        for each in of_both(name):
            found |= {f"{each}.gamma": (n,), f"{each}.beta": (n,)}
    return found


def abstract_parameters(model: Model):
    image = jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.float32)
    init = partial(Translator(model).init, jax.random.key(0))
    return jax.eval_shape(init, image, image)["params"]


@pytest.fixture(params=[SHARED, SEPARATE], ids=["shared", "separate"])
def config(request):
    return Config(model=request.param)


def test_names_and_shapes_are_the_released_ones(config):
    given = torch_outputs.draw(shapes(config))
    params = weights.from_torch(config, given, abstract_parameters(config.model))
    chex.assert_trees_all_equal_shapes_and_dtypes(
        params, abstract_parameters(config.model)
    )
    back = weights.to_torch(config, params)
    chex.assert_trees_all_equal(back, given)


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_files_go_there_and_back_without_running_statistics(tmp_path, config, ending):
    given = torch_outputs.draw(shapes(config))
    later = config.model.family == "separate"
    norm = "b.enc.model.1.norm" if later else "enc_shared.0.model.1"
    config.weights = str(tmp_path / f"in{ending}")
    unread = {f"{norm}.{name}": np.ones(16, np.float32) for name in weights.UNREAD[:2]}
    unread[f"{norm}.num_batches_tracked"] = np.array(7)
    files.write(config.weights, given | unread)
    params = weights.load(config, abstract_parameters(config.model))
    weights.save(tmp_path / f"out{ending}", config, params)
    chex.assert_trees_all_equal(files.read(tmp_path / f"out{ending}"), given)


def test_the_later_code_s_blocks_are_counted_through():
    """Three blocks are three, whichever of them `share` would share."""
    split, whole = (
        Config(
            model=dataclasses.replace(SEPARATE, private_blocks=n, shared_blocks=3 - n)
        )
        for n in (2, 3)
    )
    given = abstract_parameters(split.model)
    leaves = [
        np.full(p.shape, i, np.float32) for i, p in enumerate(jax.tree.leaves(given))
    ]
    params = jax.tree.unflatten(jax.tree.structure(given), leaves)
    moved = weights.from_torch(
        whole, weights.to_torch(split, params), abstract_parameters(whole.model)
    )
    for network, own, order in (
        ("enc_b", "enc_last_b", ["block0", "block1", "last"]),
        ("gen_b", "gen_first_b", ["last", "block0", "block1"]),
    ):
        blocks = {**params[network]["blocks"], "last": params[own]["block0"]}
        expected = {f"block{i}": blocks[name] for i, name in enumerate(order)}
        chex.assert_trees_all_equal(moved[network]["blocks"], expected)


def test_a_run_starts_from_a_file(tmp_path):
    config = variants.get_config("smoke")
    empty = jax.tree.map(lambda x: np.empty(x.shape), abstract_parameters(config.model))
    empty = weights.to_torch(config, empty)
    given = torch_outputs.draw({name: x.shape for name, x in empty.items()})
    config.weights = str(tmp_path / "w.safetensors")
    files.write(config.weights, given)
    own = train.init(config, jax.random.key(0)).params["generators"]
    chex.assert_trees_all_equal(weights.to_torch(config, own), given)
    larger, out = (own["gen_b"][name]["conv"]["kernel"] for name in ("conv1", "out"))
    torch_larger, torch_out = (given[f"decode_B.{i}.weight"] for i in ("0.model.0", 1))
    assert larger[0, 2, 3, 7] == torch_larger[7, 3, 0, 2]
    assert out[0, 0, 3, 1] == torch_out[3, 1, 0, 0]


def test_a_strange_or_damaged_file_is_refused(config):
    given = torch_outputs.draw(shapes(config))
    later = config.model.family == "separate"
    gone = "b.dec.model.5.conv" if later else "decode_B.3"
    strange = "extra.0"
    del given[f"{gone}.bias"]
    given[f"{strange}.weight"] = np.zeros(3, np.float32)
    first = "a.enc.model.0.conv" if later else "encode_A.0.model.0"
    given[f"{first}.bias"] = np.zeros(5, np.float32)
    with pytest.raises(UserError) as refused:
        weights.from_torch(config, given, abstract_parameters(config.model))
    for part in (
        "3 weights do not fit",
        f"{first}.bias expected [4], found [5]",
        f"{gone}.bias expected [3], found nothing",
        f"{strange}.weight expected nothing, found [3]",
    ):
        assert part in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"family": "adaptation"}, "not adaptation with share=True"),
        ({"share": False}, "not shared with share=False"),
        ({"family": "separate"}, "not separate with share=True"),
    ],
)
def test_networks_that_were_not_released_are_refused(tmp_path, fields, message):
    config = Config(model=Model(**fields), weights=str(tmp_path / "w.npz"))
    with pytest.raises(UserError, match=message):
        weights.load(config, {})
    with pytest.raises(UserError, match=message):
        weights.save(config.weights, config, {})
    assert not (tmp_path / "w.npz").exists()
