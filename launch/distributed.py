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
from collections.abc import Iterable
from concurrent import futures
from pathlib import Path

import numpy as np

from common.contract import UserError
from launch.pods.worker_scripts import FIRST_MARK
from launch.stop import StopRequest

LOST = 3  # exit code: another process of the job was lost; start the job again
HEARTBEAT_SECONDS = 30  # silence after which a process counts as lost
REPORT_SECONDS = 24 * 3600  # how long the others wait for process 0's last part
AGREED_LATE = 2  # steps from a wish to the agreement on it: no step waits for it
UNDER_PARENT = "LAUNCH_UNDER_PARENT"
# Signs of a cluster: variables of Slurm, Open MPI, MPICH, SkyPilot and Kubernetes'
# indexed jobs, each with the one that says how many processes there are. JAX finds most
# of these clusters by itself, and those with TPU chips.
SIGNS = {
    "SLURM_PROCID": "SLURM_NTASKS",
    "OMPI_COMM_WORLD_RANK": "OMPI_COMM_WORLD_SIZE",
    "PMI_RANK": "PMI_SIZE",
    "SKYPILOT_NODE_RANK": "SKYPILOT_NUM_NODES",
    "JOB_COMPLETION_INDEX": "",
}
TPU_CHIPS = ("/dev/accel0", "/dev/vfio/0", "/dev/vfio/1")
HOW_TO_JOIN = (
    "Give --coordinator=HOST:PORT --num_processes=N --process_id=I, the same on all "
    "except I, or --num_processes=1 to run without them"
)


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
            _refuse_many_alone()
            return  # no cluster here
        if isinstance(error, jax.errors.JaxRuntimeError):  # one came late, or never
            print(f"launch: {str(error).splitlines()[0]}", file=sys.stderr)
            raise SystemExit(LOST) from None
        raise UserError(
            f"cannot join the other processes: {str(error).splitlines()[0]} "
            f"{HOW_TO_JOIN}"
        ) from None
    # Process 0 alone prints to stdout. What C++ prints there goes to stderr.
    ours = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.stdout = ours if is_first() else open(os.devnull, "w")  # noqa: SIM115
    if is_first() and FIRST_MARK in os.environ:
        Path(os.environ[FIRST_MARK]).touch()


def _refuse_many_alone() -> None:
    """UserError if this is one process of several that do not know each other: each
    would train alone, as the first one, in the workdir of all."""
    for rank, size in SIGNS.items():
        if rank in os.environ and os.environ.get(size) != "1":
            raise UserError(
                f"{rank} is set, so this may be one process of several, but JAX finds "
                "no cluster (in Kubernetes without TPUs it needs the package "
                f"kubernetes). {HOW_TO_JOIN}"
            ) from None


def is_many() -> bool:
    """Whether this process is one of several."""
    import jax

    return jax.distributed.is_initialized() and jax.process_count() > 1


def is_first() -> bool:
    """Whether this is the process that writes and prints."""
    import jax

    return jax.process_index() == 0


def wait_for_all(name: str) -> None:
    """Returns when every process has come here."""
    if is_many():
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(name)


def begin_reading(request: StopRequest) -> bool:
    """From here on all processes evaluate or predict, and save nothing. A signal ends
    process 0 at once. Another process hears a first signal and goes on, since process 0
    would lose it. False: a signal came before, to any of them, and all have to leave.
    """
    if not all_agree(not request.requested):
        return False
    if is_first():
        request.nothing_to_save()
    else:
        request.others_need_us()
    return True


def take_part(values: Iterable) -> None:
    """Computes what process 0 shows: the arrays are split over all processes."""
    for _ in values:
        pass


def leave_together(request: StopRequest) -> None:
    """Returns when every process has come here, one of them from a long prediction
    perhaps. A first signal is heard and changes nothing: the others would lose this
    process."""
    import jax

    if not is_many():
        return
    request.others_need_us()
    left = futures.ThreadPoolExecutor(1).submit(jax.distributed.shutdown)
    while not left.done():  # in steps: a signal must find us in Python
        futures.wait([left], timeout=1)
    left.result()


def all_agree(ok: bool) -> bool:
    """Whether `ok` is true in every process."""
    if not is_many():
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
        if is_many():
            mesh = jax.sharding.Mesh(np.array(jax.devices()), ("all",))
            self._rows = jax.NamedSharding(mesh, jax.P("all"))
            whole = jax.NamedSharding(mesh, jax.P())
            self._any = jax.jit(lambda flags: flags.any(0), out_shardings=whole)

    def ask(self, *wishes: bool) -> tuple[bool, ...]:
        if self._any is None:
            return wishes
        import jax

        shape = (jax.device_count(), len(wishes))
        mine = np.array([wishes])  # a row for each of our devices
        flags = jax.make_array_from_callback(shape, self._rows, lambda _: mine)
        self._queue.append(self._any(flags))
        if len(self._queue) <= AGREED_LATE:
            return (False,) * len(wishes)
        return tuple(map(bool, np.asarray(self._queue.popleft())))


def _die_with_parent() -> None:
    """Asks Linux to kill this process when its parent is killed."""
    parent = os.environ.get(UNDER_PARENT)
    if parent is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != int(parent):  # it went before we asked
        os._exit(LOST)
