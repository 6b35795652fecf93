"""`launch/pod.py` as a command, against a gcloud whose workers are folders here, and
the job files. A failure means that a job on a pod is lost or not resumed."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
import yaml

from launch import catalogue, pod
from launch.pods import gcloud, options, worker_scripts

ROOT = Path(__file__).resolve().parents[2]
JOBS = ROOT / "launch" / "jobs"
FAKE = Path(__file__).with_name("fake_gcloud.py")
TPU = ("--tpu=v4-16", "--zone=us-west4-a", "--spot", "--poll=0.02")
SECONDS = 600  # bounds a hang, on a busy machine too
ARGS = ("--paper=transformer_xl", "--workdir=gs://b/it's here", "--input=a $b")


@contextlib.contextmanager
def running(command, **options):
    """A process that is killed, with its children, at the end."""

    def kill():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def heed_ctrl_c():
        """A test run in the background of a shell was started deaf to it."""
        signal.signal(signal.SIGINT, signal.default_int_handler)

    options |= {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, preexec_fn=heed_ctrl_c, **options) as process:
        timer = threading.Timer(SECONDS, kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            if process.poll() is None:
                kill()


def wait_for_line(process, line: str) -> None:
    while (got := process.stdout.readline()) != f"{line}\n":
        assert got, f"no line {line!r}"


class Cloud:
    """A fake gcloud with its plan, and pod.py run against it."""

    def __init__(self, folder: Path, **plan) -> None:
        self.fake = folder / "fake"
        self.here = folder / "here"
        (folder / "bin").mkdir()
        self.here.mkdir()
        gcloud = folder / "bin" / "gcloud"
        gcloud.write_text(f'#!/bin/sh\nexec {sys.executable} -S {FAKE} "$@"\n')
        gcloud.chmod(0o755)
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.env = {**os.environ, "FAKE": str(self.fake), "PATH": path}
        fill = f"import fake_gcloud; fake_gcloud.prepare({plan!r})"
        self._python("-c", fill, cwd=FAKE.parent).check_returncode()

    def _python(self, *args, cwd):
        command = [sys.executable, *args]
        return subprocess.run(
            command,
            cwd=cwd,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def pod(self, command, *more):
        return self._python(ROOT / "launch/pod.py", command, *TPU, *more, cwd=self.here)

    @contextlib.contextmanager
    def running(self, command, *more):
        """pod.py as a process, when main.py on worker 0 is ready."""
        command = [sys.executable, ROOT / "launch/pod.py", command, *TPU, *more]
        options = {"cwd": self.here, "env": self.env, "stderr": subprocess.PIPE}
        with running(command, **options) as process:
            wait_for_line(process, "ready")
            yield process

    def calls(self) -> list[list[str]]:
        path = self.fake / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def verbs(self) -> list[str]:
        return [" ".join(call[2:4]) for call in self.calls()]

    def wait_for(self, event: str, count: int) -> None:
        """Returns when the workers have said so, so many times."""
        while len(self.events(event)) < count:
            time.sleep(0.01)

    def events(self, *kinds) -> list[str]:
        lines = (self.fake / "events").read_text().splitlines()
        return [line for line in lines if line.split()[0] in kinds]


@pytest.fixture
def cloud(tmp_path):
    yield lambda **plan: Cloud(tmp_path, **plan)
    for home in tmp_path.glob("fake/[01]"):  # no job outlives its test
        env = {**os.environ, "HOME": str(home)}
        end = ["bash", "-c", worker_scripts.halt(0)]
        subprocess.run(end, env=env, capture_output=True, timeout=SECONDS)


def test_create_waits_until_the_tpu_is_there(cloud):
    it = cloud(request=["WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"])
    done = it.pod("create", "--project=mine", "--name=xl")
    assert (done.returncode, done.stdout) == (0, "")
    assert "xl is WAITING_FOR_RESOURCES" in done.stderr
    assert done.stderr.endswith("pod: xl is ACTIVE\n")
    creation, *looks = it.calls()
    assert creation[:5] == ["compute", "tpus", "queued-resources", "create", "xl"]
    assert {*creation[5:]} == {
        "--node-id=xl",
        "--accelerator-type=v4-16",
        "--runtime-version=tpu-ubuntu2204-base",
        "--zone=us-west4-a",
        "--project=mine",
        "--spot",
        "--quiet",
    }
    assert len(looks) == 3


FLAGS = (
    "--create_flags=--service-account=a@b --internal-ips",
    "--ssh_flags=--internal-ip",
)


def test_gcloud_gets_the_flags_that_are_given_for_it(cloud):
    """In `run` too, which asks anew for a TPU that was taken away."""
    states = ["ACTIVE", "SUSPENDED", "WAITING_FOR_RESOURCES", "ACTIVE"]
    it = cloud(mains=[["0", "3"], ["0", "0"]], request=states)
    assert it.pod("run", *FLAGS, "--", *ARGS).returncode == 0
    for call in it.calls():
        made = call[2:4] == ["queued-resources", "create"]
        assert ({"--service-account=a@b", "--internal-ips"} <= {*call}) == made
        assert ("--internal-ip" in call) == (call[3] in ("ssh", "scp"))
    assert "queued-resources create" in it.verbs()


def test_the_log_is_that_of_the_worker_that_prints(cloud):
    """JAX's process 0 is where it says; gcloud's worker 0 may be another host."""
    it = cloud(mains=[["wait", "wait"]], first="1")
    with it.running("run", "--", *ARGS) as process:
        wait_for_line(process, "arg of 1")
        it.wait_for("up", 2)
        assert it.pod("stop").stdout.count("of 1\n") == 1
        assert "of 0" not in process.stdout.read()
        assert "worker 1 has process 0, and prints" in process.stderr.read()
    shown = it.pod("logs").stdout
    assert "of 1\n" in shown
    assert "of 0" not in shown


@pytest.mark.parametrize("state", ["FAILED", "SUSPENDED"])
def test_create_says_when_the_request_fails(cloud, state):
    done = cloud(request=["ACCEPTED", state]).pod("create")
    assert done.returncode == 2
    assert f"the request for papers is {state}" in done.stderr.splitlines()[-1]


def test_run_ships_installs_starts_and_brings_the_logs_back(cloud):
    it = cloud(mains=[["0", "0"]] * 3)
    done = it.pod("run", "--", *ARGS)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "pod: done; logs: pod-logs/papers/\n"
    shown = "".join(f"arg {arg}\n" for arg in ("-u", "launch/main.py", *ARGS))
    assert done.stdout == f"{shown}arg of 0\n"  # quoted through two shells
    for worker in "01":
        log = it.here / f"pod-logs/papers/{worker}.log"
        assert log.read_text() == f"{shown}arg of {worker}\n"
        assert (it.fake / worker / "papers/code/launch/main.py").exists()
    installs = it.events("install")
    assert len(installs) == 2 * 3  # uv, the virtual environment, the packages
    assert "-c code/constraints.txt -e ./code[tpu,gcs]" in installs[2]
    assert it.pod("run", "--", *ARGS).returncode == 0
    assert it.events("install") == installs  # nothing changed
    stamp = it.fake / "1/papers/venv/installed"
    stamp.write_text("of other constraints")
    assert it.pod("run", "--", *ARGS).returncode == 0
    assert len(it.events("install")) == 3 * 3


def test_dry_run_prints_the_commands_of_the_real_run(cloud):
    it = cloud(mains=[["0", "0"]])
    dry = it.pod("run", "--dry_run", "--", *ARGS)
    assert dry.returncode == 0
    assert it.calls() == []
    assert not (it.here / "pod-logs").exists()
    assert it.pod("run", "--", *ARGS).returncode == 0
    printed = [shlex.split(line) for line in dry.stdout.splitlines()]
    ran = {
        # A dry run does not know how long the log is.
        tuple(re.sub(r"tail -c \+\d+", "tail -c +1", word) for word in call)
        for call in it.calls()
    }
    # Sets: logs are fetched side by side, and again where the job is not at its end.
    assert {tuple(p[1:]) for p in printed if p[0] == "gcloud"} == ran


@pytest.mark.parametrize("command", ["create", "logs", "stop", "delete"])
def test_dry_run_runs_nothing(cloud, command):
    it = cloud()
    done = it.pod(command, "--dry_run")
    assert (done.returncode, it.calls()) == (0, [])
    assert "\ngcloud compute tpus " in f"\n{done.stdout}"
    assert not (it.here / "pod-logs").exists()


def test_a_lost_process_starts_the_job_again_on_all(cloud):
    it = cloud(mains=[["wait", "3"], ["vanish", "137"], ["0", "0"]])
    done = it.pod("run", "--", *ARGS)
    assert done.returncode == 0, done.stderr
    assert len(it.events("start")) == 6
    assert "starting again, 2 of 100" in done.stderr
    assert (it.here / "pod-logs/papers/attempt-1/0.log").exists()
    assert it.verbs().count("queued-resources create") == 0
    assert len(it.events("install")) == 2 * 3


def test_run_waits_for_a_tpu_that_was_asked_for(cloud):
    it = cloud(
        mains=[["0", "0"]],
        request=["WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"],
        fail={"create": "ERROR: (gcloud) ALREADY_EXISTS: papers"},
    )
    done = it.pod("run", "--", *ARGS)
    assert done.returncode == 0, done.stderr
    assert "papers is PROVISIONING; waiting" in done.stderr
    assert "queued-resources delete" not in it.verbs()


def test_a_preempted_tpu_is_asked_for_anew(cloud):
    states = ["ACTIVE", "SUSPENDED", "WAITING_FOR_RESOURCES", "ACTIVE"]
    it = cloud(mains=[["0", "3"], ["0", "0"]], request=states)
    done = it.pod("run", "--", *ARGS)
    assert done.returncode == 0, done.stderr
    requests = [verb for verb in it.verbs() if re.search("delete|create", verb)]
    assert requests == ["queued-resources delete", "queued-resources create"]
    assert "papers is SUSPENDED; asking for it anew" in done.stderr
    assert len(it.events("install")) == 2 * 2 * 3  # on the new disks too


def test_saved_on_a_signal_that_we_did_not_send_is_not_done(cloud):
    it = cloud(mains=[["wait", "0"], ["0", "0"]])
    with it.running("run", "--", *ARGS) as process:
        os.kill(int((it.fake / "0/papers/job/pid").read_text()), signal.SIGTERM)
        _, told = process.communicate()
    assert process.returncode == 0
    assert "a process was lost (stopped, 0)" in told
    assert len(it.events("start")) == 4


def test_it_gives_up_after_so_many_restarts(cloud):
    it = cloud(mains=[["3", "3"]] * 3)
    done = it.pod("run", "--restarts=1", "--", *ARGS)
    assert done.returncode == 3
    assert "gave up after 1 restarts" in done.stderr
    assert len(it.events("start")) == 2 * 2


@pytest.mark.parametrize("code", [1, 2])
def test_a_mistake_is_not_tried_again(cloud, code):
    # Worker 0 lost worker 1, but worker 1 says why.
    it = cloud(mains=[["3", str(code)]])
    done = it.pod("run", "--", *ARGS)
    assert done.returncode == code
    assert "arg of 1\n" in done.stderr  # the end of that worker's log
    assert f"exit code {code} on t1v-n-papers-w-1" in done.stderr
    assert len(it.events("start")) == 2


def test_ctrl_c_leaves_the_job_and_stop_saves_it(cloud):
    it = cloud(mains=[["wait", "wait"]] * 3)
    # Ctrl-C comes while it waits for the log: it shows that until its next look, and
    # here that is far off. Python forgets one that comes as it cleans up an object.
    with it.running("run", "--poll=1000", "--", *ARGS) as process:
        it.wait_for("up", 2)
        told = None
        while told is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                told = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    again = "pod.py logs|stop --tpu=v4-16 --zone=us-west4-a --name=papers"
    assert again in told
    assert it.events("end") == []

    shown = it.pod("logs")
    assert shown.returncode == 0
    assert shown.stdout.endswith("ready\n")
    with it.running("run", "--", *ARGS) as second:  # ends the first before it begins
        it.wait_for("up", 4)
        stopped = it.pod("stop")
        assert stopped.returncode == 0
        assert "stopped, and nothing is lost" in stopped.stdout
        rest, told = second.communicate()
    (last,) = rest.splitlines()  # each line of the log is shown once
    assert last.startswith("stopped, and nothing is lost")
    events = it.events("start", "end")
    starts = ["start 0", "start 1"]
    ends = ["end 0", "end 1"]
    assert [sorted(events[i : i + 2]) for i in (0, 2, 4, 6)] == [starts, ends] * 2
    assert second.returncode == 0
    assert told.endswith("pod: stopped; logs: pod-logs/papers/\n")
    assert it.pod("delete").returncode == 0
    assert it.calls()[-1][2:] == [
        *("queued-resources", "delete", "papers", "--force"),
        *("--zone=us-west4-a", "--quiet"),
    ]


def test_logs_follow_until_the_job_ends(cloud):
    it = cloud(mains=[["wait", "wait"], ["0", "0"]])
    with it.running("run", "--", *ARGS):
        it.wait_for("up", 2)
    with it.running("logs", "--follow") as following:
        it.pod("stop")
        assert "stopped, and nothing is lost" in following.stdout.read()
    # That it was asked to stop is not held against the next job.
    assert "pod: done; logs" in it.pod("run", "--", *ARGS).stderr


def test_a_job_that_does_not_hear_is_killed_after_its_grace(cloud):
    it = cloud(mains=[["deaf", "0"]])
    with it.running("run", "--", *ARGS):
        pass

    def on_worker_0(script):
        env = {**it.env, "HOME": str(it.fake / "0")}
        ran = subprocess.run(["bash", "-c", script], env=env, stdout=subprocess.PIPE)
        return ran.stdout.decode().split()[2:3]

    assert on_worker_0(worker_scripts.status()) == ["running"]
    assert on_worker_0(worker_scripts.halt(1)) == []
    assert on_worker_0(worker_scripts.status()) == ["lost"]


def test_a_failure_of_gcloud_is_one_line(cloud):
    it = cloud(fail={"scp": "ERROR: (gcloud.compute) no key"}, mains=[["0", "0"]])
    done = it.pod("run", "--", *ARGS)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "pod: ERROR: (gcloud.compute) no key; the command was: gcloud"
    )
    assert "tpu-vm scp" in line


def test_a_failed_install_says_on_what(cloud):
    it = cloud(mains=[["0", "0"]])
    (it.fake / "bin/python3").write_text("#!/bin/bash\necho no space >&2; exit 1\n")
    done = it.pod("run", "--", *ARGS)
    assert done.returncode == 2
    assert done.stderr.startswith("pod: cannot install: no space; the command was:")
    assert not (it.fake / "events").exists()


def test_a_tpu_that_is_not_there_is_to_be_created(cloud):
    done = cloud(request=["MISSING"]).pod("run", "--", *ARGS)
    assert done.stderr == "pod: no TPU papers here: create it first\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("crate --tpu=v5e-16 --zone=z", "invalid choice: 'crate' (choose from"),
        ("--tpu=v5e-16", "arguments are required: command, --zone"),
        ("create --zone=z", "arguments are required: --tpu"),
        ("create --tpu=v9-16 --zone=z", "no --tpu 'v9-16': one of v4-N"),
        ("create --tpu=v5e-17 --zone=z", "v5e comes in (1, 4, 8"),
        ("create --tpu=v4-12 --zone=z", "N counts TensorCores"),
        ("create --tpu=v4-48 --zone=z", "multiple of 128 up to 8192"),
        ("create --tpu=v5p-12416 --zone=z", "multiple of 128 up to 12288"),
        ("create --tpu=v5e-16 --zone=z --name=--x=y", "called --name=--x=y: small"),
        ("create --tpu=v5e-16 --zone=z --name=A/b", "called --name=A/b: small"),
        ("create --tpu=v5e-16 --zone=z --zon=z", "unrecognized arguments: --zon=z"),
        ("run --tpu=v5e-16 --zone=z", "run needs main.py's flags after --"),
        ("stop --tpu=v4-8 --zone=z -- --paper=x", "stop takes nothing after --"),
        ("run --tpu=v5e-16 --zone=z -- --paper=x", "no gcloud on PATH"),
    ],
)
def test_mistakes_are_one_line(tmp_path, args, says):
    done = subprocess.run(
        [sys.executable, ROOT / "launch/pod.py", *args.split()],
        env={**os.environ, "PATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("pod: ")
    assert says in line


class SilentTpu(gcloud.Tpu):
    """Its hosts, and gcloud, do not answer for a number of looks each."""

    silent_hosts = silent_gcloud = 0

    def show_log(self, worker, offset=0, seconds=None):
        return 0

    def states(self):
        self.silent_hosts -= 1
        if self.silent_hosts >= 0:
            raise gcloud.Failed("no route")
        return {"worker-0": "0", "worker-1": "0"}

    def state(self):
        self.silent_gcloud -= 1
        if self.silent_gcloud >= 0:
            raise gcloud.Failed("no network")
        return "READY"


@pytest.mark.parametrize(
    ("hosts", "network", "verdict"),
    [(2, 0, "0"), (99, 0, "lost"), (50, 50, "0"), (99, 50, "lost")],
)
def test_silent_hosts_are_lost_but_our_own_network_is_waited_for(
    hosts, network, verdict
):
    tpu = SilentTpu(options.parse(["run", *TPU, "--", "--paper=x"], "")[0])
    tpu.silent_hosts = hosts
    tpu.silent_gcloud = network
    assert pod.job_state(pod.Pod(tpu, poll=0).watch()) == verdict


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ("0 0", "0"),
        ("0 running", "running"),
        ("running stopped", "running"),
        ("asked running", "running"),
        ("3 running", "lost"),
        ("lost running", "lost"),
        ("0 stopped", "lost"),
        ("asked lost", "asked"),
        ("3 1", "1"),
        ("1 2", "2"),
        ("running 1", "1"),
        ("", "lost"),
    ],
)
def test_one_word_for_all_workers(states, verdict):
    assert pod.job_state(dict(enumerate(states.split()))) == verdict


@pytest.mark.parametrize(
    ("tpu", "kind", "hosts"),
    [
        ("v4-8", "v4-8", 1),
        ("v4-4096", "v4-4096", 512),
        ("v5p-128", "v5p-128", 16),
        ("v5e-4", "v5litepod-4", 1),
        ("v5e-8", "v5litepod-8", 1),
        ("v5e-16", "v5litepod-16", 4),
        ("v6e-256", "v6e-256", 64),
    ],
)
def test_hosts_of_a_tpu(tpu, kind, hosts):
    assert gcloud.accelerator(tpu)[::2] == (kind, hosts)


def test_a_worker_that_does_not_answer_is_missed(monkeypatch):
    tpu = gcloud.Tpu(options.parse(["logs", *TPU], "")[0])
    printed = "pod: t1v-n-w-0 running\n"
    monkeypatch.setattr(tpu, "on_all", lambda script, answer: printed)
    with pytest.raises(gcloud.Failed, match="1 of 2 workers answer"):
        tpu.states()


def test_many_hosts_without_a_bucket_are_warned(cloud):
    it = cloud()
    local = it.pod("run", "--dry_run", "--", "--paper=x", "--workdir=/here")
    assert "warning: no --workdir=gs://" in local.stderr
    shared = it.pod("run", "--dry_run", "--", "--workdir=gs://b/x")
    assert "warning" not in shared.stderr


def test_jax_is_not_needed():
    code = "import sys; from launch import pod; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=SECONDS)


def test_the_tar_holds_tracked_files_with_their_edits(tmp_path, monkeypatch):
    def git(*args):
        subprocess.run(["git", "-C", tmp_path / "my repo", *args], check=True)

    (tmp_path / "a folder").mkdir()
    (tmp_path / "my repo").mkdir()
    git("init", "-q")
    for name in ("kept é.txt", "edited.txt", "deleted.txt"):
        (tmp_path / "my repo" / name).write_text("as committed")
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "first")
    (tmp_path / "my repo/edited.txt").write_text("as edited")
    (tmp_path / "my repo/deleted.txt").unlink()
    (tmp_path / "my repo/untracked.txt").write_text("not ours")

    monkeypatch.setattr(gcloud, "ROOT", tmp_path / "my repo")
    monkeypatch.chdir(tmp_path / "a folder")
    made, _ = options.parse(["create", "--tpu=v4-8", "--zone=z"], "")
    gcloud.Tpu(made).pack()
    with tarfile.open(tmp_path / "a folder/pod-logs/papers/code.tar.gz") as tar:
        assert sorted(tar.getnames()) == ["edited.txt", "kept é.txt"]
        assert tar.extractfile("edited.txt").read() == b"as edited"


def named(text: str) -> list[tuple[str, str]]:
    """Papers and variants that a text names."""
    return re.findall(r"--paper=(\w+)[\s\\#]+--config=(\w+)", text)


@pytest.mark.parametrize("file", [*JOBS.iterdir(), ROOT / "launch/README.md"])
def test_every_variant_named_in_the_job_files_exists(file):
    found = named(file.read_text())
    assert found
    for paper, variant in found:
        catalogue.variant(catalogue.load(paper), variant)


def container():
    jobset = yaml.safe_load((JOBS / "jobset.yaml").read_text())
    (job,) = jobset["spec"]["replicatedJobs"]
    spec = job["template"]["spec"]
    assert spec["completions"] == spec["parallelism"]
    assert spec["completionMode"] == "Indexed"
    (main,) = spec["template"]["spec"]["containers"]
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["containerName"] == main["name"]
    return main


def scripts() -> dict[str, str]:
    """The shell scripts inside the YAML files."""
    task = yaml.safe_load((JOBS / "skypilot.yaml").read_text())
    assert task["resources"]["job_recovery"]["recover_on_exit_codes"] == [3]
    return {"jobset": container()["args"][0], "skypilot": task["run"]}


def stub(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)


SAVES = "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done"


def outcome(script: str, folder: Path, main: str, tell: int | None = None):
    """stdout and exit code of a job's shell, whose Python is `main`."""
    stub(folder, "python", main)
    stub(folder / "papers-venv/bin", "python", main)
    env = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder), "WORKDIR": "gs://b"}
    env |= {"SKYPILOT_NODE_IPS": "10.0.0.1\n10.0.0.2", "SKYPILOT_NODE_RANK": "1"}
    env |= {"SKYPILOT_NUM_NODES": "2", "SLURM_JOB_ID": "7", "TELL": str(tell)}
    with running(["bash", "-c", script], cwd=folder, env=env) as process:
        first = process.stdout.readline()
        if tell:
            process.send_signal(tell)
        rest = process.stdout.read()
    return first + rest, process.returncode


@pytest.mark.parametrize("file", ["jobset", "skypilot"])
@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_shell_of_a_job_hands_on_the_exit_code(tmp_path, file, code):
    said, ended = outcome(scripts()[file], tmp_path, f'echo "$@"; exit {code}')
    assert ended == code
    flags = ("--paper=transformer_xl", "--config=enwik8_24l", "--workdir=gs://")
    assert all(flag in said for flag in flags)
    if file == "skypilot":
        assert said.endswith(
            "--coordinator=10.0.0.1:8476 --process_id=1 --num_processes=2\n"
        )


@pytest.mark.parametrize("file", ["jobset", "skypilot"])
def test_the_shell_of_a_job_lets_main_save_and_asks_for_a_restart(tmp_path, file):
    assert outcome(scripts()[file], tmp_path, SAVES, signal.SIGTERM) == (
        *("ready\nsaved\n", 3),
    )


@pytest.mark.parametrize(
    ("mains", "ended", "requeued"),
    [("0 0", 0, False), ("3 1", 1, False), ("3 137", 0, True), ("3 2", 2, False)],
)
def test_slurm_requeues_what_was_lost(tmp_path, mains, ended, requeued):
    # srun runs its command once a task, and returns the highest code.
    stub(
        tmp_path,
        "srun",
        'echo "srun $1"; shift; worst=0\n'
        f'for act in {mains}; do ACT=$act "$@" || worst=$(($? > worst ? $? : worst))\n'
        "done; exit $worst",
    )
    stub(tmp_path, "scontrol", 'echo "scontrol $*"')
    script = (JOBS / "slurm.sh").read_text()
    said, code = outcome(script, tmp_path, "exit $ACT")
    assert code == ended
    assert ("scontrol requeue 7" in said) == requeued


def test_slurm_saves_before_the_time_is_up_and_requeues(tmp_path):
    stub(tmp_path, "srun", 'shift; echo $$ >step; exec "$@"')
    stub(tmp_path, "scancel", 'echo "scancel $*"; kill -TERM $(cat pid)')
    stub(tmp_path, "scontrol", 'echo "scontrol $*"')
    script = (JOBS / "slurm.sh").read_text()
    said, code = outcome(script, tmp_path, f"echo $$ >pid; {SAVES}", signal.SIGUSR1)
    assert code == 0
    assert [line.split(";")[0] for line in said.splitlines()] == [
        "ready",
        "scancel --signal=TERM 7",
        "saved",
        "slurm: exit code 0, time is up: 1",
        "scontrol requeue 7",
    ]
