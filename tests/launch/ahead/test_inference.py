"""What --mode=export leaves in a workdir is all that another program needs."""

import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

from common.config import changed
from common.contract import UserError
from launch.ahead import inference
from launch.ahead.export import export
from launch.session import Session
from launch.stop import StopRequest
from papers import deep_image_prior
from tests import smallest_paper

ALONE = """
import sys
import jax.export, numpy as np
from safetensors.numpy import load_file
program, weights, points = sys.argv[1:]
program = jax.export.deserialize(bytearray(open(program, "rb").read()))
outputs = program.call(load_file(weights), {"point": np.load(points)})
assert not {"launch", "papers", "common", "flax"} & {*sys.modules}
np.save(points, outputs["probabilities"])
"""


def test_a_process_without_our_code_runs_the_files(tmp_path, capsys):
    config = smallest_paper.get_config("smoke")
    session = Session(smallest_paper, config, tmp_path)
    export(session, ["line"])
    assert "line is not trained yet" in capsys.readouterr().out
    assert not (tmp_path / "line" / "inference.safetensors").exists()

    session.train(["line"], StopRequest())
    export(session, ["line"])
    weights = tmp_path / "line" / "inference.safetensors"
    assert {*load_file(weights)} == {"params.bias", "params.kernel"}
    other = Session(smallest_paper, changed(config, {"optim.lr": 0.5}), tmp_path)
    with pytest.raises(UserError, match=r"made by another config: optim\.lr"):
        export(other, ["line"])

    points = np.random.default_rng(0).random((5, 2), np.float32)
    np.save(tmp_path / "points.npy", points)
    files = weights.with_suffix(".jax"), weights, tmp_path / "points.npy"
    subprocess.run([sys.executable, "-I", "-c", ALONE, *files], check=True)
    state, _ = session.restored("line")
    own = smallest_paper.inference(config, state, {"point": points})
    np.testing.assert_allclose(
        np.load(tmp_path / "points.npy"), own["probabilities"], rtol=1e-5
    )


def test_a_run_without_such_a_function_says_so(tmp_path, capsys):
    session = Session(deep_image_prior, deep_image_prior.get_config("smoke"), tmp_path)
    inference.write(session, next(iter(session.runs)))
    assert "no inference.jax" in capsys.readouterr().out
