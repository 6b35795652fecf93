"""The released weights, against the equations in numpy_forward.py. A failure means that
they make another network, or that a bad file is accepted."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from common.contract import UserError
from common.files import weights as files
from papers.transformer_xl import train, weights
from papers.transformer_xl.config import Config, Data, Model
from papers.transformer_xl.memory import empty_memory
from papers.transformer_xl.model import TransformerXL
from tests.papers.transformer_xl import numpy_forward

TIME = 4
PAST = 6
BATCH = 2
EPSILON = 1e-12
SIZES = {
    "n_layers": 2, "d_model": 12, "n_heads": 2, "d_head": 5, "d_inner": 14,
    "vocab_size": 40,
}  # fmt: skip
CUTOFFS = {"cutoffs": (8, 17)}
LAYOUTS = {
    "enwik8": {},
    "untied": {"untied_biases": True},
    "narrow": {"d_embed": 8, "tied_projections": (True,)},
    "wt103_base": CUTOFFS,
    "narrow_bins": {**CUTOFFS, "d_embed": 8, "tied_projections": (False, True, False)},
    "wt103_large": {
        **CUTOFFS, "div_value": 4, "tied_projections": (False, True, True),
        "untied_biases": True,
    },
    "lm1b": {**CUTOFFS, "div_value": 4, "project_same": False, "untied_biases": True},
    "none_tied": {**CUTOFFS, "div_value": 2, "d_embed": 24},
}  # fmt: skip
TIED_AS_FILE = {"narrow": {"tied_projections": ()}}  # the released code always ties it


def model_config(layout, **changes):
    return Model(
        **SIZES, mem_len=PAST, norm_epsilon=EPSILON, **LAYOUTS[layout] | changes
    )


def official(layout, seed=0):
    """Random arrays as the released code would save them."""
    rng = np.random.default_rng(seed)
    options = LAYOUTS[layout] | TIED_AS_FILE.get(layout, {})
    arrays = {}
    for name, shape in numpy_forward.shapes(**SIZES, **options).items():
        drawn = 0.5 * rng.standard_normal(shape, np.float32)
        arrays[f"transformer/{name}"] = drawn + name.endswith("gamma")
    return arrays


def abstract_parameters(config):
    tokens = jnp.zeros((1, 2), jnp.int32)

    def init(key):
        memory = empty_memory(config, 1, 0)
        return TransformerXL(config).init(key, tokens, tokens, memory, method="nll")

    return jax.eval_shape(init, jax.random.key(0))["params"]


def text(segments=2):
    """Inputs and targets [batch, time], with words of every bin."""
    tokens = np.random.default_rng(1).integers(0, 40, (BATCH, TIME * segments + 1))
    tokens[:, 3:6] = [39, 8, 0]
    return tokens[:, :-1], tokens[:, 1:]


def ours(config, params, inputs, targets, seen_zeros=False):
    """-log p(target) [batch, time] by our network, a segment at a time."""
    memory = empty_memory(config, BATCH, PAST)
    if seen_zeros:
        memory = memory.replace(valid=jnp.full(BATCH, PAST))
    apply = partial(TransformerXL(config).apply, {"params": params}, method="nll")
    nll = []
    for start in range(0, inputs.shape[1], TIME):
        segment = slice(start, start + TIME)
        tokens = (jnp.asarray(x[:, segment]) for x in (inputs, targets))
        part, memory = apply(*tokens, memory)
        nll.append(part)
    return np.concatenate(nll, axis=1)


def theirs(arrays, config, inputs, targets, seen_zeros=False, **options):
    """The same by the equations in numpy_forward.py."""
    network = numpy_forward.Network(arrays, cutoffs=config.cutoffs, **options)
    log_probs = network.read(
        inputs.T, targets.T, length=TIME, mem_len=PAST, seen_zeros=seen_zeros
    )
    return -log_probs.T


@pytest.mark.parametrize("layout", LAYOUTS)
def test_network_with_released_arrays_predicts_as_the_equations(layout):
    config = model_config(layout)
    arrays = official(layout)
    params = weights.from_release(arrays, config, abstract_parameters(config))
    expected = theirs(arrays, config, *text())
    chex.assert_trees_all_close(
        ours(config, params, *text()), expected, atol=1e-4, rtol=0
    )


def test_the_equations_hold_to_float32_softmax_in_float64():
    config = model_config("wt103_large")
    arrays = official("wt103_large")
    params = weights.from_release(arrays, config, abstract_parameters(config))
    config.dtype = "float64"
    with jax.enable_x64(True):
        found = ours(config, jax.tree.map(np.float64, params), *text())
    chex.assert_trees_all_close(
        found, theirs(arrays, config, *text()), atol=2e-6, rtol=0
    )


def test_memory_reaches_past_the_last_segment():
    """Four segments of 4 through a memory of 6: the oldest states leave it."""
    config = model_config("enwik8")
    arrays = official("enwik8")
    params = weights.from_release(arrays, config, abstract_parameters(config))
    expected = theirs(arrays, config, *text(4))
    chex.assert_trees_all_close(
        ours(config, params, *text(4)), expected, atol=1e-4, rtol=0
    )


def test_released_start_sees_its_zero_memory():
    config = model_config("untied")
    arrays = official("untied")
    params = weights.from_release(arrays, config, abstract_parameters(config))
    seen = ours(config, params, *text(), seen_zeros=True)
    expected = theirs(arrays, config, *text(), seen_zeros=True)
    chex.assert_trees_all_close(seen, expected, atol=1e-4, rtol=0)
    hidden = ours(config, params, *text())
    assert np.abs(seen - hidden)[:, :TIME].max() > 1e-3


def test_released_evaluation_clamps_and_sees_one_key_more_than_the_memory():
    config = model_config("enwik8", window=PAST + 1, clamp_len=3)
    arrays = official("enwik8")
    params = weights.from_release(arrays, config, abstract_parameters(config))
    found = ours(config, params, *text(), seen_zeros=True)
    options = {"seen_zeros": True, "window": PAST + 1, "clamp": 3}
    expected = theirs(arrays, config, *text(), **options)
    chex.assert_trees_all_close(found, expected, atol=1e-4, rtol=0)
    for changed in ({"window": PAST}, {"clamp": 4}, {"epsilon": 1e-2}):
        other = theirs(arrays, config, *text(), **options | changed)
        assert np.abs(other - expected).max() > 1e-3, changed


@pytest.mark.parametrize("layout", LAYOUTS)
def test_round_trip_is_exact(layout):
    config = model_config(layout)
    arrays = official(layout)
    params = weights.from_release(arrays, config, abstract_parameters(config))
    chex.assert_trees_all_equal_structs(params, abstract_parameters(config))
    chex.assert_trees_all_equal(
        weights.to_release(params, config, "tensorflow"), arrays
    )


def save(path, arrays):
    if path.suffix == ".ckpt":
        files.write(path, arrays)
    else:
        np.savez(path, **arrays) if path.suffix == ".npz" else save_file(arrays, path)
    return str(path)


OPTIMISER = {
    "global_step": np.array(4, np.int64),
    "beta1_power": np.array(0.9, np.float32),
    "beta2_power": np.array(0.99, np.float32),
    "transformer/r_w_bias/Adam": np.ones((2, 5), np.float32),
    "transformer/r_w_bias/Adam_1": np.ones((2, 5), np.float32),
}


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".ckpt"])
def test_files_are_read_without_the_optimiser(tmp_path, suffix):
    arrays = official("wt103_large")
    config = model_config("wt103_large")
    path = save(tmp_path / f"weights{suffix}", arrays | OPTIMISER)
    params = weights.load(path, config, abstract_parameters(config))
    expected = weights.from_release(arrays, config, abstract_parameters(config))
    chex.assert_trees_all_equal(params, expected)


def test_training_starts_from_a_file(tmp_path):
    arrays = official("enwik8")
    config = model_config("enwik8")
    path = save(tmp_path / "weights.npz", arrays)
    run = Config(model=config, data=Data(batch_size=2, length=TIME), weights=path)
    params = jax.jit(partial(train.init, run))(jax.random.key(0)).params
    chex.assert_trees_all_equal(
        weights.to_release(params, config, "tensorflow"), arrays
    )


def refusal(path, config=None):
    config = config or model_config("enwik8")
    with pytest.raises(UserError) as error:
        weights.load(str(path), config, abstract_parameters(config))
    message = str(error.value)
    assert "\n" not in message
    return message


def test_half_precision_files_become_float32(tmp_path):
    arrays = {name: a.astype(np.float16) for name, a in official("enwik8").items()}
    config = model_config("enwik8")
    path = save(tmp_path / "half.npz", arrays)
    params = weights.load(path, config, abstract_parameters(config))
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}


def test_arrays_that_do_not_fit_are_named_with_both_shapes(tmp_path):
    arrays = official("enwik8")
    del arrays["transformer/layer_1/ff/layer_1/bias"]
    arrays["transformer/extra"] = np.zeros((3, 2), np.float32)
    arrays["transformer/r_r_bias"] = np.zeros((5, 2), np.float32)
    arrays["transformer/r_w_bias"] = np.zeros((2, 5), np.int32)
    message = refusal(save(tmp_path / "w.npz", arrays))
    for part in (
        "4 weights do not fit",
        "transformer/layer_1/ff/layer_1/bias expected [14], found nothing",
        "transformer/extra expected nothing, found [3, 2]",
        "transformer/r_r_bias expected [2, 5], found [5, 2]",
        "transformer/r_w_bias expected [2, 5], found [2, 5] of int32",
    ):
        assert part in message


def test_weights_of_another_model_name_five_of_many(tmp_path):
    path = save(tmp_path / "w.npz", official("wt103_large"))
    message = refusal(path)
    assert message.count("expected") == 5
    assert message.startswith("16 weights do not fit config.model")


def test_unreadable_files_are_refused_in_a_line(tmp_path):
    assert "no such weights file" in refusal(tmp_path / "absent.npz")
    assert "no such weights file" in refusal(tmp_path)
    checkpoint = tmp_path / "model.ckpt"
    checkpoint.write_bytes(b"weights")
    assert "no such weights file, .npz or .safetensors" in refusal(checkpoint)
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, **{"transformer/r_w_bias": np.array([{}], object)})
    assert "allow_pickle" in refusal(pickled)
    for name, content in (
        ("text.npz", b"words"), ("empty.npz", b""), ("text.safetensors", b"words"),
        ("cut.npz", pickled.read_bytes()[:90]), ("empty.safetensors", b""),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert "not a readable weights file" in refusal(tmp_path / name)
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    assert "not a readable weights file" in refusal(tmp_path / "array.npz")


@pytest.mark.parametrize(
    "change", [{"attention": "shaw"}, {"attention": "vaswani"}, {"pre_norm": True}]
)
def test_models_that_tensorflow_lacks_are_refused(tmp_path, change):
    path = save(tmp_path / "w.npz", official("enwik8"))
    assert "pre_norm=False" in refusal(path, model_config("enwik8", **change))
