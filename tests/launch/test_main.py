"""The command line, as its user meets it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from PIL import Image

from common.contract import UserError
from launch import catalogue
from launch import main as launch_main

ROOT = Path(__file__).resolve().parents[2]
# The effective context length takes half of the report's time, and has its own tests.
SMOKE = ("--paper=transformer_xl", "--config=smoke", "--config.eval.recl=false")


def command(*flags: str, module: bool = False) -> list[str]:
    start = ["-m", "launch.main"] if module else ["launch/main.py"]
    return [sys.executable, *start, *flags]


def run(*flags: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*flags, **options), cwd=ROOT, capture_output=True, text=True
    )


def parameters(folder: Path) -> dict[str, np.ndarray]:
    """Every array of the newest checkpoint under `folder`."""
    steps = sorted(
        int(p.name) for p in (folder / "checkpoints").iterdir() if p.name.isdigit()
    )
    manager = ocp.CheckpointManager((folder / "checkpoints").absolute())
    read = manager.restore(
        steps[-1], args=ocp.args.Composite(state=ocp.args.StandardRestore())
    )
    manager.close()
    return {
        name: np.asarray(value)
        for name, value in read["state"].items()
        if name != "key"
    }


def metrics(folder: Path) -> list[dict]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if k != "seconds"} for x in lines]


def same(a: Path, b: Path) -> None:
    """Both runs ended in the same bits and wrote the same lines."""
    left, right = parameters(a), parameters(b)
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)
    assert metrics(a) == metrics(b)


# One line a mistake: what was typed, and a word that the answer must have.
MISTAKES = [
    (["--paper=transformer_x"], "did you mean transformer_xl"),
    (["--paper=transformer_xl", "--config=enwik8_12"], "enwik8_12l"),
    ([*SMOKE, "--config.model.d_modle=3"], "config.model.d_model"),
    ([*SMOKE, "--config.mode.d_model=3"], "config.model.d_model"),
    ([*SMOKE, "--config.model.d_model=wide"], "int"),
    ([*SMOKE, "--config.model.d_model=1.5"], "int"),
    ([*SMOKE, "--config.model.pre_norm=perhaps"], "bool"),
    ([*SMOKE, "--config.model=3"], "section"),
    ([*SMOKE, "--run=xxl"], "xl, vanilla"),
    ([*SMOKE, "--mode=fly"], "train"),
    ([*SMOKE, "--parallel=threads"], "pmap"),
    ([*SMOKE, "--papr=1"], "paper"),
    ([*SMOKE, "smoke"], "unexpected argument 'smoke'"),
    ([*SMOKE, "--config.runs=xl,other"], "other"),
    ([*SMOKE, "--config.optim.name=adamm"], "adam, adamw, sgd"),
    ([*SMOKE, "--config.loop.best=los"], "did you mean loss"),
    ([*SMOKE, "--config.loop.steps=-1"], "at least 0"),
    ([*SMOKE, "--config.seed=-1"], "between 0 and"),
    ([*SMOKE, "--config.model.mem_len=-1"], "at least 0"),
    ([*SMOKE, "--config.model.n_heads=0"], "at least 1"),
    ([*SMOKE, "--config.model.dtype=float99"], "bfloat16"),
    ([*SMOKE, "--config.model.capacity=0.5"], "a cutoff"),
    ([*SMOKE, "--config.model.cutoffs=9,5"], "must rise"),
    ([*SMOKE, "--config.eval.characters=40"], "at least 256"),
    ([*SMOKE, "--config.optim.accumulate=3"], "must divide"),
    ([*SMOKE, "--config.weights=nope.npz"], "no such weights file"),
    ([*SMOKE, "--config.model.attention=absolute"], "vaswani"),
    ([*SMOKE, "--config.data.source=file"], "files"),
    ([*SMOKE, "--config.data.source=files", "--config.data.root=/no/such"], "/no/such"),
    (
        [
            "--paper=resnet",
            "--config=smoke",
            "--config.data.source=files",
            "--config.data.root=/no/such",
        ],
        "/no/such",
    ),
    ([*SMOKE, "--config.model.vocab_size=10"], "vocab_size=256"),
    ([*SMOKE, "--config.data.level=syllable"], "byte, char, word"),
    ([*SMOKE, "--config=missing.py"], "missing.py"),
    ([*SMOKE, "--mode=predict"], "--input"),
    ([*SMOKE, "--mode=predict", "--input=a"], "--mode=train"),
    ([*SMOKE, "--mode=eval"], "--mode=train"),
    ([*SMOKE, "--config.data.batch_size=7", "--cpu_devices=4"], "multiple of 4"),
    ([*SMOKE, "--parallel=pmap", "--mesh=fsdp"], "use jit"),
    (
        ["--paper=gpt2", "--config=smoke", "--config.model.d_model=32"],
        "config.model.d_model changes nothing: 1x32, 2x64 set it themselves, 32, 64",
    ),
    ([*SMOKE, "--config.data.root=a.txt"], "config.data.source=files or tfds, not gen"),
    ([*SMOKE, "--profile=soon"], "--profile=soon"),
    ([*SMOKE, "--profile=-1"], "--profile=-1"),
    ([*SMOKE, "--profile=20"], "training ends at step 20"),
    ([*SMOKE, "--profile=5", "--mode=eval"], "--mode=train"),
    ([], "transformer_xl"),
    (["--config=smoke", "--workdir=/no/such"], "which --paper"),
    (["--mode=eval", "--workdir=/no/such"], "give --paper and --config"),
    ([*SMOKE, "--mode=eval", "--checkpoint=bets"], "newest, best, or a step"),
    ([*SMOKE, "--checkpoint=best"], "--mode=eval, predict and export"),
    ([*SMOKE, "--effort=-1"], "--mode=compile"),
]


@pytest.mark.parametrize(("flags", "hint"), MISTAKES, ids=lambda x: str(x)[:60])
def test_a_mistake_is_one_line_and_exit_2(flags, hint, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = launch_main.main(["launch/main.py", *flags])
    captured = capsys.readouterr()
    assert code == 2, captured
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert hint in lines[0]


@pytest.mark.parametrize("module", [False, True])
def test_help(module):
    text = run("--help", module=module)
    assert text.returncode == 0
    assert "--workdir" in text.stdout
    assert "transformer_xl" in text.stdout


def test_help_lists_variants(capsys):
    assert launch_main.main(["x", "--paper=transformer_xl", "--help"]) == 0
    out = capsys.readouterr().out
    assert "enwik8_12l" in out
    assert "1.06" in out


def test_describe_the_largest(capsys):
    """838 million parameters, counted without being made."""
    flags = ["--paper=transformer_xl", "--config=lm1b_large", "--mode=describe"]
    assert launch_main.main(["x", *flags]) == 0
    assert "838,078,041 parameters" in capsys.readouterr().out


def test_benchmark_prints_a_row_a_run(capsys):
    flags = ["--paper=espcn", "--config=smoke", "--mode=benchmark"]
    assert launch_main.main(["x", *flags]) == 0
    out = capsys.readouterr().out
    assert "GFLOP/s" in out
    assert "espcn" in out
    assert "srcnn_9_1_5" in out


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A smoke run from the command line, never disturbed."""
    workdir = tmp_path_factory.mktemp("trained")
    done = run(*SMOKE, f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    (workdir / "stdout").write_text(done.stdout)
    return workdir


def test_train_reports(trained):
    report = trained / "report"
    assert "with memory" in (trained / "stdout").read_text()
    assert "<table>" in (report / "index.html").read_text()
    names = {
        r["name"] for r in json.loads((report / "results.json").read_text())["results"]
    }
    assert {"Training", "Bits per character", "Seconds a token", "Sample"} <= names


def test_finished_runs_are_skipped(trained, capsys):
    before = metrics(trained / "xl")
    assert launch_main.main(["x", *SMOKE, f"--workdir={trained}", "--run=xl"]) == 0
    assert "skipped" in capsys.readouterr().out
    assert metrics(trained / "xl") == before


def test_predict_continues_the_prompt(trained, capsys):
    flags = [*SMOKE, f"--workdir={trained}", "--mode=predict", "--input=the old "]
    assert launch_main.main(["x", *flags]) == 0
    out = capsys.readouterr().out
    assert out.startswith("the old ")
    assert len(out) > 30


def test_evaluation_may_change_but_training_may_not(trained, capsys):
    flags = [*SMOKE, f"--workdir={trained}", "--mode=predict", "--input=a"]
    assert launch_main.main(["x", *flags, "--config.predict.length=5"]) == 0
    assert launch_main.main(["x", *flags, "--config.optim.lr=0.5"]) == 2
    assert "optim.lr: 0.003 -> 0.5" in capsys.readouterr().err


def test_a_workdir_alone_says_what_was_trained(trained, capsys):
    flags = [f"--workdir={trained}", "--mode=predict", "--input=the old "]
    assert launch_main.main(["x", *flags, "--config.predict.length=5"]) == 0
    assert capsys.readouterr().out.startswith("the old ")
    assert launch_main.main(["x", *flags, "--checkpoint=3"]) == 2
    assert "no checkpoint of step 3" in capsys.readouterr().err


def test_a_trained_model_comes_back_in_one_line(trained, caplog):
    from launch import load
    from papers import transformer_xl

    config, state = load(trained, run="xl", step="newest")
    assert int(state.step) == config.loop.steps
    load(trained, run="xl", step="best")
    assert "names no metric; this is the newest checkpoint" in caplog.text
    assert "".join(transformer_xl.predict(config, state, "the old "))
    with pytest.raises(UserError, match="did you mean xl"):
        load(trained, run="xll")
    with pytest.raises(UserError, match=f"no folder; nearest: {trained.name}"):
        load(f"{trained}x")
    with pytest.raises(UserError, match="is missing or damaged"):
        load(trained / "xl")


def test_parameters_are_a_file_of_their_own(trained, tmp_path):
    from launch import load, load_params, save_params

    _, state = load(trained, run="xl")
    path = tmp_path / "xl.safetensors"
    save_params(path, state)
    back = load_params(path, state.params)
    for a, b in zip(*map(jax.tree.leaves, (back, state.params)), strict=True):
        np.testing.assert_array_equal(a, b)
    first, *_ = jax.tree.leaves(state.params)
    with pytest.raises(UserError, match="other"):
        load_params(path, {"other": first})


def test_a_workdir_in_use_is_refused(trained, capsys):
    from launch.workdir import locked

    with locked(trained):
        assert launch_main.main(["x", *SMOKE, f"--workdir={trained}"]) == 2
    assert f"in use by process {os.getpid()}" in capsys.readouterr().err


# Reads a signal and a piece of a line from its arguments, the command from the rest.
SIGNALS_ITSELF = """
import os, runpy, sys
signum, wait_for = int(sys.argv[1]), sys.argv[2]
del sys.argv[:3]
write = sys.stdout.write
def write_and_signal(text):
    write(text)
    sys.stdout.flush()
    if wait_for in text:
        os.kill(os.getpid(), signum)
    return len(text)
sys.stdout.write = write_and_signal
sys.path.insert(0, "launch")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def interrupted(
    workdir: Path, signum: int, wait_for: str
) -> subprocess.CompletedProcess:
    """The smoke run, which gets `signum` at the moment when it prints `wait_for`."""
    start, *flags = command(*SMOKE, f"--workdir={workdir}")
    signals = [start, "-c", SIGNALS_ITSELF, str(int(signum)), wait_for, *flags]
    done = subprocess.run(signals, cwd=ROOT, capture_output=True, text=True)
    assert wait_for in done.stdout, done.stderr
    return done


def test_killed_and_resumed_is_bit_for_bit(trained, tmp_path):
    """kill -9 right after an evaluation, while a checkpoint is being written, and again
    in the second run; then to its end, without the report."""
    for line in ("step 10/20  valid", "vanilla  step  5/20", "vanilla  step 10/20"):
        assert interrupted(tmp_path, signal.SIGKILL, line).returncode < 0
    done = run(*SMOKE, f"--workdir={tmp_path}", "--run=vanilla")
    assert done.returncode == 0, done.stderr
    for name in ("xl", "vanilla"):
        same(trained / name, tmp_path / name)


def test_a_signal_saves_and_says_how_to_go_on(trained, tmp_path):
    """SIGTERM, Ctrl-C to what goes on, and then to the end: bit for bit as without."""
    for signum in signal.SIGTERM, signal.SIGINT:
        done = interrupted(tmp_path, signum, "xl  step ")
        assert done.returncode == 0, done.stderr
        assert "to go on: python launch/main.py" in done.stdout
        assert [*(tmp_path / "xl" / "checkpoints").glob("[0-9]*")]
    done = run(*SMOKE, f"--workdir={tmp_path}", "--run=xl")
    assert done.returncode == 0, done.stderr
    same(trained / "xl", tmp_path / "xl")


def test_a_diverging_run_stops_and_names_the_checkpoint(tmp_path, capfd):
    flags = [*SMOKE, f"--workdir={tmp_path}", "--config.optim.lr=1e30", "--run=xl"]
    flags += ["--config.loop.save_every=1", "--config.optim.clip_norm=0"]
    assert launch_main.main(["x", *flags, "--config.optim.schedule.warmup=0"]) == 1
    err = capfd.readouterr().err
    assert "loss is nan at step" in err or "grad_norm is" in err
    assert str(tmp_path) in err


def test_a_config_may_be_a_file(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(
        "from papers import transformer_xl\n"
        "def get_config():\n"
        "    config = transformer_xl.get_config('smoke')\n"
        "    config.model.d_model = 48\n"
        "    return config\n"
    )
    flags = ["--paper=transformer_xl", f"--config={path}", "--mode=describe"]
    assert launch_main.main(["x", *flags, "--config.seed=7"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"model\.d_model +\| 48 ", out)
    assert re.search(r"seed +\| 7 ", out)


CONFIG = "from papers import transformer_xl as paper\n"
GET = CONFIG + "def get_config():\n    "
FILES = {
    "def get_config(:": "line 1: SyntaxError",
    "import no_such_module": "line 1: ModuleNotFoundError",
    CONFIG + "paper.nothing": "line 2: AttributeError",
    "pass": "defines get_config()",
    "get_config = 3": "defines get_config()",
    "def get_config(name): pass": "missing 1 required positional argument",
    "def get_config(): pass": "NoneType, and papers.transformer_xl.config.Config is",
    GET + "return paper.get_config": "functools.partial, and",
    "from papers import unit\nget_config = unit.get_config": "papers.unit.config",
    GET + "1 / 0": "line 3: ZeroDivisionError",
    GET + "open('/no/such')": "line 3: FileNotFoundError",
    GET + "raise SystemExit(0)": "line 3: SystemExit",
    GET + "config = paper.get_config('smoke')\n"
    "    config.model.d_modle = 3\n    return config": "did you mean d_model",
    GET + "config = paper.get_config('smoke')\n"
    "    config.model.d_model = 'wide'\n    return config": "expects int",
    "# coding: nothing-known": "unknown encoding",
    "\xff": "line 1: SyntaxError",
    "\0": "null bytes",
}


@pytest.mark.parametrize(("text", "hint"), FILES.items(), ids=repr)
def test_a_mistake_in_a_config_file_is_one_line(tmp_path, capsys, text, hint):
    path = tmp_path / "mine.py"
    path.write_bytes(text.encode("latin1"))
    flags = ["--paper=transformer_xl", f"--config={path}", f"--workdir={tmp_path}/w"]
    assert launch_main.main(["x", *flags]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert hint in line


def test_a_folder_is_no_config_file(tmp_path, capsys):
    (tmp_path / "folder.py").mkdir()
    flags = ["--paper=transformer_xl", f"--config={tmp_path / 'folder.py'}"]
    assert launch_main.main(["x", *flags]) == 2
    assert "Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_predict_ends_at_the_first_signal(trained, signum):
    flags = [*SMOKE, f"--workdir={trained}", "--mode=predict", "--input=the old "]
    process = subprocess.Popen(
        command(*flags, "--config.predict.length=1000000"),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.read(12)[:8] == b"the old "
    process.send_signal(signum)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"stopped before its end; kept: what was shown" in out
    assert not err


LANGUAGE_MODELS = {"transformer_xl", "gpt", "gpt2"}
FILE_READERS = sorted({*catalogue.names()} - LANGUAGE_MODELS)


@pytest.mark.parametrize("name", FILE_READERS)
def test_an_input_that_is_empty_is_not_the_current_folder(name, tmp_path, monkeypatch):
    """As `--input=$UNSET` gives it."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 40)).save("mine.png")
    paper = catalogue.load(name)
    state = SimpleNamespace(special={})
    with pytest.raises(UserError, match="--input=''"):
        [*paper.predict(paper.get_config("smoke"), state, "")]


def test_no_steps_at_all_can_still_be_looked_at(tmp_path, capsys):
    """As with released weights, which are evaluated without training."""
    flags = [*SMOKE, f"--workdir={tmp_path}", "--config.loop.steps=0", "--run=xl"]
    assert launch_main.main(["x", *flags]) == 0
    assert launch_main.main(["x", *flags, "--mode=predict", "--input=a"]) == 0


def test_eval_mode_writes_the_report_anew(trained, capsys):
    (trained / "report" / "index.html").unlink()
    assert launch_main.main(["x", *SMOKE, f"--workdir={trained}", "--mode=eval"]) == 0
    assert (trained / "report" / "index.html").exists()
