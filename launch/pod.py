"""Runs launch/main.py on a Cloud TPU pod: one process a host, started again when lost.

    python launch/pod.py create --tpu=v5e-256 --zone=us-west4-a --spot
    python launch/pod.py run --tpu=v5e-256 --zone=us-west4-a --spot -- \\
        --paper=transformer_xl --config=enwik8_12l --workdir=gs://bucket/runs/x
    python launch/pod.py logs --follow --zone=us-west4-a

    create  ask for the TPU and wait until it is there
    run     ship this checkout, install it, start main.py with what follows `--`, show
            worker 0's log, start again after a lost process or a preemption
    logs    bring every worker's log to pod-logs/NAME/ and show the end of worker 0's
    stop    SIGTERM to main.py on every worker, which saves; wait for its end
    delete  give the TPU back
"""

import argparse
import difflib
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # as a script: the packages stand beside launch/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from common.contract import UserError

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("create", "run", "logs", "stop", "delete")
CHIPS = (1, 4, 8, 16, 32, 64, 128, 256)
# Accelerator type, runtime version, sizes; None: TensorCores, 8 on each host.
TPUS = {
    "v4": ("v4", "tpu-ubuntu2204-base", None),
    "v5e": ("v5litepod", "v2-alpha-tpuv5-lite", CHIPS),
    "v5p": ("v5p", "v2-alpha-tpuv5", None),
    "v6e": ("v6e", "v2-alpha-tpuv6e", CHIPS),
}
GONE = ("SUSPENDING", "SUSPENDED", "FAILED", "PREEMPTED", "TERMINATED", "MISSING")
GRACE = 600  # seconds that main.py has to save after SIGTERM
LOST_GRACE = 60  # the same where a process was lost: JAX ends the others in 30
LOOK = 10  # polls between two looks at all workers while worker 0's log is shown
PATIENCE = 5  # looks at a TPU that does not answer, before its job counts as lost
Command = list[str]


class Failed(UserError):
    """A command or a request failed."""


# What the workers run. Whether a job runs says a lock that main.py holds as long as it
# lives: unlike a pid it is never stale, and two jobs cannot both have it.
def halt(grace: int, asked: bool = False) -> str:
    """Ends the job, if one runs: SIGTERM, and SIGKILL after `grace` seconds."""
    mark = "touch asked; " if asked else ""
    return (
        "mkdir -p ~/papers/job && cd ~/papers/job && touch lock; "
        f"flock -n lock true || {{ {mark}kill -TERM $(cat pid); "
        f"flock -w {grace} lock true || kill -KILL -- -$(cat group); "
        f"flock -w 10 lock true || {_fail('the old job does not end')}; }}"
    )


def unpack() -> str:
    """Puts the shipped checkout in place of an older one."""
    return (
        "cd ~/papers && rm -rf code && mkdir code && tar -xzf ~/papers-code.tar.gz "
        f"-C code || {_fail('cannot unpack')}"
    )


def install() -> str:
    """Python 3.11 and the pinned packages, unless they are there. By uv: the images
    of TPU VMs have Python 3.10."""
    return (
        "cd ~/papers && want=$(cd code; cat constraints.txt pyproject.toml | sha256sum)"
        ' && { [ "$(cat venv/installed 2>/dev/null)" = "$want" ] || { '
        "python3 -m pip install -q --user uv && rm -rf venv && "
        "python3 -m uv venv -q --python 3.11 venv && python3 -m uv pip install -q "
        "--python venv/bin/python -c code/constraints.txt -e './code[tpu,gcs]' && "
        f'echo "$want" >venv/installed; }}; }} || {_fail("cannot install")}'
    )


def start(args: list[str]) -> str:
    """Starts main.py on its own, so that it outlives the connection."""
    job = (
        f"cd ../code; ../venv/bin/python -u launch/main.py {shlex.join(args)} & "
        "echo $! >../job/pid; wait $!; echo $? >../job/code"
    )
    return (
        "cd ~/papers/job && exec 9>lock && flock -w 10 9 && rm -f asked code pid && "
        f"{{ setsid bash -c {shlex.quote(job)} </dev/null >log 2>&1 & "
        "echo $! >group; echo pod: $(hostname) running; } || " + _fail("cannot start")
    )


def status() -> str:
    """Prints `pod: HOST STATE`: running; asked (to stop, by us); lost (ended without
    an exit code); stopped (saved and left with 0 on a signal that we did not send: a
    TPU being taken away); or the exit code."""
    return (
        "cd ~/papers/job && if ! flock -n lock true; then s=running; "
        "elif [ -f asked ]; then s=asked; else s=$(cat code || echo lost); fi; "
        '[ "$s" = 0 ] && tail -n 20 log | grep -q "^stopped, and nothing is lost" && '
        "s=stopped; echo pod: $(hostname) $s"
    )


def follow(offset: int = 0, seconds: float | None = None) -> str:
    """Prints the log from byte `offset` on, until the job ends or so many seconds."""
    tail = f"tail -c +{offset + 1}"
    limit = f"timeout {seconds:g} " if seconds else ""
    return (
        f"cd ~/papers/job && if flock -n lock true; then {tail} log; "
        f"else {limit}{tail} -s 0.2 --pid=$(cat group) -f log; fi"
    )


def _fail(why: str) -> str:
    # gcloud's exit code need not tell of one worker among many; a line does.
    return f"{{ echo pod: failed: {why}; false; }}"


class Pod:
    """The commands for one TPU; each method returns one command."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.name = options.name
        self.kind, self.runtime, self.hosts = accelerator(options.tpu)
        self.spot = ["--spot"] if options.spot else []
        self.place = [f"--zone={options.zone}"]
        self.place += [f"--project={options.project}"] if options.project else []
        self.logs = f"pod-logs/{self.name}"
        self.code = f"{self.logs}/code.tar.gz"

    def _tpus(self, *words: str) -> Command:
        return ["gcloud", "compute", "tpus", *words, *self.place, "--quiet"]

    def create(self) -> Command:
        made = [f"--accelerator-type={self.kind}", f"--runtime-version={self.runtime}"]
        verb = ("queued-resources", "create", self.name, f"--node-id={self.name}")
        return self._tpus(*verb, *made, *self.spot)

    def request_state(self) -> Command:
        verb = ("queued-resources", "describe", self.name)
        return self._tpus(*verb, "--format=value(state.state)")

    def node_state(self) -> Command:
        return self._tpus("tpu-vm", "describe", self.name, "--format=value(state)")

    def delete(self) -> Command:
        return self._tpus("queued-resources", "delete", self.name, "--force")

    def pack(self) -> Command:
        """The tracked files as they stand, with edits and without deleted ones."""
        root, code = (shlex.quote(str(p)) for p in (ROOT, Path(self.code).absolute()))
        there = 'while read -r f; do if [ -e "$f" ]; then echo "$f"; fi; done'
        return [
            *("bash", "-o", "pipefail", "-c"),
            f"mkdir -p $(dirname {code}) && cd {root} && "
            f"git -c core.quotePath=off ls-files | {there} | tar -czf {code} -T -",
        ]

    def ship(self) -> Command:
        there = f"{self.name}:papers-code.tar.gz"
        return self._tpus("tpu-vm", "scp", self.code, there, "--worker=all")

    def ssh(self, script: str, worker: str = "all", *more: str) -> Command:
        # A host that is gone says nothing; without keepalives we would listen forever.
        alive = ("--ssh-flag=-oServerAliveInterval=30", f"--command={script}")
        verb = ("tpu-vm", "ssh", self.name, f"--worker={worker}")
        return self._tpus(*verb, *more, *alive)

    def fetch(self, folder: str) -> list[Command]:
        """gcloud writes folder/WORKER.log, and wants the folder to be there."""
        out = f"--output-directory={folder}"
        log = self.ssh("cat ~/papers/job/log", "all", out)
        return [["mkdir", "-p", folder], log]


class Runner:
    """Runs commands, or (dry run) prints them and makes up answers of a good day."""

    def __init__(self, dry_run: bool, poll: float) -> None:
        self.dry_run, self.poll = dry_run, poll

    def __call__(self, command: Command, answer: str = "") -> str:
        """What the command prints; Failed if it fails, here or on a worker."""
        if self.dry_run:
            print(shlex.join(command))
            return answer
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        failed = re.findall("^pod: failed: (.*)", done.stdout, re.MULTILINE)
        if done.returncode or failed:
            why = [*failed[:1], *done.stderr.strip().splitlines()[-1:]]
            why = ": ".join(why) or f"exit code {done.returncode}"
            raise Failed(f"{why}; the command was: {shlex.join(command)}")
        return done.stdout

    def stream(self, command: Command) -> int:
        """Copies what the command prints to our stdout; returns the number of bytes."""
        if self.dry_run:
            print(shlex.join(command))
            return 0
        count = 0
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, stdout=subprocess.PIPE, **quiet) as process:
            try:
                while chunk := process.stdout.read1(1 << 16):
                    sys.stdout.buffer.write(chunk)
                    sys.stdout.buffer.flush()
                    count += len(chunk)
            finally:
                process.terminate()
        return count

    def sleep(self) -> None:
        if not self.dry_run:
            time.sleep(self.poll)


def say(message: str) -> None:
    print(f"pod: {message}", file=sys.stderr, flush=True)


def create(pod: Pod, run: Runner) -> None:
    """Asks for the TPU, if that is not done yet, and waits for it."""
    try:
        run(pod.create())
    except Failed as error:
        if "ALREADY_EXISTS" not in str(error):
            raise
    before = None
    while (state := _ask(run, pod.request_state(), "ACTIVE")) != "ACTIVE":
        if state in GONE:
            raise Failed(f"the request for {pod.name} is {state}: delete, then create")
        if state != before:
            say(f"{pod.name} is {state}; waiting")
        before = state
        run.sleep()
    say(f"{pod.name} is ACTIVE")


def _ask(run: Runner, command: Command, answer: str) -> str:
    """The state that `command` describes."""
    try:
        return run(command, answer).strip()
    except Failed as error:
        if "NOT_FOUND" not in str(error):
            raise
        return "MISSING"


def tpu_state(pod: Pod, run: Runner) -> str:
    """A word of GONE if the TPU is. The request may be ACTIVE longer than its node."""
    state = _ask(run, pod.request_state(), "ACTIVE")
    return state if state != "ACTIVE" else _ask(run, pod.node_state(), "READY")


def states(printed: str) -> dict[str, str]:
    """By host, the state in the lines `pod: HOST STATE`."""
    lines = re.findall(r"^pod: (\S+) (\w+)\s*$", printed, re.MULTILINE)
    return dict(lines)


def judge(found: dict[str, str]) -> str:
    """One word for all workers: 0, 1, 2, asked, running or lost."""
    every = {*found.values()}
    for code in ("2", "1"):
        if code in every:
            return code
    if every <= {"running", "0", "asked", "stopped"} and "running" in every:
        return "running"
    return "asked" if "asked" in every else "0" if every == {"0"} else "lost"


def watch(pod: Pod, run: Runner, hosts: set[str]) -> tuple[str, dict[str, str]]:
    """Shows worker 0's log until the job ends; the verdict and the workers' states."""
    offset, silent = 0, 0
    while True:
        # Not until its end: another worker may be lost, and worker 0 hang.
        offset += run.stream(pod.ssh(follow(offset, LOOK * run.poll), "0"))
        try:
            found = states(run(pod.ssh(status()), "pod: worker-0 0"))
            if missing := hosts - {*found}:
                raise Failed(f"no answer from {', '.join(sorted(missing))}")
            silent, verdict = 0, judge(found)
            if verdict != "running":
                return verdict, found
        except Failed as error:
            if not silent:
                say(str(error))
            try:  # where nobody answers, not even here, it may be our own network
                silent = max(silent, 1)
                if tpu_state(pod, run) in GONE or silent == PATIENCE:
                    return "lost", {}
                silent += 1
            except Failed:
                pass
        run.sleep()


def launch(pod: Pod, run: Runner, args: list[str], again: bool) -> set[str]:
    """Brings main.py to life on every worker; returns their host names."""
    state = tpu_state(pod, run)
    if state == "MISSING" and not again:
        raise UserError(f"no TPU {pod.name} here: create it first")
    if state in GONE:
        say(f"{pod.name} is {state}; asking for it anew")
        if state != "MISSING":
            run(pod.delete())
        create(pod, run)
    run(pod.ssh(halt(LOST_GRACE if again else GRACE)))
    run(pod.ship())
    for script in (unpack(), install()):
        run(pod.ssh(script))
    return {*states(run(pod.ssh(start(args)), "pod: worker-0 running"))}


def run_job(pod: Pod, run: Runner, args: list[str], restarts: int) -> int:
    """Starts the job as often as it takes; returns the exit code."""
    shared = any(re.match("--?workdir=gs://", arg) for arg in args)
    if pod.hosts > 1 and not shared:
        say("warning: no --workdir=gs://...: each host writes to a disk of its own")
    run(pod.pack())
    for attempt in range(restarts + 1):
        try:
            hosts = launch(pod, run, args, attempt > 0)
            verdict, found = watch(pod, run, hosts)
        except Failed as error:
            if attempt == 0:
                raise
            verdict, found = "lost", {}
            say(str(error))
        if verdict != "lost":
            return finish(pod, run, verdict, found)
        say(f"a process was lost ({', '.join(found.values()) or 'no answer'})")
        keep_logs(pod, run, f"{pod.logs}/attempt-{attempt}")
        if attempt < restarts:
            say(f"starting again, {attempt + 1} of {restarts}")
            run.sleep()
    say(f"gave up after {restarts} restarts; logs: {pod.logs}/")
    return 3


def keep_logs(pod: Pod, run: Runner, folder: str) -> None:
    """Brings the logs here if their hosts still answer."""
    try:
        for command in pod.fetch(folder):
            run(command)
    except Failed:
        say("the logs of this attempt are gone with their hosts")


def finish(pod: Pod, run: Runner, verdict: str, found: dict[str, str]) -> int:
    """Brings the logs here and says how it ended."""
    failed = verdict in ("1", "2")
    if failed:
        run(pod.ssh(halt(LOST_GRACE)))  # hosts that wait for the one that failed
    keep_logs(pod, run, pod.logs)
    if not failed:
        say(f"{'done' if verdict == '0' else 'stopped'}; logs: {pod.logs}/")
        return 0
    host = next(host for host, state in found.items() if state == verdict)
    worker = re.search(r"-w-(\d+)$", host)  # how the hosts of a TPU are called
    log = Path(pod.logs) / f"{worker[1] if worker else 0}.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    print(*lines[-20:], sep="\n", file=sys.stderr)
    say(f"exit code {verdict} on {host}; logs: {pod.logs}/")
    return int(verdict)


def show_logs(pod: Pod, run: Runner, following: bool) -> None:
    for command in pod.fetch(pod.logs):
        run(command)
    end = ["tail", "-n", "20", f"{pod.logs}/0.log"]
    run.stream(pod.ssh(follow(), "0") if following else end)


def stop(pod: Pod, run: Runner) -> None:
    say("asking main.py on every worker to save and stop")
    run(pod.ssh(halt(GRACE, asked=True)))
    run.stream(pod.ssh("tail -n 3 ~/papers/job/log", "0"))


def accelerator(tpu: str | None) -> tuple[str, str, int]:
    """Accelerator type, runtime version and about the number of hosts of --tpu."""
    if tpu is None:  # only create and run need it
        return "", "", 1
    version, _, size = tpu.partition("-")
    if version not in TPUS or not size.isdecimal():
        known = ", ".join(f"{name}-N" for name in TPUS)
        raise UserError(f"no --tpu {tpu!r}: one of {known}, as in v5e-256")
    kind, runtime, sizes = TPUS[version]
    if sizes and int(size) not in sizes:
        raise UserError(f"no --tpu {tpu!r}: {version} comes in {sizes} chips")
    if not sizes and (int(size) % 8 or not int(size)):
        raise UserError(f"no --tpu {tpu!r}: N counts TensorCores, a multiple of 8")
    return f"{kind}-{size}", runtime, max(1, int(size) // 8)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise UserError(f"{message}; --help tells more")


def parser() -> argparse.ArgumentParser:
    kept = argparse.RawDescriptionHelpFormatter
    made = Parser(
        "pod.py", description=__doc__, formatter_class=kept, allow_abbrev=False
    )
    text, switch = made.add_argument, {"action": "store_true"}
    text("command", nargs="?", help=", ".join(COMMANDS))
    text("--tpu", help="create, run: v5e-256, v4-32, v5p-128, v6e-16")
    text("--zone", help="us-west4-a")
    text("--name", default="papers", help="of the TPU [papers]")
    text("--project", help="gcloud's own, if not given")
    text("--spot", **switch, help="cheaper; may be taken away, and is asked for anew")
    text("--restarts", type=int, default=100, help="run: at most [100]")
    text("--poll", type=float, default=30, help="seconds between two looks [30]")
    text("--follow", **switch, help="logs: as worker 0's grows")
    text("--dry_run", **switch, help="print the commands, run none")
    return made


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our options, and after `--` those of main.py."""
    cut = argv.index("--") if "--" in argv else len(argv)
    options = parser().parse_args(argv[:cut])
    command, rest = options.command, argv[cut + 1 :]
    if command not in COMMANDS:
        close = difflib.get_close_matches(command or "", COMMANDS, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise UserError(f"no command {command!r}: {hint}one of {', '.join(COMMANDS)}")
    if command in ("create", "run") and not options.tpu:
        raise UserError(f"{command} needs --tpu, as in --tpu=v5e-256")
    if not options.zone:
        raise UserError(f"{command} needs --zone, as in --zone=us-west4-a")
    if command == "run" and not rest:
        raise UserError("run needs main.py's flags after --, as in: -- --paper=...")
    if command != "run" and rest:
        raise UserError(f"{command} takes nothing after --; run does")
    return options, rest


def main(argv: list[str]) -> int:
    """Runs the command line. Returns main.py's exit code, or 2 for a mistake."""
    try:
        options, args = parse(argv[1:])
        pod, run = Pod(options), Runner(options.dry_run, options.poll)
        if not options.dry_run and not shutil.which("gcloud"):
            raise UserError("no gcloud on PATH: install the Google Cloud CLI first")
        if options.command == "run":
            return run_job(pod, run, args, options.restarts)
        if options.command == "create":
            create(pod, run)
        elif options.command == "logs":
            show_logs(pod, run, options.follow)
        elif options.command == "stop":
            stop(pod, run)
        else:
            run(pod.delete())
    except UserError as error:
        print(f"pod: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        again = shlex.join([*pod.place, f"--name={pod.name}"])
        say("what runs on the TPU goes on, but nothing will start it again")
        say(f"to look, or to end it: python launch/pod.py logs|stop {again}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
