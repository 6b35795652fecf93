"""Files of weights by name. A failure means that an array is lost or misread, or that a
bad file is accepted."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open

from common.contract import UserError
from common.files import numbered_arrays, weights

DTYPES = (np.float32, np.float16, jnp.bfloat16, np.float64, np.int64)


def arrays_of(dtypes=DTYPES):
    arrays = {
        np.dtype(dtype).name: np.arange(6).reshape(2, 3).astype(dtype)
        for dtype in dtypes
    }
    return arrays | {"scalar": np.array(2.5, np.float32)}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert np.array_equal(found[name], array), name


def refusal(path):
    with pytest.raises(UserError) as error:
        weights.read(path)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("name", "dtypes"),
    [
        ("w.safetensors", DTYPES),
        ("w.ckpt", DTYPES),
        ("w.npz", [d for d in DTYPES if d is not jnp.bfloat16]),
    ],
)
def test_written_files_are_read_again(tmp_path, name, dtypes):
    path = tmp_path / name
    weights.write(path, arrays_of(dtypes))
    assert_same(weights.read(path), arrays_of(dtypes))
    wanted = weights.read(path, lambda name: name == "scalar")
    assert_same(wanted, {"scalar": np.array(2.5, np.float32)})


def test_npz_has_no_bfloat16_and_says_so(tmp_path):
    with pytest.raises(UserError, match=r"bfloat16.*safetensors"):
        weights.write(tmp_path / "w.npz", arrays_of())
    assert not list(tmp_path.iterdir())


def test_a_safetensors_has_the_metadata_that_hugging_face_asks_for(tmp_path):
    weights.write(tmp_path / "w.safetensors", arrays_of())
    with safe_open(tmp_path / "w.safetensors", framework="numpy") as file:
        assert file.metadata() == {"format": "pt"}


def test_other_endings_are_not_written(tmp_path):
    with pytest.raises(UserError, match=r"ends in \.npz"):
        weights.write(tmp_path / "w.pt", {})


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.tar", "pytorch_model.bin"])
def test_pickles_are_refused_whether_or_not_they_are_there(tmp_path, name):
    assert "is a pickle, which is never loaded" in refusal(tmp_path / name)


def write_sharded(folder):
    """Two safetensors of two arrays each, and their index, as Hugging Face has them."""
    places = {}
    for i, names in enumerate((("float32", "int64"), ("float16", "scalar"))):
        shard = f"model-{i + 1:05}-of-00002.safetensors"
        weights.write(folder / shard, {name: arrays_of()[name] for name in names})
        places |= dict.fromkeys(names, shard)
    index = folder / "model.safetensors.index.json"
    contents = {"metadata": {"total_size": 0}, "weight_map": places}
    index.write_text(json.dumps(contents))
    return index


def test_sharded_safetensors_are_read_as_one(tmp_path):
    index = write_sharded(tmp_path)
    expected = {
        n: a for n, a in arrays_of().items() if n not in ("bfloat16", "float64")
    }
    assert_same(weights.read(index), expected)
    assert_same(weights.read(tmp_path), expected)


def test_only_shards_with_wanted_arrays_are_opened(tmp_path):
    index = write_sharded(tmp_path)
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(b"damaged")
    assert weights.read(index, lambda name: name == "int64").keys() == {"int64"}
    assert "not a readable weights file" in refusal(index)


def test_shards_that_are_missing_or_lack_an_array_are_named(tmp_path):
    index = write_sharded(tmp_path)
    shard = tmp_path / "model-00002-of-00002.safetensors"
    weights.write(shard, {"float16": arrays_of()["float16"]})
    assert f"{shard}: {index.name} says that it has scalar" in refusal(index)
    shard.unlink()
    assert f"{shard} is missing" in refusal(index)
    for text in ("", "[]", "{}", '{"weight_map": {"a": 3}}', '{"weight_map": ["a"]}'):
        index.write_text(text)
        assert "not a readable weights file" in refusal(index)


def test_a_folder_stands_for_the_weights_in_it(tmp_path):
    assert "no such weights file" in refusal(tmp_path)
    weights.write(tmp_path / "model.safetensors", arrays_of())
    weights.write(tmp_path / "other.npz", {})
    assert_same(weights.read(tmp_path), arrays_of())


def test_a_folder_with_two_kinds_of_weights_is_refused(tmp_path):
    weights.write(tmp_path / "model.safetensors", arrays_of())
    weights.write(tmp_path / "model.ckpt", arrays_of())
    message = refusal(tmp_path)
    assert (
        "has checkpoint and model.safetensors: name the file that is meant" in message
    )


def test_settings_are_those_beside_the_file(tmp_path):
    path = tmp_path / "model.safetensors"
    weights.write(path, arrays_of())
    assert weights.settings_beside(path, "config.json") == {}
    weights.write_settings(tmp_path / "config.json", {"n_head": 4})
    for place in (path, tmp_path):
        assert weights.settings_beside(place, "config.json") == {"n_head": 4}
    (tmp_path / "empty").mkdir()
    assert weights.settings_beside(tmp_path / "empty", "config.json") == {}
    for text in ("", "words", "[1]", "3"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(UserError, match="not a JSON object"):
            weights.settings_beside(path, "config.json")


SHAPES = ((5, 3), (2, 3, 4), (7,), (), (1, 2))


def numbered(folder, files=12):
    """Arrays of SHAPES in a folder of OpenAI's kind."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES]
    numbered_arrays.write(folder / "params_shapes.json", arrays, files)
    return arrays


def test_numbered_arrays_are_read_in_their_order_ten_after_nine(tmp_path):
    arrays = numbered(tmp_path)
    expected = {str(i): array for i, array in enumerate(arrays)}
    assert_same(weights.read(tmp_path), expected)
    assert_same(weights.read(tmp_path / "params_shapes.json"), expected)


def test_numbered_arrays_are_what_openais_code_expects(tmp_path):
    """Which joins all files and splits at the cumulative products of the shapes."""
    arrays = numbered(tmp_path, files=10)
    shapes = json.loads((tmp_path / "params_shapes.json").read_text())
    files = [np.load(tmp_path / f"params_{i}.npy") for i in range(10)]
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
    parts = np.split(np.concatenate(files), ends)
    assert len(parts.pop()) == 0
    for part, shape, array in zip(parts, shapes, arrays, strict=True):
        assert np.array_equal(part.reshape(shape), array)


def test_hidden_and_other_files_beside_numbered_ones_are_passed_over(tmp_path):
    arrays = numbered(tmp_path)
    for name in ("._params_0.npy", "params_00.npy", "params_1 (1).npy", "params_x.npy"):
        shutil.copy(tmp_path / "params_0.npy", tmp_path / name)
    assert_same(weights.read(tmp_path), {str(i): a for i, a in enumerate(arrays)})


def test_missing_numbered_files_are_named(tmp_path):
    numbered(tmp_path)
    last = tmp_path / "params_11.npy"
    size = len(np.load(last))
    last.unlink()
    assert f"says 49 numbers, but params_0.npy to params_10.npy have {49 - size}" in (
        refusal(tmp_path)
    )
    (tmp_path / "params_3.npy").unlink()
    assert "params_3.npy is missing" in refusal(tmp_path)
    for file in tmp_path.glob("*.npy"):
        file.unlink()
    assert "params_0.npy is missing" in refusal(tmp_path)


def test_surplus_numbered_files_are_refused(tmp_path):
    numbered(tmp_path)
    np.save(tmp_path / "params_12.npy", np.zeros(3, np.float32))
    assert "says 49 numbers, but params_0.npy to params_12.npy have 52" in (
        refusal(tmp_path)
    )


def test_numbered_files_that_are_no_row_of_floats_are_refused(tmp_path):
    numbered(tmp_path)
    file = tmp_path / "params_4.npy"
    for array, found in (
        (np.zeros((2, 2), np.float32), "[2, 2] of float32"),
        (np.zeros(4), "[4] of float64"),
        (np.zeros(4, np.int32), "[4] of int32"),
    ):
        np.save(file, array)
        message = refusal(tmp_path)
        assert f"{file}: expected float32 numbers in a row, found {found}" in message
    np.save(file, np.array([{}], object))
    assert "params_4.npy" in refusal(tmp_path)
    for content in (b"", b"words", b"\x93NUMPY"):
        file.write_bytes(content)
        assert "params_4.npy" in refusal(tmp_path)


def test_shapes_that_are_none_are_refused(tmp_path):
    numbered(tmp_path)
    for text in ("", "[]", "{}", "3", "[[2.5]]", "[[-1]]", '["ab"]', "[[true]]", "[3]"):
        (tmp_path / "params_shapes.json").write_text(text)
        assert "not a JSON list of arrays' shapes" in refusal(tmp_path)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "w.npz"
    weights.write(path, {"w": np.ones(2)})
    with pytest.raises(UserError):
        weights.write(path, {"w": np.array([{}], object)})
    assert_same(weights.read(path), {"w": np.ones(2)})
    assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]
