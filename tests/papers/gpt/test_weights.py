"""GPT's weights as OpenAI and Hugging Face store them. A failure means that they make
another network, or that a bad file is accepted."""

import json

import chex
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from common.contract import UserError
from common.files import numbered_arrays
from common.files import weights as files
from common.transformer import Decoder
from papers.gpt import weights
from tests.papers.gpt import huggingface_logits as reference
from tests.papers.gpt.huggingface_logits import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH

CONFIG = Decoder(n_heads=HEADS)
PRODUCTS = {
    "attention/qkv": (WIDTH, 3 * WIDTH), "attention/output": (WIDTH, WIDTH),
    "mlp/up": (WIDTH, 4 * WIDTH), "mlp/down": (4 * WIDTH, WIDTH),
}  # fmt: skip


def params(classes=0):
    """GPT's parameters at random; with classes, those of a fine-tuned model."""
    shapes = {
        "tokens/embedding": (VOCAB, WIDTH),
        "positions/embedding": (CONTEXT, WIDTH),
    }
    for i in range(LAYERS):
        for name, shape in PRODUCTS.items():
            shapes[f"blocks_{i}/{name}/kernel"] = shape
            shapes[f"blocks_{i}/{name}/bias"] = shape[1:]
        for name in ("attention_norm", "mlp_norm"):
            shapes[f"blocks_{i}/{name}/scale"] = (WIDTH,)
            shapes[f"blocks_{i}/{name}/bias"] = (WIDTH,)
    if classes:
        shapes["specials"] = 3, WIDTH
        shapes["head/kernel"] = WIDTH, classes
        shapes["head/bias"] = (classes,)
    rng = np.random.default_rng(1)
    flat = {
        name: jnp.asarray(rng.standard_normal(shape), jnp.float32)
        for name, shape in shapes.items()
    }
    return unflatten_dict(flat, sep="/")


def refusal(path, config=CONFIG, like=None):
    with pytest.raises(UserError) as error:
        weights.load(str(path), config, like or params())
    message = str(error.value)
    assert "\n" not in message
    return message


# What OpenAI's params_shapes.json says of a model of these sizes.
OPENAI = [
    [CONTEXT, WIDTH], [VOCAB, WIDTH],
    *[
        [1, WIDTH, 3 * WIDTH], [3 * WIDTH], [1, WIDTH, WIDTH], [WIDTH],
        [WIDTH], [WIDTH],
        [1, WIDTH, 4 * WIDTH], [4 * WIDTH], [1, 4 * WIDTH, WIDTH], [WIDTH],
        [WIDTH], [WIDTH],
    ] * LAYERS,
]  # fmt: skip


def test_openais_shapes_are_the_released_ones_in_their_order(tmp_path):
    weights.save_openai(str(tmp_path), params())
    shapes = json.loads((tmp_path / "params_shapes.json").read_text())
    assert shapes == OPENAI
    assert len(list(tmp_path.glob("params_?.npy"))) == 10


def test_openais_arrays_stand_where_they_belong():
    arrays = [np.full(shape, i, np.float32) for i, shape in enumerate(OPENAI)]
    flat = flatten_dict(weights.from_openai(arrays, params()), sep="/")
    values = {name: np.unique(array).tolist() for name, array in flat.items()}
    expected = {"positions/embedding": [0], "tokens/embedding": [1]}
    for i in range(LAYERS):
        for j, name in enumerate((
            "attention/qkv/kernel", "attention/qkv/bias",
            "attention/output/kernel", "attention/output/bias",
            "attention_norm/scale", "attention_norm/bias",
            "mlp/up/kernel", "mlp/up/bias", "mlp/down/kernel", "mlp/down/bias",
            "mlp_norm/scale", "mlp_norm/bias",
        )):  # fmt: skip
            expected[f"blocks_{i}/{name}"] = [2 + 12 * i + j]
    assert values == expected


def test_hugging_faces_arrays_stand_where_they_belong():
    arrays = reference.arrays()
    flat = flatten_dict(weights.from_huggingface(arrays, params()), sep="/")
    assert len(flat) == len(arrays)
    for ours, theirs in {
        "tokens/embedding": "tokens_embed.weight",
        "positions/embedding": "positions_embed.weight",
        "blocks_1/attention_norm/scale": "h.1.ln_1.weight",
        "blocks_1/attention_norm/bias": "h.1.ln_1.bias",
        "blocks_1/attention/qkv/kernel": "h.1.attn.c_attn.weight",
        "blocks_0/attention/output/bias": "h.0.attn.c_proj.bias",
        "blocks_0/mlp_norm/scale": "h.0.ln_2.weight",
        "blocks_0/mlp/up/kernel": "h.0.mlp.c_fc.weight",
        "blocks_0/mlp/down/kernel": "h.0.mlp.c_proj.weight",
    }.items():
        assert np.array_equal(flat[ours], arrays[theirs]), ours


def test_saved_folders_load_to_the_bit(tmp_path):
    expected = params()
    weights.save_openai(str(tmp_path / "a"), expected)
    weights.save_huggingface(str(tmp_path / "b"), expected, CONFIG)
    for folder in ("a", "b"):
        found = weights.load(str(tmp_path / folder), CONFIG, params())
        chex.assert_trees_all_equal(found, expected)
        chex.assert_trees_all_equal_structs(found, expected)


@pytest.mark.parametrize("classes", [1, 3])
def test_a_fine_tuned_model_goes_through_hugging_faces_files(tmp_path, classes):
    expected = params(classes)
    weights.save_huggingface(str(tmp_path), expected, CONFIG)
    like = {name: params(classes)[name] for name in expected}
    chex.assert_trees_all_equal(weights.load(str(tmp_path), CONFIG, like), expected)
    table = files.read(tmp_path)["transformer.tokens_embed.weight"]
    assert np.array_equal(table[VOCAB:], expected["specials"])


def test_pretrained_weights_leave_what_is_fine_tuned_as_it_is(tmp_path):
    """OpenAI's, and Hugging Face's with and without a head."""
    like = params(1)
    weights.save_openai(str(tmp_path / "a"), params())
    files.write(tmp_path / "b.safetensors", reference.arrays())
    files.write(tmp_path / "c.safetensors", reference.arrays() | reference.head())
    loaded = {n: weights.load(str(p), CONFIG, like) for n, p in (
        ("a", tmp_path / "a"), ("b", tmp_path / "b.safetensors"),
        ("c", tmp_path / "c.safetensors"),
    )}  # fmt: skip
    for found in loaded.values():
        chex.assert_trees_all_equal(found["specials"], like["specials"])
    for name in ("a", "b"):
        chex.assert_trees_all_equal(loaded[name]["head"], like["head"])
    kernel = reference.head()["multiple_choice_head.summary.weight"]
    assert np.array_equal(loaded["c"]["head"]["kernel"], kernel.T)
    chex.assert_trees_all_equal(
        loaded["a"], params() | {name: like[name] for name in ("specials", "head")}
    )


def test_openais_files_have_no_place_for_what_is_fine_tuned(tmp_path):
    with pytest.raises(UserError, match="no place for head and specials"):
        weights.save_openai(str(tmp_path / "a"), params(2))
    assert not list(tmp_path.iterdir())


def test_heads_that_do_not_fit_are_refused(tmp_path):
    arrays = reference.arrays() | reference.head()
    files.write(tmp_path / "model.safetensors", arrays)
    name = "multiple_choice_head.summary.weight"
    expected = f"{name} expected nothing, found [1, 32]"
    assert expected in refusal(tmp_path)
    assert f"{name} expected [32, 3], found [32, 1]" in refusal(
        tmp_path, like=params(3)
    )


def test_constants_and_the_tied_head_are_no_parameters(tmp_path):
    arrays = {f"transformer.{name}": a for name, a in reference.arrays().items()}
    arrays["lm_head.weight"] = arrays["transformer.tokens_embed.weight"].copy()
    arrays["transformer.position_ids"] = np.arange(CONTEXT)
    arrays["transformer.h.0.attn.bias"] = np.ones((1, 1, CONTEXT, CONTEXT), np.float32)
    path = tmp_path / "model.safetensors"
    files.write(path, arrays)
    chex.assert_trees_all_equal(
        weights.load(str(path), CONFIG, params()),
        weights.from_huggingface(reference.arrays(), params()),
    )
    arrays["lm_head.weight"][3, 2] += 1
    files.write(path, arrays)
    assert "lm_head.weight is not tokens_embed.weight" in refusal(path)


def test_the_table_may_have_the_name_of_the_head_alone(tmp_path):
    """As newer transformers save the model with two heads."""
    arrays = reference.arrays()
    arrays["lm_head.weight"] = arrays.pop("tokens_embed.weight")
    files.write(tmp_path / "model.safetensors", arrays)
    found = weights.load(str(tmp_path), CONFIG, params())
    assert np.array_equal(found["tokens"]["embedding"], arrays["lm_head.weight"])


def test_openais_arrays_in_another_order_are_named(tmp_path):
    """As far as their shapes tell."""
    arrays = weights.to_openai(params())
    arrays[0], arrays[1] = arrays[1], arrays[0]
    numbered_arrays.write(tmp_path / "params_shapes.json", arrays)
    message = refusal(tmp_path)
    assert "array 0 (positions/embedding) expected [16, 32], found [97, 32]" in message


def test_openais_arrays_of_another_model_are_refused(tmp_path):
    arrays = weights.to_openai(params())
    for wrong, line in (
        (arrays[:-1], "array 25 (blocks_1/mlp_norm/bias) expected [32], found nothing"),
        ([*arrays, np.zeros(3)], "array 26 expected nothing, found [3]"),
    ):
        numbered_arrays.write(tmp_path / "params_shapes.json", wrong)
        assert line in refusal(tmp_path)


def test_settings_beside_the_weights_must_be_the_configs(tmp_path):
    """Shapes do not tell the number of heads: the outputs would be wrong."""
    weights.save_huggingface(str(tmp_path), params(), CONFIG)
    assert refusal(tmp_path, Decoder(n_heads=2)) == (
        "config.json beside the weights has n_head=4, not 2: set config.model.n_heads=4"
    )
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"afn": "relu"}))
    assert "has afn=relu, not gelu" in refusal(tmp_path)


def test_models_that_their_code_lacks_are_not_written(tmp_path):
    narrow = params()
    for block in range(LAYERS):
        mlp = narrow[f"blocks_{block}"]["mlp"]
        mlp["up"] = {"kernel": jnp.zeros((WIDTH, 8)), "bias": jnp.zeros(8)}
        mlp["down"]["kernel"] = jnp.zeros((8, WIDTH))
    with pytest.raises(UserError, match="OpenAI's code has an MLP"):
        weights.save_openai(str(tmp_path / "a"), narrow)
    with pytest.raises(UserError, match="openai-gpt has an MLP"):
        weights.save_huggingface(str(tmp_path / "a"), narrow, CONFIG)
    assert not list(tmp_path.iterdir())


def test_an_lstm_in_the_transformers_place_has_no_released_weights(tmp_path):
    transformer = params()
    weights.save_openai(str(tmp_path / "openai"), transformer)
    weights.save_huggingface(str(tmp_path / "hf"), transformer, CONFIG)
    lstm = {"tokens": transformer["tokens"], "positions": transformer["positions"]}
    lstm["lstm"] = {"kernel": jnp.zeros((WIDTH, 4 * WIDTH))}
    for folder in ("openai", "hf"):
        message = refusal(tmp_path / folder, like=lstm)
        assert message.endswith("set config.model.network=transformer")
    with pytest.raises(UserError, match="are a Transformer's"):
        weights.save_openai(str(tmp_path / "a"), lstm)
    with pytest.raises(UserError, match="are a Transformer's"):
        weights.save_huggingface(str(tmp_path / "a"), lstm, CONFIG)
