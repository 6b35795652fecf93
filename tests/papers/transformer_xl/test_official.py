"""The released PyTorch codes, whose losses official_outputs.py has stored. A failure
means that their weights make another network here, or that a text is read otherwise."""

import dataclasses
import functools
import json
from functools import partial
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from common.contract import UserError
from papers.transformer_xl import train, weights
from papers.transformer_xl.config import Config, Data, Eval, Model
from papers.transformer_xl.memory import empty_memory
from papers.transformer_xl.model import TransformerXL
from tests.papers.transformer_xl import official_outputs as official

with np.load(Path(official.__file__).with_suffix(".npz")) as file:
    STORED = {name: file[name] for name in file.files}
WRITTEN = json.loads(str(STORED.pop("written")))["networks"]
NAMES = {
    "cutoffs": "cutoffs", "div_val": "div_value", "tie_projs": "tied_projections",
    "d_embed": "d_embed", "pre_lnorm": "pre_norm", "untie_r": "untied_biases",
    "clamp_len": "clamp_len", "mem_len": "mem_len",
}  # fmt: skip


def model_config(network, **reading):
    """Our model of a case. `reading`: how the released code reads a text."""
    options = official.NETWORKS.get(network) or official.HUGGING_FACE.get(network) or {}
    options = {"mem_len": official.PAST} | options | reading
    ours = {NAMES[n]: v for n, v in options.items() if n in NAMES}
    ours = {n: tuple(v) if isinstance(v, list) else v for n, v in ours.items()}
    ours["clamp_len"] = max(ours.get("clamp_len", 0), 0)
    window = ours["mem_len"] if options.get("same_length") else 0
    return Model(
        vocab_size=official.VOCAB, n_layers=2, d_model=16, n_heads=2, d_head=5,
        d_inner=14, window=window, **ours,
    )  # fmt: skip


def arrays_of(network):
    written = WRITTEN[network]
    return official.draw(written["shapes"], written["same"])


@functools.cache
def shapes(config):
    """Of the parameters of a config, given as its repr."""
    config = eval(config)
    tokens = jnp.zeros((1, 2), jnp.int32)

    def init(key):
        memory = empty_memory(config, 1, 0)
        return TransformerXL(config).init(key, tokens, tokens, memory, method="nll")

    return jax.eval_shape(init, jax.random.key(0))["params"]


def like(config):
    return shapes(repr(config))


def parameters(network, config):
    return weights.from_release(arrays_of(network), config, like(config))


@functools.cache
def losses(network, *, ext_len=0, **reading):
    """-log p of every target [batch, PREDICTED] by our network."""
    model = model_config(network, **reading)
    config = Config(
        model=model,
        data=Data(length=official.LENGTH, ext_len=ext_len),
        eval=Eval(
            batch_size=official.BATCH, count_zeros=network in official.HUGGING_FACE
        ),
    )
    padded = np.pad(
        official.text(), ((0, 0), (0, -official.PREDICTED % config.data.length))
    )
    nll = jax.jit(partial(train.stream_nll, config))(
        parameters(network, model), padded[:, :-1], padded[:, 1:]
    )
    return np.asarray(nll)[:, : official.PREDICTED]


QUICK = ("wt103_large", "extended", "extended_as_released")


def most_are_slow(cases):
    """Each compiles a network."""
    marks = {True: (), False: pytest.mark.slow}
    return [pytest.param(case, marks=marks[case in QUICK]) for case in cases]


@pytest.mark.parametrize("network", most_are_slow(WRITTEN))
def test_released_weights_have_the_released_losses(network):
    chex.assert_trees_all_close(
        np.float64(losses(network)), np.float64(STORED[network]), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("network", WRITTEN)
def test_written_weights_are_the_released_state_dict(network):
    config = model_config(network)
    arrays = weights.to_release(parameters(network, config), config, release(network))
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    assert shapes == WRITTEN[network]["shapes"]
    angles = {n: a for n, a in arrays.items() if n not in arrays_of(network)}
    chex.assert_trees_all_equal(arrays, arrays_of(network) | angles)


def release(network):
    return "hugging_face" if network in official.HUGGING_FACE else "pytorch"


def test_the_angles_beside_the_weights_are_those_of_the_sines():
    config = model_config("plain")
    arrays = weights.to_release(parameters("plain", config), config, "pytorch")
    expected = [10000 ** (-i / 8) for i in range(8)]
    np.testing.assert_allclose(arrays["pos_emb.inv_freq"], expected, rtol=1e-6)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("network", ["wt103_large", "hf_tied"])
def test_a_saved_file_is_read_back_exactly(tmp_path, network, suffix):
    config = model_config(network)
    params = parameters(network, config)
    path = str(tmp_path / f"weights{suffix}")
    weights.save(path, config, params, release(network))
    chex.assert_trees_all_equal(weights.load(path, config, like(config)), params)


def test_releases_become_one_another(tmp_path):
    """And TensorFlow's head is not PyTorch's."""
    config = model_config("wt103_large")
    params = parameters("wt103_large", config)
    heads = {}
    for name in weights.RELEASES:
        arrays = weights.to_release(params, config, name)
        again = weights.from_release(arrays, config, like(config))
        chex.assert_trees_all_equal(again, params)
        heads[name] = next(a for n, a in arrays.items() if "cluster_b" in n)
    np.testing.assert_array_equal(heads["hugging_face"], heads["tensorflow"])
    np.testing.assert_array_equal(heads["pytorch"], heads["tensorflow"][::-1])


@pytest.mark.parametrize("network", ["narrow_bins", "hf_tied"])
def test_one_name_of_a_tied_array_is_enough(network):
    """safetensors.torch.save_model stores it once."""
    config = model_config(network)
    arrays = arrays_of(network)
    whole = parameters(network, config)
    for other, first in WRITTEN[network]["same"].items():
        for left_out in (other, first):
            fewer = {n: a for n, a in arrays.items() if n != left_out}
            params = weights.from_release(fewer, config, like(config))
            chex.assert_trees_all_equal(params, whole)


def test_attention_may_be_named_without_decoder():
    config = model_config("plain")
    arrays = {
        name.replace("dec_attn", "attn"): array
        for name, array in arrays_of("plain").items()
    }
    params = weights.from_release(arrays, config, like(config))
    chex.assert_trees_all_equal(params, parameters("plain", config))


def refusal(arrays, config):
    with pytest.raises(UserError) as error:
        weights.from_release(arrays, config, like(config))
    message = str(error.value)
    assert "\n" not in message
    return message


def test_tied_arrays_that_differ_are_refused():
    arrays = arrays_of("bins")
    name = "crit.out_layers.0.weight"
    arrays[name] = arrays[name] + 1
    message = refusal(arrays, model_config("bins"))
    assert f"word_emb.emb_layers.0.weight and {name} differ" in message


@pytest.mark.parametrize(
    ("network", "changes", "part"),
    [
        ("plain", {"untied_biases": True}, "PyTorch weights need config.model."),
        ("plain", {"attention": "shaw"}, "attention='relative'"),
        ("hf_wt103", {"untied_biases": False}, "the network has one array for both"),
        ("hf_tied", {"untied_biases": True}, "transformer.r_r_bias expected nothing"),
        ("bins", {"cutoffs": ()}, "crit.cluster_weight expected nothing"),
        ("plain", {"d_inner": 9}, "CoreNet.0.weight expected [9, 16], found [14, 16]"),
    ],
)
def test_a_file_of_another_model_is_refused(network, changes, part):
    config = dataclasses.replace(model_config(network), **changes)
    assert part in refusal(arrays_of(network), config)


def test_an_untied_projection_that_is_missing_is_named():
    config = model_config("wt103_large", tie_projs=[])
    arrays = arrays_of("wt103_large")
    del arrays["crit.out_projs.1"]
    message = refusal(arrays, config)
    assert "crit.out_projs.1 expected [16, 4], found nothing" in message


@pytest.mark.parametrize("arrays", [{}, {"wte.weight": np.zeros((2, 2), np.float32)}])
def test_a_file_of_no_release_is_refused(tmp_path, arrays):
    path = tmp_path / "other.safetensors"
    save_file(arrays, path)
    with pytest.raises(UserError, match="no weights of Transformer-XL") as error:
        weights.load(str(path), model_config("plain"), {})
    assert "\n" not in str(error.value)


def test_an_unknown_release_is_refused():
    config = model_config("plain")
    with pytest.raises(UserError, match="release"):
        weights.to_release(parameters("plain", config), config, "torch")


def reading(case):
    """(network, how it is read) of a case of READINGS."""
    options = dict(official.READINGS[case])
    options.pop("mended", None)
    return options.pop("network"), options


@pytest.mark.parametrize("case", most_are_slow(official.READINGS))
def test_tokens_that_are_read_again_are_context_as_released(case):
    """The release calls _update_mems with two arguments exchanged: with a memory, what
    is read again is then seen twice."""
    network, options = reading(case)
    difference = np.abs(losses(network, **options) - STORED[case])
    if case == "extended_as_released":
        assert difference[:, : official.LENGTH].max() < 1e-5
        assert difference[:, official.LENGTH :].max() > 0.1
    else:
        assert difference.max() < 1e-5


@pytest.mark.slow
def test_training_reads_tokens_again_as_released():
    """Four steps without learning have the losses of the four segments."""
    network, options = reading("extended")
    model = model_config(network, **options)
    config = Config(
        model=model,
        data=Data(
            batch_size=official.BATCH, length=official.LENGTH,
            ext_len=options["ext_len"],
        ),
    )  # fmt: skip
    params = parameters(network, model)
    state = train.init(config, jax.random.key(0))
    step = jax.jit(partial(train.train_step, config))
    text = official.text()
    for start in range(0, official.PREDICTED - 2, official.LENGTH):
        end = start + official.LENGTH
        batch = {
            "inputs": text[:, start:end],
            "targets": text[:, start + 1 : end + 1],
            "mask": np.ones((official.BATCH, official.LENGTH), np.float32),
            "first": np.full(official.BATCH, start == 0),
        }
        state, metrics = step(state.replace(params=params), batch)
        expected = STORED["extended"][:, start:end].mean()
        assert float(metrics["loss"]) == pytest.approx(expected, abs=1e-5)
