"""GPT-2's weights by the names of OpenAI and Hugging Face. A failure means that they
make another network, or that a bad file is accepted."""

import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from common.contract import UserError
from common.files import weights as files
from common.transformer import Decoder
from papers.gpt2 import weights
from tests.papers.gpt2 import huggingface_logits as reference
from tests.papers.gpt2.huggingface_logits import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH

CONFIG = Decoder(n_heads=HEADS, dropout=0.1)


def like(inner=4 * WIDTH, bias=True):
    """The shapes of GPT-2's parameters."""

    def array(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    def module(**leaves):
        return leaves if bias else {n: a for n, a in leaves.items() if n != "bias"}

    def product(n_in, n_out):
        return module(kernel=array(n_in, n_out), bias=array(n_out))

    def norm():
        return module(scale=array(WIDTH), bias=array(WIDTH))

    def block():
        return {
            "attention_norm": norm(),
            "attention": {
                "qkv": product(WIDTH, 3 * WIDTH),
                "output": product(WIDTH, WIDTH),
            },
            "mlp_norm": norm(),
            "mlp": {"up": product(WIDTH, inner), "down": product(inner, WIDTH)},
        }

    return {
        "tokens": {"embedding": array(VOCAB, WIDTH)},
        "positions": {"embedding": array(CONTEXT, WIDTH)},
        **{f"blocks_{i}": block() for i in range(LAYERS)},
        "norm": norm(),
    }


def params(**options):
    rng = np.random.default_rng(1)

    def draw(leaf):
        return jnp.asarray(rng.standard_normal(leaf.shape), jnp.float32)

    return jax.tree.map(draw, like(**options))


def refusal(path, config=CONFIG, shapes=None):
    with pytest.raises(UserError) as error:
        weights.load(str(path), config, shapes or like())
    message = str(error.value)
    assert "\n" not in message
    return message


def test_hugging_faces_arrays_stand_where_they_belong():
    arrays = reference.arrays()
    flat = flatten_dict(weights.from_huggingface(arrays, like()), sep="/")
    assert len(flat) == len(arrays)
    for ours, theirs in {
        "tokens/embedding": "wte.weight",
        "positions/embedding": "wpe.weight",
        "norm/scale": "ln_f.weight",
        "norm/bias": "ln_f.bias",
        "blocks_1/attention_norm/scale": "h.1.ln_1.weight",
        "blocks_1/attention_norm/bias": "h.1.ln_1.bias",
        "blocks_1/attention/qkv/kernel": "h.1.attn.c_attn.weight",
        "blocks_1/attention/qkv/bias": "h.1.attn.c_attn.bias",
        "blocks_1/attention/output/kernel": "h.1.attn.c_proj.weight",
        "blocks_0/attention/output/bias": "h.0.attn.c_proj.bias",
        "blocks_0/mlp_norm/scale": "h.0.ln_2.weight",
        "blocks_0/mlp_norm/bias": "h.0.ln_2.bias",
        "blocks_0/mlp/up/kernel": "h.0.mlp.c_fc.weight",
        "blocks_0/mlp/up/bias": "h.0.mlp.c_fc.bias",
        "blocks_0/mlp/down/kernel": "h.0.mlp.c_proj.weight",
        "blocks_0/mlp/down/bias": "h.0.mlp.c_proj.bias",
    }.items():
        assert np.array_equal(flat[ours], arrays[theirs]), ours


def test_openais_names_and_shapes_are_the_released_ones():
    arrays = weights.to_openai(params())
    block = {
        f"model/h1/{name}": shape
        for name, shape in {
            "ln_1/g": (WIDTH,), "ln_1/b": (WIDTH,),
            "attn/c_attn/w": (1, WIDTH, 3 * WIDTH), "attn/c_attn/b": (3 * WIDTH,),
            "attn/c_proj/w": (1, WIDTH, WIDTH), "attn/c_proj/b": (WIDTH,),
            "ln_2/g": (WIDTH,), "ln_2/b": (WIDTH,),
            "mlp/c_fc/w": (1, WIDTH, 4 * WIDTH), "mlp/c_fc/b": (4 * WIDTH,),
            "mlp/c_proj/w": (1, 4 * WIDTH, WIDTH), "mlp/c_proj/b": (WIDTH,),
        }.items()
    }  # fmt: skip
    outside = {
        "model/wte": (VOCAB, WIDTH), "model/wpe": (CONTEXT, WIDTH),
        "model/ln_f/g": (WIDTH,), "model/ln_f/b": (WIDTH,),
    }  # fmt: skip
    first = {name.replace("h1", "h0"): shape for name, shape in block.items()}
    found = {name: array.shape for name, array in arrays.items()}
    assert found == outside | first | block


@pytest.mark.parametrize("save", [weights.save_openai, weights.save_huggingface])
def test_saved_folders_load_to_the_bit(tmp_path, save):
    expected = params()
    save(str(tmp_path / "new" / "folder"), expected, CONFIG)
    found = weights.load(str(tmp_path / "new" / "folder"), CONFIG, like())
    chex.assert_trees_all_equal(found, expected)
    chex.assert_trees_all_equal_structs(found, expected)


@pytest.mark.parametrize("prefix", ["", "transformer."])
@pytest.mark.parametrize("name", ["w.safetensors", "w.npz", "w.ckpt"])
def test_names_with_and_without_prefix_are_read_from_any_file(tmp_path, prefix, name):
    path = tmp_path / name
    arrays = {f"{prefix}{name}": a for name, a in reference.arrays().items()}
    files.write(path, arrays)
    found = weights.load(str(path), CONFIG, like())
    chex.assert_trees_all_equal(
        found, weights.from_huggingface(reference.arrays(), like())
    )


def test_masks_and_the_tied_head_of_older_files_are_no_parameters(tmp_path):
    arrays = {f"transformer.{name}": a for name, a in reference.arrays().items()}
    arrays["lm_head.weight"] = arrays["transformer.wte.weight"].copy()
    for i in range(LAYERS):
        mask = np.ones((1, 1, CONTEXT, CONTEXT), np.uint8)
        arrays[f"transformer.h.{i}.attn.bias"] = mask
        arrays[f"transformer.h.{i}.attn.masked_bias"] = np.array(-1e4, np.float32)
    files.write(tmp_path / "model.safetensors", arrays)
    chex.assert_trees_all_equal(
        weights.load(str(tmp_path), CONFIG, like()),
        weights.from_huggingface(reference.arrays(), like()),
    )


def test_a_head_of_its_own_is_refused(tmp_path):
    arrays = reference.arrays()
    for head in (arrays["wte.weight"] + 1e-3, arrays["wte.weight"][:-1]):
        path = tmp_path / "model.safetensors"
        files.write(path, arrays | {"lm_head.weight": head})
        assert "lm_head.weight is not wte.weight" in refusal(path)


def test_a_name_with_and_without_prefix_is_refused(tmp_path):
    arrays = reference.arrays()
    arrays["transformer.wte.weight"] = arrays["wte.weight"] + 1
    files.write(tmp_path / "model.safetensors", arrays)
    assert "both with and without transformer." in refusal(tmp_path)


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16])
def test_half_precision_becomes_float32(tmp_path, dtype):
    arrays = {name: a.astype(dtype) for name, a in reference.arrays().items()}
    files.write(tmp_path / "model.safetensors", arrays)
    found = weights.load(str(tmp_path), CONFIG, like())
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype("float32")}
    expected = arrays["wpe.weight"].astype(np.float32)
    assert np.array_equal(found["positions"]["embedding"], expected)


def test_training_that_tensorflow_remembers_is_left_out(tmp_path):
    arrays = weights.to_openai(params())
    memory = {f"{name}/Adam": array for name, array in arrays.items()}
    step = {"global_step": np.array(7, np.int64)}
    files.write(tmp_path / "model.ckpt", arrays | memory | step)
    chex.assert_trees_all_equal(weights.load(str(tmp_path), CONFIG, like()), params())


def test_arrays_that_do_not_fit_are_named_with_both_shapes(tmp_path):
    arrays = reference.arrays()
    del arrays["h.1.ln_2.bias"]
    arrays["h.0.attn.c_attn.weight"] = arrays["h.0.attn.c_attn.weight"].T
    arrays["score.weight"] = np.zeros((2, WIDTH), np.float32)
    arrays["wte.weight"] = np.zeros((VOCAB + 31, WIDTH), np.float32)
    files.write(tmp_path / "model.safetensors", arrays)
    message = refusal(tmp_path)
    for part in (
        "4 weights do not fit",
        "h.1.ln_2.bias expected [32], found nothing",
        "h.0.attn.c_attn.weight expected [32, 96], found [96, 32]",
        "score.weight expected nothing, found [2, 32]",
        "wte.weight expected [97, 32], found [128, 32]",
    ):
        assert part in message


def test_openais_arrays_of_another_model_are_refused(tmp_path):
    weights.save_openai(str(tmp_path), params(), CONFIG)
    shapes = like()
    del shapes["blocks_1"]
    message = refusal(tmp_path, shapes=shapes)
    assert message.startswith("12 weights do not fit config.model")


def test_a_file_of_nothing_is_refused(tmp_path):
    files.write(tmp_path / "w.safetensors", {})
    assert "28 weights do not fit" in refusal(tmp_path / "w.safetensors")


def test_settings_beside_the_weights_must_be_the_configs(tmp_path):
    """Shapes do not tell the number of heads: the outputs would be wrong."""
    weights.save_huggingface(str(tmp_path / "hf"), params(), CONFIG)
    weights.save_openai(str(tmp_path / "openai"), params(), CONFIG)
    other = Decoder(n_heads=2 * HEADS)
    for folder, file in (("hf", "config.json"), ("openai", "hparams.json")):
        message = refusal(tmp_path / folder, other)
        assert message == (
            f"{file} beside the weights has n_head=4, not 8: set config.model.n_heads=4"
        )
    message = refusal(tmp_path / "hf", Decoder(n_heads=HEADS, norm_epsilon=1e-6))
    assert "layer_norm_epsilon=1e-05, not 1e-06" in message
    file = tmp_path / "hf" / "config.json"
    settings = json.loads(file.read_text())
    for name, value in (
        ("activation_function", "gelu"), ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
    ):  # fmt: skip
        file.write_text(json.dumps(settings | {name: value}))
        assert f"has {name}={value}" in refusal(tmp_path / "hf")


def test_models_that_openais_code_lacks_are_not_written_for_it(tmp_path):
    for options, line in (
        ({"inner": 2 * WIDTH}, r"MLP of 4 \* d_model=128, not 64"),
        ({"bias": False}, r"config.model.bias=False"),
    ):
        with pytest.raises(UserError, match=line):
            weights.save_openai(str(tmp_path / "a"), params(**options), CONFIG)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"inner": 2 * WIDTH}, {"bias": False}])
def test_other_widths_and_no_biases_go_through_hugging_faces_files(tmp_path, options):
    expected = params(**options)
    weights.save_huggingface(str(tmp_path), expected, CONFIG)
    found = weights.load(str(tmp_path), CONFIG, like(**options))
    chex.assert_trees_all_equal(found, expected)
