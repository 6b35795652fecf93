"""Runs launch/main.py on a Cloud TPU pod: one process a host, started again when lost.

    python launch/pod.py create --tpu=v5e-16 --zone=us-west4-a --spot
    python launch/pod.py run --tpu=v5e-16 --zone=us-west4-a --spot -- \\
        --paper=transformer_xl --config=enwik8_24l --mesh=fsdp \\
        --config.data.root=gs://bucket/enwik8 --workdir=gs://bucket/runs/x
    python launch/pod.py logs --follow --tpu=v5e-16 --zone=us-west4-a

    create  ask for the TPU and wait until it is there
    run     ship this checkout, install it, start main.py with what follows `--`, show
            the log of the worker that prints, start again after a lost process or a
            preemption
    logs    bring every worker's log to pod-logs/NAME/ and show the end of that one's
    stop    SIGTERM to main.py on every worker, which saves; wait for its end
    delete  give the TPU back
"""

import contextlib
import shlex
import shutil
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # as a script: the packages stand beside launch/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from common.contract import UserError
from launch.pods.gcloud import GONE, Failed, Tpu, worker_of
from launch.pods.options import parse
from launch.pods.worker_scripts import halt, install, start, unpack

GRACE = 600  # seconds that main.py has to save after SIGTERM
LOST_GRACE = 60  # the same where a process was lost: JAX ends the others in 30
LOOK = 10  # polls between two looks at all workers while one's log is shown
PATIENCE = 5  # looks at a TPU that does not answer, before its job counts as lost


def say(message: str) -> None:
    print(f"pod: {message}", file=sys.stderr, flush=True)


class Pod:
    """A job of main.py on a TPU."""

    def __init__(self, tpu: Tpu, poll: float) -> None:
        self.tpu = tpu
        self.poll = poll

    def _sleep(self) -> None:
        if not self.tpu.shell.dry_run:
            time.sleep(self.poll)

    def create(self) -> None:
        """Asks for the TPU and waits for it."""
        self.tpu.request()
        before = None
        while (state := self.tpu.request_state()) != "ACTIVE":
            if state in GONE:
                name = self.tpu.name
                raise Failed(f"the request for {name} is {state}: delete, then create")
            if state != before:
                say(f"{self.tpu.name} is {state}; waiting")
            before = state
            self._sleep()
        say(f"{self.tpu.name} is ACTIVE")

    def run(self, args: list[str], restarts: int) -> int:
        """Starts the job as often as it takes; returns the exit code."""
        tpu = self.tpu
        shared = any(arg.startswith(("--workdir=gs://", "gs://")) for arg in args)
        if tpu.hosts > 1 and not shared:
            say("warning: no --workdir=gs://...: each host writes to a disk of its own")
        tpu.pack()  # once: what starts again is the same code
        for attempt in range(restarts + 1):
            if attempt:
                say(f"starting again, {attempt} of {restarts}")
                self._sleep()
            states: dict[str, str] = {}
            try:
                self._start(args, again=attempt > 0)
                states = self.watch()
            except Failed as error:
                if attempt == 0:
                    raise
                say(str(error))
            if (verdict := job_state(states)) != "lost":
                return self._finish(verdict, states)
            say(f"a process was lost ({', '.join(states.values()) or 'no answer'})")
            self._keep_logs(tpu.logs / f"attempt-{attempt}")
        say(f"gave up after {restarts} restarts; logs: {tpu.logs}/")
        return 3

    def _start(self, args: list[str], again: bool) -> None:
        """Starts main.py on every worker, for which the TPU is made ready."""
        tpu = self.tpu
        state = tpu.state()
        if state == "MISSING" and not again:
            raise UserError(f"no TPU {tpu.name} here: create it first")
        if state in GONE:
            say(f"{tpu.name} is {state}; asking for it anew")
            if state != "MISSING":
                tpu.delete()
        if state != "READY":
            self.create()
        tpu.on_all(halt(LOST_GRACE if again else GRACE))
        tpu.ship()
        for script in (unpack(), install(), start(args)):
            tpu.on_all(script)

    def watch(self) -> dict[str, str]:
        """Shows the log of the worker that prints until the job ends; returns the state
        of each host, of none if the TPU is gone."""
        tpu = self.tpu
        tpu.printer = None
        worker = "0"  # until it is known which one prints
        offset = silent = 0
        while True:
            # Not until its end: another worker may be lost, and this one hang.
            looks = LOOK if tpu.printer or tpu.hosts == 1 else 1
            offset += tpu.show_log(worker, offset, looks * self.poll)
            try:
                states = tpu.states()
                silent = 0
                if (tpu.printer or worker) != worker:
                    worker = tpu.printer
                    say(f"worker {worker} has process 0, and prints")
                    offset = 0
                if job_state(states) != "running":
                    tpu.show_log(worker, offset, self.poll)  # what came since
                    return states
            except Failed as error:
                say(str(error))
                with contextlib.suppress(Failed):  # gcloud: our own network may be out
                    gone = tpu.state() in GONE
                    silent += 1
                    if gone or silent == PATIENCE:
                        return {}
            self._sleep()

    def _keep_logs(self, folder: Path) -> None:
        try:
            self.tpu.fetch_logs(folder)
        except Failed as error:
            say(f"not all logs came: {error}")

    def _finish(self, verdict: str, states: dict[str, str]) -> int:
        """Brings the logs here and says how the job ended."""
        tpu = self.tpu
        failed = verdict in ("1", "2")
        if failed:  # others may wait for the one that failed
            with contextlib.suppress(Failed):
                tpu.on_all(halt(LOST_GRACE))
        self._keep_logs(tpu.logs)
        if not failed:
            say(f"{'done' if verdict == '0' else 'stopped'}; logs: {tpu.logs}/")
            return 0
        host = next(host for host, state in states.items() if state == verdict)
        log = tpu.logs / f"{worker_of(host)}.log"
        print(_end_of(log), end="", file=sys.stderr)
        say(f"exit code {verdict} on {host}; logs: {tpu.logs}/")
        return int(verdict)

    def show_logs(self, following: bool) -> None:
        with contextlib.suppress(Failed):  # a worker does not answer
            self.tpu.states()
        worker = self.tpu.printer or "0"
        if following:
            self.tpu.show_log(worker)
        else:
            self.tpu.fetch_logs(self.tpu.logs)
            print(_end_of(self.tpu.logs / f"{worker}.log"), end="")

    def stop(self) -> None:
        say("asking main.py on every worker to save and stop")
        self.tpu.on_all(halt(GRACE, asked=True))
        self.show_logs(following=False)


def job_state(states: dict[str, str]) -> str:
    """One word for the states of all workers: 0, 1, 2, asked, running or lost."""
    seen = {*states.values()}
    if codes := seen & {"1", "2"}:
        return max(codes)
    if "running" in seen and seen <= {"running", "0", "asked", "stopped"}:
        return "running"
    return "asked" if "asked" in seen else "0" if seen == {"0"} else "lost"


def _end_of(log: Path) -> str:
    """Its last 20 lines."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "".join(text.splitlines(keepends=True)[-20:])


def main(argv: list[str]) -> int:
    """Runs the command line. Returns main.py's exit code, or 2 for a mistake."""
    try:
        options, args = parse(argv[1:], __doc__)
        tpu = Tpu(options)
        if not options.dry_run and not shutil.which("gcloud"):
            raise UserError("no gcloud on PATH: install the Google Cloud CLI first")
        pod = Pod(tpu, options.poll)
        if options.command == "run":
            return pod.run(args, options.restarts)
        if options.command == "logs":
            pod.show_logs(options.follow)
        elif options.command == "create":
            pod.create()
        elif options.command == "stop":
            pod.stop()
        else:
            tpu.delete()
    except UserError as error:
        say(" ".join(str(error).split()))
        return 2
    except KeyboardInterrupt:
        ours = [f"--tpu={options.tpu}", *tpu.place, f"--name={tpu.name}"]
        ours += [f"--ssh_flags={options.ssh_flags}"] if options.ssh_flags else []
        say("what runs on the TPU goes on, but this command will not start it again")
        say(f"to look, or to end it: python launch/pod.py logs|stop {shlex.join(ours)}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
