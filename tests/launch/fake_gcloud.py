"""Stands for `gcloud compute tpus` in the tests of launch/pod.py.

Its TPU has two workers, which are folders of $FAKE: each is the HOME in which the
commands of `tpu-vm ssh` truly run, beside a stub of Python. $FAKE/plan.json holds
    fail     {word of the command line: last line of stderr}
    request  states that `queued-resources describe` gives in turn; the last one stays
    node     the same for `tpu-vm describe`
    mains    for each start of the job what main.py does on each worker: an exit code,
             `vanish`, `wait` for SIGTERM, or `deaf` to it
    first    the worker with JAX's process 0, if not 0
and every call is a line of $FAKE/calls.jsonl.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(os.environ["FAKE"])
WORKERS = ("0", "1")

EVERYWHERE = {"--zone", "--project", "--quiet"}
FLAGS = {
    "queued-resources create": {
        *("--node-id", "--accelerator-type", "--runtime-version", "--spot"),
        *("--service-account", "--internal-ips"),
    },
    "queued-resources describe": {"--format"},
    "queued-resources delete": {"--force"},
    "tpu-vm describe": {"--format"},
    "tpu-vm scp": {"--worker", "--scp-flag", "--internal-ip"},
    "tpu-vm ssh": {"--worker", "--ssh-flag", "--command", "--internal-ip"},
}

HOSTNAME = "#!/bin/bash\necho t1v-n-papers-w-$WORKER\n"

# Makes the virtual environment; whatever else `python3 -m ...` is asked works.
INSTALLER = """#!/bin/bash
echo "install $*" >>$FAKE/events
case "$*" in *" venv "*) mkdir -p venv/bin; cp $FAKE/bin/main venv/bin/python ;; esac
"""

MAIN = r"""#!/bin/bash
n=$(cat $FAKE/starts-$WORKER 2>/dev/null || echo 0)
echo $((n + 1)) >$FAKE/starts-$WORKER
until [ -s ../job/pid ]; do sleep 0.01; done  # signals are sent to it
act=$(sed -n "$((n + 1))p" $FAKE/mains-$WORKER)
echo "start $WORKER" >>$FAKE/events
[ $WORKER = $(cat $FAKE/first) ] && touch $LAUNCH_FIRST_MARK
printf 'arg %s\n' "$@" "of $WORKER"
case $act in
deaf)
    trap '' TERM
    echo "up $WORKER" >>$FAKE/events; echo ready; while :; do sleep 0.05; done ;;
vanish) kill -KILL 0 ;;
wait)
    trap 'echo "end $WORKER" >>$FAKE/events
          echo "stopped, and nothing is lost; to go on: again"; exit 0' TERM
    echo "up $WORKER" >>$FAKE/events; echo ready; while :; do sleep 0.05; done ;;
*) echo "end $WORKER" >>$FAKE/events; exit $act ;;
esac
"""


def prepare(plan: dict) -> None:
    """Fills $FAKE."""
    (HERE / "bin").mkdir(parents=True)
    (HERE / "plan.json").write_text(json.dumps(plan))
    (HERE / "first").write_text(plan.get("first", "0"))
    for worker in WORKERS:
        acts = [start[int(worker)] for start in plan.get("mains", [])]
        (HERE / f"mains-{worker}").write_text("".join(f"{act}\n" for act in acts))
    for name, text in {
        "hostname": HOSTNAME,
        "python3": INSTALLER,
        "main": MAIN,
    }.items():
        (HERE / "bin" / name).write_text(text)
        (HERE / "bin" / name).chmod(0o755)
    boot()


def check_flags(group: str, verb: str, rest: list[str]) -> None:
    """Refuses unknown flags, as gcloud does."""
    names = {word.partition("=")[0] for word in rest if word.startswith("--")}
    unknown = names - EVERYWHERE - FLAGS[f"{group} {verb}"]
    if unknown:
        sys.exit(f"ERROR: (gcloud) unrecognized arguments: {sorted(unknown)}")


def boot() -> None:
    for worker in WORKERS:
        (HERE / worker).mkdir(exist_ok=True)


def ssh(flags: dict[str, str]) -> int:
    ok = 0
    for worker in WORKERS if flags["worker"] == "all" else [flags["worker"]]:
        home = HERE / worker
        env = {"FAKE": str(HERE), "WORKER": worker, "HOME": str(home)}
        env["PATH"] = f"{HERE}/bin:/usr/bin:/bin"
        done = subprocess.run(["bash", "-c", flags["command"]], cwd=home, env=env)
        ok = ok or done.returncode
    return ok


def scp(source: str, target: str, worker: str) -> None:
    """Copies files to one worker or to all, or from one."""
    if ":" in source:
        shutil.copy(HERE / str(int(worker)) / source.partition(":")[2], target)
        return
    for one in WORKERS if worker == "all" else [worker]:
        shutil.copy(source, HERE / one / target.partition(":")[2])


def next_state(kind: str, plan: dict, default: str) -> str:
    states = plan.get(kind) or [default]
    state = states.pop(0) if len(states) > 1 else states[0]
    (HERE / "plan.json").write_text(json.dumps(plan))
    return state


def main(argv: list[str]) -> int:
    with open(HERE / "calls.jsonl", "a") as calls:
        calls.write(json.dumps(argv) + "\n")
    plan = json.loads((HERE / "plan.json").read_text())
    for word, message in plan.get("fail", {}).items():
        if word in argv:
            print("Some progress...", message, sep="\n", file=sys.stderr)
            return 1
    group, verb = argv[2:4]
    check_flags(group, verb, argv[4:])
    flags = dict(a[2:].split("=", 1) for a in argv if a.startswith("--") and "=" in a)
    if verb == "describe":
        kind = "request" if group == "queued-resources" else "node"
        state = next_state(kind, plan, "ACTIVE" if kind == "request" else "READY")
        if state == "MISSING":
            print("ERROR: (gcloud) NOT_FOUND: no such thing", file=sys.stderr)
            print("- '@type': type.googleapis.com/ErrorInfo", file=sys.stderr)
            return 1
        print(state)
    elif verb == "delete":  # the disks go with the TPU
        for worker in WORKERS:
            shutil.rmtree(HERE / worker)
    elif verb == "create":
        boot()
    elif verb == "scp":
        scp(*argv[4:6], flags["worker"])
    elif verb == "ssh":
        return ssh(flags)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
