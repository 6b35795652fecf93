"""One Cloud TPU, driven by the commands of gcloud (as of SDK 528)."""

import argparse
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common.contract import UserError
from launch.chips import CHIPS
from launch.pods import worker_scripts

ROOT = Path(__file__).resolve().parents[2]
# Accelerator type, runtime version.
TPUS = {
    "v4": ("v4", "tpu-ubuntu2204-base"),
    "v5e": ("v5litepod", "v2-alpha-tpuv5-lite"),
    "v5p": ("v5p", "v2-alpha-tpuv5"),
    "v6e": ("v6e", "v2-alpha-tpuv6e"),
}
FLAT_SIZES = (1, 4, 8, 16, 32, 64, 128, 256)  # chips of v5e and v6e
SMALL_SIZES = (8, 16, 32, 64)  # TensorCores of v4 and v5p; then cubes of 128
GONE = ("SUSPENDING", "SUSPENDED", "FAILED", "PREEMPTED", "TERMINATED", "MISSING")
# A host that is gone says nothing; without these we would wait for it forever.
ALIVE = ("-oConnectTimeout=20", "-oServerAliveInterval=30")
Command = list[str]


class Failed(UserError):
    """A command or a request failed."""


class Shell:
    """Runs commands. In a dry run it prints them, and answers as if all went well."""

    def __init__(self, dry_run: bool) -> None:
        self.dry_run = dry_run

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
            errors = re.findall("^ERROR: .*", done.stderr, re.MULTILINE)
            lines = errors[:1] or done.stderr.strip().splitlines()[-1:]
            why = ": ".join([*failed[:1], *lines]) or f"exit code {done.returncode}"
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


class Tpu:
    """A TPU by its name and place; each method is a command or two."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.name = options.name
        self.shell = Shell(options.dry_run)
        self.kind, self.runtime, self.hosts = accelerator(options.tpu)
        self.spot = ["--spot"] if options.spot else []
        self.create_flags = shlex.split(options.create_flags)
        self.ssh_flags = shlex.split(options.ssh_flags)
        self.place = [f"--zone={options.zone}"]
        self.place += [f"--project={options.project}"] if options.project else []
        self.printer: str | None = None  # the worker with JAX's process 0, once known
        self.logs = Path("pod-logs") / self.name
        self.code = self.logs / "code.tar.gz"

    def _command(self, *words: str | Path) -> Command:
        return ["gcloud", "compute", "tpus", *map(str, words), *self.place, "--quiet"]

    def request(self) -> None:
        """Asks for the TPU, unless that was done before."""
        machine = [
            f"--accelerator-type={self.kind}",
            f"--runtime-version={self.runtime}",
        ]
        verb = ("queued-resources", "create", self.name, f"--node-id={self.name}")
        try:
            self.shell(self._command(*verb, *machine, *self.spot, *self.create_flags))
        except Failed as error:
            if "ALREADY_EXISTS" not in str(error):
                raise

    def delete(self) -> None:
        verb = ("queued-resources", "delete", self.name, "--force")
        self.shell(self._command(*verb))

    def request_state(self) -> str:
        return self._describe("queued-resources", "state.state", "ACTIVE")

    def state(self) -> str:
        """READY, a word of GONE, or another. A request may stay ACTIVE longer than the
        TPU that it brought."""
        if (state := self.request_state()) != "ACTIVE":
            return state
        return self._describe("tpu-vm", "state", "READY")

    def _describe(self, group: str, field: str, answer: str) -> str:
        verb = (group, "describe", self.name, f"--format=value({field})")
        try:
            return self.shell(self._command(*verb), answer).strip()
        except Failed as error:
            if "NOT_FOUND" not in str(error):
                raise
            return "MISSING"

    def pack(self) -> None:
        """The tracked files as they stand, with edits and without deleted ones."""
        root, code = (shlex.quote(str(path)) for path in (ROOT, self.code.absolute()))
        existing = 'while read -r f; do if [ -e "$f" ]; then echo "$f"; fi; done'
        pack = (
            f'mkdir -p "$(dirname {code})" && cd {root} && '
            f"git -c core.quotePath=off ls-files | {existing} | tar -czf {code} -T -"
        )
        self.shell(["bash", "-o", "pipefail", "-c", pack])

    def ship(self) -> None:
        target = f"{self.name}:papers-code.tar.gz"
        self.shell(self._copy(self.code, target, "all"))

    def fetch_logs(self, folder: Path) -> None:
        """Writes folder/WORKER.log. By scp, which brings one worker's at a time: ssh
        has --output-directory, and writes to "None/"."""
        self.shell(["mkdir", "-p", str(folder)])
        source = f"{self.name}:papers/job/log"
        commands = [
            self._copy(source, folder / f"{worker}.log", str(worker))
            for worker in range(self.hosts)
        ]
        with ThreadPoolExecutor(1 if self.shell.dry_run else 8) as pool:
            list(pool.map(self.shell, commands))

    def _copy(self, source: str | Path, target: str | Path, worker: str) -> Command:
        alive = (f"--scp-flag={flag}" for flag in ALIVE)
        verb = ("tpu-vm", "scp", source, target, f"--worker={worker}")
        return self._command(*verb, *alive, *self.ssh_flags)

    def _ssh(self, script: str, worker: str) -> Command:
        alive = (f"--ssh-flag={flag}" for flag in ALIVE)
        verb = ("tpu-vm", "ssh", self.name, f"--worker={worker}")
        command = f"--command={script}"
        return self._command(*verb, *alive, *self.ssh_flags, command)

    def on_all(self, script: str, answer: str = "") -> str:
        """Runs a script of `worker_scripts` on all workers; returns what they print."""
        return self.shell(self._ssh(script, "all"), answer)

    def states(self) -> dict[str, str]:
        """What `worker_scripts.status` says by host; Failed unless all answer. Where
        JAX has its process 0 is known from then on."""
        good = "".join(f"pod: worker-{host} 0\n" for host in range(self.hosts))
        printed = self.on_all(worker_scripts.status(), good)
        found = re.findall(r"^pod: (\S+) (\w+)( prints)?\s*$", printed, re.MULTILINE)
        if len({host for host, *_ in found}) < self.hosts:
            raise Failed(f"{len(found)} of {self.hosts} workers answer")
        self.printer = next((worker_of(host) for host, _, it in found if it), None)
        return {host: state for host, state, _ in found}

    def show_log(
        self, worker: str = "0", offset: int = 0, seconds: float | None = None
    ) -> int:
        """Prints a worker's log from byte `offset` on while the job runs, or so many
        seconds; returns the number of bytes."""
        follow = worker_scripts.follow(offset, seconds)
        return self.shell.stream(self._ssh(follow, worker))


def worker_of(host: str) -> str:
    """The number of a worker, by which its name ends."""
    number = re.search(r"-w-(\d+)$", host)
    return number[1] if number else "0"


def accelerator(tpu: str) -> tuple[str, str, int]:
    """Accelerator type, runtime version and number of hosts of v5e-256 and the like."""
    version, _, size = tpu.partition("-")
    if version not in TPUS or not size.isdecimal():
        known = ", ".join(f"{name}-N" for name in TPUS)
        raise UserError(f"no --tpu {tpu!r}: one of {known}, as in v5e-256")
    kind, runtime = TPUS[version]
    count = int(size)
    flat = CHIPS[version].dims == 2
    if flat and count not in FLAT_SIZES:
        raise UserError(f"no --tpu {tpu!r}: {version} comes in {FLAT_SIZES} chips")
    most = 2 * CHIPS[version].pod
    cubes = 0 < count <= most and count % 128 == 0
    if not flat and count not in SMALL_SIZES and not cubes:
        raise UserError(
            f"no --tpu {tpu!r}: N counts TensorCores, and is one of {SMALL_SIZES} or a "
            f"multiple of 128 up to {most}"
        )
    # A host has 4 chips; alone it may have 8 of v5e and v6e.
    hosts = 1 if count <= 8 else count // (4 if flat else 8)
    return f"{kind}-{count}", runtime, hosts
