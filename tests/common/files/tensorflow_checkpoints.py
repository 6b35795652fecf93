"""Writes tensorflow_checkpoints/: what TensorFlow itself stores, a few kB.

python tests/common/files/tensorflow_checkpoints.py      # needs tensorflow

kinds/model.ckpt    an array of each kind, a scalar, an empty one, a text; 3 shards
slices/model.ckpt   a variable that a partitioner cut in two
objects/ckpt-1      tf.train.Checkpoint, with its graph of objects
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_suffix("")
KINDS = (
    "float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128",
)  # fmt: skip
LAYERS = 20  # of names that share their beginning


def numbers(kind: str) -> np.ndarray:
    """The array of a kind, float64 or complex128, whose values every kind can hold."""
    if kind == "bool":
        return np.arange(6) % 2 == 1
    values = np.arange(6).reshape(2, 3) + len(kind)
    return values * (1 - 2j) if "complex" in kind else values


def layer(i: int) -> np.ndarray:
    return np.float32(i) + np.arange(i % 3 + 1, dtype=np.float32)


def write() -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    cpus = v1.ConfigProto(device_count={"CPU": 2})

    def save(path, variables):
        path.parent.mkdir(parents=True, exist_ok=True)
        with v1.Session(config=cpus) as session:
            session.run(v1.global_variables_initializer())
            saver = v1.train.Saver(variables, sharded=True)
            saver.save(session, str(path), write_meta_graph=False)
        state = f'model_checkpoint_path: "{path.name}"\n'
        (path.parent / "checkpoint").write_text(state)

    with tf.Graph().as_default():
        variables = []
        for i, kind in enumerate(KINDS):
            with tf.device(f"/cpu:{i % 2}"):
                value = tf.constant(numbers(kind), getattr(tf, kind))
                variables.append(v1.get_variable(f"kinds/{kind}", initializer=value))
        variables.append(v1.get_variable("scalar", initializer=np.float32(3.5)))
        variables.append(v1.get_variable("empty", initializer=np.zeros((0, 4), "f4")))
        variables.append(v1.get_variable("text", initializer=tf.constant("words")))
        for i in range(LAYERS):
            name = f"model/h{i}/ln_1/g"
            variables.append(v1.get_variable(name, initializer=layer(i)))
        save(FOLDER / "kinds" / "model.ckpt", variables)

    with tf.Graph().as_default():
        halves = v1.fixed_size_partitioner(2)
        cut = v1.get_variable("cut", [4], partitioner=halves)
        whole = v1.get_variable("whole", initializer=np.ones(2, "f4"))
        save(FOLDER / "slices" / "model.ckpt", [*cut, whole])

    variable = tf.Variable(np.arange(3, dtype="f4"))
    tf.train.Checkpoint(w=variable).save(str(FOLDER / "objects" / "ckpt"))


if __name__ == "__main__":
    write()
