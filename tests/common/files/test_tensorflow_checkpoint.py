"""TensorFlow's checkpoints, beside files that TensorFlow wrote. A failure means that
weights are read wrong, or that a damaged file is read as if it were whole."""

import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from common.files import sorted_table, tensorflow_checkpoint, weights
from tests.common.files import tensorflow_checkpoints as reference

KINDS = reference.FOLDER / "kinds"
SHARDS = sorted(KINDS.glob("*.data-*"))


def expected_kinds():
    arrays = {}
    for kind in reference.KINDS:
        dtype = jnp.bfloat16 if kind == "bfloat16" else kind
        arrays[f"kinds/{kind}"] = reference.numbers(kind).astype(dtype)
    for i in range(reference.LAYERS):
        arrays[f"model/h{i}/ln_1/g"] = reference.layer(i)
    arrays["scalar"] = np.array(3.5, np.float32)
    arrays["empty"] = np.zeros((0, 4), np.float32)
    return arrays


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


def read_or_line(path):
    """The arrays, or the line that refuses them."""
    try:
        return weights.read(path)
    except UserError as error:
        message = str(error)
    assert "\n" not in message
    return message


@pytest.fixture
def kinds(tmp_path):
    """A copy of TensorFlow's files, to be damaged."""
    return Path(shutil.copytree(KINDS, tmp_path / "kinds"))


@pytest.mark.parametrize(
    "name", ["", "checkpoint", "model.ckpt", "model.ckpt.index", SHARDS[1].name]
)
def test_every_kind_of_array_is_read_from_every_shard_by_any_of_its_names(name):
    assert_same(weights.read(KINDS / name), expected_kinds())


def test_only_wanted_arrays_are_read_and_only_their_shards(kinds):
    """The layers are all in the first shard."""
    for shard in SHARDS[1:]:
        (kinds / shard.name).unlink()
    found = weights.read(kinds, lambda name: name.startswith("model/"))
    assert found.keys() == {f"model/h{i}/ln_1/g" for i in range(reference.LAYERS)}
    assert "00001-of-00003 is missing" in refusal(kinds)


def test_tensorflow_2_stores_its_graph_besides_which_is_no_array():
    found = weights.read(reference.FOLDER / "objects")
    suffix = ".ATTRIBUTES/VARIABLE_VALUE"
    expected = {
        f"w/{suffix}": np.arange(3, dtype=np.float32),
        f"save_counter/{suffix}": np.array(1, np.int64),
    }
    assert_same(found, expected)


def test_slices_are_refused_and_arrays_beside_them_read():
    path = reference.FOLDER / "slices"
    assert "cut is stored in slices" in refusal(path)
    found = weights.read(path, lambda name: name == "whole")
    assert_same(found, {"whole": np.ones(2, np.float32)})


def test_written_checkpoint_is_read_again_from_the_folder(tmp_path):
    arrays = expected_kinds() | {"käse/w": np.ones(2, np.float32)}
    weights.write(tmp_path / "model.ckpt", arrays)
    assert_same(weights.read(tmp_path), arrays)
    assert len(list(tmp_path.iterdir())) == 3


def test_written_data_are_tensorflows_bytes(tmp_path):
    """Of the arrays of its last shard, which it orders by their names too."""
    found = weights.read(KINDS)
    entries = tensorflow_checkpoint._read_index(KINDS / "model.ckpt.index")[1]
    last = {name: found[name] for name in found if entries[name].shard == 2}
    weights.write(tmp_path / "model.ckpt", last)
    (data,) = tmp_path.glob("*.data-*")
    theirs = SHARDS[2].read_bytes()
    assert data.read_bytes() == theirs
    mine = tensorflow_checkpoint._read_index(tmp_path / "model.ckpt.index")[1]
    for name in last:
        assert mine[name] == entries[name]._replace(shard=0)


@pytest.mark.slow
def test_tensorflow_reads_what_is_written(tmp_path):
    """Where it is installed."""
    tf = pytest.importorskip("tensorflow")
    arrays = expected_kinds() | {f"many/{i}": np.full(3, i) for i in range(500)}
    weights.write(tmp_path / "model.ckpt", arrays)
    for path in (tmp_path, tmp_path / "model.ckpt"):
        reader = tf.train.load_checkpoint(str(path))
        names = reader.get_variable_to_shape_map()
        found = {name: np.asarray(reader.get_tensor(name)) for name in names}
        assert_same(found, arrays)


def test_arrays_are_mapped_and_outlive_their_file(tmp_path):
    path = tmp_path / "model.ckpt"
    weights.write(path, {"w": np.arange(5000.0)})
    found = weights.read(path)
    assert not found["w"].flags.owndata
    assert not found["w"].flags.writeable
    weights.write(path, {"w": found["w"][:7]})
    assert np.array_equal(found["w"], np.arange(5000.0))
    assert np.array_equal(weights.read(path)["w"], np.arange(7.0))


def test_arrays_of_any_layout_are_written_as_they_read(tmp_path):
    arrays = {
        "transposed": np.arange(6.0).reshape(2, 3).T,
        "strided": np.arange(10, dtype=np.int32)[::3],
        "big_endian": np.arange(4, dtype=">f4"),
    }
    weights.write(tmp_path / "model.ckpt", arrays)
    found = weights.read(tmp_path)
    for name, array in arrays.items():
        assert np.array_equal(found[name], array), name


def test_kinds_that_a_checkpoint_lacks_are_refused(tmp_path):
    for array in (np.array(["words"]), np.array([{}], object), np.zeros(2, "M8[s]")):
        with pytest.raises(UserError, match="no checkpoint can hold it"):
            weights.write(tmp_path / "model.ckpt", {"w": array})
    assert not list(tmp_path.iterdir())


def test_a_flipped_bit_never_changes_what_is_read(kinds):
    """It is refused, or it is where nothing is stored, in the table's last bytes."""
    expected = expected_kinds()
    refused = 0
    for file in (kinds / "model.ckpt.index", *map(kinds.joinpath, SHARDS)):
        file = kinds / file.name
        whole = file.read_bytes()
        for at in range(0, len(whole), 17):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << at % 8
            file.write_bytes(damaged)
            found = read_or_line(kinds)
            if isinstance(found, str):
                refused += 1
            else:
                assert_same(found, expected)
        file.write_bytes(whole)
    assert refused > 100


def test_flipped_bits_are_named_with_their_array(kinds):
    file = kinds / SHARDS[2].name
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    message = refusal(kinds)
    assert file.name in message
    assert "the checksum of" in message


def test_files_that_are_cut_off_are_refused(kinds):
    for name in ("model.ckpt.index", SHARDS[2].name):
        file = kinds / name
        whole = file.read_bytes()
        for size in range(0, len(whole), 41):
            file.write_bytes(whole[:size])
            assert "cut off" in refusal(kinds)
        file.write_bytes(whole)


def test_entries_with_right_checksums_and_wrong_contents_are_refused(tmp_path):
    """They are the arrays, another reading of them, or a line that refuses."""
    rng = np.random.default_rng(0)
    path = tmp_path / "model.ckpt"
    weights.write(path, {"a": np.arange(6.0).reshape(2, 3), "b": np.ones(4)})
    index = tmp_path / "model.ckpt.index"
    items = dict(sorted_table.read(index.read_bytes()))
    refused = 0
    for _ in range(100):
        key = sorted(items)[rng.integers(len(items))]
        value = bytearray(items[key])
        for _ in range(rng.integers(1, 4)):
            value[rng.integers(len(value))] = rng.integers(256)
        table = sorted_table.write(sorted((items | {key: bytes(value)}).items()))
        index.write_bytes(table)
        refused += isinstance(read_or_line(path), str)
    assert refused > 60


def test_state_file_may_have_moved_with_its_folder(tmp_path):
    weights.write(tmp_path / "model.ckpt", {"w": np.ones(2)})
    state = tmp_path / "checkpoint"
    for text in (
        'model_checkpoint_path: "/home/somebody/117M/model.ckpt"\n',
        'model_checkpoint_path:   "./model.ckpt"',
        'all_model_checkpoint_paths: "a"\nmodel_checkpoint_path: "model.ckpt"\r\n',
    ):
        state.write_text(text)
        assert weights.read(tmp_path).keys() == {"w"}
    state.write_text('model_checkpoint_path: "model.ckpt-7"')
    assert "names 'model.ckpt-7', but" in refusal(tmp_path)
    for text in ("", "words", "model_checkpoint_path: model.ckpt"):
        state.write_text(text)
        assert "names no checkpoint" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["käse.ckpt", 'a "quoted" \\ name.ckpt'])
def test_state_file_names_any_name(tmp_path, name):
    weights.write(tmp_path / name, {"w": np.ones(2)})
    assert weights.read(tmp_path).keys() == {"w"}


def test_state_file_of_tensorflow_escapes_what_is_not_ascii(tmp_path):
    weights.write(tmp_path / "käse.ckpt", {"w": np.ones(2)})
    text = r'model_checkpoint_path: "k\303\244se.ckpt"'
    (tmp_path / "checkpoint").write_text(text)
    assert weights.read(tmp_path).keys() == {"w"}


def test_checkpoints_of_the_first_format_are_no_weights(tmp_path):
    """A single file without an index, as before TensorFlow 1.0."""
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"weights")
    assert "no such weights file" in refusal(path)


def test_table_keeps_many_keys_in_many_blocks():
    items = [(b"model/h%05d/w" % i, bytes([i % 251]) * (i % 40)) for i in range(3000)]
    table = sorted_table.write(items)
    assert list(sorted_table.read(table)) == items
    # 13 bytes a key and 19.5 a value; the beginning that keys share is stored once.
    assert len(table) < 3000 * (13 + 19.5)
    assert list(sorted_table.read(sorted_table.write([]))) == []


def test_table_refuses_blocks_that_are_compressed():
    table = bytearray(sorted_table.write([(b"a", b"b")]))
    end = 3 + 2 + 8  # of the first block: sizes, key and value, two integers
    table[end] = 1
    table[end + 1 : end + 5] = sorted_table.masked(table[: end + 1]).to_bytes(
        4, "little"
    )
    with pytest.raises(ValueError, match="its blocks are compressed"):
        list(sorted_table.read(bytes(table)))
