"""Many processes, one job: joining them, agreeing with them, and ending with them.

Every host runs `launch/main.py`. JAX's own service connects the processes, watches
their heartbeats and ends all of them when one is lost. It does so by an abort in the
middle of C++. Therefore each has a parent process of ours, which then says in one line
what happened and what to do. In a job of one process nothing here has an effect.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common.contract import UserError
from launch.failure import of_the_machine

LOST = 3  # exit code: another process of the job was lost; start the job again
HEARTBEAT_SECONDS = 30  # silence after which a process counts as lost
REPORT_SECONDS = 24 * 3600  # how long the others wait for process 0's report
AGREED_LATE = 2  # steps from a wish to the agreement on it: no step waits for it
UNDER_PARENT = "LAUNCH_UNDER_PARENT"
# Signs of a cluster that JAX finds by itself: variables of Slurm, Open MPI and
# Kubernetes' indexed jobs, and TPU chips.
SIGNS = ("SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "JOB_COMPLETION_INDEX")
TPU_CHIPS = ("/dev/accel0", "/dev/vfio/0", "/dev/vfio/1")


def maybe_many(num_processes: int | None, coordinator: str | None) -> bool:
    """Whether this process may be one of several."""
    if num_processes is not None:
        return num_processes > 1
    signs = any(sign in os.environ for sign in SIGNS)
    return bool(coordinator) or signs or any(map(os.path.exists, TPU_CHIPS))


def run_under_parent(argv: list[str]) -> int:
    """Runs this very command as a child process. Returns its exit code, LOST if JAX
    ended it because another process was lost. The child gets the signals that we get,
    and is killed when we are."""
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("main.py")), *argv[1:]],
        env={**os.environ, UNDER_PARENT: str(os.getpid())},
        start_new_session=True,  # a terminal's Ctrl-C reaches the child once, by us
    )
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda s, _: child.send_signal(s))
    code = child.wait()
    if code == LOST or code == -signal.SIGABRT:
        print(
            "launch: another process of the job was lost. Start the job again on all "
            "hosts: it goes on from the last checkpoint",
            file=sys.stderr,
        )
        return LOST
    return code if code >= 0 else 128 - code


def join(
    coordinator: str | None, num_processes: int | None, process_id: int | None
) -> None:
    """Connects this process with the others of its job, as the flags say or as JAX
    finds its cluster. Without a cluster nothing happens."""
    import jax

    _die_with_parent()
    # Its C++ handler would take SIGTERM from `stop.StopRequest`.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            cluster_detection_method="deactivate" if coordinator else None,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
            shutdown_timeout_seconds=REPORT_SECONDS,
        )
    except (ValueError, RuntimeError) as error:
        without_flags = num_processes is None and coordinator is None
        if without_flags and "coordinator_address" in str(error):
            return  # no cluster here
        if isinstance(error, jax.errors.JaxRuntimeError):  # one came late, or never
            print(f"launch: {str(error).splitlines()[0]}", file=sys.stderr)
            raise SystemExit(LOST) from None
        raise UserError(
            f"cannot join the other processes: {str(error).splitlines()[0]} Give "
            "--coordinator=HOST:PORT --num_processes=N --process_id=I, the same on all "
            "except I, or --num_processes=1 to run without them"
        ) from None
    # Process 0 alone prints to stdout. What C++ prints there goes to stderr.
    ours = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.stdout = ours if is_first() else open(os.devnull, "w")  # noqa: SIM115


def is_first() -> bool:
    """Whether this is the process that writes and prints."""
    import jax

    return jax.process_index() == 0


def wait_for_all(name: str) -> None:
    """Returns when every process has come here."""
    import jax

    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(name)


def all_agree(ok: bool) -> bool:
    """Whether `ok` is true in every process."""
    import jax

    if jax.process_count() == 1:
        return ok
    from jax.experimental import multihost_utils

    return bool(multihost_utils.process_allgather(np.array(ok)).all())


class Agreement:
    """What any process wishes, all processes do at the same step.

    `ask` is called once a step, with the same number of wishes everywhere. A job of
    one process gets its wish at once, a job of several AGREED_LATE steps later: the
    wishes cross the network as one small array beside the step's own, and no device
    waits for the host.
    """

    def __init__(self) -> None:
        import jax

        self._queue: deque[jax.Array] = deque()
        self._any = None
        if jax.process_count() > 1:
            mesh = jax.make_mesh((jax.device_count(),), ("all",))
            rows, whole = (
                jax.NamedSharding(mesh, jax.P(axis)) for axis in ("all", None)
            )
            self._rows = rows
            self._any = jax.jit(lambda flags: flags.any(0), out_shardings=whole)

    def ask(self, *wishes: bool) -> tuple[bool, ...]:
        if self._any is None:
            return wishes
        import jax

        mine = np.tile(np.array(wishes), (jax.local_device_count(), 1))
        flags = jax.make_array_from_process_local_data(self._rows, mine)
        self._queue.append(self._any(flags))
        if len(self._queue) <= AGREED_LATE:
            return (False,) * len(wishes)
        return tuple(map(bool, np.asarray(self._queue.popleft())))


@contextlib.contextmanager
def no_waiting_for_the_dead() -> Iterator[None]:
    """An error in one process of several ends it at once: leaving in good order would
    wait for the others, and they for it."""
    import jax

    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if jax.process_count() == 1:
            raise
        code = _tell(error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell(error: BaseException) -> int:
    """Prints the error; returns the exit code."""
    import traceback

    import jax

    if isinstance(error, UserError):
        print(f"launch: {error}", file=sys.stderr)
        return 2
    if isinstance(error, jax.errors.JaxRuntimeError) and _of_the_network(str(error)):
        print(f"launch: {str(error).splitlines()[0]}", file=sys.stderr)
        return LOST
    if line := of_the_machine(error):
        print(f"launch: stopped: {line}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    return 1


def _of_the_network(message: str) -> bool:
    signs = ("gloo", "nccl", "connection", "peer", "unavailable", "coordination")
    return any(sign in message.lower() for sign in signs)


def _die_with_parent() -> None:
    """Asks Linux to kill this process when its parent is killed."""
    parent = os.environ.get(UNDER_PARENT)
    if parent is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != int(parent):  # it went before we asked
        os._exit(LOST)
